"""How many displays: per minute, their entropy, and how many fewer frames would have shown, for tokens and for AUs.

Letters of the shapes: S subjects, D displays, n frames seen.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.special import gammaln

from dfe_core.facs.aggregates import Aggregates
from dfe_core.facs.association import interval, subject_weights
from dfe_core.facs.displays import KINDS
from dfe_core.facs.settings import CoverageSettings

_POINTS = 30


def diversity_table(aggregates: Aggregates, settings: CoverageSettings, seed: int) -> pd.DataFrame:
    """of (tokens, AUs), measure, value, low, high, n, unit_of_n.

    distinct displays: how many there are at all (no interval: it grows with the frames); displays per minute: distinct
    displays in a full minute, mean over minutes; entropy_bits: of displays over the frames that show one; effective
    displays: 2 to the entropy. Intervals: of the rate by bootstrap, of the entropy by jackknife over subjects.
    """
    rows = []
    for i, kind in enumerate(KINDS):
        counts = _counts(aggregates, kind)
        minutes = _minutes(aggregates)
        rows.append(_row(kind, "distinct displays", counts.shape[1], None, counts.shape[0], "subjects"))
        rows.append(_per_minute(kind, minutes[:, 0], minutes[:, 1 + i], settings, seed))
        rows += _entropies(kind, counts, settings)
    return pd.DataFrame(rows)


def _row(kind: str, measure: str, value: float, bounds: tuple | None, n: int, unit: str) -> dict:
    low, high = (np.nan, np.nan) if bounds is None else bounds
    return {
        "of": kind,
        "measure": measure,
        "value": float(value),
        "low": float(low),
        "high": float(high),
        "n": int(n),
        "unit_of_n": unit,
    }


def _per_minute(kind: str, minutes: np.ndarray, distinct: np.ndarray, settings: CoverageSettings, seed: int) -> dict:
    total = minutes.sum()
    if total < 1:
        return _row(kind, "displays per minute", np.nan, None, 0, "full minutes")
    bounds = None
    if (minutes > 0).sum() >= settings.min_subjects:
        weights = subject_weights(len(minutes), settings.resamples, seed)
        seen = weights @ minutes
        bounds = interval(np.divide(weights @ distinct, seen, out=np.full(len(seen), np.nan), where=seen > 0)[:, None])
        bounds = (bounds[0][0], bounds[1][0])
    return _row(kind, "displays per minute", distinct.sum() / total, bounds, int(total), "full minutes")


def _entropies(kind: str, counts: csr_matrix, settings: CoverageSettings) -> list[dict]:
    if counts.sum() < settings.min_frames:
        return [
            _row(kind, measure, np.nan, None, int(counts.sum()), "frames")
            for measure in ("entropy bits", "effective displays")
        ]
    value, bounds, subjects = _entropy(_over_subjects(counts)), None, counts.shape[0]
    if subjects >= settings.min_subjects:
        whole = _over_subjects(counts)
        without = np.array([_entropy(whole - counts[i].toarray()[0]) for i in range(subjects)])
        spread = 1.96 * np.sqrt((subjects - 1) * without.var())
        bounds = (value - spread, value + spread)
    powered = None if bounds is None else tuple(2.0**b for b in bounds)
    return [
        _row(kind, "entropy bits", value, bounds, subjects, "subjects"),
        _row(kind, "effective displays", 2.0**value, powered, subjects, "subjects"),
    ]


def _entropy(count: np.ndarray) -> float:
    share = count[count > 0] / count.sum() if count.sum() > 0 else np.ones(1)
    return float(-(share * np.log2(share)).sum())


def rarefaction_table(aggregates: Aggregates, settings: CoverageSettings) -> pd.DataFrame:
    """of (tokens, AUs), frames, displays, low, high: displays expected in so many frames drawn at random.

    Intervals by the jackknife over subjects (resampling with replacement repeats subjects and finds too few displays),
    NaN with fewer than `min_subjects` and where one subject left out leaves fewer frames.
    """
    by_subject = np.zeros(len(aggregates.subjects))
    np.add.at(by_subject, aggregates.subject_codes, aggregates.groups["frames"].to_numpy())
    total = by_subject.sum()
    points = np.unique(np.geomspace(10, total, _POINTS).round()) if total >= 10 else np.array([total])
    tables = []
    for kind in KINDS:
        counts = _counts(aggregates, kind)
        found = rarefy(_over_subjects(counts), total, points)
        spread = (
            _jackknife(counts, by_subject, points)
            if counts.shape[0] >= settings.min_subjects
            else np.full(len(points), np.nan)
        )
        tables.append(
            pd.DataFrame(
                {
                    "of": kind,
                    "frames": points.astype(np.int64),
                    "displays": found,
                    "low": np.maximum(found - 1.96 * spread, 0),
                    "high": found + 1.96 * spread,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def rarefy(count: np.ndarray, total: float, seen: np.ndarray) -> np.ndarray:
    """Expected number of displays in `seen` (n,) of `total` frames, with `count` (D,) frames each: Σ 1 −
    C(N − Nᵢ, n)/C(N, n) (Hurlbert 1971). NaN where more is to be seen than there is."""
    size, many = np.unique(count[count > 0], return_counts=True)
    n, k = np.asarray(seen, np.float64)[:, None], size[None].astype(np.float64)
    with np.errstate(invalid="ignore"):
        log_missed = (
            gammaln(total - k + 1)
            - gammaln(np.maximum(total - k - n, 0) + 1)
            - gammaln(total + 1)
            + gammaln(np.maximum(total - n, 0) + 1)
        )
    missed = np.where(n + k > total, 0.0, np.exp(np.minimum(log_missed, 0)))
    return np.where(np.asarray(seen) > total, np.nan, (1 - missed) @ many)


def _jackknife(counts: csr_matrix, frames: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n,) standard error over subjects left out one by one."""
    whole, total, subjects = _over_subjects(counts), frames.sum(), counts.shape[0]
    without = np.stack([rarefy(whole - counts[i].toarray()[0], total - frames[i], points) for i in range(subjects)])
    return np.sqrt((subjects - 1) * without.var(0))


def _over_subjects(counts: csr_matrix) -> np.ndarray:
    return np.asarray(counts.sum(0)).ravel()


def _counts(aggregates: Aggregates, kind: str) -> csr_matrix:
    """(S, D) sparse, frames of each display that shows something."""
    a = aggregates.arrays
    shown = a[f"{kind}_display"] > 0
    display, column = np.unique(a[f"{kind}_display"][shown], return_inverse=True)
    subject = aggregates.subject_codes[a[f"{kind}_group"][shown]]
    return csr_matrix((a[f"{kind}_count"][shown], (subject, column)), (len(aggregates.subjects), len(display)))


def _minutes(aggregates: Aggregates) -> np.ndarray:
    total = np.zeros((len(aggregates.subjects), 1 + len(KINDS)))
    np.add.at(total, aggregates.subject_codes, aggregates.arrays["minutes"])
    return total
