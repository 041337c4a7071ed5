"""Micro-expressions over the time of a recording: what is coded, what is spotted, and which of both agree."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dfe_core.probes.spotting import SpottedMovement
from dfe_core.table_rows import typed_rows

from ..theme.palette import ACCENT, CATEGORIES
from .figures import laid_out

_HIT, _ONLY, _MISSED = CATEGORIES[2], CATEGORIES[1], CATEGORIES[3]
SPOTTED, CODED = "Spotted", "Coded"
_SHORTEST = 1 / 250
"""Share of the recording that a bar is wide at least, so that it is seen."""


def interval_strip(spotted: pd.DataFrame, coded: pd.DataFrame, seconds: float) -> go.Figure:
    """Two rows of bars over time.

    Parameters
    ----------
    spotted: as `SpottingResult.spotted`. coded: onset_s, offset_s, label, missed.
    """
    scored = bool(spotted["hit"].notna().any()) or len(coded) > 0
    figure = go.Figure()
    groups = [
        ("Agree", SPOTTED, spotted[spotted["hit"].eq(True)], _HIT),
        (
            "Spotted alone" if scored else "Spotted",
            SPOTTED,
            spotted[~spotted["hit"].eq(True)],
            _ONLY if scored else ACCENT,
        ),
        ("Agree", CODED, coded[~coded["missed"]], _HIT),
        ("Missed", CODED, coded[coded["missed"]], _MISSED),
    ]
    seen: set[str] = set()
    for name, row, table, colour in groups:
        if len(table):
            figure.add_trace(_bars(name, row, table, colour, seconds, name not in seen))
            seen.add(name)
    figure.update_xaxes(title="Seconds", range=[0, seconds])
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=[SPOTTED, CODED])
    return laid_out(figure, 190, legend=True, barmode="overlay")


def _bars(name: str, row: str, table: pd.DataFrame, colour: str, seconds: float, legend: bool) -> go.Bar:
    length = (table["offset_s"] - table["onset_s"]).clip(lower=_SHORTEST * seconds)
    words = (
        [f"{one.score:.2f} mm, {one.region}" for one in typed_rows(table, SpottedMovement)]
        if row == SPOTTED
        else [str(label) for label in table["label"]]
    )
    return go.Bar(
        name=name,
        legendgroup=name,
        showlegend=legend,
        orientation="h",
        base=table["onset_s"],
        x=length,
        y=[row] * len(table),
        marker_color=colour,
        customdata=list(zip(table["onset_s"].round(2), table["offset_s"].round(2), words, strict=True)),
        hovertemplate="%{customdata[0]} to %{customdata[1]} s: %{customdata[2]}<extra></extra>",
    )
