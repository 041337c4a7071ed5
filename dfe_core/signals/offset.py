"""How far the clock of a signal is from that of a face: the lag at which both go together, with an interval, and drift.

Letters: N steps, L lags, B blocks, R resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.conversations.coupling import moving_sum
from dfe_core.conversations.tracks import resample_on_clock
from dfe_core.errors import DataError

STEP_S, WINDOW_S, BLOCK_S = 0.02, 5.0, 10.0
LEAST_BLOCKS = 4
_RESAMPLES = 500
_SURE = (2.5, 97.5)


@dataclass(frozen=True, kw_only=True)
class MeasuredOffset:
    """offset_s: what is added to the signal's clock for the face's. low, high: 95 %, bootstrap over blocks of 10 s.
    r: the correlation there. p: of it among circular shifts. drift_ms_per_min: of the offset over the recording, and
    its 95 % interval. blocks: B."""

    offset_s: float
    low: float
    high: float
    r: float
    p: float
    drift_ms_per_min: float
    drift_low: float
    drift_high: float
    blocks: int


def measure_offset(
    face: tuple[np.ndarray, np.ndarray], signal: tuple[np.ndarray, np.ndarray], largest_s: float = 2.0, seed: int = 0
) -> MeasuredOffset:
    """The offset of a signal by its cross-correlation with a course of the face, such as the opening of the jaw.

    Parameters
    ----------
    face, signal: time_s (T,) and values (T,), NaN where unknown, each on its own clock. largest_s: offset that is
    looked for, to either side. seed: of the bootstrap.

    Raises `DataError` where both share less than four blocks of 10 s, or one does not vary.
    """
    start = max(face[0][0], signal[0][0] - largest_s)
    stop = min(face[0][-1], signal[0][-1] + largest_s)
    clock = np.arange(start, stop, STEP_S)
    lag, block = round(largest_s / STEP_S), round(BLOCK_S / STEP_S)
    if len(clock) < LEAST_BLOCKS * block:
        found = f"{max(stop - start, 0):.0f} s of both"
        raise DataError("offset", found, f"{LEAST_BLOCKS * BLOCK_S:.0f} s or more")
    x, y = (_centred(*one, clock) for one in (face, signal))
    if not (x @ x > 0 and y @ y > 0):
        raise DataError("offset", "a course that does not vary", "one that moves, such as the jaw and the sound")
    products = _by_block(x, y, lag, block)
    curve = products.sum(0)
    at = int(np.argmax(np.abs(curve)))
    draws = np.random.default_rng([seed, 61]).multinomial(
        len(products), np.full(len(products), 1 / len(products)), _RESAMPLES
    )
    peaks = np.array([_peak(curve_of) for curve_of in draws @ products])
    low, high = np.percentile(-(peaks - lag) * STEP_S, _SURE)
    drift = _drift(products, lag, block, draws)
    shifted = np.fft.irfft(np.conj(np.fft.rfft(x)) * np.fft.rfft(y), len(x))
    wide = np.abs(shifted[2 * lag : -2 * lag])
    chance = wide[: len(wide) // (2 * lag + 1) * (2 * lag + 1)].reshape(-1, 2 * lag + 1).max(1)
    return MeasuredOffset(
        offset_s=float(-(_peak(curve) - lag) * STEP_S),
        low=float(low),
        high=float(high),
        r=float(curve[at] / np.sqrt((x @ x) * (y @ y))),
        p=float((1 + (chance >= np.abs(curve[at])).sum()) / (1 + len(chance))),
        drift_ms_per_min=drift[0],
        drift_low=drift[1],
        drift_high=drift[2],
        blocks=len(products),
    )


def on_clock(time_s: np.ndarray, values: np.ndarray, offset_s: float, clock_s: np.ndarray) -> np.ndarray:
    """(N, C) of a signal (T,), (T, C) at times of the face (N,); NaN where it is not known."""
    seen = np.isfinite(values).all(1)
    known, found = resample_on_clock(time_s[seen] + offset_s, values[seen], clock_s)
    return np.where(known[:, None], found, np.nan)


def _centred(time_s: np.ndarray, values: np.ndarray, clock: np.ndarray) -> np.ndarray:
    seen = np.isfinite(values)
    if seen.sum() < 2:
        return np.zeros(len(clock))
    known, found = resample_on_clock(time_s[seen], _smoothed(time_s[seen], values[seen])[:, None], clock)
    weight, window = known.astype(float)[:, None], round(WINDOW_S / STEP_S)
    mean = moving_sum(found * weight, window) / np.maximum(moving_sum(weight, window), 1)
    return ((found - mean) * weight)[:, 0]


def _smoothed(time_s: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Averaged to the step of the clock where there are more samples than steps."""
    size = round(STEP_S / max(float(np.median(np.diff(time_s))), 1e-6))
    size += 1 - size % 2  # odd: an even one would move it by half a sample
    return moving_sum(values[:, None], size)[:, 0] / size if size > 1 else values


def _by_block(x: np.ndarray, y: np.ndarray, lag: int, block: int) -> np.ndarray:
    """(B, L) sums of x[t] y[t + s] within blocks of x, s from −lag to lag."""
    padded = np.concatenate([np.zeros(lag), y, np.zeros(lag)])
    starts = range(0, len(x) - block + 1, block)
    rows = np.arange(2 * lag + 1)[:, None] + np.arange(block)
    return np.stack([padded[start + rows] @ x[start : start + block] for start in starts])


def _peak(curve: np.ndarray) -> float:
    size = np.abs(curve)
    at = int(np.clip(np.argmax(size), 1, len(size) - 2))
    bend = size[at - 1] - 2 * size[at] + size[at + 1]
    return at + (float(np.clip((size[at - 1] - size[at + 1]) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0)


def _drift(products: np.ndarray, lag: int, block: int, draws: np.ndarray) -> tuple[float, float, float]:
    """ms a minute and its interval: the difference of the offsets of both halves, over the time between them."""
    half = len(products) // 2
    minutes = (len(products) - half) * block * STEP_S / 60

    def between(weights: np.ndarray) -> float:
        first, second = weights[:half] @ products[:half], weights[half:] @ products[half:]
        return -(_peak(second) - _peak(first)) * STEP_S * 1000 / minutes

    values = np.array([between(one) for one in draws])
    low, high = np.percentile(values, _SURE)
    return between(np.ones(len(products))), float(low), float(high)
