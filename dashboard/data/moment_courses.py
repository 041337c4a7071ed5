"""What the face does around moments of recordings, for thumbnails that move."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.render.recording_pack import quantised

from .packs import pack

BEFORE_S, AFTER_S, FPS = 0.8, 0.7, 20
"""How long before and after its moment a thumbnail shows, and its frames per second."""


@lru_cache(maxsize=64)
def courses(dataset: Dataset, moments: tuple[tuple[str, float], ...]) -> np.ndarray:
    """ψ (n, T, E) around each (recording, second), T frames at `FPS`; beyond a recording's ends its first or last."""
    grid = np.arange(-round(BEFORE_S * FPS), round(AFTER_S * FPS) + 1) / FPS
    rows = []
    for recording, peak_s in moments:
        frames = dataset.frames(recording)
        middles = (frames.time_s[1:] + frames.time_s[:-1]) / 2
        rows.append(frames.psi[np.searchsorted(middles, peak_s + grid)])
    return np.array(rows, np.float32)


def courses_pack(psi: Sequence[np.ndarray] | np.ndarray) -> bytes:
    """(n, T, E) movements for the strip view."""
    movements = np.asarray(psi, np.float32)
    steps, scale = quantised(movements.reshape(-1, movements.shape[2]))
    return pack({"fps": FPS}, psi=steps.reshape(movements.shape), scale=scale)
