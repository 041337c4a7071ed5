"""The Basel Face Model from the user's own file, in Deep3DFaceRecon's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from dfe_core.errors import DataError
from dfe_core.faces import FaceModel, open_face, save_face
from dfe_core.faces.bfm import convert_bfm
from dfe_core.faces.model import REGIONS


def bfm_arrays(face: FaceModel, expressions: int = 64) -> dict[str, np.ndarray]:
    """A face as Deep3DFaceRecon would have it: decimetres, vertices flattened, triangles from 1."""
    rng = np.random.default_rng(0)
    fields = rng.normal(size=(expressions, *face.template.shape)) * 1e-3
    fields[: min(expressions, len(face.basis))] = face.basis[:expressions]
    flat = 10 * fields.reshape(expressions, -1).T
    return {
        "meanshape": 10 * face.template.reshape(1, -1),
        "exBase": flat,
        "idBase": np.tile(flat[:, :1], (1, 80)),
        "tri": face.triangles + 1,
        "meantex": np.zeros((1, face.template.size)),
    }


@pytest.mark.parametrize("suffix", [".mat", ".npz"])
def test_its_shape_and_basis_become_metres(tmp_path: Path, anny: FaceModel, suffix: str):
    arrays, path = bfm_arrays(anny), tmp_path / f"a{suffix}"
    savemat(path, arrays) if suffix == ".mat" else np.savez(path, **arrays)
    face = convert_bfm(path, "bfm-test", anny)
    assert face.names == tuple(f"bfm_{i:02d}" for i in range(64)) and len(face.identity_basis) == 50
    shift = face.template - anny.template
    assert np.ptp(shift, axis=0).max() < 1e-6  # moved as a whole
    np.testing.assert_allclose(face.basis[:52], anny.basis, atol=1e-6)
    np.testing.assert_array_equal(face.triangles, anny.triangles)
    skin = anny.materials == 0
    agree = face.regions[skin] == anny.regions[skin]
    assert agree.mean() > 0.95 and len(np.unique(face.regions)) >= len(REGIONS) - 1


def test_it_opens_by_its_path_once_and_then_by_its_id(tmp_path: Path, cache: Path, anny: FaceModel):
    save_face(anny)
    path = tmp_path / "BFM_model_front.mat"
    savemat(path, bfm_arrays(anny))
    face = open_face(f"bfm:{path}")
    assert face.id.startswith("bfm-") and open_face(face.id).names == face.names


def damaged(name: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    changed = {
        "no exBase": {"exBase": None},
        "few expressions": {"exBase": arrays["exBase"][:, :40]},
        "counted from 0": {"tri": arrays["tri"] - 1},
        "nan": {"meanshape": arrays["meanshape"] * np.nan},
        "short": {"meanshape": arrays["meanshape"][:, :-1]},
        "other rows": {"idBase": arrays["idBase"][:-3]},
    }
    return {k: v for k, v in (arrays | changed[name]).items() if v is not None}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("no exBase", "no array exBase"),
        ("few expressions", "exBase of shape"),
        ("counted from 0", "triangles of shape"),
        ("nan", "not finite"),
        ("short", "meanshape of"),
        ("other rows", "idBase of shape"),
    ],
)
def test_a_file_that_is_no_such_model_names_the_array(tmp_path: Path, toy_face: FaceModel, name: str, found: str):
    savemat(tmp_path / "a.mat", damaged(name, bfm_arrays(toy_face)))
    with pytest.raises(DataError, match=found):
        convert_bfm(tmp_path / "a.mat", "bfm-test", toy_face)


def test_what_is_neither_mat_nor_npz_is_refused(tmp_path: Path, toy_face: FaceModel):
    for content in (b"", b"PK\x03\x04broken", b"\x80\x04cos\nsystem\n", b"MATLAB 5.0 MAT-file" + b"\0" * 400):
        (tmp_path / "a.mat").write_bytes(content)
        with pytest.raises(DataError):
            convert_bfm(tmp_path / "a.mat", "bfm-test", toy_face)
