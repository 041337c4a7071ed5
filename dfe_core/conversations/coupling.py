"""How two series of a pair go together, at every circular shift of the second against the first.

A positive lag is of a second that comes after the first. Sums over time are taken at all shifts at once by the Fourier
transform, with gaps left out, so that the lags of interest and the circular-shift surrogates come from one pass.
Letters: N steps, C things, L lags (−m … m), W windows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from dfe_core.conversations.tracks import FaceTrack

_LARGEST_R = 0.999
_SEEN = 0.8
"""Of the time after an onset, so much must be known for the onset to be one that was or was not answered."""


@dataclass(frozen=True, eq=False)
class Centred:
    """A face's intensities less their moving mean. values: (N, C), 0 in gaps. known: (N,) 0 or 1."""

    values: np.ndarray
    known: np.ndarray


@dataclass(frozen=True, eq=False)
class Answers:
    """A face's onsets and what comes after them. onset: (N, C) 0 or 1. follows: (N, C) whether an onset comes within
    the largest lag after each step. seen: (N,) whether enough of that time is known."""

    onset: np.ndarray
    follows: np.ndarray
    seen: np.ndarray


def centred_track(track: FaceTrack, window: int) -> Centred:
    """Intensities less their mean over the known ones of `window` steps around each: correlations are then of what
    happens within windows (the pooled form of Boker et al. 2002), not of slow changes or levels."""
    known = track.known.astype(float)
    weight = moving_sum(known[:, None], window)
    mean = np.divide(
        moving_sum(track.intensity.astype(float) * known[:, None], window),
        weight,
        out=np.zeros(track.intensity.shape),
        where=weight > 0,
    )
    return Centred((track.intensity - mean) * known[:, None], known)


def moving_sum(values: np.ndarray, window: int) -> np.ndarray:
    """(N, C) sums over `window` steps around each, of fewer at the ends."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, 0)])
    rows = np.arange(len(values))
    return total[np.minimum(rows + window - window // 2, len(values))] - total[np.maximum(rows - window // 2, 0)]


def answers(track: FaceTrack, lag: int) -> Answers:
    """What comes within `lag` steps after each step of a face, that step left out."""
    follows, seen = np.zeros(track.onset.shape), np.zeros(len(track.known))
    onset, known = np.cumsum(track.onset, 0, dtype=float), np.cumsum(track.known, dtype=float)
    if len(known) > lag:
        follows[:-lag] = (onset[lag:] - onset[:-lag]) > 0.5
        seen[:-lag] = (known[lag:] - known[:-lag]) >= _SEEN * lag
    return Answers(track.onset.astype(float), follows * seen[:, None], seen)


def cross_sums(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N, C) of (N, C) or (N, 1): Σ_t first[t] second[t + s], around the end, at every shift s."""
    size = len(first)
    product = np.conj(fft.rfft(first, axis=0)) * fft.rfft(second, axis=0)
    return fft.irfft(product, n=size, axis=0)


def correlations(first: Centred, second: Centred) -> np.ndarray:
    """(N, C) Fisher's z of the correlation of two faces at every circular shift, over the steps that both have known;
    0 where one of them does not vary there."""
    size = min(len(first.known), len(second.known))
    x, y = first.values[:size], second.values[:size]
    together = cross_sums(x, y)
    if first.known[:size].all() and second.known[:size].all():
        power = (x * x).sum(0) * (y * y).sum(0)
        varies = power > 0
    else:
        of_x = cross_sums(x * x, second.known[:size, None])
        of_y = cross_sums(first.known[:size, None], y * y)
        varies = (of_x > 1e-6 * (x * x).sum(0)) & (of_y > 1e-6 * (y * y).sum(0))
        power = of_x * of_y
    r = np.divide(together, np.sqrt(np.maximum(power, 0)), out=np.zeros(together.shape), where=varies)
    return np.arctanh(r.clip(-_LARGEST_R, _LARGEST_R))


def answered(first: Answers, second: Answers) -> tuple[np.ndarray, np.ndarray]:
    """Onsets of the first that the second answers, and onsets of the first whose answer could be seen: (N, C) each,
    at every circular shift of the second."""
    size = min(len(first.seen), len(second.seen))
    onset = first.onset[:size]
    of = cross_sums(onset, second.follows[:size]), cross_sums(onset, second.seen[:size, None])
    return np.rint(of[0]), np.rint(of[1])


def windowed_correlation(
    first: np.ndarray, second: np.ndarray, window: int, hop: int, largest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Windowed cross-correlation (Boker, Xu, Rotondo & King 2002, Psychological Methods 7).

    Parameters
    ----------
    first, second: (N,) series, NaN in gaps. window, hop, largest: steps of a window, between windows, and of the
        largest lag.

    Returns
    -------
    (W,) middle step of each window of the first, and (W, 2 largest + 1) correlation with the window of the second that
    is so much later (negative: earlier); NaN where fewer than 80 % of a pair of windows are known or one is constant.
    """
    starts = np.arange(largest, len(first) - window - largest + 1, hop)
    rows = np.arange(-largest, largest + 1)[:, None] + np.arange(window)
    r = [_row_correlations(first[start : start + window][None], second[start + rows]) for start in starts.tolist()]
    return starts + window // 2, np.stack(r) if r else np.empty((0, 2 * largest + 1))


def _row_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(L,) correlation of x (1, n) with each row of y (L, n) over what both know; NaN where that is too little."""
    known = np.isfinite(x) & np.isfinite(y)
    count = np.maximum(known.sum(1, keepdims=True), 1)
    x, y = np.where(known, x, 0.0), np.where(known, y, 0.0)
    x, y = (np.where(known, v - v.sum(1, keepdims=True) / count, 0.0) for v in (x, y))
    power = (x * x).sum(1) * (y * y).sum(1)
    enough = (known.mean(1) >= _SEEN) & (power > 1e-12)
    return np.divide((x * y).sum(1), np.sqrt(power), out=np.full(power.shape, np.nan), where=enough)
