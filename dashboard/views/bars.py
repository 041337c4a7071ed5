"""Small bar charts as HTML: a codeword's page has several and is walked fast, so drawing them must cost nothing.

Bars carry their figures beside them. Each chart is one image to assistive technology, with its figures as the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.faces.model import REGIONS
from dfe_core.render.palette import REGION_COLOURS, region_colour

from ..theme.formatting import count
from ..theme.palette import ACCENT

READ_ALOUD = 24
"""Figures that a chart's text gives: a longer one says how many there are and its ends."""

LABEL = 16
"""Characters of a label that are shown; hovering says the rest."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar of a list. `low` and `high` are its interval in the units of `value`, `note` what hovering says."""

    label: str
    value: float
    text: str
    low: float = np.nan
    high: float = np.nan
    note: str = ""


def rows(bars: Sequence[Bar], about: str, most: float | None = None) -> None:
    """Bars under each other, each with its label and figure; side by side in columns where there is room."""
    ends = [v for b in bars for v in (b.value, b.high) if np.isfinite(v)]
    most = max(most or 0.0, max(ends, default=0.0), 1e-12)
    said = "; ".join(f"{b.label}: {b.text}" for b in bars[:READ_ALOUD])
    more = f"; and {len(bars) - READ_ALOUD} more" if len(bars) > READ_ALOUD else ""
    wide = min(max((len(b.label) for b in bars), default=1), LABEL)
    _show("rows", f"{about}. {said}{more}", "".join(_row(b, most) for b in bars), f"--label:{wide + 0.5}ch")


def until_it_stays(printed: Sequence[str]) -> int:
    """How many figures of a series to show, so that every one after them reads as the last of them; all where that
    would leave out one alone."""
    same = next((i for i, one in enumerate(reversed(printed)) if one != printed[-1]), len(printed))
    return len(printed) - same + 1 if same > 2 else len(printed)


def sides(reach: Mapping[tuple[str, str], float], about: str, least: float) -> None:
    """Displacement in mm by region and side, laid out as the face is seen: its right half on the left, and the reverse.

    least: mm that fill a track where no bar is longer."""
    more = [r for r in dict.fromkeys(name for name, _ in reach) if r not in REGIONS]
    own = set(more) - {"inner mouth"}  # of a lab's own landmarks, which need not have all that people have
    names = [r for r in REGIONS if r != "other" and (not own or (r, "left") in reach)] + more
    values = {side: [_finite(reach.get((r, side), np.nan)) for r in names] for side in ("right", "left")}
    most = max(least, *values["right"], *values["left"])
    cells = "<b>Face’s right</b><span></span><b>Face’s left</b>"
    for name, right, left in zip(names, values["right"], values["left"], strict=True):
        cells += (
            f'<div class="r">{_side(right, most, name)}</div><span>{name.capitalize()}</span>'
            f'<div class="l">{_side(left, most, name)}</div>'
        )
    said = "; ".join(
        f"{n}: right {r:.2f}, left {v:.2f}" for n, r, v in zip(names, values["right"], values["left"], strict=True)
    )
    _show("sides", f"{about}, mm. {said}", cells)


def histogram(table: pd.DataFrame, about: str) -> None:
    """Frames at each intensity; table: low, high, frames. The tallest bar and both ends carry their figures."""
    columns(table, "frames", about, "frame", "Intensity")


def columns(table: pd.DataFrame, column: str, about: str, noun: str, quantity: str) -> None:
    """Counts by a quantity; table: low, high, and the counts in `column`. noun: what is counted. The tallest bar and
    both ends carry their figures."""
    numbers, most = table[column].to_numpy(), max(1, int(table[column].max()))
    drawn = "".join(
        f'<i title="{quantity} {low:.2f} to {high:.2f}: {count(n)} {noun}s" style="height:{100 * n / most:.2f}%"></i>'
        for low, high, n in zip(table["low"], table["high"], numbers, strict=True)
    )
    ends = [float(table["low"].iloc[0]), float(table["high"].iloc[-1])]
    scale = "".join(f"<span>{v:.2f}</span>" for v in (ends[0], sum(ends) / 2, ends[1]))
    at = int(numbers.argmax())
    _show(
        "columns",
        f"{about}, from {ends[0]:.2f} to {ends[1]:.2f}. Most: {count(most)} {noun}s at "
        f"{(table['low'].iloc[at] + table['high'].iloc[at]) / 2:.2f}",
        f"<small>highest: {count(most)} {noun}s</small><div>{drawn}</div><footer>{scale}</footer>",
    )


def _row(bar: Bar, most: float) -> str:
    whisker = ""
    if np.isfinite(bar.low) and np.isfinite(bar.high):
        whisker = f'<u style="left:{_percent(bar.low, most)};right:{_percent(most - bar.high, most)}"></u>'
    return (
        f'<div title="{escape(bar.note or f"{bar.label}: {bar.text}")}"><span>{escape(bar.label)}</span>'
        f'<div><i style="width:{_percent(bar.value, most)};background:{ACCENT}"></i>{whisker}</div>'
        f"<span>{escape(bar.text)}</span></div>"
    )


def _side(value: float, most: float, region: str) -> str:
    figure = f"<small>{value:.1f}</small>"
    colour = REGION_COLOURS["other"] if region == "inner mouth" else region_colour(region)
    return (
        f'<i title="{region.capitalize()}: {value:.2f} mm" '
        f'style="width:{0.84 * 100 * value / most:.2f}%;background:{colour}"></i>{figure}'
    )


def _show(kind: str, alt: str, inner: str, style: str = "") -> None:
    st.html(f'<div class="dfe-bars {kind}" role="img" aria-label="{escape(alt)}" style="{style}">{inner}</div>')


def _percent(value: float, most: float) -> str:
    return f"{100 * min(max(_finite(value) / most, 0.0), 1.0):.2f}%"


def _finite(value: float) -> float:
    return float(value) if np.isfinite(value) else 0.0
