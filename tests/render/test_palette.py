"""The heat map is what it says: even in perception, darker all the way, legible to the colour-blind and on any page."""

from __future__ import annotations

import numpy as np

from dfe_core.faces.model import FaceModel
from dfe_core.render.palette import MATERIAL_RGB, heat, heat_map, vertex_colours


def linear(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def lab(srgb: np.ndarray) -> np.ndarray:
    """CIELAB (D65): an independent space from the one that the map was made in."""
    xyz = linear(srgb) @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    f = np.cbrt(np.maximum(xyz / [0.9505, 1, 1.089], 0.008856))
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def luminance(srgb: np.ndarray) -> np.ndarray:
    return linear(srgb) @ [0.2126, 0.7152, 0.0722]


def test_lightness_falls_all_the_way() -> None:
    assert (np.diff(lab(heat_map())[:, 0]) < 0).all()


def test_steps_look_alike() -> None:
    """In CIELAB, a space it was not made in, no eighth of the map holds more than twice the change of another."""
    eighths = np.linalg.norm(np.diff(lab(heat_map()), axis=0), axis=1)[:248].reshape(8, 31).sum(1)
    assert eighths.max() / eighths.min() < 2


def test_colour_blind_readers_can_order_it() -> None:
    """Deuteranopia (Viénot 1999): the simulated map keeps its fall in luminance and its ends far apart."""
    to_lms = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
    project = np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]])
    seen = linear(heat_map()) @ (np.linalg.inv(to_lms) @ project @ to_lms).T
    light = np.clip(seen, 0, 1) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) < 1e-3).all()
    assert light[0] - light[-1] > 0.5


def test_the_resting_skin_stands_off_from_light_and_dark_pages() -> None:
    (rest,) = luminance(heat_map()[:1])
    assert (1.05) / (rest + 0.05) > 1.2
    assert (rest + 0.05) / (luminance(np.array([[14, 17, 23]]) / 255)[0] + 0.05) > 7


def test_heat_is_clipped_and_interpolated() -> None:
    table = heat_map()
    assert np.allclose(heat(np.array([-1.0, 0.0, 1.0, 9.0])), table[[0, 0, -1, -1]])
    assert np.allclose(heat(np.array(0.5 / 255)), (table[0] + table[1]) / 2)


def test_skin_takes_the_heat_and_what_is_still_keeps_its_colour(anny: FaceModel) -> None:
    psi = np.zeros(52, np.float32)
    psi[[anny.names.index("mouthSmileLeft"), anny.names.index("eyeLookOutLeft")]] = 1
    moved, rest = vertex_colours(anny, psi), vertex_colours(anny, np.zeros(52))
    changed = (moved != rest).any(1)
    still = np.linalg.norm(anny.displacement(psi), axis=1) < 1e-6
    assert not changed[(anny.materials != 0) & still].any()
    assert changed[anny.landmarks["mouth corner left"]]
    assert not changed[anny.landmarks["outer brow right"]]


def test_eyes_and_the_inside_of_the_mouth_take_the_heat_as_they_move(anny) -> None:
    rest = vertex_colours(anny, np.zeros(anny.coefficients, np.float32), 10.0).astype(int)
    for name, code in (("tongueOut", 2), ("eyeLookOutLeft", 1)):
        psi = np.zeros(anny.coefficients, np.float32)
        psi[anny.names.index(name)] = 1
        changed = np.abs(vertex_colours(anny, psi, 10.0).astype(int) - rest).max(1)
        size = 1e3 * np.linalg.norm(anny.displacement(psi), axis=1)
        own = anny.materials == code
        assert changed[own & (size > 3)].min() > 20 and changed[own & (size < 0.01)].max(initial=0) <= 1, name
    assert np.array_equal(rest[anny.materials == 2][0], (MATERIAL_RGB[2] * 255).round())
