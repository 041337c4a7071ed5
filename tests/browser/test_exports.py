"""Real Chromium: every file of a face and of a movement, reopened and compared with what the page shows."""

from __future__ import annotations

import io
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import trimesh
from PIL import Image

from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.tokenizer.codebook import Codebook

REEL = ".dfe-reel[data-state=drawn]"
PAIR = ".dfe-morph[data-state=drawn]"
MOVEMENT = "/motion?motion_part=Between+faces&from=codeword:25&to=codeword:10"


def taken(there, label: str) -> bytes:
    """The file behind a button of the open “Export files”."""
    with there.page.expect_download(timeout=90_000) as caught:
        there.page.get_by_role("button", name=label, exact=True).click()
    return Path(caught.value.path()).read_bytes()


def test_files_of_a_mix_hold_the_face_that_is_shown(visit, toy_face, small_cache):
    there = visit().open("/motion?mix=25:1,10:0.5", PAIR)
    there.page.get_by_text("Export files").click()
    codebook = Codebook.open("default", small_cache)
    psi = codebook.psi[25] + 0.5 * codebook.psi[10]
    are_meshes(there, toy_face.template + toy_face.displacement(psi))
    row = np.genfromtxt(io.BytesIO(taken(there, "CSV")), delimiter=",", names=True)
    assert [float(row[name]) for name in toy_face.names] == pytest.approx(psi.tolist(), abs=1e-4)
    with np.load(io.BytesIO(taken(there, "NPZ")), allow_pickle=False) as arrays:
        assert tuple(arrays["names"]) == codebook.names
        np.testing.assert_allclose(arrays["psi"][0], psi, atol=1e-6)
    is_a_picture(np.asarray(Image.open(io.BytesIO(taken(there, "Picture")))))
    for label, kind in (("GIF", ".gif"), ("Film", ".mp4")):
        goes_there_and_back(imageio.imread(taken(there, label), extension=kind, index=None), label)


def are_meshes(there, wanted: np.ndarray) -> None:
    """The files for other 3D programs are this face, vertex by vertex."""
    for label, kind in (("glTF", "glb"), ("PLY", "ply"), ("OBJ", "obj")):
        scene = trimesh.load(io.BytesIO(taken(there, label)), file_type=kind, process=False)
        found = scene.to_geometry() if hasattr(scene, "to_geometry") else scene
        assert np.abs(found.vertices - wanted).max() < 1e-5, label


def is_a_picture(picture: np.ndarray) -> None:
    """A face on a clear ground, shaded and not flat."""
    alpha = picture[..., 3]
    assert (alpha[[0, -1]][:, [0, -1]] == 0).all() and 0.1 < (alpha > 200).mean() < 0.9
    assert picture[alpha > 200][:, :3].std() > 5


def goes_there_and_back(film: np.ndarray, label: str) -> None:
    frames = film[:, ::4, ::4, :3].astype(int)  # every fourth pixel says as much
    apart = np.abs(frames - frames[0]).mean((1, 2, 3))
    assert len(frames) > 10 and apart.max() > 0.05, label
    assert 0.2 < apart.argmax() / len(frames) < 0.8 and apart[-1] < apart.max() / 2, label


def test_a_movement_is_the_same_in_every_format(visit, toy_face, tmp_path):
    movement = visit().open(MOVEMENT, REEL)
    movement.page.get_by_text("Export files").click()
    with np.load(io.BytesIO(taken(movement, "NPZ")), allow_pickle=False) as arrays:
        time_s, psi = arrays["time_s"], arrays["psi"]
    table = np.genfromtxt(io.BytesIO(taken(movement, "CSV")), delimiter=",", names=True)
    np.testing.assert_allclose(np.stack([table[name] for name in toy_face.names], 1), psi, atol=1e-5)
    np.testing.assert_allclose(table["time_s"], time_s, atol=1e-6)
    for label, name in (("Live Link", "take.csv"), ("glTF", "take.glb")):
        path = tmp_path / name
        path.write_bytes(taken(movement, label))
        (recording,) = find_reader(path)[0].read(path, ReadOptions())
        kept = [i for i, name in enumerate(toy_face.names) if name in recording.names]
        columns = [recording.names.index(toy_face.names[i]) for i in kept]
        np.testing.assert_allclose(recording.psi[:, columns], np.clip(psi[:, kept], 0, 1), atol=2e-3, err_msg=label)
        assert not np.delete(psi, kept, 1).any()  # glTF leaves out what does not move
        np.testing.assert_allclose(recording.time_s - recording.time_s[0], time_s - time_s[0], atol=2e-3)
