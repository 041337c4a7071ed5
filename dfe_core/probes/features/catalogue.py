"""Feature rows by name: their raw columns for every window, and the transform that is fitted inside the folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from dfe_core.errors import DataError
from dfe_core.facs.store import AlignedAus
from dfe_core.probes.features import material
from dfe_core.probes.features.material import Sources
from dfe_core.probes.features.moves import OTHER, channel_columns, channel_measures
from dfe_core.probes.features.sides import asymmetry_columns, au_side_columns, codeword_side_columns
from dfe_core.probes.features.transforms import BagOfWords, Blocks, KMeansBag, Measured, PcaStatistics
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target


@dataclass(frozen=True, eq=False, kw_only=True)
class Feature:
    """A row of the result before any fold: raw (S, D) dense or sparse, a row a window; columns (D rows: name, codeword,
    −1 where it is none); the transform, unfitted; member (S,) the unit of each window. nuisance (n, q): what is
    regressed out of the transformed columns in a fold."""

    name: str
    raw: np.ndarray | sparse.csr_matrix
    columns: pd.DataFrame
    transform: Blocks
    member: np.ndarray
    nuisance: np.ndarray | None = None

    def windows(self, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows of `raw` of these units, and for each its unit's place among `units`."""
        place = np.full(int(self.member.max()) + 1, -1)
        place[units] = np.arange(len(units))
        rows = np.flatnonzero(place[self.member] >= 0)
        return rows, place[self.member[rows]]


def without_nuisance(feature: Feature | tuple[Feature, ...], nuisance: np.ndarray) -> Feature | tuple[Feature, ...]:
    """The feature row, or that of every fold, with nuisance (n, q) regressed out."""
    if isinstance(feature, tuple):
        return tuple(replace(one, nuisance=nuisance) for one in feature)
    return replace(feature, nuisance=nuisance)


@dataclass(frozen=True, eq=False)
class _Block:
    """raw: a row a span of the sources, those of no unit too."""

    raw: np.ndarray | sparse.csr_matrix
    columns: pd.DataFrame
    transform: object


def build_feature(name: str, sources: Sources, target: Target, settings: ProbeSettings) -> Feature:
    """The feature row `name`; parts joined by ``+`` side by side. Raises `DataError` for an unknown or constant one."""
    blocks = [_block(part.strip(), sources, target, settings) for part in name.split("+")]
    edges = np.cumsum([0] + [b.raw.shape[1] for b in blocks])
    transform = Blocks(
        tuple((int(a), int(b), block.transform) for a, b, block in zip(edges[:-1], edges[1:], blocks, strict=True))
    )
    thin = any(sparse.issparse(b.raw) for b in blocks)
    raw = (
        sparse.hstack([sparse.csr_matrix(b.raw) for b in blocks]).tocsr()
        if thin
        else np.hstack([b.raw for b in blocks])
    )
    columns = pd.concat([b.columns for b in blocks], ignore_index=True)
    inside = np.flatnonzero(target.member >= 0)
    feature = Feature(name=name, raw=raw[inside], columns=columns, transform=transform, member=target.member[inside])
    _require_varied(feature, target)
    return feature


def known_features() -> dict[str, str]:
    """Name to what it is, in a few words."""
    return {name: text for name, (_, text) in _BUILDERS.items()}


def _block(name: str, sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    if name in settings.tables:
        return _table(Path(settings.tables[name]), sources, target)
    kind, _, option = name.partition(":")
    if kind not in _BUILDERS or (option and not kind.startswith("au")):
        raise DataError(
            name,
            "no such feature",
            "one of "
            + ", ".join([*_BUILDERS, *settings.tables])
            + ", joined by + where they are to be put side by side",
        )
    return _BUILDERS[kind][0](sources, target, replace(settings, aus=option or settings.aus))


def _words(count: int, prefix: str = "codeword", repeat: int = 1) -> pd.DataFrame:
    codeword = np.tile(np.arange(count), repeat)
    return pd.DataFrame({"name": [f"{prefix} {k}" for k in codeword], "codeword": codeword})


def _presence_share(sources: Sources, field: str) -> tuple[np.ndarray, int]:
    counts = material.presence_counts(sources)
    share = counts[field] / np.maximum(counts["frames"], 1)[:, None]
    return share, share.shape[1]


def _bow(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    counts = material.presence_counts(sources)
    return _Block(_per_minute(counts), _words(counts["onsets"].shape[1]), BagOfWords(tfidf=False))


def _bow_tfidf(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    return replace(_bow(sources, target, settings), transform=BagOfWords())


def _bow_counts(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    share, words = _presence_share(sources, "present")
    return _Block(share * 100, _words(words), BagOfWords(tfidf=False))


def _bow_intensity(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    share, words = _presence_share(sources, "intensity")
    return _Block(share, _words(words), BagOfWords())


def _bow_stages(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    counts = material.stage_counts(sources)
    share = counts["uses"] / np.maximum(counts["frames"], 1)[:, None, None]
    stages, words = share.shape[1:]
    columns = _words(words, repeat=stages)
    columns["name"] = [f"stage {i // words + 1}: codeword {i % words}" for i in range(stages * words)]
    return _Block(share.reshape(len(share), -1), columns, BagOfWords())


def _per_minute(counts: material.Arrays) -> np.ndarray:
    return counts["onsets"] / np.maximum(counts["observed"], 1e-9)[:, None] * 60


def _bow_onsets(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    counts = material.presence_counts(sources)
    onsets = counts["onsets"]
    seconds = counts["present"] * (counts["observed"] / np.maximum(counts["frames"], 1))[:, None]
    lengths = np.divide(seconds, onsets, out=np.zeros_like(seconds), where=onsets > 0)
    words = onsets.shape[1]
    columns = pd.concat(
        [_words(words, "onsets a minute of codeword"), _words(words, "seconds an onset of codeword")], ignore_index=True
    )
    return _Block(np.hstack([_per_minute(counts), lengths]), columns, BagOfWords(tfidf=False))


def _bow_pairs(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    pairs = material.presence_counts(sources)["pairs"]
    words = int(round(np.sqrt(pairs.shape[1])))
    used = np.flatnonzero(np.asarray((pairs > 0).sum(0)).ravel())
    names = [f"codeword {k // words} then {k % words}" for k in used]
    columns = pd.DataFrame({"name": names, "codeword": used // words})
    return _Block(pairs[:, used], columns, BagOfWords())


def _psi(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    frames, total, square = _moments(sources)
    mean = total / frames
    spread = np.sqrt(np.maximum(np.diagonal(square, axis1=1, axis2=2) / frames - mean**2, 0))
    names = sources.dataset.names
    return _Block(
        np.hstack([mean, spread]), _plain([f"mean {n}" for n in names] + [f"s.d. {n}" for n in names]), Measured()
    )


def _psi_pca(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    frames, total, square = _moments(sources)
    raw = np.hstack([frames, total, square.reshape(len(square), -1)])
    return _Block(raw, _plain(["PCA of ψ"] * raw.shape[1]), PcaStatistics())


def _psi_kmeans(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    sample = material.psi_sample(sources)["sample"]
    raw = sample.reshape(len(sample), -1)
    return _Block(
        raw,
        _plain(["cluster of ψ"] * raw.shape[1]),
        KMeansBag(sample.shape[2], min(sources.tokens.codewords, 256), settings.seed),
    )


def _moments(sources: Sources) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sums = material.psi_moments(sources)
    return np.maximum(sums["frames"], 1)[:, None], sums["total"], sums["square"]


def _aus(sources: Sources, target: Target, settings: ProbeSettings, sides: bool) -> _Block:
    """Mean, s.d. and share of time present. Without sides an AU is as strong, and as present, as both sides are on
    average: what a detector that knows no sides reports."""
    aligned = AlignedAus.open(sources.dataset.name, settings.aus, sources.dataset.path.parent.parent)
    sums = material.au_sums(sources, settings.aus)
    names = [f"{au} {side}" if sides and side != "both" else au for au, side in aligned.aus]
    kinds = list(dict.fromkeys(names))
    merge = np.zeros((len(names), len(kinds)))
    merge[np.arange(len(names)), [kinds.index(n) for n in names]] = 1
    intensity, square, measured, on, known = (
        sums[k] @ merge for k in ("intensity", "square", "measured", "present", "known")
    )
    mean, share = _ratio(intensity, measured), _ratio(on, known)
    spread = np.sqrt(np.maximum(_ratio(square, measured) - mean**2, 0))
    return _Block(
        np.hstack([mean, spread, share]),
        _plain([f"{what} {au}" for what in ("mean", "s.d.", "share of time") for au in kinds]),
        Measured(),
    )


def _syllables(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    onsets = material.syllable_onsets(sources)
    names = [f"syllable {k + 1}" for k in range(onsets["onsets"].shape[1])]
    return _Block(_per_minute(onsets), _plain(names), BagOfWords(tfidf=False))


def _moves(name: str, sources: Sources) -> _Block:
    names = channel_columns(sources, name)
    measured = channel_measures(sources)
    return _Block(np.stack([measured.of(column) for column in names], 1), _plain(names), Measured())


def _sides(values: np.ndarray, names: list[str]) -> _Block:
    return _Block(values, _plain(names), Measured())


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0)


def _table(path: Path, sources: Sources, target: Target) -> _Block:
    """A user's feature table: recording, then numbers, the same for every window of a recording."""
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"recording": str})
    except (OSError, ValueError) as error:
        raise DataError(path, f"not readable ({error})", "a CSV or Parquet file with a recording column") from None
    if "recording" not in table or table["recording"].duplicated().any():
        raise DataError(
            path, "no recording column" if "recording" not in table else "a recording twice", "one row per recording"
        )
    values = table.set_index(table["recording"].astype(str)).drop(columns="recording").select_dtypes("number")
    if not values.shape[1]:
        raise DataError(path, "no column of numbers", "numbers beside the recording column")
    spans = sources.spans["recording"].astype(str)
    missing = sorted(set(spans[target.member >= 0]) - set(values.index))
    if missing:
        raise DataError(
            path,
            f"no row for {len(missing)} recordings ({', '.join(missing[:3])})",
            "a row for every recording with a label",
        )
    used = values.reindex(pd.unique(spans[target.member >= 0]))
    empty = used.columns[~np.isfinite(used.to_numpy(float)).all(0)]
    if len(empty):
        row = used.index[~np.isfinite(used[empty[0]].to_numpy(float))][0]
        raise DataError(
            path,
            f"no number in column {empty[0]} for recording {row}",
            "a number in every column, or the column left out",
        )
    return _Block(values.reindex(spans).to_numpy(float), _plain(list(values.columns)), Measured())


def _plain(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"name": names, "codeword": -1})


def _require_varied(feature: Feature, target: Target) -> None:
    raw = feature.raw
    if sparse.issparse(raw):
        spread = (raw.max(0) - raw.min(0)).toarray() if raw.shape[1] else np.empty(0)
    else:
        known = ~np.isnan(raw).all(0)
        spread = np.nanmax(raw[:, known], 0) - np.nanmin(raw[:, known], 0)
    if not np.any(spread > 1e-12):
        raise DataError(
            f"features {feature.name}",
            f"constant over all {target.n} units",
            "features that differ between units: leave this row out, or check what it is made from",
        )


_BUILDERS: dict[str, tuple[Callable[..., _Block], str]] = {
    "bow": (_bow, "bag of words: onsets a minute of codewords, log"),
    "bow-tfidf": (_bow_tfidf, "bag of words: onsets of codewords, TF-IDF"),
    "bow-counts": (_bow_counts, "percent of frames in which codewords are present, log"),
    "bow-intensity": (_bow_intensity, "intensity of codewords while present, TF-IDF"),
    "bow-stages": (_bow_stages, "bag of words over all tokens by stage, TF-IDF"),
    "bow-onsets": (_bow_onsets, "onsets a minute of codewords and seconds present for each onset, log"),
    "bow-pairs": (_bow_pairs, "bag of pairs of codewords whose onsets follow each other, repeats collapsed, TF-IDF"),
    "au": (
        lambda s, t, c: _aus(s, t, c, False),
        "mean, s.d. and share of time of AUs without sides, as detectors report them",
    ),
    "au-sided": (lambda s, t, c: _aus(s, t, c, True), "mean, s.d. and share of time of AUs by side"),
    "asymmetry": (
        lambda s, t, c: _sides(*asymmetry_columns(s)),
        "how far the weaker side moves, of the other side's way, by movement, of whole recordings",
    ),
    "asymmetry-mm": (
        lambda s, t, c: _sides(*asymmetry_columns(s, mm=True)),
        "the same with both sides in mm, their difference at rest and what moves along",
    ),
    "au-balance": (
        lambda s, t, c: _sides(*au_side_columns(s, c.aus)),
        "mean of AUs on the weaker and on the other side, whichever it is",
    ),
    "bow-balance": (
        lambda s, t, c: _sides(*codeword_side_columns(s)),
        "codewords that are mirror images of each other: the smaller and the larger, whichever side it is",
    ),
    "pose": (lambda s, t, c: _moves("pose", s), "speed, range and mean angles of the head"),
    "gaze": (lambda s, t, c: _moves("gaze", s), "speed, range, shifts and mean of gaze"),
    "blinks": (lambda s, t, c: _moves("blinks", s), "rate and duration of blinks, closure of the eyelids"),
    "speech": (lambda s, t, c: _moves("speech", s), "share of time in which the jaw moves as in speech, its rhythm"),
    "confidence": (lambda s, t, c: _moves("confidence", s), "confidence of the tracker and share of frames lost"),
    OTHER: (lambda s, t, c: _moves(OTHER, s), "all that moves beside the expression: pose, gaze, blinks, speech, …"),
    "syllables": (_syllables, "onsets a minute of syllables, log"),
    "psi": (_psi, "mean and s.d. of expression coefficients"),
    "psi-pca": (_psi_pca, "mean and s.d. of principal components of expression coefficients"),
    "psi-kmeans": (_psi_kmeans, "bag of words over k-means clusters of expression coefficients"),
}
