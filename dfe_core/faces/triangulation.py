"""A surface over landmarks, something to see: Delaunay in the frontal plane, open at mouth and eyes."""

from __future__ import annotations

import numpy as np
from scipy.spatial import Delaunay, QhullError

from dfe_core.faces.layouts import Layout

DENSE = 512
_OPENING = 0.08  # of the height: the lower lip is drawn down so far while triangles are chosen
_LONG = 4.0  # triangles on the outline with a side so many times the median are slivers across a hollow


def triangulate(template: np.ndarray, layout: Layout | None = None) -> np.ndarray:
    """(F, 3) int32 triangles, counter-clockwise seen from +z, over (V, 3) points that look along +z.

    With a `layout`, its holes stay open and closed lips do not grow together. Of more than `DENSE` points without one,
    a head with a back, those of the front half are joined. No triangle at all where the points span no area.
    """
    plane = np.array(template[:, :2], np.float64)
    used = np.arange(len(plane))
    if layout is None and len(plane) > DENSE:
        used = np.flatnonzero(template[:, 2] >= np.median(template[:, 2]))
    if layout is not None:
        used = np.setdiff1d(used, layout.irises)
        plane[list(layout.below), 1] -= _OPENING * np.ptp(plane[:, 1])
    try:
        triangles = used[Delaunay(plane[used]).simplices].astype(np.int32)
    except (QhullError, ValueError, IndexError):
        return np.zeros((0, 3), np.int32)
    for hole in layout.holes if layout is not None else ():
        triangles = triangles[~np.isin(triangles, hole).all(1)]
    triangles = _without_slivers(triangles, plane)
    if layout is not None and layout.irises:
        triangles = np.concatenate([triangles, _discs(layout.irises)])
    return _counter_clockwise(triangles, template[:, :2])


def _without_slivers(triangles: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Take off, from the outline inwards, what bridges a hollow of the outline (temple to brow, chin to ear)."""
    while len(triangles):
        sides = np.sort(triangles[:, [[1, 2], [2, 0], [0, 1]]], axis=2)
        length = np.linalg.norm(plane[sides[..., 0]] - plane[sides[..., 1]], axis=2)
        _, which, uses = np.unique(sides.reshape(-1, 2), axis=0, return_inverse=True, return_counts=True)
        outer = (uses[which.ravel()] == 1).reshape(-1, 3)
        bad = (outer & (length > _LONG * np.median(length))).any(1)
        if not bad.any():
            break
        triangles = triangles[~bad]
    return triangles


def _discs(irises: tuple[int, ...]) -> np.ndarray:
    """Four triangles a pupil: MediaPipe's irises are a centre and four points around it, right eye first."""
    return np.array([[c, c + 1 + i, c + 1 + (i + 1) % 4] for c in irises[::5] for i in range(4)], np.int32)


def _counter_clockwise(triangles: np.ndarray, plane: np.ndarray) -> np.ndarray:
    a, b, c = (plane[triangles[:, i]] for i in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    out = triangles.copy()
    out[area < 0] = out[area < 0][:, [0, 2, 1]]
    return out
