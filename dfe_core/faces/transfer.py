"""Anatomy for a face whose coefficients say nothing of it: carried over from a known face by alignment."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from dfe_core.faces.anatomy import CENTRE_M, mirror_vertices
from dfe_core.faces.eyeball import SKIN
from dfe_core.faces.model import REGIONS, FaceModel

REACH_M = 0.015  # a vertex farther than this from every vertex of the reference belongs to no region
_ROUNDS = 40


def transfer_anatomy(
    template: np.ndarray,
    reference: FaceModel,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, int]]:
    """Mirror map, regions, sides, materials and landmarks of a template in our axes, from a reference face.

    The reference's face (not its scalp and neck) is scaled and moved onto the template by iterated closest points
    (Besl & McKay 1992, with the scale of Umeyama 1991), starting at the tips of the noses; labels then come from the
    nearest vertex.

    Parameters
    ----------
    template: (V, 3) m, upright and looking along +z, within 20° of the reference.
    """
    template = np.asarray(template, np.float64)
    skin = np.flatnonzero(reference.materials == SKIN)
    placed = _align(reference, template)
    distance, nearest = cKDTree(placed[skin]).query(template)
    regions = np.where(distance < REACH_M, reference.regions[skin][nearest], REGIONS.index("other")).astype(np.uint8)
    materials = np.full(len(template), SKIN, np.uint8)
    sides = np.where(np.abs(template[:, 0]) < CENTRE_M, 0, np.where(template[:, 0] > 0, 1, 2)).astype(np.uint8)
    tree = cKDTree(template)
    marks = {name: int(tree.query(placed[index])[1]) for name, index in reference.landmarks.items()}
    return mirror_vertices(template, materials), regions, sides, materials, marks


def _align(reference: FaceModel, template: np.ndarray) -> np.ndarray:
    """(Vr, 3): the reference's vertices moved onto the template."""
    source = reference.template.astype(np.float64)
    face = np.flatnonzero((reference.regions != REGIONS.index("other")) & (reference.materials == SKIN))
    nose = template[np.argmax(np.where(np.abs(template[:, 0]) < 0.01, template[:, 2], -np.inf))]
    placed = source - source[reference.landmarks["nose tip"]] + nose
    tree = cKDTree(template)
    for _ in range(_ROUNDS):
        distance, nearest = tree.query(placed[face])
        close = distance <= np.quantile(distance, 0.8)
        placed = _similarity(placed[face][close], template[nearest[close]], placed)
    return placed


def _similarity(source: np.ndarray, target: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Move `points` by the rotation, scale and shift that bring source onto target in the least-squares sense."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, s, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation, scale = (u * sign) @ vt, (s * sign).sum() / (a**2).sum()
    return scale * (points - source.mean(0)) @ rotation.T + target.mean(0)
