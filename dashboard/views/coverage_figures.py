"""The coverage analysis as figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dfe_core.ontology import title
from dfe_core.reports import coverage_charts

from ..data.coverage_analyses import Analysis, Filter, cells
from ..theme.palette import DIVERGING, region_colour
from . import figures

_MARK = 11


def heat_map(table: pd.DataFrame, selected: tuple[int, str] | None) -> go.Figure:
    """Codeword × AU cells that can be clicked: a square a cell, coloured by phi. A point's x and y are its codeword and
    label."""
    rows = table.drop_duplicates("row").sort_values("row")["label"].tolist()
    columns = table.drop_duplicates("column").sort_values("column")["codeword"].astype(str).tolist()
    scale = [[i / (len(DIVERGING) - 1), f"rgb({r},{g},{b})"] for i, (r, g, b) in enumerate(DIVERGING.tolist())]
    drawn = table
    figure = go.Figure(
        go.Scatter(
            x=drawn["codeword"].astype(str),
            y=drawn["label"],
            mode="markers",
            customdata=drawn[["lift", "auroc", "frames"]].to_numpy(np.float64),
            marker={
                "symbol": "square",
                "size": _MARK,
                "color": drawn["phi"].to_numpy(np.float32),
                "colorscale": scale,
                "cmin": -1,
                "cmax": 1,
                "opacity": np.clip(0.07 + 1.75 * drawn["phi"].abs().to_numpy(np.float32), 0, 1),
                "colorbar": {"title": "φ", "thickness": 10, "len": 220, "lenmode": "pixels", "y": 1, "yanchor": "top"},
            },
            hovertemplate="Codeword %{x} and %{y}<br>φ %{marker.color:.2f} · lift %{customdata[0]:.1f} · AUROC "
            "%{customdata[1]:.2f}<br>%{customdata[2]:,} frames<extra></extra>",
        )
    )
    if selected is not None and str(selected[0]) in columns:
        figure.add_scatter(
            x=[str(selected[0])],
            y=[selected[1]],
            mode="markers",
            hoverinfo="skip",
            marker={"symbol": "square-open", "size": _MARK + 6, "color": "#E11D48", "line": {"width": 2}},
        )
    figure.update_xaxes(
        type="category",
        categoryorder="array",
        categoryarray=columns,
        title="Codeword",
        side="top",
        tickangle=-90,
        showgrid=True,
        tickfont_size=10,
        range=[-0.6, len(columns) - 0.4],
    )
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=rows[::-1],
        tickfont_size=11,
        range=[-0.6, len(rows) - 0.4],
    )
    return figures.laid_out(figure, max(320, 15 * len(rows) + 60), clickmode="event+select").update_layout(
        margin_t=56, margin_b=8
    )


@st.cache_resource(max_entries=32, show_spinner=False)
def cell_map(key: str, chosen: Filter, selected: tuple[int, str] | None, _found: Analysis) -> go.Figure | None:
    """The heat map of the cells that a filter leaves, made once; None where it leaves none. Not to be changed."""
    table = cells(_found, chosen)
    return heat_map(table, selected) if len(table) else None


def in_page(chart: go.Figure) -> go.Figure:
    """A chart of the report with the look of the pages."""
    return figures.laid_out(chart, chart.layout.height, legend=True)


def coverage_bars(table: pd.DataFrame, goal: float) -> go.Figure:
    """How well one codeword and at most three predict each AU on held-out subjects, the best first."""
    table = table[np.isfinite(table["sparse_auroc"])].sort_values("sparse_auroc", ascending=False)
    labels = [title(a, s) for a, s in zip(table["au"], table["side"], strict=True)]
    return in_page(coverage_charts.chart_scores(table, labels, goal))


def by_condition(table: pd.DataFrame, condition: str) -> go.Figure:
    """Displacement per region at each level of a condition, with intervals over subjects."""
    table = table[(table["condition"] == condition) & (table["region"] != "whole face")]
    return in_page(coverage_charts.chart_deformation(table.assign(region=table["region"].str.capitalize()), "mm"))


def balance(table: pd.DataFrame) -> go.Figure:
    """Left–right balance of every subject."""
    table = table.sort_values("balance")
    figure = go.Figure(
        go.Bar(
            x=table["balance"],
            y=table["subject"],
            orientation="h",
            marker_color=[region_colour("brow") if v > 0 else region_colour("mouth corner") for v in table["balance"]],
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    )
    figure.update_xaxes(range=[-1, 1], title="all right  ·  balance of movement  ·  all left")
    figure.update_yaxes(type="category", tickfont_size=10)
    return figures.laid_out(figure, max(240, 14 * len(table) + 70))
