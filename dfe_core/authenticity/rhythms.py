"""What windows of tokens say of how a face moves: how much of each codeword, and in which rhythm.

T frames, K codewords.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.tokens.cache import Tokens
from dfe_core.tokens.presence import frame_step

LAGS_S = (0.2, 0.5, 1.0, 2.0)
"""Lags at which the number of onsets is correlated with itself."""
RHYTHMS = (
    "tokens a frame",
    "tokens a frame, s.d.",
    "tokens kept from frame to frame",
    "intensity change from frame to frame",
    "presences a second",
    "duration, s",
    "duration, relative spread",
    "apex within presence",
    "apex within presence, spread",
    "onset intervals, relative spread",
    "onsets together",
    *(f"activity after {lag:g} s" for lag in LAGS_S),
)
"""Columns of `rhythm_features` that are of no codeword."""


def rhythm_features(tokens: Tokens, runs: pd.DataFrame, codewords: int, window_s: float) -> np.ndarray:
    """(W, 2 K + R) of every whole window of a recording.

    Parameters
    ----------
    runs: presences of the recording, as `tokens.intervals.find_runs` gives them.
    window_s: length of a window, s; windows follow one another.

    Returns
    -------
    Log of one more than the percent of frames with each codeword (K), log of one more than its onsets a minute (K), and
    `RHYTHMS` (R). Empty for a recording shorter than a window.
    """
    step = frame_step(tokens.time_s)
    starts = runs["start_s"].to_numpy(float)
    rows = []
    for start, frames in whole_windows(tokens.time_s, window_s):
        own = runs.iloc[np.flatnonzero((starts >= start - 1e-9) & (starts < start + window_s - 1e-9))]
        rows.append(_window(tokens, frames, own, codewords, window_s, step))
    return np.array(rows).reshape(len(rows), 2 * codewords + len(RHYTHMS))


def whole_windows(time_s: np.ndarray, window_s: float) -> list[tuple[float, np.ndarray]]:
    """Start (s) and rows of the windows of a recording, one after another from its first frame (T,).

    The rest after the last whole one is left out, and so is a window of which less than half was tracked.
    """
    if len(time_s) < 2:
        return []
    start, step = float(time_s[0]), frame_step(time_s)
    count = int((float(time_s[-1]) + step - start + 1e-6) // window_s)
    window = ((time_s - start + 1e-9) // window_s).astype(int)
    rows = [(start + number * window_s, np.flatnonzero(window == number)) for number in range(count)]
    return [(begun, frames) for begun, frames in rows if len(frames) >= max(0.5 * window_s / step, 2)]


def feature_names(codewords: int) -> list[str]:
    """Of the columns of `rhythm_features`."""
    shares = [f"share of codeword {k}" for k in range(codewords)]
    return [*shares, *(f"onsets of codeword {k}" for k in range(codewords)), *RHYTHMS]


def _window(
    tokens: Tokens, frames: np.ndarray, runs: pd.DataFrame, codewords: int, window_s: float, step: float
) -> np.ndarray:
    words, strength = tokens.tokens[frames].astype(int), tokens.intensities[frames]
    there = np.zeros((len(frames), codewords))
    np.add.at(there, (np.arange(len(frames))[:, None], words), strength)
    there[:, 0] = 0
    present = there > 0
    onsets = np.bincount(runs["codeword"].to_numpy(int), minlength=codewords)[:codewords]
    shares, rates = np.log1p(100 * present.mean(0)), np.log1p(onsets * 60 / window_s)
    return np.concatenate([shares, rates, _rhythm(there, present, runs, window_s, step)])


def _rhythm(there: np.ndarray, present: np.ndarray, runs: pd.DataFrame, window_s: float, step: float) -> np.ndarray:
    count = present.sum(1)
    either = (present[1:] | present[:-1]).sum(1)
    kept = (present[1:] & present[:-1]).sum(1)
    changed = np.abs(np.diff(there, axis=0)).sum(1)
    start, end = runs["start_s"].to_numpy(float), runs["end_s"].to_numpy(float)
    length = end - start
    apex = (runs["peak_s"].to_numpy(float) - start) / np.maximum(length, 1e-9)
    between = np.diff(np.sort(start))
    bins = np.bincount(((start - start.min(initial=0)) // 0.1).astype(int)) if len(start) else np.zeros(1)
    activity = np.concatenate([[0.0], changed])
    return np.array(
        [
            count.mean(),
            count.std(),
            kept.sum() / max(either.sum(), 1),
            changed.mean() if len(changed) else 0.0,
            len(runs) / window_s,
            length.mean() if len(length) else 0.0,
            _spread(length),
            apex.mean() if len(apex) else 0.5,
            apex.std() if len(apex) else 0.0,
            _spread(between),
            (bins[bins > 0] > 1).mean() if (bins > 0).any() else 0.0,
            *(_autocorrelation(activity, round(lag / step)) for lag in LAGS_S),
        ]
    )


def _spread(values: np.ndarray) -> float:
    """Standard deviation over mean."""
    return float(values.std() / values.mean()) if len(values) > 1 and values.mean() > 0 else 0.0


def _autocorrelation(values: np.ndarray, lag: int) -> float:
    centred = values - values.mean()
    energy = float((centred**2).sum())
    if energy <= 0 or not 0 < lag < len(values):
        return 0.0
    return float((centred[lag:] * centred[:-lag]).sum() / energy)
