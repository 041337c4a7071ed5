"""FLAME as a face, from the user's own licensed model: the official release, or its arrays repacked as npz.

The release is a pickle; its arrays are taken out without running it (`array_pickle`). Arrays, named as in the official
release: ``v_template`` (5023, 3) m, ``f`` (F, 3), ``shapedirs`` (V, 3, 400) (300 identity, then 100 expression
directions) or ``expressiondirs`` (V, 3, ≥50), ``J_regressor`` (5, V), ``weights`` (V, 5), and where there are any the
pose correctives ``posedirs`` (V, 3, 36). The jaw is in `flame_jaw`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.array_pickle import read_array_pickle
from dfe_core.faces.coefficients import flame_names
from dfe_core.faces.flame_jaw import FEATURES, Jaw
from dfe_core.faces.model import FaceModel
from dfe_core.faces.transfer import transfer_anatomy
from dfe_core.npz_file import is_npz, read_npz

_NAMES = ("v_template", "f", "faces", "shapedirs", "expressiondirs", "J_regressor", "weights", "posedirs")
EXPRESSIONS = 50  # of FLAME's 100: as many as DECA, EMOCA and SMIRK estimate
IDENTITIES = 50


def convert_flame(path: Path, face_id: str, reference: FaceModel) -> FaceModel:
    """Convert FLAME's arrays to a `FaceModel` with 50 expression and 3 jaw coefficients.

    Regions, sides and landmarks are carried over from `reference` by alignment. Raises `DataError` for a file that
    does not hold FLAME's arrays.
    """
    arrays = _read(path)
    template = arrays["v_template"]
    centre = np.array([0, *template.mean(0)[1:]])
    expression = arrays["expressiondirs"][..., :EXPRESSIONS].transpose(2, 0, 1)
    jaw = Jaw(
        template=template,
        regressor=arrays["J_regressor"],
        weights=arrays["weights"],
        correctives=arrays.get("posedirs"),
    )
    basis = np.concatenate([expression, jaw.directions()]).astype(np.float32)
    placed = (template - centre).astype(np.float32)
    triangles = arrays["f"].astype(np.int32)
    mirror, regions, sides, materials, marks = transfer_anatomy(placed, reference)
    identity = arrays["shapedirs"][..., :IDENTITIES].transpose(2, 0, 1).astype(np.float32)
    return FaceModel(
        id=face_id,
        title="FLAME head",
        names=flame_names(EXPRESSIONS),
        template=placed,
        triangles=triangles,
        basis=basis,
        mirror=mirror,
        regions=regions,
        sides=sides,
        materials=materials,
        landmarks=marks,
        identity_names=tuple(f"shape{i:03d}" for i in range(len(identity))),
        identity_basis=identity,
        licence="FLAME: the user's own file, under its own licence",
        notes=jaw.notes(),
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    held = read_npz(path, _NAMES) if is_npz(path) else read_array_pickle(path)
    arrays = {name: np.asarray(array, np.float64) for name, array in held.items() if name in _NAMES}
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
        raise DataError(
            path,
            f"expression directions of shape {arrays['expressiondirs'].shape}",
            f"({vertices}, 3, at least {EXPRESSIONS})",
        )
    if "posedirs" in arrays:
        arrays["posedirs"] = _correctives(arrays["posedirs"], vertices, path)
    return arrays


def _correctives(array: np.ndarray, vertices: int, path: Path) -> np.ndarray:
    """(V, 3, P) pose correctives, given so or flattened as some ports keep them, (P, 3 V)."""
    if array.ndim == 2 and array.shape[1] == 3 * vertices:
        array = array.reshape(len(array), vertices, 3).transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[:2] != (vertices, 3) or array.shape[2] < FEATURES or not np.isfinite(array).all():
        raise DataError(
            path,
            f"posedirs of shape {array.shape}, or numbers that are not finite",
            f"({vertices}, 3, at least {FEATURES})",
        )
    return array
