"""The Basel Face Model with expressions, from the user's own file as Deep3DFaceRecon prepares it.

``BFM_model_front.mat``: ``meanshape`` (3V), ``idBase`` (3V, 80), ``exBase`` (3V, 64) in decimetres, ``tri`` (F, 3)
counted from 1. Upright, looking along +z, x to the face's own left, as ours. The teeth and the neck are not in it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.coefficients import BFM_EXPRESSIONS, bfm_names
from dfe_core.faces.model import FaceModel
from dfe_core.faces.transfer import transfer_anatomy
from dfe_core.mat_file import read_mat
from dfe_core.npz_file import is_npz, read_npz

METRES = 0.1
IDENTITIES = 50
_ARRAYS = ("meanshape", "idBase", "exBase", "tri")


def convert_bfm(path: Path, face_id: str, reference: FaceModel) -> FaceModel:
    """Convert BFM's arrays to a `FaceModel` with 64 expression coefficients.

    Regions, sides and landmarks are carried over from `reference` by alignment. Raises `DataError` for a file that
    does not hold BFM's arrays.
    """
    arrays = _read(path)
    template = arrays["meanshape"].reshape(-1, 3) * METRES
    centre = np.array([0, *template.mean(0)[1:]])
    placed = (template - centre).astype(np.float32)
    basis, identity = (
        _fields(arrays[name])[:count] * METRES for name, count in (("exBase", BFM_EXPRESSIONS), ("idBase", IDENTITIES))
    )
    triangles = arrays["tri"].astype(np.int32) - 1
    mirror, regions, sides, materials, marks = transfer_anatomy(placed, reference)
    return FaceModel(
        id=face_id,
        title="Basel Face Model",
        names=bfm_names(),
        template=placed,
        triangles=triangles,
        basis=basis.astype(np.float32),
        mirror=mirror,
        regions=regions,
        sides=sides,
        materials=materials,
        landmarks=marks,
        identity_names=tuple(f"shape{i:03d}" for i in range(len(identity))),
        identity_basis=identity.astype(np.float32),
        licence="Basel Face Model: the user's own file, under its own licence",
    )


def _fields(matrix: np.ndarray) -> np.ndarray:
    """(3V, N) to (N, V, 3)."""
    return matrix.T.reshape(matrix.shape[1], -1, 3)


def _read(path: Path) -> dict[str, np.ndarray]:
    held = read_npz(path, _ARRAYS) if is_npz(path) else read_mat(path, _ARRAYS)
    arrays = {name: np.asarray(value, np.float64) for name, value in held.items()}
    missing = [name for name in _ARRAYS if name not in arrays]
    if missing:
        raise DataError(path, f"no array {', '.join(missing)}", "BFM_model_front.mat of Deep3DFaceRecon")
    vertices, tri = arrays["meanshape"].size // 3, arrays["tri"]
    if arrays["meanshape"].size % 3 or not vertices or not np.isfinite(arrays["meanshape"]).all():
        raise DataError(
            path, f"meanshape of {arrays['meanshape'].size} numbers, or some not finite", "x, y and z of every vertex"
        )
    for name, columns in (("idBase", 1), ("exBase", BFM_EXPRESSIONS)):
        shape = arrays[name].shape
        if len(shape) != 2 or shape[0] != 3 * vertices or shape[1] < columns or not np.isfinite(arrays[name]).all():
            raise DataError(
                path,
                f"{name} of shape {shape}, or numbers that are not finite",
                f"({3 * vertices}, at least {columns})",
            )
    if tri.ndim != 2 or tri.shape[1] != 3 or not len(tri) or not ((tri >= 1) & (tri <= vertices)).all():
        raise DataError(
            path, f"triangles of shape {tri.shape}, or of vertices that are not there", f"(F, 3), from 1 to {vertices}"
        )
    return arrays
