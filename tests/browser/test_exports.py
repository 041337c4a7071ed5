"""Real Chromium: every file of a face and of a movement, reopened and compared with what the page shows."""

from __future__ import annotations

import io
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
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


@pytest.fixture
def mix(visit):
    there = visit().open("/motion?mix=25:1,10:0.5", PAIR)
    there.page.get_by_text("Export files").click()
    return there


@pytest.fixture
def movement(visit):
    there = visit().open(MOVEMENT, REEL)
    there.page.get_by_text("Export files").click()
    return there


def test_a_picture_shows_a_face_on_a_clear_ground(mix):
    picture = np.asarray(Image.open(io.BytesIO(taken(mix, "Picture"))))
    alpha = picture[..., 3]
    assert (alpha[[0, -1]][:, [0, -1]] == 0).all() and 0.1 < (alpha > 200).mean() < 0.9
    assert picture[alpha > 200][:, :3].std() > 5  # shaded, not flat


def test_a_gif_and_a_film_go_there_and_back(mix):
    for label, kind in (("GIF", ".gif"), ("Film", ".mp4")):
        frames = imageio.imread(taken(mix, label), extension=kind, index=None)[..., :3].astype(int)
        apart = np.abs(frames - frames[0]).mean((1, 2, 3))
        assert len(frames) > 10 and apart.max() > 0.05, label
        assert 0.2 < apart.argmax() / len(frames) < 0.8 and apart[-1] < apart.max() / 2, label


def test_arrays_of_a_mix_are_exact(mix, small_cache):
    codebook = Codebook.open("default", small_cache)
    with np.load(io.BytesIO(taken(mix, "NPZ")), allow_pickle=False) as arrays:
        assert tuple(arrays["names"]) == codebook.names
        np.testing.assert_allclose(arrays["psi"][0], codebook.psi[25] + 0.5 * codebook.psi[10], atol=1e-6)


def test_a_movement_is_the_same_in_every_format(movement, toy_face, tmp_path):
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
