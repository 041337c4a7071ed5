"""Head pose as tools write it beside ψ, in one form: pitch, yaw and roll in radians.

Signs and zero are the tool's own. What is measured from pose here (`pose_leak`, the corrections) does not depend on
them, because every subject's pose is centred and scaled first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

AXES = ("pitch", "yaw", "roll")
_COLUMNS = (("pose_Rx", "pose_Ry", "pose_Rz"), ("HeadPitch", "HeadYaw", "HeadRoll"))
"""Names of pitch, yaw and roll: OpenFace's; and those that every other reader, and the simulator, gives them."""
_IN_DEGREES = frozenset(("face-cap", "ifacialmocap"))
"""Extractors whose angles are degrees; all others write radians (readers' own docstrings)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadPose:
    """Head pose of one recording: angles (T, 3) float64 radians, pitch, yaw, roll, NaN where unknown; the columns they
    were read from."""

    angles: np.ndarray
    columns: tuple[str, ...]


def pose_columns() -> frozenset[str]:
    """Every column name that head pose is read from."""
    return frozenset(name for names in _COLUMNS for name in names)


def head_pose(extras: Mapping[str, np.ndarray], extractor: str = "") -> HeadPose | None:
    """The head pose among the columns beside ψ of one recording; None where there is none.

    Parameters
    ----------
    extras: (T,) columns by name, as `Dataset.extras` gives them.
    extractor: the tool that made the recording, which tells degrees from radians.
    """
    for names in _COLUMNS:
        if all(name in extras for name in names):
            angles = np.stack([np.asarray(extras[name], np.float64) for name in names], 1)
            return HeadPose(angles=np.radians(angles) if extractor.lower() in _IN_DEGREES else angles, columns=names)
    return None


def quadratic(angles: np.ndarray) -> np.ndarray:
    """(T, 9) float64 of (T, 3) angles: each, its square, and the products of two, of angles centred and in units of
    their standard deviation (an angle that does not change counts as 0)."""
    centred = np.asarray(angles, np.float64) - angles.mean(0)
    spread = centred.std(0)
    unit = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-9)
    pairs = [unit[:, i] * unit[:, j] for i in range(3) for j in range(i, 3)]
    return np.concatenate([unit, np.stack(pairs, 1)], 1)
