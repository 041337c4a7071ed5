"""A landmark face with known truth: a 68-point template, two movements, people who differ, heads that turn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

FPS = 25.0


def template68() -> np.ndarray:
    """(68, 3) m, symmetric, in the project's axes: a plain face in the iBUG markup."""
    points = np.zeros((68, 3))
    angle = np.linspace(-np.pi, 0, 17)
    points[:17] = np.stack([0.07 * np.cos(angle), 0.11 * np.sin(angle), -0.04 + 0.03 * np.sin(-angle)], 1)
    for i in range(5):
        x = -0.055 + 0.0105 * i
        points[17 + i] = [x, 0.024 + 0.002 * min(i, 2), 0.008 - 0.2 * abs(x) * 0.3]
        points[26 - i] = points[17 + i] * [-1, 1, 1]
    points[27:31] = [[0, 0.002 - 0.011 * i, 0.012 + 0.006 * i] for i in range(4)]
    points[31:36] = [[0.006 * (i - 2), -0.040, 0.016 + 0.003 * (2 - abs(i - 2))] for i in range(5)]
    eye = np.array(
        [
            [-0.045, 0, 0],
            [-0.037, 0.006, 0.004],
            [-0.028, 0.006, 0.004],
            [-0.018, 0, 0],
            [-0.028, -0.005, 0.003],
            [-0.037, -0.005, 0.003],
        ]
    )
    points[36:42] = eye
    points[[45, 44, 43, 42, 47, 46]] = eye * [-1, 1, 1]
    around = np.array([-1, -0.6, -0.25, 0, 0.25, 0.6, 1])
    points[48:55] = np.stack([0.025 * around, -0.062 + 0.008 * (1 - around**2), 0.014 - 0.01 * around**2], 1)
    points[55:60] = np.stack(
        [0.025 * around[5:0:-1], -0.066 - 0.008 * (1 - around[5:0:-1] ** 2), 0.013 - 0.01 * around[5:0:-1] ** 2], 1
    )
    inner = np.array([-0.9, -0.4, 0, 0.4, 0.9])
    points[60:65] = np.stack([0.022 * inner, -0.0635 + 0.001 * (1 - inner**2), 0.012 - 0.01 * inner**2], 1)
    points[65:68] = np.stack(
        [0.022 * inner[3:0:-1], -0.0645 - 0.001 * (1 - inner[3:0:-1] ** 2), 0.012 - 0.01 * inner[3:0:-1] ** 2], 1
    )
    return points


def movements68() -> np.ndarray:
    """(2, 68, 3) m: the jaw opens; the left lip corner rises."""
    fields = np.zeros((2, 68, 3))
    fields[0, 4:13, 1], fields[0, 55:60, 1], fields[0, 65:68, 1] = -0.012, -0.010, -0.010
    fields[0, 8] = [0, -0.014, -0.004]
    fields[1, [54, 53, 64, 55]] = [[0.004, 0.009, 0], [0.001, 0.004, 0], [0.003, 0.007, 0], [0.001, 0.003, 0]]
    return fields


def rotations(angles: np.ndarray) -> np.ndarray:
    """(T, 3) angles about x, y, z to (T, 3, 3)."""
    out = np.broadcast_to(np.eye(3), (len(angles), 3, 3)).copy()
    for axis in range(3):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        one = np.broadcast_to(np.eye(3), (len(angles), 3, 3)).copy()
        one[:, i, i] = one[:, j, j] = np.cos(angles[:, axis])
        one[:, j, i], one[:, i, j] = np.sin(angles[:, axis]), -np.sin(angles[:, axis])
        out = one @ out
    return out


@dataclass(frozen=True)
class Take:
    """points: (T, 68, 3) m in our axes, head moving; weights: (T, 2) of the movements; neutral: (68, 3) m."""

    points: np.ndarray
    weights: np.ndarray
    neutral: np.ndarray


def take(person: int, seed: int = 0, frames: int = 200, turn: float = 0.3, noise: float = 5e-5) -> Take:
    """One recording of a person: rest, and now and then a movement; `turn` is the reach of the head, radians."""
    own = np.random.default_rng(1000 + person)
    stretch = 1 + own.normal(0, 0.04, 3) if person else np.ones(3)
    neutral = template68() * stretch
    rng = np.random.default_rng([person, seed])
    time = np.arange(frames) / FPS
    weights = np.maximum(0, np.sin(2 * np.pi * (time[:, None] * rng.uniform(0.25, 0.5, 2) + rng.uniform(0, 1, 2))))
    weights = np.where(weights > 0.5, (weights - 0.5) * 2, 0)
    moving = neutral + np.tensordot(weights, movements68(), 1) + rng.normal(0, noise, (frames, 68, 3))
    angles = turn * np.sin(2 * np.pi * (time[:, None] * rng.uniform(0.1, 0.4, 3) + rng.uniform(0, 1, 3)))
    shift = np.array([0, 0, -0.6]) + 0.03 * np.sin(time[:, None] * rng.uniform(0.3, 1, 3))
    return Take(moving @ rotations(angles).transpose(0, 2, 1) + shift[:, None], weights, neutral)


def openface_csv(
    path: Path,
    points: np.ndarray,
    *,
    fps: float | None = FPS,
    success: np.ndarray | None = None,
    faces: np.ndarray | None = None,
    blanks: bool = False,
    deep: bool = True,
    aus: bool = True,
    rows: np.ndarray | None = None,
) -> Path:
    """An OpenFace 2.2 file of (T, 68, 3) points in our axes, m; `fps` None writes the older layout's counter for time,
    `blanks` its header. `rows` are the frame numbers (from 0) where they are not 0, 1, 2 …"""
    count = len(points)
    number = np.arange(count) if rows is None else rows
    camera = points * np.array([1, -1, -1]) * 1e3
    image = 320 + 600 * camera[..., :2] / np.where(camera[..., 2:] == 0, 1, camera[..., 2:])
    columns: dict[str, np.ndarray] = {"frame": number + 1}
    if faces is not None:
        columns["face_id"] = faces
    columns |= {
        "timestamp": number / fps if fps else number * 0.001,
        "confidence": np.full(count, 0.98),
        "success": np.ones(count, int) if success is None else success,
        "pose_Tx": camera[:, 30, 0],
    }
    columns |= {f"{axis}_{i}": image[:, i, a] for a, axis in enumerate("xy") for i in range(68)}
    if deep:
        columns |= {f"{axis}_{i}": camera[:, i, a] for a, axis in enumerate("XYZ") for i in range(68)}
    if aus:
        rng = np.random.default_rng(0)
        columns |= {f"AU{n:02d}_r": rng.uniform(0, 5, count) for n in (1, 12, 26)}
        columns |= {f"AU{n:02d}_c": rng.integers(0, 2, count) for n in (1, 12, 26)}
    header = (", " if blanks else ",").join(columns)
    np.savetxt(
        path, np.stack([np.asarray(v, float) for v in columns.values()], 1), "%.6g", ",", header=header, comments=""
    )
    return path
