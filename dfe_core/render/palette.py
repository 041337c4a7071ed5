"""Colours: the clay of the resting skin, the heat of displacement, and what eyes and mouth are painted with.

The heat map runs from clay through amber and red to deep violet along a path of constant colour difference in OKLab
(Ottosson 2020): equal steps of displacement look equally far apart, lightness falls all the way, so it also reads in
grey and for the colour-blind, and both ends stand off from white and from near-black pages.
"""

from __future__ import annotations

import colorsys
import zlib
from functools import lru_cache

import numpy as np

from dfe_core.faces.model import REGIONS, FaceModel

_PATH_LCH = (
    (0.88, 0.024, 62.0),
    (0.82, 0.110, 72.0),
    (0.71, 0.170, 47.0),
    (0.58, 0.185, 20.0),
    (0.49, 0.165, 350.0),
    (0.42, 0.150, 318.0),
)
"""OKLCh stops of the heat map, from no displacement to the largest. The darkest is light enough for its shading to show
the shape below it: lips are hottest where they move most."""

SHARED_SCALE_MM = 10.0
"""Displacement at the hot end of every heat map, unless a picture says that it has a scale of its own: the same colour
is the same movement in all of them. What moves farther is as dark as this."""

EYE_TINT, MOUTH_TINT = 0.35, 0.85
"""How much of its own colour an eyeball, or the inside of the mouth, gives up to the heat map where it moves far."""

EYE_WHITE, IRIS, PUPIL, MOUTH = (0.90, 0.89, 0.87), (0.33, 0.42, 0.47), (0.05, 0.05, 0.05), (0.36, 0.15, 0.15)
"""As shading.glsl paints them."""

MOUTH_CODE = 2
"""Of `FaceModel.materials`: the inside of the mouth."""

MATERIAL_RGB = np.array([(0, 0, 0), EYE_WHITE, MOUTH, IRIS, PUPIL])
"""(5, 3) sRGB by material code; skin takes the heat map instead."""

REGION_COLOURS = dict(
    zip(
        REGIONS,
        ("#0072B2", "#56B4E9", "#999933", "#E69F00", "#CC79A7", "#AA4499", "#D55E00", "#009E73", "#8A909C"),
        strict=True,
    )
)
"""Okabe and Ito's palette with two of Tol's muted colours; "other" is grey."""

_NO_REGION = ("", "none", "unknown")

REST_COLOUR = "#C9CDD4"
"""Of rest, and of what has no region."""


def region_colour(region: str) -> str:
    """The colour of a region; grey for rest and for what has none. A region of a lab's own has a hue of its name."""
    if region in REGION_COLOURS or region in _NO_REGION or not isinstance(region, str):
        return REGION_COLOURS.get(region, REST_COLOUR)
    hue = zlib.crc32(region.encode()) % 360 / 360
    return "#" + "".join(f"{round(255 * c):02X}" for c in colorsys.hls_to_rgb(hue, 0.46, 0.55))


@lru_cache(maxsize=1)
def heat_map(steps: int = 256) -> np.ndarray:
    """(steps, 3) sRGB in 0 … 1, from no displacement to the largest; neighbours differ equally in OKLab."""
    light, chroma, hue = np.array(_PATH_LCH).T
    hue = np.radians(np.unwrap(hue, period=360))
    stops = np.stack([light, chroma * np.cos(hue), chroma * np.sin(hue)], 1)
    fine = _smooth(stops, 4000)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
    even = np.linspace(0, length[-1], steps)
    return _srgb(np.stack([np.interp(even, length, column) for column in fine.T], 1))


def quantised_heat(steps: int = 128) -> np.ndarray:
    """(steps, 3) uint8 `heat_map`, as viewers take it."""
    return (heat_map(steps) * 255).round().astype(np.uint8)


_INWARD, _OUTWARD = ((3, 44, 96), (24, 98, 150), (96, 156, 196)), ((216, 128, 66), (176, 66, 22), (96, 20, 8))


def signed_heat() -> np.ndarray:
    """(128, 3) uint8 of a signed displacement: blue inwards, clay still, rust outwards."""
    still = quantised_heat()[0]
    at = np.linspace(0, 6, 129)
    channels = [
        np.interp(at, range(7), [*(c[i] for c in _INWARD), float(still[i]), *(c[i] for c in _OUTWARD)])
        for i in range(3)
    ]
    return np.stack(channels, 1)[:128].round().astype(np.uint8)


def heat(share: np.ndarray) -> np.ndarray:
    """(…,) shares of the scale, clipped to 0 … 1, to (…, 3) sRGB."""
    table = heat_map()
    place = np.clip(share, 0, 1) * (len(table) - 1)
    low = np.minimum(place.astype(int), len(table) - 2)
    part = (place - low)[..., None]
    return table[low] * (1 - part) + table[low + 1] * part


def tinted(paint: np.ndarray, share: np.ndarray, skin: np.ndarray, mouth: np.ndarray) -> np.ndarray:
    """(V, 3) sRGB of vertices that move by a (V,) share of the scale: heat on the skin; eyeballs and the inside of the
    mouth keep their own colour at rest and take the heat as they move, so that a gaze and a tongue are seen.

    paint: (V, 3) colours of what is no skin, 0 on the skin; skin, mouth: (V,) how much of a vertex is either.
    """
    eye = np.clip(1 - skin - mouth, 0, 1)
    given = np.clip(4 * share, 0, 1) * (EYE_TINT * eye + MOUTH_TINT * mouth)
    left = 1 - given / np.maximum(eye + mouth, 1e-9)
    return (skin + given)[:, None] * heat(share) + paint * left[:, None]


def over_picture(picture: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(N, 3) sRGB of a lab's own picture where it moves by a (N,) share of the scale, as shading.glsl paints it: heat
    as light as the picture, so that its lines stay."""
    light = 0.3 + 0.7 * (picture @ np.array([0.299, 0.587, 0.114]))
    tint = 0.85 * np.clip(4 * share, 0, 1)[:, None]
    return picture * (1 - tint) + heat(share) * light[:, None] * tint


def vertex_colours(face: FaceModel, psi: np.ndarray, scale_mm: float | None = None) -> np.ndarray:
    """(V, 3) uint8 sRGB as in the pictures: heat of displacement on the skin, eyes and mouth in their own colours."""
    size = np.linalg.norm(face.displacement(np.asarray(psi, np.float32)), axis=1) * 1e3
    skin = face.materials == 0
    scale = max(size[skin].max(initial=0), 1e-6) if scale_mm is None else scale_mm
    paint = np.where(skin[:, None], 0.0, MATERIAL_RGB[face.materials])
    colours = tinted(paint, size / scale, skin.astype(float), (face.materials == MOUTH_CODE).astype(float))
    return (colours * 255).round().astype(np.uint8)


def _smooth(stops: np.ndarray, count: int) -> np.ndarray:
    """A Catmull-Rom curve through the stops."""
    padded = np.concatenate([2 * stops[:1] - stops[1:2], stops, 2 * stops[-1:] - stops[-2:-1]])
    place = np.linspace(0, len(stops) - 1, count)
    segment = np.minimum(place.astype(int), len(stops) - 2)
    t = (place - segment)[:, None]
    a, b, c, d = (padded[segment + i] for i in range(4))
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def _srgb(lab: np.ndarray) -> np.ndarray:
    """OKLab (…, 3) to sRGB clipped to 0 … 1."""
    to_lms = np.array(
        [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip((lab @ to_lms.T) ** 3 @ to_rgb.T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
