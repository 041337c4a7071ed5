"""Thumbnails that move: what is sent is what was recorded around each moment."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from dashboard.data.moment_courses import AFTER_S, BEFORE_S, FPS, courses, courses_pack
from dfe_core.render.scene import unpack_scene


class Recorded:
    """One recording of 4 s at 50 fps whose first coefficient is its time."""

    def frames(self, recording: str) -> SimpleNamespace:
        time_s = np.arange(200) / 50
        return SimpleNamespace(time_s=time_s, psi=np.stack([time_s, -time_s], 1).astype(np.float32))


def test_the_frames_around_a_moment_are_those_recorded_then_and_the_ends_are_held():
    middle, late = courses(Recorded(), (("a", 2.0), ("a", 3.9)))
    times = np.arange(-round(BEFORE_S * FPS), round(AFTER_S * FPS) + 1) / FPS
    np.testing.assert_allclose(middle[:, 0], 2 + times, atol=0.011)
    assert middle[round(BEFORE_S * FPS), 0] == 2
    assert late[-1, 0] == np.float32(3.98) and (np.diff(late[:, 0]) >= 0).all()


def test_the_pack_holds_every_movement_with_its_rate():
    psi = np.random.default_rng(0).normal(size=(3, 7, 5)).astype(np.float32)
    header, arrays = unpack_scene(courses_pack(psi))
    assert header["fps"] == FPS and arrays["psi"].shape == psi.shape and arrays["psi"].dtype == np.int16
    scale = arrays["scale"].reshape(3, 7, 1)
    np.testing.assert_allclose(arrays["psi"] * scale, psi, atol=float(scale.max()))
