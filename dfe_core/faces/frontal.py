"""Points of a face brought to our axes: +x to its own left, +y up, +z out, the origin between the eyes, metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from dfe_core.faces.layouts import Layout
from dfe_core.faces.rigid import pose

EYES_M = 0.090
"""Outer corner to outer corner of the eyes, an adult's average (about 90 mm): the size given to faces of unknown
scale."""
EXTENT_M = 0.200
"""The larger extent given to a set of points of unknown meaning and scale."""
_UNITS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}
_EYES_RANGE_M = (0.06, 0.14)
_EXTENT_RANGE_M = (0.08, 0.60)
_FLIP = np.array([-1.0, 1.0, 1.0])
_EXACT = 1500  # so many points at most are paired by an optimal assignment
_ROUNDS = 15


@dataclass(frozen=True)
class Scale:
    """metres per unit, and how that was found, for people."""

    metres: float
    why: str


def guess_scale(shape: np.ndarray, layout: Layout | None, metric: bool) -> Scale:
    """Metres per unit of a (V, D) shape: mm, cm or m where one of them makes a face (and `metric` says that the unit
    is one of length), else what makes it as large as an average face."""
    size, usual, low, high, what = _size(shape, layout)
    if metric:
        for unit, metres in _UNITS.items():
            if low <= size * metres <= high:
                return Scale(metres, f"taken as {unit}: {what} is {size * metres * 1e3:.0f} mm")
    return Scale(usual / max(size, 1e-12), f"of unknown scale: {what} is set to {usual * 1e3:.0f} mm")


def _size(shape: np.ndarray, layout: Layout | None) -> tuple[float, float, float, float, str]:
    if layout is not None:
        ends = [layout.marks[f"outer eye corner {side}"] for side in ("left", "right")]
        return (
            float(np.linalg.norm(shape[ends[0]] - shape[ends[1]])),
            EYES_M,
            *_EYES_RANGE_M,
            "the distance of the outer eye corners",
        )
    return float(np.ptp(shape, axis=0).max()), EXTENT_M, *_EXTENT_RANGE_M, "the larger extent"


def face_forward(shape: np.ndarray, layout: Layout | None) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (3, 3) and origin (3,) that bring a (V, 3) shape to our axes: ``(shape − origin) @ rotation.T``.

    With a layout the eyes and the chin (or the mouth, where there is no chin) tell. Without one, the axes are believed
    and only the plane of symmetry is turned to x = 0.
    """
    if layout is None:
        return _symmetric(shape)
    mark = {name: shape[index] for name, index in layout.marks.items()}
    left, right = ((mark[f"outer eye corner {s}"] + mark[f"inner eye corner {s}"]) / 2 for s in ("left", "right"))
    origin = (left + right) / 2
    low = mark.get("chin", (mark["mouth corner left"] + mark["mouth corner right"]) / 2)
    x = (left - right) / np.linalg.norm(left - right)
    y = origin - low
    y = y - (y @ x) * x
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)]), origin


def is_mirrored(shape: np.ndarray, layout: Layout | None) -> bool:
    """Whether a (V, D) shape is the mirror image of a face: its nose points inwards (3-D), or left and right do not go
    with up and down (2-D). False for an unknown layout."""
    if layout is None:
        return False
    deep = shape if shape.shape[1] == 3 else np.pad(shape, ((0, 0), (0, 1)))
    rotation, origin = face_forward(deep, layout)
    if shape.shape[1] == 2:
        return bool(rotation[2, 2] < 0)
    return bool((deep[layout.marks["nose tip"]] - origin) @ rotation[2] < 0)


def _symmetric(shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The frame whose plane x = 0 mirrors the shape onto itself best, near the axes given (iterated closest points
    between the shape and its mirror image; the plane lies halfway)."""
    origin, rotation = shape.mean(0), np.eye(3)
    for _ in range(_ROUNDS):
        placed = (shape - origin) @ rotation.T
        image = placed * _FLIP
        nearest = cKDTree(placed).query(image)[1]
        found = pose(image[None], placed[nearest])
        reflect = found.rotation[0] @ np.diag(_FLIP)
        values, vectors = np.linalg.eig(reflect)
        normal = np.real(vectors[:, np.argmin(np.abs(values + 1))])
        normal *= np.sign(normal[0]) or 1.0
        if normal[0] < 0.7:  # no symmetry near the axes given
            break
        y = np.array([0, 1.0, 0]) - normal[1] * normal
        y /= np.linalg.norm(y)
        turn = np.stack([normal, y, np.cross(normal, y)])
        middle = (placed.mean(0) + found.shift + (image.mean(0) - found.centre[0])) / 2
        origin = origin + middle @ rotation
        rotation = turn @ rotation
    return rotation, origin


def mirror_map(template: np.ndarray, layout: Layout | None) -> tuple[np.ndarray, float]:
    """(V,) int32, the point at each point's mirrored place, its own inverse; and how far off mirrored points lie, the
    root mean square as a share of the shape's largest extent.

    By the layout's pairs where it has them, else by optimal assignment (nearest points for large meshes); a point
    that is nobody's twin is its own.
    """
    points = np.asarray(template, np.float64)
    if layout is not None and layout.pairs is not None:
        mirror = np.arange(len(points), dtype=np.int32)
        for a, b in layout.pairs:
            mirror[a], mirror[b] = b, a
    else:
        mirror = _paired(points)
    off = np.linalg.norm(points[mirror] * _FLIP - points, axis=1)
    return mirror, float(np.sqrt((off**2).mean()) / max(np.ptp(points, axis=0).max(), 1e-12))


def _paired(points: np.ndarray) -> np.ndarray:
    image = points * _FLIP
    if len(points) <= _EXACT:
        distance = np.linalg.norm(image[:, None] - points[None], axis=2) ** 2
        from scipy.optimize import linear_sum_assignment  # a third of a second to import, and rarely needed

        twin = linear_sum_assignment(distance)[1]
    else:
        twin = cKDTree(points).query(image)[1]
    own = np.arange(len(points))
    return np.where(twin[twin] == own, twin, own).astype(np.int32)
