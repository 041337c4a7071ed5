"""Figures of codewords around events."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dfe_core.groups.event_curves import CURVE_MEASURES

from .figures import laid_out

COLOURS = ((31, 119, 180), (214, 120, 0), (0, 158, 115), (150, 110, 200), (200, 80, 120), (128, 134, 146))
"""One for each level, readable on light and dark pages."""


def curve(rows: pd.DataFrame, clusters: pd.DataFrame, measure: str) -> go.Figure:
    """Mean and interval of one codeword's curve at each level; clusters are shaded.

    rows: time_s, level, mean, low, high. clusters: start_s, end_s.
    """
    figure = go.Figure()
    half = float(rows["time_s"].diff().max()) / 2
    for (level, own), colour in zip(rows.groupby("level", sort=True), COLOURS, strict=False):
        red, green, blue = colour
        time = own["time_s"] + half
        band = {"x": time, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(y=own["high"], **band)
        figure.add_scatter(y=own["low"], fill="tonexty", fillcolor=f"rgba({red},{green},{blue},0.18)", **band)
        figure.add_scatter(
            x=time,
            y=own["mean"],
            mode="lines",
            name=str(level),
            line={"color": f"rgb({red},{green},{blue})", "width": 2},
            customdata=own[["low", "high"]],
            hovertemplate="%{x:.2f} s: %{y:.3g} (%{customdata[0]:.3g} to %{customdata[1]:.3g})<extra></extra>",
        )
    for start, end in zip(clusters["start_s"], clusters["end_s"], strict=True):
        figure.add_vrect(x0=start, x1=end, fillcolor="rgba(128,134,146,0.18)", line_width=0)
    figure.add_vline(x=0, line={"dash": "dot", "width": 1, "color": "#8A909C"})
    figure.update_xaxes(title="Seconds from the onset")
    figure.update_yaxes(title=CURVE_MEASURES[measure].split(",")[0], rangemode="tozero")
    return laid_out(figure, 300).update_layout(showlegend=rows["level"].nunique() > 1)
