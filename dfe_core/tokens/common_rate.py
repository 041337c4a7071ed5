"""One frame rate for recordings of several: no event may be seen at one rate and missed at another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.tokens.cache import Tokens
from dfe_core.tokens.presence import frame_step

_SAME_RATE = 1.05
"""Frame rates within this ratio are one rate."""


def common_rate(recordings: pd.DataFrame) -> float | None:
    """Frames a second that all recordings are thinned to; None where they have one rate (within 5 %)."""
    fps = recordings["fps"].to_numpy(float)
    fps = fps[np.isfinite(fps) & (fps > 0)]
    return float(fps.min()) if len(fps) and fps.max() > fps.min() * _SAME_RATE else None


def thinned_tokens(part: Tokens, rate: float | None) -> Tokens:
    """The frames of one recording nearest to a grid of `rate` frames a second; itself where that is no fewer."""
    if rate is None or len(part.time_s) < 2 or frame_step(part.time_s) * rate * _SAME_RATE >= 1:
        return part
    grid = np.arange(part.time_s[0], part.time_s[-1] + 0.5 / rate, 1 / rate)
    after = np.clip(np.searchsorted(part.time_s, grid), 1, len(part.time_s) - 1)
    nearest = after - (grid - part.time_s[after - 1] < part.time_s[after] - grid)
    rows = np.unique(nearest[np.abs(part.time_s[nearest] - grid) <= 0.5 / rate])
    return Tokens(
        recording=part.recording,
        frame=part.frame[rows],
        time_s=part.time_s[rows],
        tokens=part.tokens[rows],
        intensities=part.intensities[rows],
        error_mm=part.error_mm[rows],
    )
