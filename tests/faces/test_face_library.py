"""Faces are opened by name, built or converted once, and a file that is not a face is said to be none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.faces import FaceModel, list_faces, open_face, save_face
from dfe_core.faces.anny import IDENTITY
from dfe_core.faces.archive import load_face
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.store import artefact_path

ARRAYS = ("template", "triangles", "basis", "mirror", "regions", "sides", "materials")


def test_a_saved_face_opens_as_it_was(toy_face: FaceModel, cache: Path) -> None:
    save_face(toy_face)
    opened = open_face(toy_face.id)
    for name in ARRAYS:
        assert np.array_equal(getattr(opened, name), getattr(toy_face, name)), name
    assert (opened.id, opened.names, opened.landmarks) == (toy_face.id, toy_face.names, toy_face.landmarks)
    assert list_faces() == [toy_face.id]
    assert [p.name for p in (cache / "faces").iterdir()] == [toy_face.id + ".npz"]


def test_identity_survives_saving(anny: FaceModel, tmp_path: Path) -> None:
    opened = load_face(save_face(anny, tmp_path))
    assert opened.identity_names == anny.identity_names
    assert np.array_equal(opened.identity_basis, anny.identity_basis)


def test_the_default_face_is_a_head_with_arkit_coefficients_in_metres(anny: FaceModel) -> None:
    assert anny.names == ARKIT_NAMES
    assert anny.id.startswith("anny-")
    assert 4000 < len(anny.template) < 5000
    assert 0.2 < np.ptp(anny.template[:, 1]) < 0.3  # a head, not a body
    assert np.linalg.matrix_rank(anny.gram, hermitian=True) == 52
    assert set(anny.identity_names) <= set(IDENTITY)
    assert np.unique(anny.triangles).size == len(anny.template)  # no stray vertices


def test_identity_changes_the_head_and_keeps_the_eyes_in_place(anny: FaceModel) -> None:
    eyes = np.isin(anny.materials, (1, 3, 4))
    for name, field in zip(anny.identity_names, anny.identity_basis, strict=True):
        assert 5e-4 < np.abs(field).max() < 0.06, name
        assert np.abs(field[eyes].mean(0)).max() < 1e-6, name
    size = dict(
        zip(anny.identity_names, (np.ptp(anny.template + f, axis=0)[1] for f in anny.identity_basis), strict=True)
    )
    assert size["small"] < size["child"] < size["large"]


def test_a_person_is_the_template_moved_by_identity(anny: FaceModel, toy_face: FaceModel) -> None:
    person = np.zeros(len(anny.identity_names))
    person[1] = 0.5
    assert np.allclose(anny.neutral(person), anny.template + anny.identity_basis[1] / 2)
    assert anny.neutral() is anny.template
    for face, wrong in ((anny, np.zeros(2)), (toy_face, np.zeros(1))):
        with pytest.raises(DataError, match="identity parameters"):
            face.neutral(wrong)


def test_opening_a_cached_face_imports_neither_torch_nor_anny(anny: FaceModel, tmp_path: Path) -> None:
    save_face(anny, tmp_path)
    code = (
        "import sys, json; from pathlib import Path; from dfe_core.faces import open_face;"
        f"open_face('anny', Path({str(tmp_path)!r}));"
        "print(json.dumps([m for m in ('torch', 'anny', 'warp', 'scipy', 'pandas') if m in sys.modules]))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == []


def test_a_corrupt_converted_face_is_made_again(ict_source: Path, cache: Path) -> None:
    face = open_face(f"ict:{ict_source}")
    path = artefact_path("faces", face.id + ".npz")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    again = open_face(f"ict:{ict_source}")
    assert np.array_equal(again.basis, face.basis)
    assert len(path.read_bytes()) == len(whole)


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "nan", "index", "schema", "shape", "foreign"])
def test_a_broken_face_file_is_refused_in_one_line_that_names_it(
    toy_face: FaceModel, tmp_path: Path, damage: str
) -> None:
    path = save_face(toy_face, tmp_path)
    content = path.read_bytes()
    with np.load(path) as archive:
        arrays = dict(archive)
    if damage == "truncated":
        path.write_bytes(content[:-200])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("Timecode,BlendShapeCount\n")
    elif damage == "foreign":
        np.savez(path, weights=np.zeros(3))
    else:
        if damage == "nan":
            arrays["basis"][3, 4] = np.nan
        elif damage == "index":
            arrays["triangles"][0, 0] = len(arrays["template"])
        elif damage == "shape":
            arrays["mirror"] = arrays["mirror"][:-1]
        else:
            arrays["header"] = np.frombuffer(b'{"schema": 99}', np.uint8)
        np.savez(path, **arrays)
    with pytest.raises(DataError, match=str(path)) as caught:
        open_face(toy_face.id, tmp_path)
    assert "\n" not in str(caught.value)


def test_pickled_arrays_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "faces" / "evil.npz"
    path.parent.mkdir()
    np.savez(path, header=np.array([{"schema": 1}], dtype=object))
    with pytest.raises(DataError, match="evil.npz"):
        open_face("evil", tmp_path)


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ("nobody", "no such face"),
        ("basel:x", "no face source"),
        ("ict:/nowhere/at/all", "no such file"),
        ("../up", "not usable"),
        ("anny-0.0.1", "not in the cache"),
    ],
)
def test_an_unknown_face_says_what_could_be_asked_for(cache: Path, which: str, found: str) -> None:
    with pytest.raises(DataError, match=found):
        open_face(which)


def test_flame_coefficients_are_a_face_without_a_mesh(cache: Path) -> None:
    face = open_face("flame-50+jaw")
    assert face.id == "flame-50+jaw"
    assert face.names[:2] == ("exp_000", "exp_001")
    assert face.names[50:] == ("jaw_x", "jaw_y", "jaw_z")
    assert not face.has_mesh
    assert face.displacement(np.ones((4, 53))).shape == (4, 0, 3)
    assert np.array_equal(face.gram, np.eye(53))
    assert open_face("flame-100+jaw").coefficients == 103
    assert list_faces() == []
