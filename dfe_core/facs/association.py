"""Codeword × column association from counts: lift, PMI, phi, AUROC, best-F1 threshold, p by circular shifts, intervals.

Letters of the shapes: G groups, S subjects, K codewords, B intensity bins, C columns, R resamples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from dfe_core.facs.aggregates import Aggregates
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.shifts import false_discovery_rates
from dfe_core.known_quantiles import known_quantiles

_CHUNK = 16  # codewords whose resamples are held at once


@dataclass(frozen=True, eq=False, kw_only=True)
class Association:
    """Every codeword against every column.

    All (K, C) float64, NaN where there is not enough data, but for:

    uses: (K, C) frames with the codeword in which the column was measured. together: (K, C) frames with both.
    present, frames, events, subjects: (C,) frames with the column present, frames in which it was measured, onsets, and
        subjects who show it.
    enough: (K, C) bool. threshold: intensity at which the codeword best says the column (largest F1).
    expected, z: the co-occurrence under circular shifts, and how many standard deviations above it `together` lies.
    p, q: two-sided, q by Benjamini and Hochberg over all pairs with AUs (NaN for columns of the truth).
    """

    uses: np.ndarray
    together: np.ndarray
    present: np.ndarray
    frames: np.ndarray
    events: np.ndarray
    subjects: np.ndarray
    enough: np.ndarray
    lift: np.ndarray
    pmi: np.ndarray
    phi: np.ndarray
    auroc: np.ndarray
    best_f1: np.ndarray
    threshold: np.ndarray
    expected: np.ndarray
    z: np.ndarray
    p: np.ndarray
    q: np.ndarray


def associate(
    aggregates: Aggregates, where: np.ndarray | None = None, settings: CoverageSettings | None = None
) -> Association:
    """Every codeword against every column, over the groups of `where` (G,) bool (default all). No frame is read."""
    settings = settings or CoverageSettings()
    where = np.ones(len(aggregates.groups), bool) if where is None else where
    count, positive = _histograms(aggregates, where)
    present, frames = _totals(aggregates, where)
    uses, together = count.sum(1), positive.sum(1)
    events = (aggregates.arrays["events"] * where[:, None]).sum(0)
    subjects = _subjects_showing(aggregates, where)
    enough = _enough_columns(present, frames, events, settings)[None] & (uses >= settings.min_frames)
    lift, phi = _lift(together, uses, present, frames), _phi(together, uses, present, frames)
    f1, bin_of = _best_f1(count, positive, present)
    expected, z = _standardised(aggregates, where, together)
    p = np.where(enough, aggregates.tails.p_values(z, expected), np.nan)
    q = np.full_like(p, np.nan)
    q[:, : aggregates.aus] = false_discovery_rates(p[:, : aggregates.aus])
    known = {
        "lift": lift,
        "pmi": _log2(lift),
        "phi": phi,
        "auroc": binned_auroc(count, positive, present, frames),
        "best_f1": f1,
        "threshold": aggregates.edges[bin_of],
    }
    return Association(
        uses=uses,
        together=together,
        present=present,
        frames=frames,
        events=events,
        subjects=subjects,
        enough=enough,
        **{n: np.where(enough, v, np.nan) for n, v in known.items()},
        expected=expected,
        z=z,
        p=p,
        q=q,
    )


def _histograms(aggregates: Aggregates, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames with each codeword at each intensity in which the column was measured, and in which it was present:
    (K, B, C) float64 twice."""
    a = aggregates.arrays
    size, bins = aggregates.codewords, len(aggregates.edges)
    rows = np.flatnonzero(where[a["row_group"]])
    pick = csr_matrix((np.ones(len(rows), np.float32), (a["row_key"][rows], rows)), (size * bins, len(a["row_key"])))
    # Counts: float32 holds them exactly to 16 million.
    count, positive = ((pick @ a[name]).astype(np.float64) for name in ("row_measured", "row_positives"))
    return count.reshape(size, bins, -1), positive.reshape(size, bins, -1)


def _totals(aggregates: Aggregates, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames in which each column is present, and in which it was measured: (C,) float64 twice."""
    weight = where.astype(np.float64)
    return weight @ aggregates.arrays["positives"], weight @ aggregates.arrays["column_frames"]


def _subjects_showing(aggregates: Aggregates, where: np.ndarray) -> np.ndarray:
    shown = np.zeros((len(aggregates.subjects), len(aggregates.columns)), np.int64)
    np.add.at(shown, aggregates.subject_codes[where], aggregates.arrays["positives"][where])
    return (shown > 0).sum(0)


def _enough_columns(
    present: np.ndarray, frames: np.ndarray, events: np.ndarray, settings: CoverageSettings
) -> np.ndarray:
    return (
        (present >= settings.min_frames) & (frames - present >= settings.min_frames) & (events >= settings.min_events)
    )


def _lift(together: np.ndarray, uses: np.ndarray, present: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """P(codeword, AU) / (P(codeword) · P(AU)); 1 is independence."""
    return _divide(together * frames, uses * present)


def _phi(together: np.ndarray, uses: np.ndarray, present: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Correlation of two indicators: (n·n₁₁ − n₁·n₂) / √(n₁(n − n₁)·n₂(n − n₂))."""
    spread = np.sqrt(uses * (frames - uses)) * np.sqrt(present * (frames - present))
    return _divide(together * frames - uses * present, spread)


def binned_auroc(count: np.ndarray, positive: np.ndarray, present: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Area under the ROC of codeword intensity as a score of the column, ties counted half.

    count, positive: (…, B, C) frames by intensity bin, all and with the column present; what is left of `frames` and
    `present` (…, C) is intensity 0. Returns (…, C), NaN where a class is empty.
    """
    negative = count - positive
    absent_positive = present - positive.sum(-2)
    absent_negative = frames - present - negative.sum(-2)
    below = np.cumsum(negative, -2) - negative / 2 + absent_negative[..., None, :]
    area = (positive * below).sum(-2) + absent_positive * absent_negative / 2
    return _divide(area, present * (frames - present))


def _best_f1(count: np.ndarray, positive: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest F1 over the thresholds, and its bin: (K, C) twice. F1 = 2·TP / (said + present)."""
    said, hit = (np.cumsum(x[:, ::-1], 1)[:, ::-1] for x in (count, positive))
    f1 = _divide(2 * hit, said + present)
    best = np.nanargmax(np.nan_to_num(f1, nan=-1.0), 1)
    return np.take_along_axis(f1, best[:, None], 1)[:, 0], best


def _standardised(aggregates: Aggregates, where: np.ndarray, together: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a = aggregates.arrays
    rows = np.flatnonzero(where[a["pair_group"]])
    pick = csr_matrix(
        (np.ones(len(rows), np.float32), (a["pair_codeword"][rows], rows)), (aggregates.codewords, len(a["pair_group"]))
    )
    expected, variance = ((pick @ a[n]).astype(np.float64) for n in ("pair_expected", "pair_variance"))
    return expected, _divide(together - expected, np.sqrt(np.where(variance > 1e-9, variance, 0)))


def subject_weights(subjects: int, resamples: int, seed: int) -> np.ndarray:
    """(R, S) float64: how often each subject is drawn in each bootstrap resample."""
    rng = np.random.default_rng([seed, 23])
    return rng.multinomial(subjects, np.full(subjects, 1 / subjects), resamples).astype(np.float64)


def interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """2.5th and 97.5th percentile over the first axis; NaN where more than half of the resamples have no value."""
    missing = np.isnan(values).mean(0) > 0.5
    low, high = known_quantiles(np.where(missing, 0, values), (0.025, 0.975))
    return np.where(missing, np.nan, low), np.where(missing, np.nan, high)


def pair_intervals(
    aggregates: Aggregates, found: Association, settings: CoverageSettings, seed: int
) -> dict[str, np.ndarray]:
    """95 % intervals of lift, phi and AUROC by bootstrap over subjects: ``<name>_low`` and ``<name>_high``, (K, C).

    NaN where there is not enough data or only one subject.
    """
    names = [f"{n}_{end}" for n in ("lift", "phi", "auroc") for end in ("low", "high")]
    result = {n: np.full(found.lift.shape, np.nan) for n in names}
    subjects = len(aggregates.subjects)
    if subjects < settings.min_subjects:
        return result
    weights = subject_weights(subjects, settings.resamples, seed)
    present, frames = (weights @ x for x in _by_subject(aggregates))
    for chunk, count, positive in _subject_histograms(aggregates):
        count, positive = (np.tensordot(weights, x, 1).astype(np.float64) for x in (count, positive))
        uses, together, n, m = count.sum(2), positive.sum(2), frames[:, None], present[:, None]
        values = {
            "lift": _lift(together, uses, m, n),
            "phi": _phi(together, uses, m, n),
            "auroc": binned_auroc(count, positive, m, n),
        }
        for name, sampled in values.items():
            for end, bound in zip(("low", "high"), interval(sampled), strict=True):
                result[f"{name}_{end}"][chunk] = np.where(found.enough[chunk], bound, np.nan)
    return result


def _by_subject(aggregates: Aggregates) -> tuple[np.ndarray, np.ndarray]:
    """Frames present and frames measured of every subject: (S, C) twice."""
    shape = (len(aggregates.subjects), len(aggregates.columns))
    present, frames = np.zeros(shape), np.zeros(shape)
    np.add.at(present, aggregates.subject_codes, aggregates.arrays["positives"])
    np.add.at(frames, aggregates.subject_codes, aggregates.arrays["column_frames"])
    return present, frames


def _subject_histograms(aggregates: Aggregates) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Chunks of codewords with their counts by subject: codeword indices (k,), then (S, k, B, C) float32 twice."""
    a, bins = aggregates.arrays, len(aggregates.edges)
    codeword = a["row_key"] // bins
    order = np.argsort(codeword, kind="stable")
    codeword_in_order = codeword[order]
    for first in range(0, aggregates.codewords, _CHUNK):
        chunk = np.arange(first, min(first + _CHUNK, aggregates.codewords))
        rows = order[slice(*np.searchsorted(codeword_in_order, [chunk[0], chunk[-1] + 1]))]
        if not len(rows):
            continue
        shape = (len(aggregates.subjects), len(chunk), bins, len(aggregates.columns))
        count, positive = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        at = (aggregates.subject_codes[a["row_group"][rows]], codeword[rows] - first, a["row_key"][rows] % bins)
        for total, name in ((count, "row_measured"), (positive, "row_positives")):
            np.add.at(total, at, a[name][rows].astype(np.float32))
        yield chunk, count, positive


def pair_table(aggregates: Aggregates, found: Association, intervals: dict[str, np.ndarray]) -> pd.DataFrame:
    """One row a codeword and AU that were seen together or could have been: the long form of `found`, AUs only.
    p_least: the smallest p that the shifts could have given."""
    k, c = np.nonzero(found.enough[:, : aggregates.aus])
    names = ("lift", "pmi", "phi", "auroc", "best_f1", "threshold", "expected", "z", "p", "q")
    table = {
        "codeword": k,
        "au": [aggregates.columns[i][0] for i in c],
        "side": [aggregates.columns[i][1] for i in c],
        "frames_with_codeword": found.uses[k, c].astype(np.int64),
        "frames_with_au": found.present[c].astype(np.int64),
        "frames_with_both": found.together[k, c].astype(np.int64),
        "frames": found.frames[c].astype(np.int64),
        "subjects_with_au": found.subjects[c],
    }
    table |= {n: getattr(found, n)[k, c] for n in names} | {n: v[k, c] for n, v in intervals.items()}
    return pd.DataFrame(table | {"p_least": aggregates.tails.least(found.expected[k, c])})


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    return np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0)


def _log2(values: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log2(values)
