"""Left against right: bars to both sides in mm, and a measure over sessions with the change that counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ..theme.palette import ACCENT, SIDE_COLOURS
from .figures import laid_out

_BAND = "rgba(128,134,146,0.18)"


def side_bars(rows: pd.DataFrame) -> go.Figure:
    """Bars of the left side to the left and of the right side to the right.

    rows: movement (its title), left_mm, right_mm; in order from above.
    """
    figure = go.Figure()
    for side, sign in (("left", -1), ("right", 1)):
        size = rows[f"{side}_mm"].clip(lower=0)
        figure.add_trace(
            go.Bar(
                name=f"{side.capitalize()} side",
                orientation="h",
                x=sign * size,
                y=rows["movement"],
                marker_color=SIDE_COLOURS[side],
                text=[f"{value:.1f}" for value in rows[f"{side}_mm"]],
                textposition="outside",
                cliponaxis=False,
                hovertemplate=f"%{{y}}, {side}: %{{text}} mm<extra></extra>",
            )
        )
    most = max(1.0, float(rows[["left_mm", "right_mm"]].max().max())) if len(rows) else 1.0
    step = next(s for s in (1, 2, 5, 10, 20, 50) if most / s <= 4)
    ticks = np.arange(-(most // step) * step, most + 1e-9, step)
    figure.update_xaxes(
        title="mm from rest", range=[-1.22 * most, 1.22 * most], tickvals=ticks, ticktext=[f"{abs(t):g}" for t in ticks]
    )
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    return laid_out(figure, 96 + 42 * max(len(rows), 2), legend=True, barmode="relative")


def session_figure(course: pd.DataFrame, each: pd.DataFrame, title: str, factor: float, band: str) -> go.Figure:
    """A measure over sessions.

    Parameters
    ----------
    course: as `change.session_course`, of one person. each: session, value of every recording. title: of the axis, with
    the unit. factor: to that unit. band: what is within it, for the legend.
    """
    figure, x = go.Figure(), course["session"].tolist()
    value = factor * course["value"].to_numpy(float)
    least = factor * course["least"].to_numpy(float)
    if len(value) and np.isfinite(least).all():
        figure.add_trace(
            go.Scatter(
                x=[*x, *x[::-1]],
                y=[*(value[0] + least), *(value[0] - least)[::-1]],
                fill="toself",
                fillcolor=_BAND,
                line={"width": 0},
                mode="lines",
                name=band,
                hoverinfo="skip",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=each["session"],
            y=factor * each["value"],
            mode="markers",
            name="Recordings",
            marker={"color": ACCENT, "size": 7, "symbol": "circle-open"},
            hovertemplate="Session %{x}: %{y:.1f}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=x,
            y=value,
            mode="lines+markers",
            name="Mean of a session",
            line={"color": ACCENT, "width": 2.5},
            marker_size=9,
            hovertemplate="Session %{x}: %{y:.1f}<extra></extra>",
        )
    )
    figure.update_xaxes(title="Session", type="category", showgrid=False)
    figure.update_yaxes(title=title)
    return laid_out(figure, 300, legend=True)
