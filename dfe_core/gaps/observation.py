"""What a frame shows of ψ, and what that tells of the rest: the conditional mean of a Gaussian, for every kind of gap.

A frame is seen whole, in part, or not at all. A part is a half of the face, whose vertices are seen with little noise,
or the coefficients that an extractor has. Either way the rest follows by one matrix: with prior mean p, a frame's
estimate is ``p + (ψ − p) @ weights``. This is ridge regression on the other regions.

Letters of the shapes: E coefficients.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from dfe_core.faces.model import REGIONS, SIDES, FaceModel

HALVES = ("upper", "lower", "left", "right")
"""The half of the face that is hidden; left is the face's own."""
UPPER = ("brow", "eye", "nose")
_NOISE_MM = 0.2  # of a vertex that is seen
_VERTICES = 20  # that count as seen independently of each other
_RIDGE = 1e-3


@dataclass(frozen=True, eq=False, kw_only=True)
class Observation:
    """weights (E, E): what is seen of a frame to its estimate, about the prior mean. unknown (E,) 0 to 1: the spread of
    a coefficient that is left, as a share of its spread over frames."""

    weights: np.ndarray
    unknown: np.ndarray


def see_all(coefficients: int) -> Observation:
    """A frame seen whole."""
    return Observation(weights=np.eye(coefficients), unknown=np.zeros(coefficients))


def see_nothing(coefficients: int) -> Observation:
    """A lost frame."""
    return Observation(weights=np.zeros((coefficients, coefficients)), unknown=np.ones(coefficients))


def hide_half(face: FaceModel, covariance: np.ndarray, half: str) -> Observation | None:
    """A frame with one of `HALVES` hidden; None where the face has no vertices in one of the two halves.

    covariance: (E, E) of ψ about each person's mean.
    """
    return hide_vertices(face, covariance, half_vertices(face, half)) if face.has_mesh else None


def hide_vertices(face: FaceModel, covariance: np.ndarray, hidden: np.ndarray) -> Observation | None:
    """A frame with vertices hidden, (V,) bool; what belongs to no region is never seen. None where all or none are."""
    known = face.regions != REGIONS.index("other")
    seen = known & ~hidden
    if not seen.any() or not (known & hidden).any():
        return None
    flat = 1e3 * face.basis[:, seen].reshape(face.coefficients, -1).astype(np.float64)
    precision = flat @ flat.T / seen.sum() * _VERTICES / _NOISE_MM**2
    prior = covariance + _floor(covariance)
    left = np.linalg.inv(np.linalg.inv(prior) + precision)
    return Observation(weights=precision @ left, unknown=np.sqrt(np.diag(left) / np.diag(prior)).clip(0, 1))


def hide_coefficients(covariance: np.ndarray, hidden: np.ndarray) -> Observation:
    """A frame of which coefficients are not known, (E,) bool."""
    seen = np.flatnonzero(~hidden)
    gone = np.flatnonzero(hidden)
    prior = covariance + _floor(covariance)
    weights, unknown = np.zeros(covariance.shape), hidden.astype(np.float64)
    weights[seen, seen] = 1
    if len(seen) and len(gone):
        slopes = np.linalg.solve(prior[np.ix_(seen, seen)], prior[np.ix_(seen, gone)])
        weights[np.ix_(seen, gone)] = slopes
        left = np.diag(prior)[gone] - (slopes * prior[np.ix_(seen, gone)]).sum(0)
        unknown[gone] = np.sqrt(left.clip(0) / np.diag(prior)[gone])
    return Observation(weights=weights, unknown=unknown)


def region_vertices(face: FaceModel, regions: Collection[str]) -> np.ndarray:
    """(V,) bool: the vertices of regions by name."""
    return np.isin(face.regions, [REGIONS.index(name) for name in regions])


def half_vertices(face: FaceModel, half: str) -> np.ndarray:
    """(V,) bool: the vertices of a half, without those that belong to no region. The upper half is brows, eyes and the
    like; of a face with regions of a lab's own (ears) it is what lies above the mean height."""
    known = face.regions != REGIONS.index("other")
    if half in ("left", "right"):
        return known & (face.sides == SIDES.index(half))
    height = face.template[:, 1]
    above = height > height[known].mean() if face.own_regions else region_vertices(face, UPPER)
    return known & (above == (half == "upper"))


def _floor(covariance: np.ndarray) -> np.ndarray:
    """A ridge on every coefficient by its own spread, and a little on those that do not move."""
    own = np.diag(covariance)
    return np.diag(_RIDGE * own + 1e-4 * own.mean() + 1e-9)
