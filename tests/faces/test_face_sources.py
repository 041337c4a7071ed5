"""Users' own model files: ICT-FaceKit as npz and as OBJ files, FLAME repacked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.faces import FaceModel, open_face, save_face
from dfe_core.faces.eyeball import SKIN, carry_affine, eyeball, fit_sphere
from dfe_core.faces.fillings import openings
from dfe_core.faces.flame import convert_flame
from dfe_core.faces.flame_jaw import CHORD


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
    kept = (
        "eyeBlink_L",
        "eyeBlink_R",
        "jawOpen",
        "mouthClose",
        "mouthSmile_L",
        "mouthSmile_R",
        "browInnerUp_L",
        "browInnerUp_R",
        "browOuterUp_L",
        "browOuterUp_R",
        "mouthDimple_L",
        "mouthStretch_L",
        "mouthFrown_L",
    )
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
    np.savez(
        small,
        neutral=neutral,
        faces=faces,
        expression_names=np.array(sorted(kept)),
        expression_deltas=np.stack([deltas[n] for n in sorted(kept)]),
        identity_deltas=identity[None],
    )
    a, b = open_face(f"ict:{folder}"), open_face(f"ict:{small}")
    assert a.names == b.names == tuple(sorted(kept))
    assert np.allclose(a.template, b.template, atol=1e-7)
    assert np.allclose(a.basis, b.basis, atol=1e-7)
    assert np.array_equal(a.regions, b.regions)
    assert np.allclose(a.identity_basis, b.identity_basis, atol=1e-7)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("vertices", "vertices"),
        ("text", "not readable as OBJ"),
        ("no neutral", "generic_neutral_mesh"),
        ("empty", "no OBJ files"),
    ],
)
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


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"neutral": None}, "no array"),
        ({"expression_deltas": "nan"}, "NaN"),
        ({"faces": "far"}, "outside the vertices"),
        ({"expression_names": "renamed"}, "no expression called"),
    ],
)
def test_a_foreign_npz_is_refused(ict_source: Path, tmp_path: Path, cache: Path, change: dict, found: str) -> None:
    with np.load(ict_source) as raw:
        arrays = {n: raw[n] for n in ("neutral", "faces", "expression_names", "expression_deltas")}
    ((name, how),) = change.items()
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


@pytest.fixture
def flame_arrays(anny: FaceModel) -> dict[str, np.ndarray]:
    """A stand-in for the licensed file: another face's skin with FLAME's array names, a jaw that turns about a joint
    before the ear, and pose correctives."""
    skin = anny.materials == SKIN
    number = np.cumsum(skin) - 1
    template = anny.template[skin].astype(np.float64)
    follows = np.clip(-anny.basis[anny.names.index("jawOpen"), skin, 1].astype(np.float64) * 40, 0, 1)
    weights = np.zeros((len(template), 5))
    weights[:, 2], weights[:, 1] = follows, 1 - follows
    chin = template[follows > 0.9].min(0)
    joint = np.linalg.norm(template - [0, chin[1] + 0.07, chin[2] - 0.03], axis=1).argsort()[:40]
    regressor = np.zeros((5, len(template)))
    regressor[2, joint] = 1 / len(joint)
    rng = np.random.default_rng(0)
    return {
        "v_template": template,
        "f": number[anny.triangles[skin[anny.triangles].all(1)]],
        "shapedirs": rng.normal(size=(len(template), 3, 400)) * 1e-4,
        "J_regressor": regressor,
        "weights": weights,
        "posedirs": rng.normal(size=(len(template), 3, 36)) * 1e-3 * follows[:, None, None],
    }


def skinned(arrays: dict[str, np.ndarray], turn: np.ndarray) -> np.ndarray:
    """FLAME's own formulation, as its makers write it: all five joints, homogeneous transforms, SciPy's rotations."""
    from scipy.spatial.transform import Rotation

    rotations = np.stack([np.eye(3)] * 5)
    rotations[2] = Rotation.from_rotvec(turn).as_matrix()
    joints = arrays["J_regressor"] @ arrays["v_template"]
    shaped = arrays["v_template"]
    if "posedirs" in arrays:
        shaped = shaped + arrays["posedirs"] @ (rotations[1:] - np.eye(3)).ravel()
    parents, chain = (-1, 0, 1, 1, 1), []
    for j, parent in enumerate(parents):
        local = np.eye(4)
        local[:3, :3], local[:3, 3] = rotations[j], joints[j] - (joints[parent] if j else 0)
        chain.append(local if j == 0 else chain[parent] @ local)
    moved = np.stack(
        [g @ np.block([[np.eye(3), -p[:, None]], [np.zeros(3), 1]]) for g, p in zip(chain, joints, strict=True)]
    )
    whole = np.concatenate([shaped, np.ones((len(shaped), 1))], 1)
    return np.einsum("vj,jab,vb->va", arrays["weights"], moved, whole)[:, :3] - arrays["v_template"]


def jaw_of(arrays, correctives=None):
    """The jaw of a FLAME file."""
    from dfe_core.faces.flame_jaw import Jaw

    return Jaw(
        template=arrays["v_template"],
        regressor=arrays["J_regressor"],
        weights=arrays["weights"],
        correctives=correctives,
    )


@pytest.mark.parametrize("turn", [(0.3, 0, 0), (0, -0.1, 0), (0.2, 0.05, -0.08)])
def test_the_jaw_is_skinned_as_flame_skins_it(flame_arrays, turn):
    jaw = jaw_of(flame_arrays, correctives=flame_arrays["posedirs"])
    assert np.allclose(jaw.displacement(np.array(turn)), skinned(flame_arrays, np.array(turn)), atol=1e-9)


@pytest.mark.parametrize("correctives", ["as released", "flattened", "none"])
def test_flame_arrays_become_a_face_whose_jaw_is_exact_when_well_open(anny, flame_arrays, tmp_path, cache, correctives):
    arrays = dict(flame_arrays)
    if correctives == "none":
        del arrays["posedirs"]
    elif correctives == "flattened":
        arrays["posedirs"] = arrays["posedirs"].transpose(2, 0, 1).reshape(36, -1)
    path = tmp_path / "flame.npz"
    np.savez(path, **arrays)
    save_face(anny, cache)
    face = open_face(f"flame:{path}")
    again = open_face(face.id)
    assert again.names == face.names and again.notes == face.notes  # kept, and opened by its id
    assert face.names[0] == "exp_000" and face.names[-3:] == ("jaw_x", "jaw_y", "jaw_z")
    assert np.allclose(face.basis[0], arrays["shapedirs"][..., 300], atol=1e-7)
    psi = np.zeros(53, np.float32)
    psi[50] = CHORD
    true = {k: v for k, v in flame_arrays.items() if k in arrays}
    assert np.allclose(face.displacement(psi), skinned(true, np.array([CHORD, 0, 0])), atol=1e-6)
    assert f"{'without' if correctives == 'none' else 'with'} pose correctives at 0.2 rad" in face.notes[0]
    regions = anny.regions[anny.materials == SKIN]
    assert (face.regions == regions).mean() > 0.97


def test_what_a_linear_jaw_misses_is_measured_and_said(flame_arrays):
    jaw = jaw_of(flame_arrays)
    assert jaw.missed_mm(CHORD)[1] < 1e-9
    reach = 1e3 * np.linalg.norm(jaw.template - jaw.joint, axis=1)[jaw.weights[:, 2] > 0.9]
    for angle in (0.1, 0.3, 0.4):
        off = (
            np.linalg.norm(
                skinned({k: v for k, v in flame_arrays.items() if k != "posedirs"}, np.array([angle, 0, 0]))
                - angle * jaw.directions()[0],
                axis=1,
            )
            * 1e3
        )
        assert jaw.missed_mm(angle)[1] == pytest.approx(off.max())
        assert off.max() <= reach.max() * angle * abs(angle - CHORD) / 2 * 1.02  # an arc and its chord
    assert all(
        f"{jaw.missed_mm(angle)[0]:.1f} (largest {jaw.missed_mm(angle)[1]:.1f}) mm at {angle:g}" in jaw.notes()[0]
        for angle in (0.1, 0.3, 0.4)
    )


def test_turns_of_the_jaw_to_both_sides_mirror_each_other(flame_arrays):
    jaw = jaw_of(flame_arrays)
    for axis in (1, 2):
        turn = 0.15 * np.eye(3)[axis]
        off = [np.abs(jaw.displacement(sign * turn) - sign * 0.15 * jaw.directions()[axis]).max() for sign in (1, -1)]
        assert off[0] == pytest.approx(off[1], rel=0.02)


def test_correctives_of_another_shape_are_refused(anny, flame_arrays, tmp_path):
    path = tmp_path / "flame.npz"
    np.savez(path, **{**flame_arrays, "posedirs": np.zeros((10, 3, 36))})
    with pytest.raises(DataError, match="posedirs of shape"):
        convert_flame(path, "flame-test", anny)


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
