"""The cheapest sequence of states where every change of state has a price (Viterbi 1967)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dfe_core.tokens.presence import frame_step

GAP_S = 0.25
"""Frames further apart than this are not joined."""


def cheapest_path(cost: np.ndarray, change: float) -> np.ndarray:
    """(T,) int64 states with the least sum of (T, S) costs and of `change` for every change of state.

    Every change costs the same, so that the best state before a change is one for all: O(T S).
    """
    frames, states = cost.shape
    own = np.arange(states)
    came_from = np.zeros((frames, states), np.int32)
    best = cost[0].astype(np.float64)
    for t in range(1, frames):
        cheapest = int(best.argmin())
        ceiling = best[cheapest] + change
        came_from[t] = np.where(best <= ceiling, own, cheapest)
        best = np.minimum(best, ceiling) + cost[t]
    path = np.zeros(frames, np.int64)
    path[-1] = best.argmin() if frames else 0
    for t in range(frames - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    return path


def state_runs(path: np.ndarray) -> list[tuple[int, int, int]]:
    """(state, first, end) of each run of equal states; end is one after its last frame."""
    edges = np.r_[0, np.flatnonzero(np.diff(path)) + 1, len(path)]
    return [(int(path[first]), int(first), int(end)) for first, end in pairwise(edges.tolist()) if end > first]


def stretches_of(time_s: np.ndarray) -> list[slice]:
    """Frames without a gap between them, of two at least."""
    cuts = np.flatnonzero(np.diff(time_s) > max(GAP_S, 2.5 * frame_step(time_s))) + 1
    return [slice(a, b) for a, b in pairwise([0, *cuts.tolist(), len(time_s)]) if b - a > 1]
