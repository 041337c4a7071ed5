"""Head movement, and what a turned head does to the coefficients of a tracker that is not free of pose.

Letters of the shapes: T frames, E coefficients, C channels, F = 9 functions of pose.
"""

from __future__ import annotations

import numpy as np

from dfe_core.expressions.columns import split_side
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.simulate.curves import smooth_knots
from dfe_core.simulate.events import Events
from dfe_core.simulate.repertoire import CHANNELS, INDEX

POSE = ("HeadPitch", "HeadYaw", "HeadRoll")
"""Columns of `Dataset.extras`, radians, named as Live Link Face names them."""

_SCALE = np.radians([8.0, 12.0, 6.0])
"""Pitch, yaw and roll that count as 1 in the functions of pose."""
_WANDER = ((1.5, np.radians([1.5, 2.5, 1.2])), (8.0, np.radians([3.0, 5.0, 2.0])))
"""Quick and slow wander of the head: seconds a knot and s.d. of pitch, yaw and roll."""
_WITH = (
    ("AU12", (-3.0, 0.0, 1.5)),
    ("AU61", (0.0, 6.0, 0.0)),
    ("AU62", (0.0, -6.0, 0.0)),
    ("AU63", (-4.0, 0.0, 0.0)),
    ("AU64", (5.0, 0.0, 0.0)),
    ("AU1", (-2.0, 0.0, 0.0)),
    ("AU4", (2.0, 0.0, 0.0)),
    ("AU15", (4.0, 0.0, 0.0)),
)
"""Degrees of pitch, yaw and roll that go with an action at full intensity: heads follow gaze, and tilt in a smile."""
_FOLLOW_S = 0.25
_NOD = ("AU12", "AU26", "AU1")
_NOD_SHARE, _NOD_HZ, _NOD_S, _NOD_DEGREES = 0.25, 2.2, 0.9, 4.0
_MOVED_SHARE = 0.6
"""Share of coefficients that the artefact touches."""
_QUADRATIC = 0.2
_ODD = np.array([False, True, True, False, False, False, True, True, False])
"""Functions of pose that change sign in a mirror: yaw, roll, and their products with pitch."""


def head_movement(rng: np.random.Generator, events: Events, activation: np.ndarray, fps: float) -> np.ndarray:
    """(T, 3) pitch, yaw and roll, radians, of one recording: wander, what goes with actions, and nods.

    activation: (T, C) share of full intensity of every channel.
    """
    frames = len(activation)
    pose = sum(smooth_knots(rng, frames, fps, knot_s, 3) * spread for knot_s, spread in _WANDER)
    pose += rng.normal(0, np.radians([4.0, 4.0, 2.0]))
    for code, degrees in _WITH:
        level = activation[:, [c for c, _ in CHANNELS].index(code)]
        pose += np.radians(degrees) * _lagged(level, fps)[:, None]
    pose[:, 0] += _nods(rng, events, frames, fps)
    return pose


def _lagged(level: np.ndarray, fps: float) -> np.ndarray:
    """A head follows slowly: a running mean over a quarter of a second, twice."""
    width = max(1, round(_FOLLOW_S * fps))
    kernel = np.ones(width) / width
    return np.convolve(np.convolve(level, kernel)[: len(level)], kernel)[: len(level)]


def _nods(rng: np.random.Generator, events: Events, frames: int, fps: float) -> np.ndarray:
    """(T,) pitch, radians: two short cycles with a share of smiles, jaw drops and brow raises."""
    of_kind = np.isin(events.action, [INDEX[code] for code in _NOD]) & (rng.random(len(events)) < _NOD_SHARE)
    size = np.radians(_NOD_DEGREES) * np.exp(0.4 * rng.standard_normal(len(events)))
    pitch, time = np.zeros(frames), np.arange(int(_NOD_S * fps)) / fps
    cycle = np.sin(2 * np.pi * _NOD_HZ * time) * np.sin(np.pi * time / _NOD_S)
    for onset, degrees in zip(events.onset_s[of_kind], size[of_kind], strict=True):
        start = int(onset * fps)
        pitch[start : start + len(cycle)] += degrees * cycle[: frames - start]
    return pitch


def pose_functions(pose: np.ndarray) -> np.ndarray:
    """(T, F) of (T, 3) pitch, yaw and roll in radians: p, y, r, p², y², r², py, pr, yr in units of 8, 12 and 6°."""
    p, y, r = (np.asarray(pose, np.float64) / _SCALE).T
    return np.stack([p, y, r, p * p, y * y, r * r, p * y, p * r, y * r], 1)


def artefact(pose: np.ndarray, weights: np.ndarray, gain: float) -> np.ndarray:
    """(T, E) float32: what a turned head adds to ψ, of (T, 3) pitch, yaw and roll in radians and weights (F, E)."""
    return (pose_functions(pose) @ np.asarray(weights, np.float64) * gain).astype(np.float32)


def draw_weights(rng: np.random.Generator, names: tuple[str, ...]) -> np.ndarray:
    """(F, E) float64 weights of a pose artefact: yaw and roll move left against right, everything else both alike."""
    sides = [split_side(name) for name in names]
    stems = list(dict.fromkeys(stem for stem, _ in sides))
    size = rng.standard_normal((len(_ODD), len(stems))) * np.r_[np.ones(3), np.full(6, _QUADRATIC)][:, None]
    size *= rng.random(len(stems)) < _MOVED_SHARE
    sign = np.array([{"left": 1.0, "right": -1.0, "": 0.0}[side] for _, side in sides])
    column = [stems.index(stem) for stem, _ in sides]
    return size[:, column] * np.where(_ODD[:, None], sign, 1.0)


def artefact_gain(
    weights: np.ndarray, share: float, face: FaceModel, clean: list[np.ndarray], poses: list[np.ndarray]
) -> float:
    """Factor on `weights` (F, E) by which the artefact holds `share` of one subject's displacement variance.

    clean, poses: ψ (T, E) and pose (T, 3) of the subject's recordings. The variance is that of ψ about the subject's
    mean in the mesh; behaviour that goes with pose comes on top.
    """

    def variance(values: np.ndarray) -> float:
        centred = values - values.mean(0)
        return float(np.einsum("te,ef,tf->", centred, face.gram, centred)) / len(values)

    added = variance(np.concatenate([pose_functions(pose) for pose in poses]) @ weights)
    return float(np.sqrt(share / (1 - share) * variance(np.concatenate(clean)) / added)) if added > 0 else 0.0


def clean_psi(dataset: Dataset, recording: str) -> np.ndarray:
    """(T, E) float32 ψ of a simulated recording without its pose artefact: what the tracker would have read of a head
    that keeps still. ψ itself where none was simulated.

    Raises `DataError` for a recording that the dataset does not hold.
    """
    psi = dataset.frames(recording).psi
    simulation = dataset.manifest.get("simulation") or {}
    if not simulation.get("pose_artefact"):
        return psi
    rows, extras = dataset.recordings.set_index("recording"), dataset.extras(recording)
    pose = np.stack([extras[column] for column in POSE], 1)
    gain = simulation["pose_artefact_gains"][rows.at[recording, "subject"]]
    return psi - artefact(pose, simulation["pose_artefact_weights"], gain)
