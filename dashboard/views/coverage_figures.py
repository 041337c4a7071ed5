"""The coverage analysis as figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dfe_core.ontology import title

from ..data.coverage_analyses import Analysis, Filter, cells
from ..theme.palette import ACCENT, DIVERGING, region_colour
from . import figures

FAINTEST = 0.02
"""|φ| from which a cell is drawn: weaker ones could not be seen, and thousands of them make a page slow."""


_MARK = 11


def heat_map(table: pd.DataFrame, selected: tuple[int, str] | None) -> go.Figure:
    """Codeword × AU cells that can be clicked: a square a cell of at least `FAINTEST`, coloured by phi. A point's x and
    y are its codeword and label."""
    rows = table.drop_duplicates("row").sort_values("row")["label"].tolist()
    columns = table.drop_duplicates("column").sort_values("column")["codeword"].astype(str).tolist()
    scale = [[i / (len(DIVERGING) - 1), f"rgb({r},{g},{b})"] for i, (r, g, b) in enumerate(DIVERGING.tolist())]
    drawn = table[table["phi"].abs() >= FAINTEST]
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


def coverage_bars(table: pd.DataFrame, goal: float) -> go.Figure:
    """How well at most three codewords predict each AU on held-out subjects, with intervals."""
    table = table[np.isfinite(table["sparse_auroc"])].sort_values("sparse_auroc")
    labels = [title(a, s) for a, s in zip(table["au"], table["side"], strict=True)]
    covered = table["covered"].fillna(False).astype(bool).to_numpy()
    figure = go.Figure()
    for name, keep, colour in (("Covered", covered, ACCENT), ("Not covered", ~covered, "#D55E00")):
        part = table[keep]
        figure.add_scatter(
            x=part["sparse_auroc"],
            y=[label for label, k in zip(labels, keep, strict=True) if k],
            mode="markers",
            name=name,
            marker={"color": colour, "size": 8},
            customdata=part[["sparse_low", "sparse_high", "prevalence"]],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": part["sparse_high"] - part["sparse_auroc"],
                "arrayminus": part["sparse_auroc"] - part["sparse_low"],
                "thickness": 1.4,
                "width": 0,
            },
            hovertemplate="%{y}<br>AUROC %{x:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})<br>present in "
            "%{customdata[2]:.1%} of frames<extra></extra>",
        )
    figure.add_vline(
        x=goal,
        line_dash="dot",
        line_color="#8A909C",
        annotation_text=f"covered from {goal:g}",
        annotation_position="bottom right",
        annotation_font_size=11,
    )
    figure.update_xaxes(range=[0.45, 1.01], title="AUROC within held-out subjects")
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=labels, tickfont_size=11)
    return figures.laid_out(figure, max(300, 17 * len(table) + 80), legend=True)


def rarefaction(table: pd.DataFrame) -> go.Figure:
    """Displays found against frames seen, with bands."""
    figure = go.Figure()
    for of, colour, fill in (("tokens", "#4A74DB", "rgba(74,116,219,.18)"), ("AUs", "#E69F00", "rgba(230,159,0,.2)")):
        part = table[table["of"] == of]
        band = part.dropna(subset=["low", "high"])  # a gap would make two polygons of it
        figure.add_scatter(
            x=[*band["frames"], *band["frames"][::-1]],
            y=[*band["high"], *band["low"][::-1]],
            fill="toself",
            fillcolor=fill,
            line_width=0,
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=part["frames"],
            y=part["displays"],
            mode="lines",
            name=of[0].upper() + of[1:],
            line={"color": colour, "width": 3},
            hovertemplate="%{x:,.0f} frames: %{y:,.0f} displays<extra>" + of + "</extra>",
        )
    figure.update_xaxes(type="log", title="Frames seen")
    figure.update_yaxes(title="Distinct displays", rangemode="tozero")
    return figures.laid_out(figure, 340, legend=True)


def variance(table: pd.DataFrame) -> go.Figure:
    """Whose displacement variance it is, as one bar."""
    share = table.set_index("part")["share"]
    figure = go.Figure()
    for part, name, colour in (
        ("both alike", "AUs or tokens", "#8FA3C8"),
        ("beyond FACS", "Tokens alone", "#4A74DB"),
        ("FACS only", "AUs alone", "#E69F00"),
        ("neither", "Neither", "#C9CDD4"),
    ):
        value = max(0.0, float(share.get(part, np.nan)))
        figure.add_bar(
            y=[""],
            x=[value],
            orientation="h",
            name=f"{name} {value:.1%}",
            marker_color=colour,
            hovertemplate=f"{name}: %{{x:.1%}}<extra></extra>",
        )
    figure.update_xaxes(visible=False, range=[0, 1])
    return figures.laid_out(figure, 110, legend=True, barmode="stack").update_layout(
        legend_traceorder="normal", margin_b=4
    )


def by_condition(table: pd.DataFrame, condition: str) -> go.Figure:
    """Mean displacement per region at each level of a condition, with intervals over subjects."""
    table = table[(table["condition"] == condition) & (table["region"] != "whole face")]
    figure = go.Figure()
    for level, part in table.groupby("level", sort=False):
        figure.add_bar(
            x=part["region"].str.capitalize(),
            y=part["mean_mm"],
            name=str(level),
            error_y={
                "type": "data",
                "symmetric": False,
                "array": part["mean_high"] - part["mean_mm"],
                "arrayminus": part["mean_mm"] - part["mean_low"],
                "thickness": 1.4,
                "color": figures.WHISKER,
            },
            hovertemplate="%{x}: %{y:.2f} mm<extra>" + str(level) + "</extra>",
        )
    figure.update_yaxes(title="Mean displacement, mm")
    figure.update_xaxes(showgrid=False)
    return figures.laid_out(figure, 340, legend=True, barmode="group")


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
