"""Coefficients that move together: muscles that contract with others, lids that follow the eyes, lips that follow the
jaw.

A performance is drawn as actions; the truth of each stays its own events. What a tracker reports is wider: a smile
raises the cheek's coefficient, a falling gaze lowers the lid. The weights below are rounded from slopes (at r of 0.5
and more) in five Live Link Face takes of two performers; they are common to all simulated people.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from dfe_core.expressions.columns import arkit_columns

SYNERGIES = MappingProxyType(
    {
        "jawOpen": {
            "mouthLowerDown*": 0.45,
            "mouthStretch*": 0.25,
            "mouthClose": 0.22,
            "mouthFunnel": 0.12,
            "mouthUpperUp*": 0.10,
        },
        "mouthSmile*": {
            "cheekSquint*": 0.40,
            "noseSneer*": 0.25,
            "mouthUpperUp*": 0.25,
            "mouthLowerDown*": 0.20,
            "eyeSquint*": 0.20,
            "mouthDimple*": 0.15,
            "mouthStretch*": 0.15,
        },
        "mouthFrown*": {"mouthShrugLower": 0.12, "mouthStretch*": 0.20},
        "browInnerUp": {"browOuterUp*": 0.45},
        "browOuterUp*": {"browInnerUp": 0.18, "eyeWide*": 0.10},
        "browDown*": {"eyeSquint*": 0.30, "noseSneer*": 0.25, "cheekSquint*": 0.15},
        "noseSneer*": {"cheekSquint*": 0.45, "mouthUpperUp*": 0.35, "eyeSquint*": 0.35, "browDown*": 0.30},
        "mouthUpperUp*": {"noseSneer*": 0.25, "mouthLowerDown*": 0.20, "cheekSquint*": 0.15},
        "eyeSquint*": {"cheekSquint*": 0.35, "browDown*": 0.10},
        "cheekSquint*": {"eyeSquint*": 0.35, "noseSneer*": 0.25, "mouthSmile*": 0.15},
        "eyeWide*": {"browInnerUp": 0.10, "browOuterUp*": 0.20},
        "mouthPucker": {"mouthFunnel": 0.30, "cheekPuff": 0.15},
        "mouthFunnel": {"mouthPucker": 0.35, "mouthLowerDown*": 0.25},
        "mouthPress*": {"mouthShrugLower": 0.20, "mouthDimple*": 0.25, "mouthRollLower": 0.12},
        "mouthShrugLower": {"mouthPress*": 0.25, "mouthRollLower": 0.20},
        "mouthRollLower": {"mouthShrugLower": 0.25, "mouthPress*": 0.20},
        "mouthRollUpper": {"mouthClose": 0.25},
        "mouthStretch*": {"mouthLowerDown*": 0.25, "mouthDimple*": 0.15},
        "mouthDimple*": {"mouthPress*": 0.20, "mouthSmile*": 0.10},
        "mouthLowerDown*": {"mouthStretch*": 0.20, "jawOpen": 0.06},
        "cheekPuff": {"mouthPucker": 0.40, "mouthPress*": 0.20},
        "eyeLookUp*": {"eyeWide*": 0.40, "eyeSquint*": 0.15},
        "eyeBlink*": {"eyeSquint*": 0.12},
    }
)
"""Coefficient to what moves with it, and by how much of its own value; ``*`` stands for Left or Right, the same on both
sides of a rule. A rule from a sided coefficient to one without sides counts for each side. Nothing moves mouthLeft,
mouthRight or mouthShrugUpper: what FACS has no code for happens only where the truth says so."""

LID_FOLLOWS_GAZE, GAZE_FOLLOWS_LID = 0.6, 0.45
"""Share of a look down by which the lid falls, and of a closure by which ARKit reads the eye as looking down."""


def coupling_matrix(names: tuple[str, ...]) -> np.ndarray:
    """(E, E) float32 I + S of a face with these coefficient names: ``psi @ coupling_matrix`` adds what moves along."""
    where, matrix = arkit_columns(names), np.eye(len(names), dtype=np.float32)
    for source, rule in SYNERGIES.items():
        for target, weight in rule.items():
            for side in ("Left", "Right") if "*" in source + target else ("",):
                columns = where.get(source.replace("*", side), ())
                for column in columns:
                    matrix[column, list(where.get(target.replace("*", side), ()))] = weight / len(columns)
    return matrix


def couple(psi: np.ndarray, matrix: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """(T, E) coefficients with what moves along: linear synergies, then lids and gaze (as 1 − (1 − a)(1 − b), so that a
    closed eye stays closed)."""
    out, where = psi @ matrix, arkit_columns(names)
    for side in ("Left", "Right"):
        lid, down = (list(where.get(f"{stem}{side}", ())) for stem in ("eyeBlink", "eyeLookDown"))
        closure, gaze = out[:, lid], out[:, down]
        out[:, lid] = 1 - (1 - closure) * (1 - LID_FOLLOWS_GAZE * gaze)
        out[:, down] = 1 - (1 - gaze) * (1 - GAZE_FOLLOWS_LID * closure)
    return out
