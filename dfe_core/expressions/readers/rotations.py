"""Rotations as tools write them, brought to axis-angle vectors."""

from __future__ import annotations

import numpy as np

from dfe_core.errors import DataError

MATRIX, SIX = "3 x 3 matrices", "6-D rotations"
_SLACK = 0.05  # of the entries of R times its transpose


def from_matrices(array: np.ndarray, where: str) -> tuple[np.ndarray, str]:
    """(T, …) arrays of nine numbers a frame, row by row, to (T, 3) radians, NaN where a number is missing; and "".

    Raises `DataError` for matrices that are no rotations.
    """
    return _vectors(np.asarray(array, np.float64).reshape(len(array), 3, 3), where), ""


def from_six(array: np.ndarray, where: str) -> tuple[np.ndarray, str]:
    """(T, …) arrays of six numbers a frame (Zhou et al. 2019, eq. 15) to (T, 3) radians, and what was assumed.

    The six are two rows of the matrix (PyTorch3D) or two columns (Zhou et al.), which is one turn or its opposite: the
    one is taken by which the jaw opens (+x). Raises `DataError` where two vectors are parallel or nothing.
    """
    first, second = np.moveaxis(np.asarray(array, np.float64).reshape(len(array), 2, 3), 1, 0)
    known = np.isfinite(first).all(1) & np.isfinite(second).all(1)
    first = _unit(first)
    second = _unit(second - (first * second).sum(1, keepdims=True) * first)
    if known.any() and not (np.isfinite(first[known]).all() and np.isfinite(second[known]).all()):
        raise DataError(where, "vectors that are parallel or nothing", "6-D rotations")
    rows = np.stack([first, second, np.cross(first, second)], 1)
    vectors = _vectors(rows, where)
    if np.nansum(vectors[:, 0]) < 0:
        return -vectors, ", taken as two columns, for so the jaw opens"
    return vectors, ", taken as two rows, for so the jaw opens"


def _unit(vectors: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _vectors(matrices: np.ndarray, where: str) -> np.ndarray:
    """(T, 3, 3) to (T, 3) radians."""
    from scipy.spatial.transform import Rotation

    out = np.full((len(matrices), 3), np.nan)
    known = np.isfinite(matrices).all((1, 2))
    some = matrices[known]
    off = np.abs(some @ some.transpose(0, 2, 1) - np.eye(3)).max(initial=0)
    if not off <= _SLACK or (np.linalg.det(some) <= 0).any():
        raise DataError(where, "matrices that are no rotations", "orthonormal ones")
    if len(some):
        out[known] = Rotation.from_matrix(some).as_rotvec()
    return out
