"""What goes over to the browser is what it was made from."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dashboard.data.packs import codebook_pack, pack
from dfe_core.render.recording_pack import quantised
from dfe_core.render.scene import unpack_scene
from dfe_core.render.viewer import eyeballs, framing, look_of


def test_a_pack_is_read_by_the_reference_decoder_of_scenes():
    arrays = {
        "tokens": np.array([[1, 500], [3, 4]], np.uint16),
        "odd": np.arange(5, dtype=np.uint8),
        "error": np.array([0.25, 1.5], np.float32),
    }
    header, found = unpack_scene(pack({"name": "r"}, **arrays))
    assert header["name"] == "r"
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_quantising_errs_by_less_than_a_step_and_keeps_zero():
    values = np.random.default_rng(0).normal(size=(4, 30))
    values[2] = 0
    steps, scale = quantised(values)
    assert np.abs(steps * scale[:, None] - values).max() <= np.abs(values).max() / 65000
    assert (steps[2] == 0).all()


def test_a_codebook_arrives_exactly():
    psi = np.random.default_rng(1).normal(size=(7, 5)).astype(np.float32)
    np.testing.assert_array_equal(unpack_scene(codebook_pack(psi))[1]["psi"], psi)


def test_the_camera_sees_the_whole_expressive_face(toy_face):
    focus, reach = framing(toy_face)
    expressive = toy_face.template[:, 1]
    assert focus[1] - reach < expressive.min() and focus[1] + reach > expressive.max()
    assert focus[0] == 0


def test_a_face_without_eyes_says_so(toy_face):
    assert eyeballs(toy_face)[0] is None
    json.dumps(look_of(toy_face), allow_nan=False)


def test_the_default_faces_eyes_are_found_where_they_are(anny):
    (left, right), (pupil, iris) = eyeballs(anny)
    assert left[0] == pytest.approx(-right[0], abs=1e-3) and left[0] > 0.02
    assert 0.010 < left[3] < 0.020
    assert 0.1 < pupil < iris < 0.6
