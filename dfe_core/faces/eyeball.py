"""An eyeball whose pupil and iris can be told apart: rings of vertices at the edges where the colour changes."""

from __future__ import annotations

import numpy as np

SEGMENTS = 24
RINGS_DEG = (4.5, 8.6, 9.2, 15.0, 20.6, 21.4, 30.0, 42.0, 56.0, 72.0, 90.0, 120.0, 150.0)
"""Polar angle of each ring, from the optical axis. Iris edge: an iris of 12 mm on a globe of 33 mm (21°)."""

PUPIL_EDGE_DEG, IRIS_EDGE_DEG = 8.9, 21.0
SKIN, EYE, MOUTH, IRIS, PUPIL = 0, 1, 2, 3, 4
"""Codes of `FaceModel.materials`."""


def eyeball(centre: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A globe that looks along +z.

    Returns
    -------
    vertices (N, 3) float64, in the units of `radius`; triangles (F, 3) int32, wound outwards; materials (N,) uint8.
    Mirror-symmetric about its own x = centre plane.
    """
    polar = np.radians(np.array([*RINGS_DEG, 180.0]))
    around = 2 * np.pi * np.arange(SEGMENTS) / SEGMENTS
    ring = np.stack([np.cos(around), np.sin(around)], 1)
    body = np.concatenate(
        [np.concatenate([np.sin(p) * ring, np.full((SEGMENTS, 1), np.cos(p))], 1) for p in polar[:-1]]
    )
    points = np.concatenate([[[0, 0, 1]], body, [[0, 0, -1]]])
    angle = np.concatenate([[0], np.repeat(RINGS_DEG, SEGMENTS), [180]])
    materials = np.where(angle < PUPIL_EDGE_DEG, PUPIL, np.where(angle < IRIS_EDGE_DEG, IRIS, EYE)).astype(np.uint8)
    return centre + radius * points, _globe_triangles(len(RINGS_DEG)), materials


def fit_sphere(points: np.ndarray) -> tuple[np.ndarray, float]:
    """(N, 3) points to the centre (3,) and radius of the sphere nearest to them (algebraic least squares)."""
    system = np.concatenate([2 * points, np.ones((len(points), 1))], 1)
    solution = np.linalg.lstsq(system, (points**2).sum(1), rcond=None)[0]
    return solution[:3], float(np.sqrt(solution[3] + solution[:3] @ solution[:3]))


def carry_affine(source: np.ndarray, fields: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Carry displacement fields from one sampling of a body to another by their best affine map.

    (N, 3) source points with (…, N, 3) displacement fields, (M, 3) target points to (…, M, 3).
    """
    homogeneous = np.concatenate([source, np.ones((len(source), 1))], 1)
    maps = np.linalg.pinv(homogeneous) @ fields
    return np.concatenate([target, np.ones((len(target), 1))], 1) @ maps


def _globe_triangles(rings: int) -> np.ndarray:
    index = 1 + np.arange(rings * SEGMENTS).reshape(rings, SEGMENTS)
    onward = np.roll(index, -1, axis=1)
    front = np.stack([np.zeros(SEGMENTS, int), index[0], onward[0]], 1)
    back = np.stack([np.full(SEGMENTS, rings * SEGMENTS + 1), onward[-1], index[-1]], 1)
    quads = [
        np.stack([a.ravel(), b.ravel(), c.ravel()], 1)
        for a, b, c in ((index[:-1], index[1:], onward[1:]), (index[:-1], onward[1:], onward[:-1]))
    ]
    return np.concatenate([front, *quads, back]).astype(np.int32)
