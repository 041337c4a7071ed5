"""Measures of a landmark face that a correction for head pose leaves alone.

Each is a linear function of the points' displacement, chosen for the action units that show in it: the lips' parting
(AU25, AU26), the corners of the mouth (AU12, AU15), the opening of the lids (AU45, AU5). More of them (width of the
mouth, upper lip, chin, lower lids) leave more of the artefact in place and keep no more of these (docs/pose.md).
"""

from __future__ import annotations

import numpy as np

from dfe_core.faces.coefficients import JAW
from dfe_core.faces.layouts import Layout
from dfe_core.faces.model import FaceModel

_X, _Y = 0, 1
_JAWS = (JAW[0], "jawOpen")
_MEASURES: dict[str, tuple[tuple[str, int, float], ...]] = {
    "lips apart": (("upper lip centre", _Y, 1), ("lower lip centre", _Y, -1)),
    "corners of the mouth": (("mouth corner left", _Y, 1), ("mouth corner right", _Y, 1), ("nose base", _Y, -2)),
    "lids": (
        ("upper lid centre right", _Y, 1),
        ("lower lid centre right", _Y, -1),
        ("upper lid centre left", _Y, 1),
        ("lower lid centre left", _Y, -1),
    ),
}
"""Weights of the landmarks' coordinates, by measure. Left and right together: what head pose moves is mostly the
difference of the sides, what smiles and blinks move their sum."""


def protected_measures(layout: Layout | None, dimensions: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Names (M) and unit rows (M, V·D) of the measures that a landmark set has points for; none of unknown sets."""
    if layout is None:
        return (), np.zeros((0, 0))
    names, rows = [], []
    for name, terms in _MEASURES.items():
        if not all(mark in layout.marks for mark, _, _ in terms):
            continue
        weights = np.zeros((layout.count, dimensions))
        for mark, axis, weight in terms:
            weights[layout.marks[mark], axis] += weight
        names.append(name)
        rows.append(weights.ravel() / np.linalg.norm(weights))
    return tuple(names), np.array(rows).reshape(len(rows), layout.count * dimensions)


def measures_of_face(face: FaceModel) -> np.ndarray:
    """(M, E) the same measures as linear functions of a face's coefficients, each of unit length; of a face without a
    mesh, or without these landmarks, the opening of the jaw where it has a coefficient for it, else none."""
    rows = []
    for terms in _MEASURES.values():
        if face.has_mesh and all(mark in face.landmarks for mark, _, _ in terms):
            rows.append(
                sum(
                    weight * face.basis[:, face.landmarks[mark], axis].astype(np.float64)
                    for mark, axis, weight in terms
                )
            )
    if not rows:
        rows = [np.array([float(name == jaw) for name in face.names]) for jaw in _JAWS if jaw in face.names]
    lengths = [np.linalg.norm(row) for row in rows]
    return np.array([row / length for row, length in zip(rows, lengths, strict=True) if length > 0]).reshape(
        -1, face.coefficients
    )
