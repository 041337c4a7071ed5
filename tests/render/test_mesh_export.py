"""What is exported opens again, in a program that is not ours, vertex by vertex."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.faces import FaceModel, open_face
from dfe_core.render.gltf import export_animation
from dfe_core.render.mesh_files import export_mesh
from dfe_core.render.palette import SHARED_SCALE_MM, vertex_colours
from dfe_core.render.scene import pack_scene, unpack_scene


def expression(face: FaceModel, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(face.coefficients).astype(np.float32) * 0.4


def read_glb(path: Path) -> tuple[dict, list[np.ndarray]]:
    """The JSON of a GLB and its accessors as arrays, by the specification."""
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON"
    document = json.loads(data[20 : 20 + size])
    binary_size, kind = struct.unpack_from("<I4s", data, 20 + size)
    assert kind == b"BIN\0"
    binary = data[28 + size : 28 + size + binary_size]
    types, widths = {5126: "<f4", 5125: "<u4", 5123: "<u2"}, {"SCALAR": 1, "VEC3": 3, "VEC4": 4}
    arrays = []
    for accessor in document["accessors"]:
        view = document["bufferViews"][accessor["bufferView"]]
        assert view["byteOffset"] % 4 == 0
        flat = np.frombuffer(
            binary, types[accessor["componentType"]], accessor["count"] * widths[accessor["type"]], view["byteOffset"]
        )
        arrays.append(flat.reshape(accessor["count"], -1))
    return document, arrays


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".glb"])
def test_a_mesh_opens_elsewhere_with_the_same_vertices(face: FaceModel, tmp_path: Path, suffix: str) -> None:
    import pyvista

    psi = expression(face)
    mesh = pyvista.read(export_mesh(face, psi, tmp_path / f"face{suffix}"))
    while isinstance(mesh, pyvista.MultiBlock):
        mesh = mesh[0]
    assert np.abs(np.asarray(mesh.points) - face.vertices(psi)).max() < 1e-6
    assert np.array_equal(mesh.faces.reshape(-1, 4)[:, 1:], face.triangles)


def test_ply_carries_the_colours_of_the_pictures(anny: FaceModel, tmp_path: Path) -> None:
    import pyvista

    psi = expression(anny)
    mesh = pyvista.read(export_mesh(anny, psi, tmp_path / "face.ply"))
    assert np.array_equal(np.asarray(mesh.point_data["RGB"]), vertex_colours(anny, psi, SHARED_SCALE_MM))


def test_arrays_are_exact(face: FaceModel, tmp_path: Path) -> None:
    psi = expression(face)
    assert np.array_equal(np.load(export_mesh(face, psi, tmp_path / "face.npy")), face.vertices(psi))
    with np.load(export_mesh(face, psi, tmp_path / "face.npz"), allow_pickle=False) as saved:
        assert np.array_equal(saved["vertices"], face.vertices(psi))
        assert np.array_equal(saved["psi"], psi)
        assert tuple(saved["names"]) == face.names


def test_identity_is_exported_with_the_expression(anny: FaceModel, tmp_path: Path) -> None:
    person = np.zeros(len(anny.identity_names), np.float32)
    person[0] = 1
    saved = np.load(export_mesh(anny, expression(anny), tmp_path / "face.npy", identity=person))
    assert np.allclose(saved, anny.vertices(expression(anny)) + anny.identity_basis[0], atol=1e-6)


@pytest.mark.parametrize("name", ["face.stl", "face"])
def test_an_unknown_mesh_format_is_refused(anny: FaceModel, tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="no mesh format"):
        export_mesh(anny, expression(anny), tmp_path / name)


def test_a_face_without_a_mesh_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no mesh"):
        export_mesh(open_face("flame-50+jaw"), np.zeros(53), tmp_path / "face.ply")


def test_an_animation_reopened_gives_every_frame_vertex_by_vertex(face: FaceModel, tmp_path: Path) -> None:
    psi = np.stack([expression(face, seed) for seed in range(4)])
    psi[:, 5] = 0
    times = np.array([0.0, 0.1, 0.25, 1.0])
    document, arrays = read_glb(export_animation(face, psi, times, tmp_path / "face.glb"))
    (primitive,) = document["meshes"][0]["primitives"]
    names = document["meshes"][0]["extras"]["targetNames"]
    assert names == [n for i, n in enumerate(face.names) if i != 5]
    base = arrays[primitive["attributes"]["POSITION"]]
    targets = np.stack([arrays[t["POSITION"]] for t in primitive["targets"]])
    (sampler,) = document["animations"][0]["samplers"]
    weights = arrays[sampler["output"]].reshape(len(times), len(names))
    assert arrays[sampler["input"]].ravel() == pytest.approx(times)
    assert document["animations"][0]["channels"][0]["target"] == {"node": 0, "path": "weights"}
    for frame in range(len(times)):
        rebuilt = base + np.tensordot(weights[frame], targets, 1)
        assert np.abs(rebuilt - face.vertices(psi[frame])).max() < 1e-6
    assert np.array_equal(arrays[primitive["indices"]].reshape(-1, 3), face.triangles)


def test_gltf_positions_state_their_bounds_and_normals_are_unit(anny: FaceModel, tmp_path: Path) -> None:
    document, arrays = read_glb(export_mesh(anny, expression(anny), tmp_path / "face.glb"))
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    accessor, values = document["accessors"][attributes["POSITION"]], arrays[attributes["POSITION"]]
    assert accessor["min"] == pytest.approx(values.min(0))
    assert accessor["max"] == pytest.approx(values.max(0))
    assert np.linalg.norm(arrays[attributes["NORMAL"]], axis=1) == pytest.approx(1, abs=1e-5)
    assert document["accessors"][attributes["COLOR_0"]]["normalized"] is True


@pytest.mark.parametrize(("times", "found"), [([0.0, 0.0], "do not increase"), ([0.0], "shape")])
def test_an_animation_with_broken_times_is_refused(anny: FaceModel, tmp_path: Path, times: list, found: str) -> None:
    with pytest.raises(DataError, match=found):
        export_animation(anny, np.ones((2, 52)), np.array(times), tmp_path / "a.glb")


def test_a_packed_scene_restores_every_expression_to_a_hundredth_of_a_millimetre(face: FaceModel) -> None:
    data = pack_scene(face)
    header, arrays = unpack_scene(data)
    assert header["names"] == list(face.names)
    assert np.abs(arrays["template"] - face.template).max() < 5e-6
    assert np.array_equal(arrays["triangles"], face.triangles)
    assert np.array_equal(arrays["materials"], face.materials)
    psi = expression(face)
    rebuilt = np.zeros_like(face.template)
    rebuilt[arrays["moving"]] = np.tensordot(psi, arrays["basis"], 1)
    assert np.abs(rebuilt - face.displacement(psi)).max() < 1e-5
    assert arrays["heat"].shape == (256, 3)


def test_the_default_scene_is_small(anny: FaceModel) -> None:
    assert len(pack_scene(anny)) < 1_600_000


def test_other_bytes_are_no_scene() -> None:
    with pytest.raises(DataError, match="starts with"):
        unpack_scene(b"PK\x03\x04....")
