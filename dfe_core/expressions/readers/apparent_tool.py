"""Which tool made ARKit coefficients, as their values show it, whatever the header says.

Apple's ARKit writes one of two opposite directions of gaze and exactly 0 for the other: no frame of the Live Link takes
at hand (two performers, raw and calibrated, 12,599 frames) has both. MediaPipe's scores are each a network's output and
never 0: in 99 % of its frames both are there. That a face is quiet makes no difference to either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dfe_core.expressions.validation import FAINT, LEAST_FRAMES

OPPOSITES = tuple(
    (f"eyeLook{a}{side}", f"eyeLook{b}{side}") for side in ("Left", "Right") for a, b in (("In", "Out"), ("Up", "Down"))
)
"""Directions of which ARKit's eyes have one at a time."""
BLIND = tuple(
    "cheekPuff cheekSquintLeft cheekSquintRight noseSneerLeft noseSneerRight jawForward jawLeft jawRight".split()
)
"""What MediaPipe sees in nobody (google-ai-edge/mediapipe#4436, #4450)."""
_LEAST_BLIND = 5
_THERE = 1e-3
_OFTEN = 0.5
_LOOKING = 0.1  # eyes that look somewhere: values that are noise everywhere tell of no tool


@dataclass(frozen=True, kw_only=True)
class GazeTogether:
    """Opposite directions of gaze at once, which ARKit never writes.

    share: of the frames, mean over the four pairs. blind: coefficients of `BLIND` that never exceed `FAINT`.
    """

    share: float
    blind: tuple[str, ...]

    @property
    def mediapipe(self) -> bool:
        """Whether the values are MediaPipe's scores."""
        return len(self.blind) >= _LEAST_BLIND


def gaze_together(psi: np.ndarray, valid: np.ndarray, names: Sequence[str]) -> GazeTogether | None:
    """What (T, E) values and (T,) flags say; None for values that ARKit may have tracked, and for too few frames."""
    column = {name: i for i, name in enumerate(names)}
    pairs = [(column[a], column[b]) for a, b in OPPOSITES if a in column and b in column]
    if valid.sum() < LEAST_FRAMES or not pairs:
        return None
    rows = psi if valid.all() else psi[valid]
    share = float(np.mean([((rows[:, a] > _THERE) & (rows[:, b] > _THERE)).mean() for a, b in pairs]))
    if share < _OFTEN or rows[:, [i for pair in pairs for i in pair]].max() < _LOOKING:
        return None
    return GazeTogether(
        share=share, blind=tuple(name for name in BLIND if name in column and rows[:, column[name]].max() < FAINT)
    )
