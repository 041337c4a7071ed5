"""What is measured on each side of a face: movements of named landmarks and regions along one direction, in mm.

Every measure is linear in ψ, so that no mesh is formed. ψ holds neither identity nor head pose: neither is in a figure.
Letters of the shapes: T frames, E coefficients, M movements; the last axis of two is (left, right).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.model import REGIONS, SIDES, FaceModel

LEFT_RIGHT = ("left", "right")
MM = 1000.0
_MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class SidedMovement:
    """One movement that both sides of a face can make.

    Attributes
    ----------
    name: as in every table. title: for people. region: of `dfe_core.faces.model.REGIONS`.
    landmarks: without their side; their mean is measured. area: a region whose mean is measured in their place.
    against: landmark of the same side whose movement is taken off, without its side; empty for none.
    direction: unit vector for the left side (+x to the face's own left, +y up, +z out); the right side's is its mirror
        image.
    """

    name: str
    title: str
    region: str
    landmarks: tuple[str, ...] = ()
    area: str = ""
    against: str = ""
    direction: tuple[float, float, float]


MOVEMENTS: tuple[SidedMovement, ...] = (
    SidedMovement(
        name="brow",
        title="Brow raised",
        region="brow",
        landmarks=("inner brow", "outer brow"),
        direction=(0.0, 1.0, 0.0),
    ),
    SidedMovement(
        name="lid",
        title="Eye closed",
        region="eye",
        landmarks=("lower lid centre",),
        against="upper lid centre",
        direction=(0.0, 1.0, 0.0),
    ),
    SidedMovement(
        name="smile",
        title="Smile",
        region="mouth corner",
        landmarks=("mouth corner",),
        direction=(0.5, float(np.sqrt(0.75)), 0.0),
    ),
    SidedMovement(
        name="upper lip",
        title="Upper lip raised",
        region="upper lip",
        area="upper lip",
        direction=(0.0, 1.0, 0.0),
    ),
    SidedMovement(
        name="pucker",
        title="Lips puckered",
        region="mouth corner",
        landmarks=("mouth corner",),
        direction=(-float(np.sqrt(0.5)), 0.0, float(np.sqrt(0.5))),
    ),
)
"""lid: how much the gap between the centres of the lids narrows. smile: the commissure up and outwards, 60° above the
horizontal in the frontal plane. pucker: the commissure inwards and forwards. There is no lower lip lowered: on the Anny
head its coefficient moves the chin along, so that it cannot be told from an open jaw."""

NAMES = tuple(movement.name for movement in MOVEMENTS)
COMPARED = ("brow", "lid", "smile", "upper lip")
"""What is averaged over. ARKit has one coefficient for a pucker: both sides show the mean of what they do."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Ruler:
    """What turns ψ of one face into mm.

    Attributes
    ----------
    along: (E, M, 2) mm along each movement's direction at coefficient 1.
    corner: (E, 2, 3) mm of the commissures, that of the right side mirrored, so that equal sides have equal numbers.
    gap_mm: (2,) between the lids' centres of the neutral face.
    """

    along: np.ndarray
    corner: np.ndarray
    gap_mm: np.ndarray

    def courses(self, psi: np.ndarray) -> np.ndarray:
        """(T, E) ψ to (T, M, 2) float64 mm from neutral along each movement's direction."""
        return np.tensordot(np.asarray(psi, np.float64), self.along, 1)


def ruler_of(face: FaceModel) -> Ruler:
    """The measures of a face. Raises `DataError` where it has no mesh, or lacks one of the landmarks."""
    marks = {mark for m in MOVEMENTS for mark in (*m.landmarks, m.against) if mark}
    missing = sorted({f"{mark} {side}" for mark in marks for side in LEFT_RIGHT} - set(face.landmarks))
    if not face.has_mesh or missing:
        found = f"no landmark {missing[0]!r}" if face.has_mesh else "coefficients without a mesh"
        raise DataError(face.id, found, "a face on which both sides can be measured, such as the Anny head")
    along = np.stack([np.stack([_along(face, m, s) for s in range(2)], -1) for m in MOVEMENTS], 1)
    corner = np.stack([_point(face, f"mouth corner {side}") for side in LEFT_RIGHT], 1)
    corner[:, 1] *= _MIRROR
    upper, lower = (
        np.array([face.template[face.landmarks[f"{lid} lid centre {side}"], 1] for side in LEFT_RIGHT])
        for lid in ("upper", "lower")
    )
    return Ruler(along=along * MM, corner=corner * MM, gap_mm=(upper - lower).astype(np.float64) * MM)


def _along(face: FaceModel, movement: SidedMovement, side: int) -> np.ndarray:
    """(E,) m along the direction of a movement on one side at coefficient 1."""
    name = LEFT_RIGHT[side]
    if movement.area:
        members = (face.regions == REGIONS.index(movement.area)) & (face.sides == SIDES.index(name))
        if not members.any():
            raise DataError(face.id, f"no vertices of the {movement.area} on the {name}", "a face with all regions")
        moved = face.basis[:, members].astype(np.float64).mean(1)
    else:
        moved = np.mean([_point(face, f"{mark} {name}") for mark in movement.landmarks], 0)
    if movement.against:
        moved = moved - _point(face, f"{movement.against} {name}")
    direction = np.array(movement.direction) * (_MIRROR if side else 1.0)
    return moved @ direction


def _point(face: FaceModel, landmark: str) -> np.ndarray:
    """(E, 3) float64 m that a landmark moves at coefficient 1."""
    return face.basis[:, face.landmarks[landmark]].astype(np.float64)
