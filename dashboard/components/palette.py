"""Colours used by every page: told apart by readers with colour vision deficiencies, the same in light and dark."""

from __future__ import annotations

import numpy as np

from dfe_core.faces.model import REGIONS

REGION_COLOURS = dict(zip(REGIONS, ("#0072B2", "#56B4E9", "#999933", "#E69F00", "#CC79A7", "#882255", "#D55E00",
                                    "#009E73", "#8A909C"), strict=True))
"""Okabe and Ito's palette with two of Tol's muted colours; "other" is grey."""

REST_COLOUR = "#C9CDD4"
SIDE_COLOURS = {"left": "#0072B2", "right": "#D55E00", "symmetric": "#7A6FAC", "rest": REST_COLOUR}
SKIN = (214, 196, 184)

_MAGMA = ((253, 226, 163), (254, 194, 135), (254, 163, 111), (251, 131, 95), (242, 100, 92), (224, 76, 103),
          (199, 61, 115), (171, 51, 124), (144, 42, 129), (117, 33, 129), (89, 21, 126), (61, 15, 113))
_VIK = ((0, 18, 97), (3, 62, 125), (30, 111, 157), (113, 168, 196), (201, 221, 231), (236, 229, 224), (234, 206, 189),
        (211, 151, 124), (190, 101, 51), (139, 39, 6), (89, 0, 8))


def ramp(anchors: tuple[tuple[int, int, int], ...], steps: int = 128) -> np.ndarray:
    """(steps, 3) uint8, linear between evenly spaced anchors."""
    at = np.linspace(0, len(anchors) - 1, steps)
    table = np.asarray(anchors, float)
    return np.stack([np.interp(at, np.arange(len(anchors)), table[:, c]) for c in range(3)], 1).round().astype(np.uint8)


HEAT = ramp(_MAGMA)
"""Size of a displacement: magma reversed, perceptually uniform, from near the skin's own colour to dark."""

DIVERGING = ramp(_VIK)
"""Signed displacement: Crameri's vik, blue inwards, red outwards."""


def plotly_scale(table: np.ndarray) -> list[list]:
    """A colour table as plotly wants it."""
    return [[i / (len(table) - 1), f"rgb({r},{g},{b})"] for i, (r, g, b) in enumerate(table.tolist())]


def region_colour(region: str) -> str:
    """The colour of a region; grey for rest and for what has none."""
    return REGION_COLOURS.get(region, REST_COLOUR)
