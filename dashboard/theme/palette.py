"""Colours used by every page: told apart by readers with colour vision deficiencies, the same in light and dark."""

from __future__ import annotations

import numpy as np

from dfe_core.render.palette import REST_COLOUR, quantised_heat, signed_heat

ACCENT = "#4A74DB"
"""The app's blue, between its light and dark shade: legible on both backgrounds."""

CATEGORIES = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#AA4499",
    "#999933",
    "#4B4B8F",
    "#B08B4F",
    "#2F7F86",
    "#9A3324",
)
"""Of categories that have no colour of their own, in order."""

SIDE_COLOURS = {
    "left": "#0072B2",
    "right": "#D55E00",
    "symmetric": "#7A6FAC",
    "opposed": "#009E73",
    "rest": REST_COLOUR,
}

HEAT = quantised_heat()
"""(128, 3) size of a displacement: the heat map of the rendered pictures, from the skin's own clay."""

DIVERGING = signed_heat()
"""(128, 3) signed displacement: blue inwards, clay still, rust outwards."""


def plotly_scale(table: np.ndarray) -> list[list]:
    """A colour table as plotly wants it."""
    return [[i / (len(table) - 1), f"rgb({r},{g},{b})"] for i, (r, g, b) in enumerate(table.tolist())]
