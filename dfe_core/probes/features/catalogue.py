"""Feature rows by name: their raw columns for every unit, and the transform that is fitted inside the folds."""

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
from dfe_core.probes.features.material import Sources, pooled
from dfe_core.probes.features.transforms import BagOfWords, Blocks, KMeansBag, PcaStatistics, Scaled
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target


@dataclass(frozen=True, eq=False)
class Feature:
    """A row of the result before any fold: raw (n, D) dense or sparse, columns (D rows: name, codeword, −1 where it is
    none) and the transform, unfitted. nuisance (n, q): what is regressed out of the transformed columns in a fold."""

    name: str
    raw: np.ndarray | sparse.csr_matrix
    columns: pd.DataFrame
    transform: Blocks
    nuisance: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class _Block:
    raw: np.ndarray | sparse.csr_matrix
    columns: pd.DataFrame
    transform: object


def build_feature(name: str, sources: Sources, target: Target, settings: ProbeSettings) -> Feature:
    """The feature row `name`; parts joined by ``+`` side by side. Raises `DataError` for an unknown or constant one."""
    blocks = [_block(part.strip(), sources, target, settings) for part in name.split("+")]
    edges = np.cumsum([0] + [b.raw.shape[1] for b in blocks])
    transform = Blocks(tuple((int(a), int(b), block.transform) for a, b, block in
                             zip(edges[:-1], edges[1:], blocks, strict=True)))
    thin = any(sparse.issparse(b.raw) for b in blocks)
    raw = sparse.hstack([sparse.csr_matrix(b.raw) for b in blocks]).tocsr() if thin else \
        np.hstack([b.raw for b in blocks])
    columns = pd.concat([b.columns for b in blocks], ignore_index=True)
    _require_varied(name, raw, target)
    return Feature(name, raw, columns, transform)


def known_features() -> dict[str, str]:
    """Name to what it is, in a few words."""
    return {name: text for name, (_, text) in _BUILDERS.items()}


def _block(name: str, sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    if name in settings.tables:
        return _table(Path(settings.tables[name]), sources, target)
    kind, _, option = name.partition(":")
    if kind not in _BUILDERS or (option and not kind.startswith("au")):
        raise DataError(name, "no such feature", "one of " + ", ".join([*_BUILDERS, *settings.tables]) +
                        ", joined by + where they are to be put side by side")
    return _BUILDERS[kind][0](sources, target, replace(settings, aus=option or settings.aus))


def _words(count: int, prefix: str = "codeword", repeat: int = 1) -> pd.DataFrame:
    codeword = np.tile(np.arange(count), repeat)
    return pd.DataFrame({"name": [f"{prefix} {k}" for k in codeword], "codeword": codeword})


def _per_minute(sources: Sources, target: Target, field: str) -> tuple[np.ndarray, int]:
    counts = material.token_counts(sources)
    frames = pooled(counts["frames"], target.member, target.n)
    total = pooled(counts[field], target.member, target.n)
    return total / np.maximum(frames, 1)[:, None, None], total.shape[2]


def _bow(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    share, words = _per_minute(sources, target, "uses")
    return _Block(share.sum(1), _words(words), BagOfWords())


def _bow_counts(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    share, words = _per_minute(sources, target, "uses")
    return _Block(share.sum(1) * 1000, _words(words), BagOfWords(tfidf=False))


def _bow_intensity(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    share, words = _per_minute(sources, target, "intensity")
    return _Block(share.sum(1), _words(words), BagOfWords())


def _bow_stages(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    share, words = _per_minute(sources, target, "uses")
    stages = share.shape[1]
    columns = _words(words, repeat=stages)
    columns["name"] = [f"stage {i // words + 1}: codeword {i % words}" for i in range(stages * words)]
    return _Block(share.reshape(target.n, -1), columns, BagOfWords())


def _bow_onsets(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    counts = material.run_counts(sources)
    onsets, seconds = (pooled(counts[k], target.member, target.n) for k in ("onsets", "seconds"))
    minutes = np.maximum(pooled(counts["observed"], target.member, target.n), 1e-9)[:, None] / 60
    lengths = np.divide(seconds, onsets, out=np.zeros_like(seconds), where=onsets > 0)
    words = onsets.shape[1]
    columns = pd.concat([_words(words, "onsets a minute of codeword"), _words(words, "run length of codeword")],
                        ignore_index=True)
    return _Block(np.hstack([onsets / minutes, lengths]), columns, BagOfWords(tfidf=False))


def _bow_pairs(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    pairs = pooled(material.run_counts(sources)["pairs"], target.member, target.n)
    words = int(round(np.sqrt(pairs.shape[1])))
    used = np.flatnonzero(np.asarray((pairs > 0).sum(0)).ravel())
    names = [f"codeword {k // words} then {k % words}" for k in used]
    columns = pd.DataFrame({"name": names, "codeword": used // words})
    return _Block(pairs[:, used], columns, BagOfWords())


def _psi(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    frames, total, square = _moments(sources, target)
    mean = total / frames
    spread = np.sqrt(np.maximum(np.diagonal(square, axis1=1, axis2=2) / frames - mean ** 2, 0))
    names = sources.dataset.names
    return _Block(np.hstack([mean, spread]), _plain([f"mean {n}" for n in names] + [f"s.d. {n}" for n in names]),
                  Scaled())


def _psi_pca(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    frames, total, square = _moments(sources, target)
    raw = np.hstack([frames, total, square.reshape(target.n, -1)])
    return _Block(raw, _plain(["PCA of ψ"] * raw.shape[1]), PcaStatistics())


def _psi_kmeans(sources: Sources, target: Target, settings: ProbeSettings) -> _Block:
    sample = material.psi_sample(sources)["sample"]
    width, most = sample.shape[2], int(np.bincount(target.member[target.member >= 0]).max())
    raw = np.full((target.n, most, sample.shape[1], width), np.nan, np.float32)
    inside = np.flatnonzero(target.member >= 0)
    turn = pd.Series(target.member[inside]).groupby(target.member[inside]).cumcount().to_numpy()
    raw[target.member[inside], turn] = sample[inside]
    return _Block(raw.reshape(target.n, -1), _plain(["cluster of ψ"] * (raw[0].size)),
                  KMeansBag(width, min(sources.tokens.codewords, 256), settings.seed))


def _moments(sources: Sources, target: Target) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sums = material.psi_moments(sources)
    frames, total, square = (pooled(sums[k], target.member, target.n) for k in ("frames", "total", "square"))
    return np.maximum(frames, 1)[:, None], total, square


def _aus(sources: Sources, target: Target, settings: ProbeSettings, sides: bool) -> _Block:
    """Mean, s.d. and share of time present. Without sides an AU is as strong, and as present, as both sides are on
    average: what a detector that knows no sides reports."""
    aligned = AlignedAus.open(sources.dataset.name, settings.aus, sources.dataset.path.parent.parent)
    sums = material.au_sums(sources, settings.aus)
    names = [f"{au} {side}" if sides and side != "both" else au for au, side in aligned.aus]
    kinds = list(dict.fromkeys(names))
    merge = np.zeros((len(names), len(kinds)))
    merge[np.arange(len(names)), [kinds.index(n) for n in names]] = 1
    intensity, square, measured, on, known = (pooled(sums[k], target.member, target.n) @ merge
                                              for k in ("intensity", "square", "measured", "present", "known"))
    mean, share = _ratio(intensity, measured), _ratio(on, known)
    spread = np.sqrt(np.maximum(_ratio(square, measured) - mean ** 2, 0))
    return _Block(np.hstack([mean, spread, share]),
                  _plain([f"{what} {au}" for what in ("mean", "s.d.", "share of time") for au in kinds]), Scaled())


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0)


def _table(path: Path, sources: Sources, target: Target) -> _Block:
    """A user's feature table: recording, then numbers; the mean over the recordings of a unit."""
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"recording": str})
    except (OSError, ValueError) as error:
        raise DataError(path, f"not readable ({error})", "a CSV or Parquet file with a recording column") from None
    if "recording" not in table or table["recording"].duplicated().any():
        raise DataError(path, "no recording column" if "recording" not in table else "a recording twice",
                        "one row a recording")
    values = table.set_index(table["recording"].astype(str)).drop(columns="recording").select_dtypes("number")
    if not values.shape[1]:
        raise DataError(path, "no column of numbers", "numbers beside the recording column")
    spans = sources.spans["recording"].astype(str)
    missing = sorted(set(spans[target.member >= 0]) - set(values.index))
    if missing:
        raise DataError(path, f"no row for {len(missing)} recordings ({', '.join(missing[:3])})",
                        "a row for every recording with a label")
    used = values.reindex(pd.unique(spans[target.member >= 0]))
    empty = used.columns[~np.isfinite(used.to_numpy(float)).all(0)]
    if len(empty):
        row = used.index[~np.isfinite(used[empty[0]].to_numpy(float))][0]
        raise DataError(path, f"no number in column {empty[0]} for recording {row}",
                        "a number in every column, or the column left out")
    rows = np.nan_to_num(values.reindex(spans).to_numpy(float))
    count = pooled(np.ones(len(spans)), target.member, target.n)
    return _Block(pooled(rows, target.member, target.n) / count[:, None], _plain(list(values.columns)), Scaled())


def _plain(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"name": names, "codeword": -1})


def _require_varied(name: str, raw, target: Target) -> None:
    if sparse.issparse(raw):
        spread = (raw.max(0) - raw.min(0)).toarray() if raw.shape[1] else np.empty(0)
    else:
        known = ~np.isnan(raw).all(0)
        spread = np.nanmax(raw[:, known], 0) - np.nanmin(raw[:, known], 0)
    if not np.any(spread > 1e-12):
        raise DataError(f"features {name}", f"constant over all {target.n} units",
                        "features that differ between units: leave this row out, or check what it is made from")


_BUILDERS: dict[str, tuple[Callable[..., _Block], str]] = {
    "bow": (_bow, "bag of words over tokens, TF-IDF"),
    "bow-counts": (_bow_counts, "bag of words over tokens, log counts"),
    "bow-intensity": (_bow_intensity, "bag of words over tokens weighted by intensity, TF-IDF"),
    "bow-stages": (_bow_stages, "bag of words over tokens by stage, TF-IDF"),
    "bow-onsets": (_bow_onsets, "onsets a minute and run lengths of codewords"),
    "bow-pairs": (_bow_pairs, "bag of pairs of codewords that follow each other, repeats collapsed, TF-IDF"),
    "au": (lambda s, t, c: _aus(s, t, c, False), "mean, s.d. and share of time of AUs without sides, as detectors "
                                                 "report them"),
    "au-sided": (lambda s, t, c: _aus(s, t, c, True), "mean, s.d. and share of time of AUs by side"),
    "psi": (_psi, "mean and s.d. of expression coefficients"),
    "psi-pca": (_psi_pca, "mean and s.d. of principal components of expression coefficients"),
    "psi-kmeans": (_psi_kmeans, "bag of words over k-means clusters of expression coefficients"),
}
