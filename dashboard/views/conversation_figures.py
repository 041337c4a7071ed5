"""Figures of conversations: lag curves, leads, pairs, turns, and where in time two faces do the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ..theme.palette import ACCENT
from .figures import laid_out

SECOND = "#D67800"
"""Of the second face; the first has `ACCENT`."""
_GREY, _BAND = "#8A909C", "rgba(128,134,146,0.22)"
_TRANSPARENT = "rgba(128,134,146,0.06)"


def lag_curve(rows: pd.DataFrame, peak_s: float, first: str, second: str) -> go.Figure:
    """Correlation by lag with its interval, and the middle 95 % of shifted pairs. rows: of one thing."""
    figure = go.Figure()
    edge = {"x": rows["lag_s"], "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(y=rows["null_high"], **edge)
    figure.add_scatter(
        y=rows["null_low"], fill="tonexty", fillcolor=_BAND, **{**edge, "showlegend": True}, name="Shifted pairs"
    )
    figure.add_scatter(y=rows["high"], **edge)
    figure.add_scatter(y=rows["low"], fill="tonexty", fillcolor="rgba(74,116,219,0.22)", **edge)
    figure.add_scatter(
        x=rows["lag_s"],
        y=rows["r"],
        mode="lines",
        name="Recorded pairs",
        line={"color": ACCENT, "width": 2.5},
        customdata=rows[["low", "high"]],
        hovertemplate="%{x:.2f} s: r %{y:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f})<extra></extra>",
    )
    figure.add_vline(x=0, line={"width": 1, "color": _GREY})
    figure.add_vline(x=peak_s, line={"width": 1.5, "color": ACCENT, "dash": "dot"})
    figure.update_xaxes(title=f"Lag, s (left: {first} after {second}; right: {second} after {first})")
    figure.update_yaxes(title="Correlation")
    return laid_out(figure, 300, legend=True)


def leads(rows: pd.DataFrame, first: str, second: str) -> go.Figure:
    """Who leads in each thing, with intervals. rows: label, lead, lead_low, lead_high, sure."""
    shown = rows.iloc[::-1]
    figure = go.Figure(
        go.Scatter(
            x=shown["lead"],
            y=shown["label"],
            mode="markers",
            marker={"size": 9, "color": [ACCENT if sure else _GREY for sure in shown["sure"]]},
            error_x={
                "array": shown["lead_high"] - shown["lead"],
                "arrayminus": shown["lead"] - shown["lead_low"],
                "color": _GREY,
                "thickness": 1.5,
                "width": 0,
            },
            hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
        )
    )
    figure.add_vline(x=0, line={"width": 1, "color": _GREY})
    figure.update_xaxes(title=f"Lead (left: {second} leads; right: {first} leads)")
    return laid_out(figure, 90 + 26 * len(rows))


def pair_strengths(rows: pd.DataFrame) -> go.Figure:
    """The largest correlation of every pair and its lag. rows: of `ConversationResult.pairs`, of one thing."""
    low = rows["p_shift"] <= 0.05
    figure = go.Figure()
    for name, part, colour in (("p ≤ 0.05", rows[low], ACCENT), ("p > 0.05", rows[~low], _GREY)):
        figure.add_scatter(
            x=part["lag_s"],
            y=part["r"],
            mode="markers",
            name=name,
            marker={"size": 10, "color": colour, "line": {"width": 0}},
            customdata=part[["conversation", "first", "second", "p_shift"]],
            hovertemplate="%{customdata[0]}: %{customdata[1]}, %{customdata[2]}<br>r %{y:.2f} at %{x:.2f} s, "
            "p %{customdata[3]:.3g}<extra></extra>",
        )
    figure.add_hline(y=0, line={"width": 1, "color": _GREY})
    figure.add_vline(x=0, line={"width": 1, "color": _GREY})
    figure.update_xaxes(title="Lag of the largest correlation, s")
    figure.update_yaxes(title="Correlation")
    return laid_out(figure, 300, legend=True)


def turns(rows: pd.DataFrame, first: str, second: str) -> go.Figure:
    """Shares of the time in which each, both and neither of a pair speak. rows: of `ConversationResult.turns`."""
    label = rows["conversation"].astype(str)
    if label.duplicated().any():
        label = label + ": " + rows["first_face"].astype(str) + ", " + rows["second_face"].astype(str)
    figure = go.Figure()
    for name, share, colour in (
        (f"{first} alone", rows["first"] - rows["both"], ACCENT),
        ("Both", rows["both"], "#AA4499"),
        (f"{second} alone", rows["second"] - rows["both"], SECOND),
        ("Neither", rows["neither"], _BAND),
    ):
        figure.add_bar(
            y=label[::-1],
            x=share[::-1],
            orientation="h",
            name=name,
            marker_color=colour,
            hovertemplate="%{y}: %{x:.0%} of the time<extra>" + name + "</extra>",
        )
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    figure.update_xaxes(tickformat=".0%", range=[0, 1], title="Share of the time")
    figure.update_yaxes(type="category")
    return laid_out(figure, 120 + 24 * len(rows), legend=True)


def recurrence(values: np.ndarray, start_s: float, stop_s: float, first: str, second: str) -> go.Figure:
    """(B, B) `recurrence.cross_recurrence`: time of the first face along x, of the second along y."""
    clock = np.linspace(start_s, stop_s, len(values) + 1)
    clock = (clock[1:] + clock[:-1]) / 2
    figure = go.Figure(
        go.Heatmap(
            x=clock,
            y=clock,
            z=values.T,
            zmin=0,
            zmax=max(1e-9, float(np.quantile(values, 0.999))),
            colorscale=[(0, _TRANSPARENT), (1, ACCENT)],
            showscale=False,
            hovertemplate=f"{first} %{{x:.1f}} s, {second} %{{y:.1f}} s: %{{z:.2f}}<extra></extra>",
        )
    )
    figure.add_scatter(
        x=[start_s, stop_s], y=[start_s, stop_s], mode="lines", line={"width": 1, "color": _GREY}, hoverinfo="skip"
    )
    figure.update_xaxes(title=f"{first}, s", showgrid=False)
    figure.update_yaxes(title=f"{second}, s", showgrid=False, scaleanchor="x", constrain="domain")
    return laid_out(figure, 420)


def windowed(middle_s: np.ndarray, lag_s: np.ndarray, r: np.ndarray) -> go.Figure:
    """(W, L) windowed cross-correlation: middle of each window along x, lag along y."""
    figure = go.Figure(
        go.Heatmap(
            x=middle_s,
            y=lag_s,
            z=r.T,
            zmid=0,
            zmin=-1,
            zmax=1,
            colorscale=[(0, "#B2182B"), (0.5, "rgba(128,134,146,0.10)"), (1, ACCENT)],
            colorbar={"title": "r", "thickness": 12},
            hovertemplate="%{x:.0f} s, lag %{y:.2f} s: r %{z:.2f}<extra></extra>",
        )
    )
    figure.add_hline(y=0, line={"width": 1, "color": _GREY})
    figure.update_xaxes(title="Middle of the window, s", showgrid=False)
    figure.update_yaxes(title="Lag, s", showgrid=False)
    return laid_out(figure, 420)
