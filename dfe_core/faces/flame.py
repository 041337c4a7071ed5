"""FLAME as a face, from the user's own licensed model: the official release, or its arrays repacked as npz.

The release is a pickle; its arrays are taken out without running it (`array_pickle`). Arrays, named as in the official
release: ``v_template`` (5023, 3) m, ``f`` (F, 3), ``shapedirs`` (V, 3, 400) (300 identity, then 100 expression
directions) or ``expressiondirs`` (V, 3, ≥50), ``J_regressor`` (5, V), ``weights`` (V, 5). The jaw turns by linear
blend skinning in FLAME (Li et al. 2017, eq. 2); here it is the chord of that turn at `JAW_CHORD` radians, which makes
it a linear coefficient like the rest. Pose correctives are left out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.array_pickle import read_array_pickle
from dfe_core.faces.coefficients import flame_names
from dfe_core.faces.model import FaceModel
from dfe_core.faces.transfer import transfer_anatomy
from dfe_core.npz_file import read_npz

_NAMES = ("v_template", "f", "faces", "shapedirs", "expressiondirs", "J_regressor", "weights")
EXPRESSIONS = 50  # of FLAME's 100: as many as DECA, EMOCA and SMIRK estimate
IDENTITIES = 50
JAW_CHORD = 0.2
JAW_JOINT = 2  # root, neck, jaw, left eye, right eye


def convert_flame(path: Path, face_id: str, reference: FaceModel) -> FaceModel:
    """Convert FLAME's arrays to a `FaceModel` with 50 expression and 3 jaw coefficients.

    Regions, sides and landmarks are carried over from `reference` by alignment. Raises `DataError` for a file that
    does not hold FLAME's arrays.
    """
    arrays = _read(path)
    template = arrays["v_template"]
    centre = np.array([0, *template.mean(0)[1:]])
    expression = arrays["expressiondirs"][..., :EXPRESSIONS].transpose(2, 0, 1)
    basis = np.concatenate([expression, _jaw(template, arrays)]).astype(np.float32)
    placed = (template - centre).astype(np.float32)
    triangles = arrays["f"].astype(np.int32)
    mirror, regions, sides, materials, marks = transfer_anatomy(placed, reference)
    identity = arrays["shapedirs"][..., :IDENTITIES].transpose(2, 0, 1).astype(np.float32)
    return FaceModel(face_id, "FLAME head", flame_names(EXPRESSIONS), placed, triangles, basis, mirror, regions, sides,
                     materials, marks, tuple(f"shape{i:03d}" for i in range(len(identity))), identity,
                     "FLAME: the user's own file, under its own licence")


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an npz, or of the official release. Raises `DataError` for what is neither."""
    try:
        with open(path, "rb") as handle:
            packed = handle.read(2) == b"PK"
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
    return read_npz(path, _NAMES) if packed else read_array_pickle(path)


def _read(path: Path) -> dict[str, np.ndarray]:
    arrays = {name: np.asarray(array, np.float64) for name, array in _arrays(path).items() if name in _NAMES}
    if "f" not in arrays and "faces" in arrays:
        arrays["f"] = arrays["faces"]
    missing = [n for n in ("v_template", "f", "shapedirs", "J_regressor", "weights") if n not in arrays]
    if missing:
        raise DataError(path, f"no array {', '.join(missing)}", "FLAME's own array names")
    if "expressiondirs" not in arrays:
        arrays["expressiondirs"] = arrays["shapedirs"][..., 300:]
    vertices = len(arrays["v_template"])
    for name, shape in (("v_template", (vertices, 3)), ("weights", (vertices, 5)), ("J_regressor", (5, vertices))):
        if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            raise DataError(path, f"{name} has shape {arrays[name].shape}, or numbers that are not finite", str(shape))
    if arrays["expressiondirs"].shape[:2] != (vertices, 3) or arrays["expressiondirs"].shape[2] < EXPRESSIONS:
        raise DataError(path, f"expression directions of shape {arrays['expressiondirs'].shape}",
                        f"({vertices}, 3, at least {EXPRESSIONS})")
    return arrays


def _jaw(template: np.ndarray, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """(3, V, 3): displacement per radian about each axis of the jaw joint."""
    joint = (arrays["J_regressor"] @ template)[JAW_JOINT]
    weight = arrays["weights"][:, JAW_JOINT, None]
    offset = template - joint
    turned = [offset @ _rotation(axis, JAW_CHORD).T - offset for axis in range(3)]
    return np.stack([weight * t / JAW_CHORD for t in turned])


def _rotation(axis: int, angle: float) -> np.ndarray:
    """Right-handed rotation about a coordinate axis."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out = np.eye(3)
    out[i, i] = out[j, j] = np.cos(angle)
    out[i, j], out[j, i] = -np.sin(angle), np.sin(angle)
    return out
