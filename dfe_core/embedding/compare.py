"""Two codebooks side by side: which codewords are the same face, which only one has, and which model holds this data
better, with intervals over subjects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import Split
from dfe_core.faces.model import FaceModel
from dfe_core.faces.names import coefficient_map
from dfe_core.tokenizer.codebook import REST, Codebook
from dfe_core.tokenizer.exposure import exposure
from dfe_core.tokenizer.mesh_inner_product import displacement_cosine
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.intervals import iter_recordings

ALIKE = 0.8
"""Cosine of deformation from which two matched codewords are called the same display."""

RESAMPLES = 4000


@dataclass(frozen=True, kw_only=True)
class Matching:
    """Codewords of a against those of b.

    pairs: a, b, cosine: the one-to-one matching with the largest sum of cosines, best first; same: whether the cosine
    reaches `ALIKE`. only_a, only_b: codewords in no such pair, each with its nearest on the other side (codeword,
    nearest, cosine): first those farthest from anything there. lost: coefficients of b that a's face has not.
    """

    pairs: pd.DataFrame
    only_a: pd.DataFrame
    only_b: pd.DataFrame
    lost: tuple[str, ...]

    @property
    def mean_cosine(self) -> float:
        """Mean over matched pairs, NaN when there are none."""
        return float(self.pairs["cosine"].mean()) if len(self.pairs) else float("nan")


LEAST_SUBJECTS = 3
"""Held-out subjects from which one model may be preferred: resamples of two know three values."""


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """One model on one dataset: rmse_mm (value, low, high) and error of each subject; used: codewords that occur;
    bits: of a frame as stored; entropy_bits: of a frame at the codewords' own frequencies, stage by stage."""

    model: str
    rmse_mm: tuple[float, float, float]
    by_subject: pd.Series
    used: int
    codewords: int
    bits: float
    entropy_bits: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """a and b on the same frames. difference: rmse_mm of a − b (value, low, high), paired over subjects; preferred: the
    model's name, or empty where the data do not decide; reason: in words; held_out: whether neither model was trained
    on the subjects compared."""

    a: Fidelity
    b: Fidelity
    difference: tuple[float, float, float]
    subjects: int
    held_out: bool
    preferred: str
    reason: str


def match_codebooks(a: Codebook, b: Codebook, face_a: FaceModel, face_b: FaceModel | None = None) -> Matching:
    """Match codewords by deformation, on a's face.

    The assignment maximises the sum of cosines of displacement fields (Kuhn 1955; scipy). Codewords of another face
    are brought to a's by the names of their coefficients. Rest is left out. Raises `DataError` when the faces share no
    coefficient.
    """
    from scipy.optimize import linear_sum_assignment

    psi_b, lost = _on_face(b, face_a, face_b)
    cosine = displacement_cosine(a.psi, psi_b, face_a.gram)
    rows_a, rows_b = _moving(a.psi), _moving(psi_b)
    inner = cosine[np.ix_(rows_a, rows_b)]
    at, to = linear_sum_assignment(-inner)
    pairs = pd.DataFrame({"a": rows_a[at], "b": rows_b[to], "cosine": inner[at, to]})
    pairs = pairs.sort_values("cosine", ascending=False, kind="stable").reset_index(drop=True)
    pairs = pairs.assign(same=pairs["cosine"] >= ALIKE)
    same = pairs[pairs["same"]]
    return Matching(
        pairs=pairs,
        only_a=_alone(cosine, rows_a, rows_b, set(same["a"])),
        only_b=_alone(cosine.T, rows_b, rows_a, set(same["b"])),
        lost=lost,
    )


def compare_fidelity(a: str, b: str, dataset: str, root: Path | None = None, seed: int = 0) -> Comparison:
    """Which of two models holds a dataset better.

    Errors are those of the frames both have encoded, pooled to a root mean square per subject and over subjects; only
    subjects that neither model was trained on count, where there are at least two of them. Intervals are percentile
    bootstraps over subjects. A model is preferred on `LEAST_SUBJECTS` or more that neither was trained on, when the
    interval of the difference leaves out 0; else the one of fewer bits at the same error, if the errors differ by under
    2 %.

    Raises `DataError` when one of them has not encoded the dataset.
    """
    data = Dataset.open(dataset, root)
    caches = [TokenCache.open(name, dataset, root) for name in (a, b)]
    if a == b:
        raise DataError(a, "compared with itself", "two models")
    people = data.recordings.set_index("recording")["subject"]
    chosen, held_out = _compared(people, [_config(name, root) for name in (a, b)], data)
    errors = [_subject_errors(cache, people[people.isin(chosen)]) for cache in caches]
    draw = np.random.default_rng(seed).integers(0, len(chosen), (RESAMPLES, len(chosen)))
    pooled = [_pooled(e.reindex(chosen), draw) for e in errors]
    one, other = (
        _fidelity(name, cache, error.reindex(chosen), p)
        for name, cache, error, p in zip((a, b), caches, errors, pooled, strict=True)
    )
    gap = pooled[0][0] - pooled[1][0], pooled[0][1] - pooled[1][1]
    difference = (float(gap[0]), *_ends(gap[1]))
    preferred, reason = _preferred(one, other, difference, len(chosen), held_out)
    return Comparison(
        a=one,
        b=other,
        difference=difference,
        subjects=len(chosen),
        held_out=held_out,
        preferred=preferred,
        reason=reason,
    )


def _on_face(b: Codebook, face_a: FaceModel, face_b: FaceModel | None) -> tuple[np.ndarray, tuple[str, ...]]:
    if b.face_id == face_a.id and b.names == face_a.names:
        return b.psi, ()
    matrix, missing = coefficient_map(b.names, face_a)
    if len(missing) == len(b.names):
        raise DataError(b.model, f"no coefficient of {b.face_id} on {face_a.id}", "models of ARKit faces")
    if face_b is not None and face_b.names != b.names:
        raise DataError(b.model, f"coefficients that are not those of {face_b.id}", b.face_id)
    return b.psi @ matrix, tuple(missing)


def _moving(psi: np.ndarray) -> np.ndarray:
    moving = np.flatnonzero(np.abs(psi).max(1) > 1e-6)
    return moving[moving != REST]


def _alone(cosine: np.ndarray, rows: np.ndarray, others: np.ndarray, same: set[int]) -> pd.DataFrame:
    own = np.array([k for k in rows if k not in same], np.int64)
    if not len(own) or not len(others):
        return pd.DataFrame({"codeword": own, "nearest": np.full(len(own), -1), "cosine": np.full(len(own), np.nan)})
    inner = cosine[np.ix_(own, others)]
    table = pd.DataFrame({"codeword": own, "nearest": others[inner.argmax(1)], "cosine": inner.max(1)})
    return table.sort_values("cosine", kind="stable").reset_index(drop=True)


def _config(model: str, root: Path | None) -> dict[str, Any]:
    return Codebook.open(model, root).config


def _compared(people: pd.Series, configs: list[dict[str, Any]], data: Dataset) -> tuple[list[str], bool]:
    """Subjects to compare on: those no model was trained on, or all where fewer than two are left. The same recordings
    in a dataset of another name are known by their content."""
    seen: set[str] = set()
    for config in configs:
        trained = exposure(config, data)
        seen |= trained.subjects | trained.same_names
        if config.get("dataset", {}).get("key") == data.stored_key and "split" in config:
            split = Split.from_json(config["split"])
            fitted = {r for part in ("train", "validation") for r in split.recordings.get(part, [])}
            seen |= set(people[people.index.isin(fitted)])
    left = sorted(set(people) - seen)
    return (left, True) if len(left) >= 2 else (sorted(set(people)), False)


def _subject_errors(cache: TokenCache, people: pd.Series) -> pd.DataFrame:
    """squares (mm², sum over frames) and frames by subject."""
    rows = cache.query(
        "SELECT recording, sum(error_mm::DOUBLE * error_mm) AS squares, count(*) AS frames "
        "FROM frames WHERE isfinite(error_mm) GROUP BY recording"
    )
    rows = rows.assign(subject=rows["recording"].astype(str).map(people)).dropna(subset="subject")
    return rows.groupby("subject")[["squares", "frames"]].sum()


def _pooled(errors: pd.DataFrame, draw: np.ndarray) -> tuple[float, np.ndarray]:
    """RMSE over the frames of all subjects, and of every resample of subjects."""
    squares, frames = errors["squares"].to_numpy(), errors["frames"].to_numpy()
    return float(np.sqrt(squares.sum() / frames.sum())), np.sqrt(squares[draw].sum(1) / frames[draw].sum(1))


def _fidelity(model: str, cache: TokenCache, errors: pd.DataFrame, pooled: tuple[float, np.ndarray]) -> Fidelity:
    counts = cache.counts
    per_stage = counts.groupby(["stage", "codeword"])["uses"].sum().unstack(fill_value=0).to_numpy(np.float64)
    rest = np.clip(cache.frames - per_stage.sum(1, keepdims=True), 0, None)
    share = np.c_[rest, per_stage] / max(cache.frames, 1)
    entropy = float(-(share * np.log2(np.where(share > 0, share, 1))).sum())
    states = (cache.codewords - 1) * len(cache.levels) + 1
    return Fidelity(
        model=model,
        rmse_mm=(pooled[0], *_ends(pooled[1])),
        by_subject=cast(pd.Series, np.sqrt(errors["squares"] / errors["frames"])),
        used=int(counts["codeword"].nunique()),
        codewords=cache.codewords,
        bits=float(cache.stages * np.log2(states)),
        entropy_bits=entropy,
    )


def _ends(values: np.ndarray) -> tuple[float, float]:
    if not len(values) or not np.isfinite(values).all() or np.ptp(values) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _preferred(
    a: Fidelity, b: Fidelity, difference: tuple[float, float, float], subjects: int, held_out: bool
) -> tuple[str, str]:
    gap, low, high = difference
    if not held_out:
        return "", "a model was trained on subjects of these data: its error on them says little about others"
    if subjects < LEAST_SUBJECTS:
        return "", f"{subjects} subjects cannot decide between models ({LEAST_SUBJECTS} or more can)"
    if low > 0 or high < 0:
        best, other = (b, a) if gap > 0 else (a, b)
        return best.model, (
            f"{best.model} has the smaller error: {best.rmse_mm[0]:.2f} against {other.rmse_mm[0]:.2f} "
            f"mm, difference {abs(gap):.2f} mm ({min(abs(low), abs(high)):.2f} to "
            f"{max(abs(low), abs(high)):.2f}) over {subjects} subjects"
        )
    if abs(gap) < 0.02 * max(a.rmse_mm[0], b.rmse_mm[0]) and a.bits != b.bits:
        best = a if a.bits < b.bits else b
        return best.model, (
            f"errors are alike (difference {gap:+.2f} mm, {low:.2f} to {high:.2f}) and {best.model} "
            f"needs {best.bits:.0f} bits a frame against {max(a.bits, b.bits):.0f}"
        )
    return "", f"undecided on {subjects} subjects: difference {gap:+.2f} mm ({low:.2f} to {high:.2f})"


def agreement(a: str, b: str, matching: Matching, dataset: str, root: Path | None = None) -> pd.DataFrame:
    """Do matched codewords fire together? For each pair of `Matching.pairs` that is the same display: a, b, cosine,
    jaccard: frames with both over frames with either, on the frames that both models encoded."""
    pairs = matching.pairs[matching.pairs["same"]].reset_index(drop=True)
    one, other = (TokenCache.open(name, dataset, root) for name in (a, b))
    both, either = np.zeros(len(pairs)), np.zeros(len(pairs))
    for x, y in zip(iter_recordings(one), iter_recordings(other), strict=True):
        if x.recording != y.recording or len(x.frame) != len(y.frame):
            raise DataError(x.recording, "encoded differently by the two models", "the same frames; encode again")
        has_a = _presence(x.tokens, one.codewords)[:, pairs["a"]]
        has_b = _presence(y.tokens, other.codewords)[:, pairs["b"]]
        both += (has_a & has_b).sum(0)
        either += (has_a | has_b).sum(0)
    return pairs.drop(columns="same").assign(
        jaccard=np.divide(both, either, out=np.full(len(pairs), np.nan), where=either > 0)
    )


def _presence(tokens: np.ndarray, size: int) -> np.ndarray:
    present = np.zeros((len(tokens), size), bool)
    present[np.arange(len(tokens))[:, None], tokens.astype(np.int64)] = True
    return present
