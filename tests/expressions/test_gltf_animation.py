"""glTF animations of morph targets: keys, curves between them, buffers, names."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.readers import gltf
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.render.gltf import export_animation
from tests.hostile.good_files import arkit_values, glb_bytes, gltf_document


def read(path: Path, fps: float | None = None):
    reader, _ = find_reader(path)
    assert reader is gltf
    return reader.read(path, ReadOptions(fps=fps))


def test_what_we_export_comes_back_to_the_bit(tmp_path: Path, toy_face):
    psi = arkit_values(40).astype(np.float32)
    export_animation(toy_face, psi, np.arange(40) / 25, tmp_path / "a.glb")
    [recording] = read(tmp_path / "a.glb")
    assert recording.fps == 25 and recording.names == ARKIT_NAMES
    np.testing.assert_array_equal(recording.psi, psi)


def test_targets_that_an_exporter_left_out_are_zero_and_named(tmp_path: Path, toy_face):
    psi = np.zeros((40, 52), np.float32)
    psi[:, [24, 43, 44]] = arkit_values(40)[:, :3]
    export_animation(toy_face, psi, np.arange(40) / 25, tmp_path / "a.glb")
    [recording] = read(tmp_path / "a.glb")
    assert recording.names == ("jawOpen", "mouthSmileLeft", "mouthSmileRight")
    assert any("always 0: browDownLeft" in note for note in recording.notes)


def test_a_buffer_may_lie_beside_the_document_or_in_it(tmp_path: Path):
    document, binary = gltf_document(arkit_values(), np.arange(60) / 30)
    (tmp_path / "a.bin").write_bytes(binary)
    for uri in ("a.bin", "data:application/octet-stream;base64," + base64.b64encode(binary).decode()):
        document["buffers"][0]["uri"] = uri
        (tmp_path / "a.gltf").write_text(json.dumps(document))
        [recording] = read(tmp_path / "a.gltf")
        np.testing.assert_array_equal(recording.psi, arkit_values().astype(np.float32))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path):
    (tmp_path / "in").mkdir()
    document, binary = gltf_document(arkit_values(), np.arange(60) / 30)
    (tmp_path / "secret.bin").write_bytes(binary)
    (tmp_path / "in" / "a.bin").symlink_to(tmp_path / "secret.bin")
    document["buffers"][0]["uri"] = "a.bin"
    (tmp_path / "in" / "a.gltf").write_text(json.dumps(document))
    with pytest.raises(DataError, match="a buffer at 'a.bin'; expected a file beside the document"):
        read(tmp_path / "in" / "a.gltf")


@pytest.mark.parametrize(("kind", "at_quarter"), [("STEP", 0.0), ("LINEAR", 0.25), ("CUBICSPLINE", 0.15625)])
def test_sparse_keys_are_sampled_by_their_own_interpolation(tmp_path: Path, kind: str, at_quarter: float):
    """From 0 to 1 in a second; with flat tangents the cubic is 3t² − 2t³."""
    keys = np.tile(np.array([[0.0], [1.0], [0.0]]), (1, 52))
    values = np.stack([np.zeros_like(keys), keys, np.zeros_like(keys)], 1) if kind == "CUBICSPLINE" else keys
    (tmp_path / "a.glb").write_bytes(glb_bytes(*gltf_document(values, np.array([1.0, 2.0, 3.0]), kind)))
    [recording] = read(tmp_path / "a.glb", fps=20)
    assert len(recording.psi) == 41 and recording.fps == 20
    np.testing.assert_allclose(recording.psi[[0, 5, 20, 40], 7], [0, at_quarter, 1, 0], atol=1e-6)
    assert any("sampled at 20 a second" in note for note in recording.notes)


def test_normalised_bytes_are_shares_of_one(tmp_path: Path):
    times = np.arange(60) / 30
    document, _ = gltf_document(arkit_values(), times)
    stored = np.rint(255 * arkit_values()).astype("u1")
    binary = times.astype("<f4").tobytes() + stored.tobytes()
    document["buffers"][0]["byteLength"] = len(binary)
    document["accessors"][1] |= {"componentType": 5121, "normalized": True}
    (tmp_path / "a.glb").write_bytes(glb_bytes(document, binary))
    np.testing.assert_allclose(read(tmp_path / "a.glb")[0].psi, stored / 255, atol=1e-7)


def test_each_animation_is_a_recording(tmp_path: Path):
    document, binary = gltf_document(arkit_values(), np.arange(60) / 30)
    first = document["animations"][0]
    named = first | {"name": "smile 1"}
    document["animations"] = [named, named, {"channels": [], "samplers": []}]
    (tmp_path / "a.glb").write_bytes(glb_bytes(document, binary))
    assert [r.name for r in read(tmp_path / "a.glb")] == ["a-smile-1", "a-smile-1-1"]
