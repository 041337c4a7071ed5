"""How far the clocks of two records of the same face lie apart, by cross-correlation.

Letters of the shapes: n samples, c channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Frames
from dfe_core.facs.derive import make_deriver
from dfe_core.facs.detections import Detections
from dfe_core.text_enum import StrEnum

_RATE = 30.0
_EXPECTED_CHANNELS = 3


MIN_CORRELATION = 0.2
"""A cross-correlation below this measures no lag."""
MIN_GAIN = 0.1
"""By how much the correlation at a lag must exceed that at the given offset before the lag is believed."""
MIN_LAG_S = 0.05
"""A smaller lag, or one below a frame and a half, is none: AUs are smoothed over more than that."""


class LagState(StrEnum):
    """What became of the lag between AUs and expressions."""

    IN_TIME = "in time"
    """No lag beyond a frame."""
    APPLIED = "applied"
    """A lag was measured and taken into account."""
    REFUSED = "refused"
    """A lag was measured and not taken into account: it fits hardly better, or another offset was given."""
    NOT_MEASURABLE = "not measurable"
    """AUs and expressions move too little together, or overlap too little."""
    NOT_ESTIMATED = "not estimated"
    """No lag was looked for."""


@dataclass(frozen=True)
class Offset:
    """offset_s to add to recording time to get AU time, the correlation there, and the correlation at 0."""

    offset_s: float
    correlation: float
    at_zero: float


def cross_correlate(
    detections: Detections, frames: Frames, names: tuple[str, ...], largest_s: float, around_s: float = 0.0
) -> Offset | None:
    """The offset within ± `largest_s` of `around_s` at which AUs and expressions move together best.

    Where ψ is on ARKit coefficients, each detected AU is compared with its estimate from ψ; elsewhere the speed of all
    AUs with the speed of ψ. Both are brought to one clock (at most 30 Hz); the correlation is the mean over channels,
    each normalised over the overlap as a whole, refined by a parabola through the peak. None where the overlap is
    below 2 s or nothing varies.
    """
    pair = _channels(detections, frames, names)
    if pair is None:
        return None
    (time_a, a), (time_b, b) = pair
    rate = min(_RATE, *(1 / np.median(np.diff(t)) for t in (time_a, time_b)))
    reach = int(round(largest_s * rate))
    start, stop = time_b[0], time_b[-1]
    grid = np.arange(start, stop, 1 / rate)
    # AU time = recording time + offset: the AUs are read at the grid moved by `around_s`, and then by each lag.
    wide = np.arange(-reach, len(grid) + reach) / rate + start + around_s
    own, other = _resample(time_b, b, grid), _resample(time_a, a, wide)
    scores = _lagged(own, other, 2 * reach + 1, min_samples=int(2 * rate))
    if scores is None:
        return None
    best = int(np.nanargmax(scores))
    return Offset(around_s + (best - reach + _parabola(scores, best)) / rate, float(scores[best]), float(scores[reach]))


def judge_lag(found: Offset | None, given_s: float | None, frame_s: float) -> tuple[LagState, float]:
    """What to do about a measured offset, and the offset to use, s.

    `found` was searched around `given_s` (None: nothing was given, the search was around 0). A lag is believed from
    `MIN_CORRELATION` on where it fits better than the given offset by `MIN_GAIN`. A given offset is always used.
    """
    base = given_s or 0.0
    if found is None or found.correlation < MIN_CORRELATION:
        return LagState.NOT_MEASURABLE, base
    lag = found.offset_s - base
    if abs(lag) <= max(MIN_LAG_S, 1.5 * frame_s):
        return LagState.IN_TIME, base
    if given_s is not None or found.correlation - found.at_zero < MIN_GAIN:
        return LagState.REFUSED, base
    return LagState.APPLIED, found.offset_s


@dataclass(frozen=True, kw_only=True)
class LagCounts:
    """What became of the lag between AUs and expressions: recordings by state (in the order of `LagState`), and the
    median lag of those states that have one, s."""

    recordings: dict[str, int]
    median_s: dict[str, float]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LagCounts:
        """The inverse of `dataclasses.asdict`, after JSON."""
        return cls(recordings=dict(value["recordings"]), median_s=dict(value["median_s"]))


def count_lags(rows: Iterable[Mapping[str, Any]]) -> LagCounts:
    """What became of the lag, over the alignments of all recordings, as stored."""
    rows = list(rows)
    states = [str(row.get("lag", LagState.NOT_ESTIMATED)) for row in rows]
    lags = {
        LagState.APPLIED: [row.get("offset_s") for row, state in zip(rows, states, strict=True) if state == "applied"],
        LagState.REFUSED: [row.get("lag_s") for row, state in zip(rows, states, strict=True) if state == "refused"],
    }
    known = {state: [lag for lag in own if lag is not None] for state, own in lags.items()}
    return LagCounts(
        recordings={str(state): states.count(state) for state in LagState if state in states},
        median_s={str(state): float(np.median(own)) for state, own in known.items() if own},
    )


def lag_line(lags: LagCounts) -> str:
    """``lag between AUs and expressions: in time in 208, refused in 1 (median -2.90 s) of 209 recordings``."""
    parts = [
        f"{state} in {count}" + (f" (median {lags.median_s[state]:.2f} s)" if state in lags.median_s else "")
        for state, count in lags.recordings.items()
    ]
    return f"lag between AUs and expressions: {', '.join(parts)} of {sum(lags.recordings.values())} recordings"


_Channel = tuple[np.ndarray, np.ndarray]


def _channels(detections: Detections, frames: Frames, names: tuple[str, ...]) -> tuple[_Channel, _Channel] | None:
    """Matching channels of both, each (times, (n, c)); None where there is too little."""
    found = detections.per_frame()
    level = np.where(np.isnan(found.intensity), found.probability, found.intensity)
    if frames.valid.sum() < 10 or len(level) < 10:
        return None
    psi, time = frames.psi[frames.valid], frames.time_s[frames.valid]
    seen = ~np.isnan(level).all(1)
    if seen.sum() < 10:
        return None
    pairs = _same_aus(detections, names)
    if pairs:
        step = float(np.median(np.diff(time)))
        estimate = pairs[1].intensity(psi, time, step)
        own = np.stack([estimate[:, columns].mean(1) for _, columns in pairs[0]], 1)
        other = level[:, [i for i, _ in pairs[0]]]
    else:
        own, other = _speed(psi), _speed(np.nan_to_num(level))
    return (found.time_s[seen], other[seen]), (time, own)


def _same_aus(detections: Detections, names: tuple[str, ...]):
    try:
        deriver = make_deriver(names)
    except DataError:
        return None
    pairs = []
    for i, (au, side) in enumerate(detections.aus):
        columns = [j for j, (other, where) in enumerate(deriver.aus) if other == au and side in ("both", where)]
        if columns:
            pairs.append((i, columns))
    return (pairs, deriver) if len(pairs) >= _EXPECTED_CHANNELS else None


def _speed(values: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.diff(values, axis=0, prepend=values[:1]), axis=1, keepdims=True)


def _resample(time: np.ndarray, values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(n, c) at `grid` by linear interpolation, NaN outside; gaps inside are bridged."""
    out = np.full((len(grid), values.shape[1]), np.nan)
    for column in range(values.shape[1]):
        known = ~np.isnan(values[:, column])
        if known.sum() > 1:
            out[:, column] = np.interp(grid, time[known], values[known, column], left=np.nan, right=np.nan)
    return out


def _lagged(own: np.ndarray, other: np.ndarray, lags: int, min_samples: int) -> np.ndarray | None:
    """(lags,) mean correlation over channels of `own` (n, c) with `other` (n + lags − 1, c) at each lag.

    Sums over the overlap by FFT; Pearson at every lag on its own overlap. None where nothing can be compared.
    """
    seen_a, seen_b = ~np.isnan(own), ~np.isnan(other)
    a, b = _centred(own, seen_a), _centred(other, seen_b)
    count = _correlate(seen_a, seen_b, lags)
    sum_a, sum_b = _correlate(a, seen_b, lags), _correlate(seen_a, b, lags)
    square_a, square_b = _correlate(a * a, seen_b, lags), _correlate(seen_a, b * b, lags)
    safe = np.maximum(count, 1)
    covariance = _correlate(a, b, lags) / safe - sum_a * sum_b / safe**2
    variance = (square_a / safe - (sum_a / safe) ** 2) * (square_b / safe - (sum_b / safe) ** 2)
    usable = (count >= min_samples) & (variance > 1e-10)
    scores = np.where(usable, covariance / np.sqrt(np.where(usable, variance, 1)), np.nan)
    measured = usable.sum(1)
    if not measured.any():
        return None
    total = np.nansum(scores, 1)
    return np.where(measured >= 0.5 * measured.max(), total / np.maximum(measured, 1), -1)


def _centred(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    known = np.where(seen, values, 0)
    return np.where(seen, known - known.sum(0) / np.maximum(seen.sum(0), 1), 0)


def _correlate(a: np.ndarray, b: np.ndarray, lags: int) -> np.ndarray:
    """(lags, c): Σ_t a[t] · b[t + lag]."""
    if lags == 1:
        return np.einsum("tc,tc->c", a.astype(float), b.astype(float))[None]
    size = 1 << int(np.ceil(np.log2(len(b) + len(a))))
    spectrum = np.conj(np.fft.rfft(a, size, axis=0)) * np.fft.rfft(b, size, axis=0)
    return np.fft.irfft(spectrum, size, axis=0)[:lags]


def _parabola(scores: np.ndarray, best: int) -> float:
    """Where between the neighbours of the peak the true peak lies, −½ … ½."""
    if not 0 < best < len(scores) - 1:
        return 0.0
    low, top, high = scores[best - 1 : best + 2]
    curve = low - 2 * top + high
    return float(np.clip(0.5 * (low - high) / curve, -0.5, 0.5)) if curve < 0 else 0.0
