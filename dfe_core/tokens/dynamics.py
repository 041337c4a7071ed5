"""How a codeword behaves in time and company: durations, what comes before and after, what it occurs with, in whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokens.intervals import RunIndex

FEW = 5
"""Lift is not shown for pairs expected fewer times than this: one coincidence would make it large."""


@dataclass(frozen=True, kw_only=True)
class Dynamics:
    """Runs of one codeword: how many, how often, and how long (median, 25th and 75th percentile, seconds; NaN when
    there are none). Onset: from the start to the peak; offset: from the peak to the end."""

    codeword: int
    runs: int
    runs_per_minute: float
    share_of_frames: float
    duration_s: tuple[float, float, float]
    onset_s: tuple[float, float, float]
    offset_s: tuple[float, float, float]


def dynamics(index: RunIndex, codeword: int) -> Dynamics:
    """Typical onset, duration and offset of a codeword, from its runs."""
    runs = index.runs(codeword)
    minutes = index.recordings["duration_s"].sum() / 60
    return Dynamics(
        codeword=codeword,
        runs=len(runs),
        runs_per_minute=len(runs) / minutes if minutes else 0.0,
        share_of_frames=float(index.cooccurrence[codeword, codeword]) / max(index.frames, 1),
        duration_s=_quartiles(runs["end_s"] - runs["start_s"]),
        onset_s=_quartiles(runs["peak_s"] - runs["start_s"]),
        offset_s=_quartiles(runs["end_s"] - runs["peak_s"]),
    )


def contexts(index: RunIndex, codeword: int, limit: int = 10, few: float = FEW) -> pd.DataFrame:
    """What tends to begin within a second before (direction ``before``) and after (``after``) a codeword begins.

    lift = P(other begins within the window after this | this) over the same share for all codewords together, from
    counts of ordered pairs of onsets; 1: no more than chance. Pairs expected fewer than `few` times are left out.

    Returns direction, codeword, count, expected, lift; the highest lift first, `limit` rows a direction.
    """
    followed = index.followed.astype(np.float64)
    total = followed.sum()
    parts = []
    for direction, counts, ones in (
        ("before", followed[:, codeword], followed.sum(1) * followed[:, codeword].sum()),
        ("after", followed[codeword], followed.sum(0) * followed[codeword].sum()),
    ):
        parts.append(_by_lift(counts, ones / max(total, 1), limit, few, leave_out=None).assign(direction=direction))
    return pd.concat(parts, ignore_index=True)[["direction", "codeword", "count", "expected", "lift"]]


def cooccurring(index: RunIndex, codeword: int, limit: int = 10, few: float = FEW) -> pd.DataFrame:
    """Codewords in the same frames: codeword, count (frames with both), expected (were they independent), lift,
    pmi_bits (log2 lift), share (of this codeword's frames that have the other); the highest lift first."""
    alone = np.diag(index.cooccurrence).astype(np.float64)
    expected = alone * alone[codeword] / max(index.frames, 1)
    table = _by_lift(index.cooccurrence[codeword].astype(np.float64), expected, limit, few, leave_out=codeword)
    return table.assign(
        pmi_bits=np.log2(table["lift"].where(table["lift"] > 0)), share=table["count"] / max(alone[codeword], 1)
    )


def lift_table(index: RunIndex) -> np.ndarray:
    """(K, K) float64 lift of every pair of codewords in the same frame; NaN where one of them never occurs."""
    alone = np.diag(index.cooccurrence).astype(np.float64)
    expected = np.outer(alone, alone) / max(index.frames, 1)
    return np.divide(index.cooccurrence, expected, out=np.full(expected.shape, np.nan), where=expected > 0)


def intensity_distribution(index: RunIndex, codeword: int, bins: int = 50) -> pd.DataFrame:
    """Histogram of a codeword's intensity over the frames that have it: low, high, frames; empty when there are none.

    Bins run from 0 to the largest intensity of any codeword, so that histograms compare.
    """
    rows = index.intensities[index.intensities["codeword"] == codeword]
    if not len(rows):
        return pd.DataFrame({"low": [], "high": [], "frames": []})
    edges = np.linspace(0, float(index.intensities["intensity"].max()), bins + 1)
    frames, _ = np.histogram(rows["intensity"], edges, weights=rows["frames"])
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "frames": frames.astype(np.int64)})


def distribution_over(
    index: RunIndex,
    codeword: int,
    recordings: pd.DataFrame,
    by: str,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Share of frames with a codeword in each value of a column of `recordings` (``subject`` or a label).

    Each value's share is the mean over its subjects of the subject's own share; the interval is a percentile
    bootstrap over subjects (never over frames: frames of one face are not independent), NaN for a single subject.

    Returns value, subjects, frames, share, low, high, mean_intensity (while present), per value in sorted order.
    Raises `DataError` for a column that is not there.
    """
    if by not in recordings.columns:
        raise DataError(by, "no such column of the recordings", ", ".join(map(str, recordings.columns)))
    cells = _cells(index, codeword, recordings, by)
    rng = np.random.default_rng(seed)
    rows = [_value_row(value, cell, rng, confidence, resamples) for value, cell in cells.groupby(by, sort=True)]
    return pd.DataFrame(rows, columns=["value", "subjects", "frames", "share", "low", "high", "mean_intensity"])


def bootstrap_mean(
    values: np.ndarray, rng: np.random.Generator, confidence: float = 0.95, resamples: int = 2000
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean; (NaN, NaN) for fewer than two values."""
    if len(values) < 2:
        return float("nan"), float("nan")
    means = values[rng.integers(0, len(values), (resamples, len(values)))].mean(1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _cells(index: RunIndex, codeword: int, recordings: pd.DataFrame, by: str) -> pd.DataFrame:
    """One row a value and subject: all frames, frames with the codeword, summed intensity."""
    rows = index.presence[index.presence["codeword"] == codeword].rename(columns={"frames": "present"})
    columns = list(dict.fromkeys(["recording", "subject", by]))
    table = index.recordings.merge(recordings[columns], on="recording").merge(
        rows[["recording", "present", "intensity"]], "left", "recording"
    )
    keys = list(dict.fromkeys([by, "subject"]))
    table = table[table[by].notna()].assign(who=table["subject"])
    return table.groupby([*keys, "who"] if by != "subject" else keys, as_index=False, observed=True)[
        ["frames", "present", "intensity"]
    ].sum()


def _value_row(value: object, cell: pd.DataFrame, rng: np.random.Generator, confidence: float, resamples: int) -> tuple:
    share = (cell["present"] / cell["frames"]).to_numpy()
    low, high = bootstrap_mean(share, rng, confidence, resamples)
    present = cell["present"].sum()
    return (
        value,
        len(cell),
        int(cell["frames"].sum()),
        float(share.mean()),
        low,
        high,
        float(cell["intensity"].sum() / present) if present else float("nan"),
    )


def _by_lift(counts: np.ndarray, expected: np.ndarray, limit: int, few: float, leave_out: int | None) -> pd.DataFrame:
    lift = np.divide(counts, expected, out=np.zeros_like(expected), where=expected > 0)
    usable = (expected >= few) & (counts > 0)
    usable[[REST] if leave_out is None else [REST, leave_out]] = False
    order = [k for k in np.argsort(-lift, kind="stable") if usable[k]][:limit]
    return pd.DataFrame(
        {
            "codeword": np.array(order, np.int64),
            "count": counts[order].astype(np.int64),
            "expected": expected[order],
            "lift": lift[order],
        }
    )


def _quartiles(values: pd.Series) -> tuple[float, float, float]:
    if not len(values):
        return (float("nan"),) * 3
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(middle), float(low), float(high)
