"""The coverage analysis as figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dfe_core.ontology import ACTION_UNITS, facs_order, title
from dfe_core.render.palette import region_colour
from dfe_core.reports import coverage_charts

from ..data.coverage_analyses import Analysis, Axes, Filter, axes, cells
from ..theme.palette import DIVERGING
from . import figures

_ROW = 16
"""Height of a row of cells, pixels."""
_FEW = 40
"""Columns up to which their names have the usual size and stand in one line: more of them need less room each."""
_FRAME = 0.75
"""From the middle of a cell to the frame of the one that is open, cells."""


def heat_map(table: pd.DataFrame, selected: tuple[int, str] | None, shown: Axes | None = None) -> go.Figure:
    """Codeword × AU cells that can be clicked, coloured by phi. table: `coverage_analyses.cells`; shown: the rows and
    columns, those with a cell where it is None.

    The cells fill the width that there is; a mark that is not seen lies on each, since a heat map itself reports no
    click. A mark's x and y are its codeword and label.
    """
    if shown is None:
        labels = table.drop_duplicates("row").sort_values("row")["label"].tolist()
        columns = table.drop_duplicates("column").sort_values("column")["codeword"].astype(str).tolist()
    else:
        labels, columns = list(shown.labels), [str(k) for k in shown.codewords]
    grid = table.pivot(index="label", columns="codeword", values="phi").reindex(
        labels, columns=[int(k) for k in columns]
    )
    figure = go.Figure(
        go.Heatmap(
            z=grid.astype(object).where(grid.notna(), None).to_numpy(),
            x=columns,
            y=labels,
            zmin=-1,
            zmax=1,
            xgap=1,
            ygap=1,
            colorscale=_phi_scale(),
            hoverinfo="skip",
            colorbar=_PHI_BAR,
        )
    )
    figure.add_scatter(
        x=table["codeword"].astype(str),
        y=table["label"],
        mode="markers",
        customdata=table[["lift", "auroc", "frames", "phi"]].to_numpy(np.float64),
        marker={"symbol": "square", "size": 9, "opacity": 0},
        hovertemplate="Codeword %{x} and %{y}<br>φ %{customdata[3]:.2f} · lift %{customdata[0]:.1f} · AUROC "
        "%{customdata[1]:.2f}<br>%{customdata[2]:,} frames<extra></extra>",
    )
    if selected is not None and str(selected[0]) in columns and selected[1] in labels:
        x, y = columns.index(str(selected[0])), labels[::-1].index(selected[1])
        edges = {"x0": x - _FRAME, "x1": x + _FRAME, "y0": y - _FRAME, "y1": y + _FRAME}
        figure.add_shape(type="rect", **edges, line={"color": "#E11D48", "width": 2})
    figure.update_xaxes(
        type="category",
        categoryorder="array",
        categoryarray=columns,
        title="Codeword",
        side="top",
        tickmode="array",  # every codeword is named, however narrow the page
        tickvals=columns,
        ticktext=column_names(columns),
        tickangle=-90,
        showgrid=False,
        tickfont_size=10 if len(columns) <= _FEW else 8,
        range=[-0.5, len(columns) - 0.5],
    )
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=labels[::-1],
        tickmode="array",
        tickvals=labels,
        ticktext=row_names([label.partition(" ")[0] for label in labels], labels),
        ticklabelstandoff=6,
        tickfont_size=11,
        range=[-0.5, len(labels) - 0.5],
    )
    return figures.laid_out(
        figure, max(320, _ROW * len(labels) + (130 if len(columns) <= _FEW else 158)), clickmode="event+select"
    ).update_layout(margin_t=56 if len(columns) <= _FEW else 84, margin_b=64)


_PHI_BAR = {
    "orientation": "h",
    "thickness": 8,
    "len": 180,
    "lenmode": "pixels",
    "x": 1,
    "xanchor": "right",
    "xpad": 0,
    "y": 0,
    "yanchor": "top",
    "ypad": 14,
    "tickvals": [-1, 0, 1],
    "ticktext": ["φ = −1", "0", "1"],
}


def _phi_scale() -> list[list]:
    """The diverging scale, clearer towards 0, so that it is read on a light and on a dark page."""
    steps = len(DIVERGING) - 1
    strength = np.clip(0.07 + 1.75 * np.abs(np.linspace(-1, 1, steps + 1)), 0, 1)
    return [
        [i / steps, f"rgba({r},{g},{b},{a:.3f})"]
        for i, ((r, g, b), a) in enumerate(zip(DIVERGING.tolist(), strength, strict=True))
    ]


def column_names(columns: list[str]) -> list[str]:
    """Codewords; of many, every second one is set off, so that neighbours do not overprint on a narrow page."""
    if len(columns) <= _FEW:
        return columns
    off = _FIGURE_SPACE * (max(map(len, columns)) + 1)
    return [f"{off * (i % 2)}{name}" for i, name in enumerate(columns)]


_FIGURE_SPACE = "\u2007"
"""A space as wide as a figure."""


def row_names(aus: list[str], labels: list[str]) -> list[str]:
    """``lip corner puller  AU12 left``, with the name of an AU at the first of its rows alone."""
    names = {au: unit.title for au, unit in ACTION_UNITS.items()}
    first = [i == 0 or aus[i - 1] != au for i, au in enumerate(aus)]
    return [
        f"{names[au]}  <b>{label}</b>" if new and au in names else f"<b>{label}</b>"
        for au, label, new in zip(aus, labels, first, strict=True)
    ]


@st.cache_resource(max_entries=32, show_spinner=False)
def cell_map(
    key: str, chosen: Filter, selected: tuple[int, str] | None, order: str, every: bool, _found: Analysis
) -> tuple[go.Figure, tuple[int, int]] | None:
    """The heat map of the cells that a filter leaves, made once, with the number of AUs and of codewords that have no
    cell; None where it leaves none. every: these are rows and columns too. Not to be changed."""
    table, shown = cells(_found, chosen, order), axes(_found, chosen, order)
    return (heat_map(table, selected, shown if every else None), shown.empty(table)) if len(table) else None


def in_page(chart: go.Figure) -> go.Figure:
    """A chart of the report with the look of the pages."""
    return figures.laid_out(chart, chart.layout.height, legend=True)


def coverage_bars(table: pd.DataFrame, goal: float, order: str) -> go.Figure:
    """How well one codeword and at most three predict each AU on held-out subjects; order: ``facs``, down the face, or
    ``auroc``, the best first."""
    table = in_order(table[np.isfinite(table["sparse_auroc"])], order)
    labels = [title(a, s) for a, s in zip(table["au"], table["side"], strict=True)]
    return in_page(coverage_charts.chart_scores(table, labels, goal))


def in_order(table: pd.DataFrame, order: str) -> pd.DataFrame:
    """Rows of AUs down the face, or by the AUROC of their set."""
    if order == "auroc":
        return table.sort_values("sparse_auroc", ascending=False, kind="stable")
    key = [facs_order(a, s) for a, s in zip(table["au"], table["side"], strict=True)]
    return table.iloc[sorted(range(len(table)), key=key.__getitem__)]


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
    figure.update_xaxes(range=[-1, 1], title="all right  ·  balance of movement  ·  all left", side="top")
    figure.update_yaxes(type="category", tickfont_size=10)
    return figures.laid_out(figure, max(240, 14 * len(table) + 70)).update_layout(margin_t=46, margin_b=8)
