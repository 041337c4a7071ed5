"""One recording: where each side rests, and how far it moves at the apexes of its movements.

An apex is a peak of both sides' movement together, so that a wink or a smile on one side alone is none as long as there
are movements of both sides; of a paralysed side the other one's movement is left, and the peak is the same.
Letters of the shapes: T frames, E coefficients, M movements, n apexes; the last axis of two is (left, right).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from dfe_core.asymmetry.movements import MOVEMENTS, Ruler
from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel

LEAST_MM = 1.5
"""The side that moves more moves at least so far at an apex; below it nothing is said of the movement."""
MOST_MM = 40.0
"""A side that is farther from neutral along a movement is no face's: no frame of REACT-Nao (206,813) is beyond 15."""
MOST_APEXES = 5
"""The strongest peaks that are taken."""
_OF_LARGEST = 0.6
"""A peak counts from this share of the largest on."""
_APART_S, _SMOOTH_S, _STILL_S = 0.6, 0.1, 0.3
STILL_MM_S = 1.5
"""A face at rest moves slower than this (root mean square over vertices)."""
LEAST_REST_S = 1.0


@dataclass(frozen=True, eq=False, kw_only=True)
class MeasuredApexes:
    """Apexes of one movement in time order: row (n,) of the frames, moved_mm (n, 2) from rest along the movement's
    direction, others_mm (n, M, 2) what every movement shows at that moment, path_mm (n, 2) of the commissures from
    rest."""

    row: np.ndarray
    moved_mm: np.ndarray
    others_mm: np.ndarray
    path_mm: np.ndarray

    @property
    def median_mm(self) -> np.ndarray:
        """(2,) median over apexes; NaN without any."""
        return np.median(self.moved_mm, 0) if len(self.row) else np.full(2, np.nan)


@dataclass(frozen=True, eq=False, kw_only=True)
class MeasuredSides:
    """One recording.

    Attributes
    ----------
    rest_psi: (E,) of the resting face. rest_mm: (M, 2) from neutral along each movement's direction.
    rest_seconds: of stillness that it is the median of; 0: of all frames, because the face is never still so long.
    broken_frames: how many valid ones are left out as no face's (`no_face`).
    apexes: by movement.
    """

    rest_psi: np.ndarray
    rest_mm: np.ndarray
    rest_seconds: float
    broken_frames: int
    apexes: dict[str, MeasuredApexes]


def asymmetry_index(left_mm: ArrayLike, right_mm: ArrayLike) -> np.ndarray:
    """(left − right) / the larger of both, −1 … 1: 0 where both sides move alike, 0.5 where the right side moves half
    as far as the left, 1 where it does not move or moves the other way. NaN where neither side moves `LEAST_MM`.
    """
    left, right = (np.maximum(np.asarray(side, np.float64), 0.0) for side in (left_mm, right_mm))
    larger = np.maximum(left, right)
    enough = larger >= LEAST_MM
    return np.where(enough, (left - right) / np.where(enough, larger, 1.0), np.nan)


def measure_sides(face: FaceModel, ruler: Ruler, psi: np.ndarray, valid: np.ndarray, fps: float) -> MeasuredSides:
    """Measure one recording.

    Parameters
    ----------
    psi: (T, E). valid: (T,) bool. fps: frames a second.

    Raises `DataError` where no frame is valid, or none of those is a face's.
    """
    broken = valid & no_face(ruler, psi)
    valid, psi = valid & ~broken, np.where(broken[:, None], psi.dtype.type(0), psi)
    if not valid.any():
        raise DataError("recording", "no valid frame", "a recording in which the face was tracked")
    steady = _smooth(psi, _STILL_S, fps)
    still = np.zeros(len(psi), bool)
    if len(psi) > 2:
        step = np.gradient(steady.astype(np.float64), axis=0) * fps
        still = valid & (np.sqrt(np.einsum("te,ef,tf->t", step, face.gram, step, optimize=True)) * 1000 < STILL_MM_S)
    seconds = float(still.sum() / fps)
    enough = seconds >= LEAST_REST_S
    rest = np.median(psi[still if enough else valid], 0)
    rest_mm = ruler.courses(rest[None])[0]
    calm = _smooth(psi, _SMOOTH_S, fps) - rest
    courses = np.where(valid[:, None, None], ruler.courses(calm), 0.0)
    path = np.linalg.norm(np.tensordot(calm.astype(np.float64), ruler.corner, 1), axis=-1)
    return MeasuredSides(
        rest_psi=rest,
        rest_mm=rest_mm,
        rest_seconds=seconds if enough else 0.0,
        broken_frames=int(broken.sum()),
        apexes={m.name: _apexes(courses, i, path, fps) for i, m in enumerate(MOVEMENTS)},
    )


def no_face(ruler: Ruler, psi: np.ndarray) -> np.ndarray:
    """(T,) bool: frames in which a side is farther from neutral than faces reach, as a tracker gives that lost it."""
    return np.abs(ruler.courses(psi)).max((1, 2)) > MOST_MM


def _smooth(psi: np.ndarray, seconds: float, fps: float) -> np.ndarray:
    """(T, E) running mean over so many seconds, an odd number of frames."""
    return uniform_filter1d(psi, 2 * round((seconds * fps - 1) / 2) + 1, axis=0, mode="nearest")


def _apexes(courses: np.ndarray, movement: int, path: np.ndarray, fps: float) -> MeasuredApexes:
    own = courses[:, movement]
    both = np.pad(own.mean(1), 1)  # an apex may be the first or the last frame
    found, _ = find_peaks(both, height=LEAST_MM / 2, distance=max(1, round(_APART_S * fps)))
    found = found - 1
    found = found[own[found].max(1) >= LEAST_MM]
    if len(found):
        size = own[found].mean(1)
        strong = size >= _OF_LARGEST * size.max()
        found = np.sort(found[strong][np.argsort(-size[strong], kind="stable")[:MOST_APEXES]])
    return MeasuredApexes(row=found, moved_mm=own[found], others_mm=courses[found], path_mm=path[found])
