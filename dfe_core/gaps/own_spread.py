"""How far a person's face strays from a straight line between two of its frames: the scale of intervals, by recording.

People and tools differ far more in this than gaps of one kind do, so that intervals of one width for all cover some
people always and others hardly ever. Letters of the shapes: L lags, T frames, E coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LAGS_S = (0.05, 0.15, 0.5, 1.5, 5.0)
"""Seconds to the frames on both sides; the last stands for no frames near, where the spread about the mean counts."""
_PRIOR = 4.0  # independent moments that the population counts for in a person's own spread


def straying(runs: Sequence[np.ndarray], rate: float, population: np.ndarray | None = None) -> np.ndarray:
    """(L, E) root mean square distance of a frame from the middle of the frames `LAGS_S` before and after it, of runs
    (T, E) about the person's mean.

    population: (L, E) that few moments are drawn towards; None for the population itself.
    """
    count = runs[0].shape[1]
    sums, moments = np.zeros((len(LAGS_S), count)), np.zeros(len(LAGS_S))
    for psi in runs:
        for lag, seconds in enumerate(LAGS_S):
            steps = max(1, round(seconds * rate))
            apart = psi if lag == len(LAGS_S) - 1 else psi[steps:-steps] - (psi[: -2 * steps] + psi[2 * steps :]) / 2
            if len(apart):
                weight = len(apart) / steps if lag < len(LAGS_S) - 1 else len(psi) / rate
                sums[lag] += weight * (apart**2).mean(0)
                moments[lag] += weight
    if population is None:
        return np.sqrt(sums / np.maximum(moments, 1e-9)[:, None])
    return np.sqrt((sums + _PRIOR * population**2) / (moments + _PRIOR)[:, None]).astype(np.float32)


def expected(table: np.ndarray, since: np.ndarray, until: np.ndarray) -> np.ndarray:
    """(T, E) spread of a frame about linear interpolation, by the time to the frames around (that of a Brownian
    bridge): (L, E) of `straying`, interpolated in the logarithm of time."""
    lag = 2 * since * until / np.maximum(since + until, 1e-9)
    lag = np.where(np.maximum(since, until) >= LAGS_S[-1], np.maximum(np.minimum(since, until), lag), lag)
    place = np.interp(np.log(np.maximum(lag, LAGS_S[0])), np.log(LAGS_S), np.arange(len(LAGS_S)))
    low = np.minimum(place.astype(int), len(LAGS_S) - 2)
    share = (place - low)[:, None].astype(np.float32)
    return ((1 - share) * table[low] + share * table[low + 1]).astype(np.float32)
