"""Users' own model files: ICT-FaceKit as npz and as OBJ files, FLAME repacked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.faces import FaceModel, open_face, save_face
from dfe_core.faces.eyeball import SKIN, carry_affine, eyeball, fit_sphere
from dfe_core.faces.fillings import openings
from dfe_core.faces.flame import JAW_CHORD, convert_flame


def write_obj(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    rows = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    rows += ["f " + " ".join(f"{i + 1}/{i + 1}" for i in f) for f in faces]
    path.write_text("\n".join(rows) + "\n")


def test_ict_keeps_the_files_own_vertices_and_displacements(ict: FaceModel, ict_source: Path) -> None:
    with np.load(ict_source) as raw:
        count, names = len(raw["neutral"]), tuple(map(str, raw["expression_names"]))
        shift = ict.template[:count] - raw["neutral"] * 0.01
        assert np.ptp(shift, axis=0).max() < 1e-6  # moved as a whole
        assert np.allclose(ict.basis[:, :count], raw["expression_deltas"].astype(np.float32) * 0.01, atol=1e-7)
        assert ict.names == names
        assert (ict.materials[:count] == SKIN).all()
        assert np.allclose(ict.identity_basis[:, :count], raw["identity_deltas"].astype(np.float32) * 0.01, atol=1e-6)


def test_ict_narrow_face_is_a_face_too(shared: Path, cache: Path) -> None:
    face = open_face(f"ict:{shared / 'data' / 'ict_facekit' / 'ict_narrow_face.npz'}")
    assert len(face.names) == 55
    assert np.unique(face.regions[face.materials == SKIN]).size == 9


def test_a_folder_of_obj_files_gives_the_same_face_as_the_npz(shared: Path, tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    kept = ("eyeBlink_L", "eyeBlink_R", "jawOpen", "mouthClose", "mouthSmile_L", "mouthSmile_R", "browInnerUp_L",
            "browInnerUp_R", "browOuterUp_L", "browOuterUp_R", "mouthDimple_L", "mouthStretch_L", "mouthFrown_L")
    with np.load(shared / "data" / "ict_facekit" / "ict_narrow_face.npz") as raw:
        neutral, faces, names = raw["neutral"], raw["faces"], list(map(str, raw["expression_names"]))
        deltas = {n: raw["expression_deltas"][names.index(n)].astype(np.float32) for n in kept}
        identity = raw["identity_deltas"][0].astype(np.float32)
    write_obj(folder / "generic_neutral_mesh.obj", neutral, faces)
    for name, delta in deltas.items():
        write_obj(folder / f"{name}.obj", neutral + delta, faces)
    write_obj(folder / "identity000.obj", neutral + identity, faces)
    write_obj(folder / "PupilDilate_L.obj", neutral, faces)
    small = tmp_path / "small.npz"
    np.savez(small, neutral=neutral, faces=faces, expression_names=np.array(sorted(kept)),
             expression_deltas=np.stack([deltas[n] for n in sorted(kept)]), identity_deltas=identity[None])
    a, b = open_face(f"ict:{folder}"), open_face(f"ict:{small}")
    assert a.names == b.names == tuple(sorted(kept))
    assert np.allclose(a.template, b.template, atol=1e-7)
    assert np.allclose(a.basis, b.basis, atol=1e-7)
    assert np.array_equal(a.regions, b.regions)
    assert np.allclose(a.identity_basis, b.identity_basis, atol=1e-7)


@pytest.mark.parametrize(("damage", "found"), [("vertices", "vertices"), ("text", "not readable as OBJ"),
                                               ("no neutral", "generic_neutral_mesh"), ("empty", "no OBJ files")])
def test_a_broken_obj_folder_names_the_file_and_the_fault(tmp_path: Path, cache: Path, damage: str, found: str) -> None:
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
    if damage != "empty":
        write_obj(folder / "jawOpen.obj", square[:3] if damage == "vertices" else square, np.array([[0, 1, 2]]))
    if damage not in ("empty", "no neutral"):
        write_obj(folder / "generic_neutral_mesh.obj", square, np.array([[0, 1, 2, 3]]))
    if damage == "text":
        (folder / "jawOpen.obj").write_text("v one two three\n")
    with pytest.raises(DataError, match=found):
        open_face(f"ict:{folder}")


@pytest.mark.parametrize(("change", "found"), [({"neutral": None}, "no array"), ({"expression_deltas": "nan"}, "NaN"),
                                               ({"faces": "far"}, "outside the vertices"),
                                               ({"expression_names": "renamed"}, "no expression called")])
def test_a_foreign_npz_is_refused(ict_source: Path, tmp_path: Path, cache: Path, change: dict, found: str) -> None:
    with np.load(ict_source) as raw:
        arrays = {n: raw[n] for n in ("neutral", "faces", "expression_names", "expression_deltas")}
    (name, how), = change.items()
    if how is None:
        del arrays[name]
    elif how == "nan":
        arrays[name][0, 0] = np.nan
    elif how == "far":
        arrays[name] = arrays[name] + 999_999
    else:
        arrays[name] = np.array([f"shape{i}" for i in range(55)])
    path = tmp_path / "face.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=found):
        open_face(f"ict:{path}")


def test_flame_arrays_become_a_face_with_a_linear_jaw(anny: FaceModel, tmp_path: Path, cache: Path) -> None:
    """A stand-in for the licensed file: another face's skin with FLAME's array names and one jaw joint."""
    skin = anny.materials == SKIN
    number = np.cumsum(skin) - 1
    template = anny.template[skin].astype(np.float64)
    follows = np.clip(-anny.basis[anny.names.index("jawOpen"), skin, 1] * 40, 0, 1)
    weights = np.zeros((len(template), 5))
    weights[:, 2], weights[:, 1] = follows, 1 - follows
    regressor = np.zeros((5, len(template)))
    regressor[2, 0] = 1
    directions = np.random.default_rng(0).normal(size=(len(template), 3, 400)) * 1e-4
    path = tmp_path / "flame.npz"
    np.savez(path, v_template=template, f=number[anny.triangles[skin[anny.triangles].all(1)]], shapedirs=directions,
             J_regressor=regressor, weights=weights)
    save_face(anny, cache)
    face = open_face(f"flame:{path}")
    assert open_face(face.id).names == face.names  # kept, and opened by its id
    assert face.names[0] == "exp_000"
    assert face.names[-3:] == ("jaw_x", "jaw_y", "jaw_z")
    assert np.allclose(face.basis[0], directions[..., 300], atol=1e-7)
    psi = np.zeros(53, np.float32)
    psi[50] = JAW_CHORD
    joint, pivot = template[0], weights[:, 2:3]
    turn = np.array([[1, 0, 0], [0, np.cos(JAW_CHORD), -np.sin(JAW_CHORD)], [0, np.sin(JAW_CHORD), np.cos(JAW_CHORD)]])
    exact = pivot * ((template - joint) @ turn.T - (template - joint))
    assert np.allclose(face.displacement(psi), exact, atol=1e-6)
    assert (face.regions == anny.regions[skin]).mean() > 0.97


def test_flame_without_its_arrays_is_refused(anny: FaceModel, tmp_path: Path) -> None:
    path = tmp_path / "flame.npz"
    np.savez(path, v_template=np.zeros((5, 3)))
    with pytest.raises(DataError, match="no array f, shapedirs"):
        convert_flame(path, "flame-test", anny)


def test_a_sphere_is_fitted_and_an_affine_field_carried_exactly() -> None:
    points, triangles, _ = eyeball(np.array([0.03, 0.01, -0.02]), 0.012)
    centre, radius = fit_sphere(points)
    assert np.allclose(centre, [0.03, 0.01, -0.02])
    assert radius == pytest.approx(0.012)
    assert openings(triangles) == []
    turn = np.array([[0.9, 0.1, 0], [0, 1, 0.2], [0.3, 0, 1]])
    sample = points[::3]
    assert np.allclose(carry_affine(sample, (sample @ turn - sample)[None], points)[0], points @ turn - points)


def test_the_openings_of_a_surface_are_found_in_order() -> None:
    grid = np.arange(16).reshape(4, 4)
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    squares = np.stack([a, b, c, d], -1).reshape(-1, 4)
    kept = np.delete(squares, 4, axis=0)  # a hole in the middle
    triangles = np.concatenate([kept[:, [0, 1, 2]], kept[:, [0, 2, 3]]])
    loops = sorted(openings(triangles), key=len)
    assert sorted(loops[0]) == [5, 6, 9, 10]
    assert len(loops[1]) == 12
