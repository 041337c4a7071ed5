"""Head pose out of moving points: the rigid motion (or similarity) that brings every frame onto one shape.

Letters of the shapes: T frames, V points, D dimensions (2 or 3), S points of the stable set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

STABLE_SHARE = 1 / 3
"""Share of the points, those that move least beside the head, that pose is measured on."""
STABLE_FEWEST = 6
_SPREAD = 0.5  # the stable set reaches at least so far along the shape's two main axes, as a share of the whole
_ROUNDS = 6


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Takes points of T frames onto a target: ``scale · (points − centre) Rᵀ + shift``.

    rotation (T, D, D), scale (T,), centre (T, D), shift (D,), all float64.
    """

    rotation: np.ndarray
    scale: np.ndarray
    centre: np.ndarray
    shift: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """(T, V, D) points to (T, V, D) float64 in the target's place."""
        turned = (np.asarray(points, np.float64) - self.centre[:, None]) @ (
            self.rotation * self.scale[:, None, None]
        ).transpose(0, 2, 1)
        turned += self.shift
        return turned


def pose(points: np.ndarray, target: np.ndarray, scaled: bool = False) -> Pose:
    """The least-squares pose of every frame (Kabsch 1976; with `scaled`, the similarity of Umeyama 1991, eq. 40-43).

    Parameters
    ----------
    points: (T, V, D) finite. target: (V, D). Reflections are never used.
    """
    points, target = np.asarray(points, np.float64), np.asarray(target, np.float64)
    centre, shift = points.mean(1), target.mean(0)
    a, b = points - centre[:, None], target - shift
    u, s, vt = np.linalg.svd(b.T @ a)
    sign = np.ones_like(s)
    sign[:, -1] = np.sign(np.linalg.det(u @ vt))
    scale = np.ones(len(points))
    if scaled:
        size = (a**2).sum((1, 2))
        scale = np.divide((s * sign).sum(1), size, out=scale, where=size > 0)
    return Pose(rotation=(u * sign[:, None]) @ vt, scale=scale, centre=centre, shift=shift)


def onto(points: np.ndarray, target: np.ndarray, stable: np.ndarray, scaled: bool = False) -> np.ndarray:
    """(T, V, D) points with the pose of their stable set (S,) removed, in the place of `target` (V, D)."""
    return pose(points[:, stable], target[stable], scaled).apply(points)


def stable_set(
    tracks: Sequence[np.ndarray], start: np.ndarray, scaled: bool = False, mirror: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Which points move with the head alone, found from the data, and the mean shape.

    Generalised Procrustes (Gower 1975) with a shrinking support: frames are brought onto the mean shape, the points
    with the least variance within their tracks become the support, and so on; the jaw and the lips fall out.

    Parameters
    ----------
    tracks: (T, V, D) finite frames, one array a recording. start: (V, D), a shape in the axes wanted. mirror: (V,)
        twins, which count as one: what one side was not seen to do, it may still do.

    Returns
    -------
    (S,) int64 indices in order, and the (V, D) float64 mean over tracks of their mean shapes.
    """
    shape = np.asarray(start, np.float64)
    support = np.arange(len(shape))
    for _ in range(_ROUNDS):
        means, spread = [], np.zeros(len(shape))
        for track in tracks:
            placed = onto(track, shape, support, scaled)
            means.append(placed.mean(0))
            spread += ((placed - means[-1]) ** 2).sum((0, 2))
        if mirror is not None:
            spread = np.maximum(spread, spread[mirror])
        support = stable_points(spread, shape)
        mean = np.mean(means, axis=0)
        shape = onto(mean[None], shape, np.arange(len(shape)))[0]
    return support, shape


def stable_points(spread: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """(S,) int64, sorted: the points of least spread (V,), as many as it takes to reach across the shape (V, D)."""
    order = np.argsort(spread, kind="stable")
    axes = np.linalg.svd(shape - shape.mean(0), full_matrices=False)[2][:2]
    along = (shape - shape.mean(0)) @ axes.T
    whole = along.std(0)
    count = min(len(shape), max(STABLE_FEWEST, round(STABLE_SHARE * len(shape))))
    while count < len(shape) and (along[order[:count]].std(0) < _SPREAD * whole).any():
        count += max(1, len(shape) // 50)
    return np.sort(order[:count])
