"""Where in time two faces do the same: cross-recurrence over all pairs of times, and onsets that are answered.

Letters: N steps, C things, B bins.
"""

from __future__ import annotations

import numpy as np


def cross_recurrence(first: np.ndarray, second: np.ndarray, bins: int = 200) -> np.ndarray:
    """Cross-recurrence of what two faces show (Dale & Spivey 2006; Coco & Dale 2014), in bins.

    Parameters
    ----------
    first, second: (N, C) whether each face shows each thing, or how much of it. bins: B at most.

    Returns
    -------
    (B, B) float64: of bin i of the first and bin j of the second, how many things both show, weighted with the shares
    of the bins in which they do. Below the diagonal (i > j) the second does it before the first.
    """
    edges = np.linspace(0, len(first), min(bins, max(len(first), 1)) + 1).astype(int)
    return _binned(first, edges) @ _binned(second, edges).T


def _binned(shown: np.ndarray, edges: np.ndarray) -> np.ndarray:
    total = np.concatenate([np.zeros((1, shown.shape[1])), np.cumsum(shown, 0, dtype=float)])
    return np.diff(total[edges], axis=0) / np.maximum(np.diff(edges), 1)[:, None]


def recurrence_by_lag(recurrence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The diagonal-wise profile of (B, B): lags (2 B − 1,) in bins, positive where the second comes after, and the mean
    over each diagonal."""
    size = len(recurrence)
    lags = np.arange(1 - size, size)
    return lags, np.array([recurrence.diagonal(lag).mean() for lag in lags.tolist()])


def answered_onsets(first: np.ndarray, second: np.ndarray, lag: int) -> list[tuple[int, int]]:
    """Onsets of one face and the next one of the other within `lag` steps, to either side.

    first, second: (N,) whether an onset is in each step. Returns steps of the first and the second face, in time.
    """
    a, b = np.flatnonzero(first), np.flatnonzero(second)
    forward = {(step, after) for step, after in _next(a, b, lag)}
    backward = {(after, step) for step, after in _next(b, a, lag)}
    return sorted(forward | backward)


def _next(of: np.ndarray, others: np.ndarray, lag: int) -> list[tuple[int, int]]:
    at = np.searchsorted(others, of, side="right")
    inside = at < len(others)
    pairs = zip(of[inside].tolist(), others[at[inside]].tolist(), strict=True)
    return [(step, after) for step, after in pairs if after - step <= lag]
