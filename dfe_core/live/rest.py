"""The resting face of whoever is in front of the camera, from a few seconds in which they rest.

The same estimate as ``dfe import --rest remove`` makes of whole recordings (`expressions.neutral.resting_face`),
without its search for calm frames: here all of them are meant to be. Letters: S coefficients of the source.
"""

from __future__ import annotations

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.neutral import resting_face
from dfe_core.faces.model import FaceModel

LEAST_FRAMES = 10
"""Fewer frames with a face say nothing."""


def rest_of(frames: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(S,) float32 that frames return to: blinks and slips of the seconds do not count.

    frames: (T, S) coefficients. sizes: (S,) how far each moves the face (`coefficient_sizes`). Raises `DataError` for
    fewer than `LEAST_FRAMES` frames.
    """
    if len(frames) < LEAST_FRAMES:
        raise DataError("rest", f"{len(frames)} frames with a face", f"at least {LEAST_FRAMES}")
    size = np.asarray(sizes, np.float64)
    values = np.asarray(frames, np.float32).astype(np.float64) * size
    return (resting_face(values[:, :, None])[:, 0] / size).astype(np.float32)


def coefficient_sizes(face: FaceModel, matrix: np.ndarray) -> np.ndarray:
    """(S,) how far each coefficient of a source moves the face, in any unit, and no less than a thousandth of the one
    that moves it most. matrix: (S, E), from the source's coefficients to the face's."""
    if not face.has_mesh:
        return np.ones(len(matrix))
    wide = matrix.astype(np.float64)
    size = np.sqrt(np.maximum(np.einsum("se,ef,sf->s", wide, face.gram.astype(np.float64), wide), 0))
    return np.maximum(size, 1e-3 * size.max())
