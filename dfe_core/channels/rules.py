"""Rules that turn a channel of one recording into speeds and events. NaN is a frame in which it is not known.

Every rule is in seconds and degrees, not in frames, and never joins frames across a gap. Below `LEAST_FPS` neither
blinks nor the rhythm of speech can be seen. Letters: T frames, D components, B blinks.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy.signal import find_peaks

LEAST_FPS = 8.0
GAP_S, _GAP_STEPS = 0.25, 2.5
"""Frames further apart than this, and than so many frames, are not joined."""

HEAD_SPAN_S = 0.2
"""Head speed is the turn over this time, so that jitter counts less and rates of 10 and 60 frames a second agree."""

SHIFT_LAMBDA, SHIFT_LEAST = 6.0, 5.0
"""A saccade-like shift of gaze is faster than 6 median-based standard deviations of its velocity (Engbert & Kliegl
2003, Vision Research 43), which are taken as 5 degrees a second at least: no shift is slower than 30."""

BLINK_CLOSING, BLINK_S, _BLINK_REACH_S, _BLINK_APART_S = 0.3, 0.5, 0.6, 0.1
"""A blink is a peak of eyelid closure (0 open … 1 closed) by 0.3 above what is around it, at most 0.5 s wide at half of
its height; longer closures are eyes closed."""

SPEECH_WINDOW_S, SPEECH_HZ = 1.0, (2.0, 8.0)
SPEECH_AMPLITUDE, SPEECH_SHARE, SPEECH_LEAST_S = 0.02, 0.5, 1.0
"""A frame is speech-like where, in the second around it, jaw opening (0 … 1) moves at 2 to 8 Hz by 0.02 (root mean
square) and half or more of its movement is of these frequencies; stretches under 1 s are dropped, which one opening of
the mouth makes (syllables: Chandrasekaran et al. 2009, PLoS Computational Biology 5)."""
_SPEECH_RATE, _SPEECH_HOP_S = 30.0, 0.1


def frame_interval(time_s: np.ndarray) -> float:
    """The median step of (T,) seconds; NaN with fewer than two frames."""
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else float("nan")


def sees_events(time_s: np.ndarray) -> bool:
    """Whether frames are close enough together for blinks and the rhythm of speech."""
    return len(time_s) > 1 and frame_interval(time_s) * LEAST_FPS <= 1 + 1e-6


def angular_speed(angles: np.ndarray, time_s: np.ndarray, span_s: float = HEAD_SPAN_S) -> np.ndarray:
    """(T,) degrees a second of angles (T, D) in degrees: the length of their change over `span_s` around each frame.

    For pitch, yaw and roll it is the speed of the turn as long as the head is within some 30° of the camera's axis,
    whatever order and signs the tool's angles have. NaN within half a span of an end or a gap.
    """
    before = _sampled(time_s, angles, time_s - span_s / 2)
    after = _sampled(time_s, angles, time_s + span_s / 2)
    return np.linalg.norm(after - before, axis=1) / span_s


def frame_velocity(angles: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(T, D) degrees a second from the frame before; NaN at the first one and after a gap."""
    step = np.diff(time_s, prepend=np.nan)
    step[~(step <= _gap(time_s))] = np.nan
    return np.diff(angles, axis=0, prepend=np.nan) / step[:, None]


def gaze_shifts(velocity: np.ndarray) -> np.ndarray:
    """(T,) 1 at the first frame of each saccade-like shift, else 0; NaN where velocity (T, 2) is not known."""
    known = np.isfinite(velocity).all(1)
    onset = np.where(known, 0.0, np.nan)
    if known.any():
        v = velocity[known]
        spread = np.sqrt(np.maximum(np.median(v**2, 0) - np.median(v, 0) ** 2, 0))
        fast = np.zeros(len(velocity), bool)
        fast[known] = ((v / (SHIFT_LAMBDA * np.maximum(spread, SHIFT_LEAST))) ** 2).sum(1) > 1
        onset[fast & ~np.r_[False, fast[:-1]]] = 1
    return onset


def find_blinks(closure: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(B, 2) s from and to, at half height, of the blinks in closure (T,) 0 … 1; none below `LEAST_FPS`."""
    if not sees_events(time_s):
        return np.empty((0, 2))
    parts = [_blinks_of_stretch(closure[part], time_s[part]) for part in _stretches(closure, time_s)]
    return np.concatenate([np.empty((0, 2)), *parts])


def speech_like(jaw: np.ndarray, time_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether the jaw moves as in speech, and by how much: an estimate; laughter and fast chewing have the rhythm, too.

    Parameters
    ----------
    jaw: (T,) opening, 0 … 1. time_s: (T,).

    Returns
    -------
    (T,) 1, 0, or NaN where the second around a frame is not known; (T,) root mean square of 2 to 8 Hz in that second.
    Below 16 frames a second only the rhythm up to half the frame rate is seen.
    """
    nothing = np.full(len(jaw), np.nan)
    if not sees_events(time_s):
        return nothing, nothing.copy()
    step = max(frame_interval(time_s), 1 / _SPEECH_RATE)
    grid = np.arange(time_s[0], time_s[-1] + 1e-9, step)
    width, hop = round(SPEECH_WINDOW_S / step), max(1, round(_SPEECH_HOP_S / step))
    if len(grid) < width:
        return nothing, nothing.copy()
    windows = np.lib.stride_tricks.sliding_window_view(_sampled(time_s, jaw[:, None], grid)[:, 0], width)[::hop]
    amplitude, share = _rhythm(windows, step)
    passed = (amplitude >= SPEECH_AMPLITUDE) & (share >= SPEECH_SHARE)
    passed = _without_short(passed, round(SPEECH_LEAST_S / (hop * step)))
    centre = grid[: len(grid) - width + 1 : hop] + (width - 1) / 2 * step
    near = _nearest(centre, time_s)
    known = np.isfinite(amplitude[near]) & np.isfinite(jaw)
    return np.where(known, passed[near].astype(float), np.nan), np.where(known, amplitude[near], np.nan)


def _rhythm(windows: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square of windows (W, n) between `SPEECH_HZ`, and its share of what moves, less a line."""
    n = windows.shape[1]
    line = np.linalg.qr(np.column_stack([np.ones(n), np.arange(n) - (n - 1) / 2]))[0]
    left = windows - (windows @ line) @ line.T
    power = np.abs(np.fft.rfft(left * np.hanning(n), axis=1)) ** 2
    hertz = np.fft.rfftfreq(n, step)
    band = (hertz >= SPEECH_HZ[0] - 0.5) & (hertz <= SPEECH_HZ[1] + 0.5)
    within, whole = power[:, band].sum(1), power[:, 1:].sum(1)
    amplitude = np.sqrt(2 * within / (n * (np.hanning(n) ** 2).sum()))
    return amplitude, np.divide(within, whole, out=np.zeros_like(whole), where=whole > 1e-12)


def _without_short(passed: np.ndarray, least: int) -> np.ndarray:
    """(W,) bool without runs of fewer than `least`."""
    edges = np.flatnonzero(np.diff(np.r_[False, passed, False].astype(int)))
    out = passed.copy()
    for start, stop in edges.reshape(-1, 2):
        out[start:stop] = stop - start >= least
    return out


def _nearest(centre: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(T,) index of the nearest of the increasing `centre`."""
    after = np.minimum(np.searchsorted(centre, time_s), len(centre) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(time_s - centre[before] < centre[after] - time_s, before, after)


def _blinks_of_stretch(closure: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    if len(closure) < 3:
        return np.empty((0, 2))
    step = frame_interval(time_s)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # lids that rest on a level have peaks of no height
        _, found = find_peaks(
            closure,
            prominence=BLINK_CLOSING,
            wlen=2 * max(1, round(_BLINK_REACH_S / step)) + 1,
            distance=max(1, round(_BLINK_APART_S / step)),
            width=(None, BLINK_S / step),
            rel_height=0.5,
        )
    rows = np.arange(len(time_s))
    return np.column_stack([np.interp(found[side], rows, time_s) for side in ("left_ips", "right_ips")])


def _stretches(values: np.ndarray, time_s: np.ndarray) -> list[np.ndarray]:
    """Rows of known frames, cut at gaps."""
    known = np.flatnonzero(np.isfinite(values))
    return np.split(known, np.flatnonzero(np.diff(time_s[known]) > _gap(time_s)) + 1) if len(known) else []


def _gap(time_s: np.ndarray) -> float:
    return max(GAP_S, _GAP_STEPS * frame_interval(time_s)) if len(time_s) > 1 else GAP_S


def _sampled(time_s: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(N, D) values (T, D) at other times (N,), between known frames; NaN outside them and in gaps."""
    known = np.isfinite(values).all(1)
    out = np.full((len(at), values.shape[1]), np.nan)
    times = time_s[known]
    if len(times) < 2:
        return out
    after = np.clip(np.searchsorted(times, at - 1e-9), 1, len(times) - 1)
    inside = (at >= times[0] - 1e-9) & (at <= times[-1] + 1e-9) & (times[after] - times[after - 1] <= _gap(time_s))
    for column in range(values.shape[1]):
        out[inside, column] = np.interp(at[inside], times, values[known, column])
    return out
