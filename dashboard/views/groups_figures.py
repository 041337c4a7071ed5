"""A comparison of groups as a volcano plot and as rows with faces."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dfe_core.groups.volcano import effect_words, found_line
from dfe_core.p_values import p_text

from ..theme.palette import ACCENT, CATEGORIES, DIVERGING, plotly_scale
from .figures import laid_out

ALPHA = 0.05
NOT_TESTED = "rgba(128,134,146,0.35)"
"""Of cells that hold no value: apart from both ends of the scale on a light and on a dark page."""
DARKEST = 18
"""Colours at each end of the diverging scale that a dark page would swallow."""


def volcano(rows: pd.DataFrame) -> go.Figure:
    """Effect against evidence: Hedges' g of every tested row, and −log10 of its p, in the colour of its family; rows
    with q below `ALPHA` over all rows are filled, and a line stands at the largest p among them."""
    figure = go.Figure()
    for colour, (family, part) in zip(CATEGORIES, rows.groupby("family", sort=False), strict=False):
        found = part["q_all"] < ALPHA
        figure.add_scatter(
            x=part["hedges_g"],
            y=-np.log10(part["p"].clip(lower=1e-12)),
            mode="markers",
            name=family,
            marker={
                "size": np.where(found, 11, 8),
                "color": colour,
                "opacity": np.where(found, 1.0, 0.45),
                "line": {"width": np.where(found, 1.5, 0.0), "color": "white"},
            },
            customdata=part.assign(row=part.index, p=_printed(part, "p"), q_all=_printed(part, "q_all"))[
                ["thing", "description", "measure", "a", "b", "p", "q_all", "row"]
            ],
            hovertemplate="%{customdata[0]} %{customdata[1]}<br>%{customdata[2]}: %{customdata[4]} against "
            "%{customdata[3]}<br>g %{x:.2f}, p %{customdata[5]}, q %{customdata[6]}<extra></extra>",
        )
    threshold, words = found_line(rows)
    figure.add_hline(
        y=-np.log10(threshold),
        line={"dash": "dot", "width": 1, "color": "#8A909C"},
        annotation_text=words,
        annotation_position="top left",
        annotation_font_size=12,
    )
    figure.update_xaxes(title=effect_words(rows))
    figure.update_yaxes(title="−log10 p", rangemode="tozero")
    return laid_out(figure, 420, legend=True)


def power_curve(table: pd.DataFrame) -> go.Figure:
    """Median power over codewords by number of people, with the range of 80 % of the codewords."""
    figure = go.Figure()
    figure.add_scatter(x=table["people"], y=table["high"], mode="lines", line={"width": 0}, hoverinfo="skip")
    figure.add_scatter(
        x=table["people"],
        y=table["low"],
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor="rgba(0,114,178,0.18)",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=table["people"],
        y=table["median"],
        mode="lines+markers",
        line={"color": ACCENT, "width": 2},
        customdata=table[["low", "high"]],
        hovertemplate="%{x} people: power %{y:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f})<extra></extra>",
    )
    figure.add_hline(y=0.8, line={"dash": "dot", "width": 1, "color": "#8A909C"})
    figure.update_xaxes(title="People in both groups together", rangemode="tozero")
    figure.update_yaxes(title="Power", range=[0, 1.02])
    return laid_out(figure, 300)


def transition_map(rows: pd.DataFrame) -> go.Figure:
    """Transitions between regions, from row to column: Hedges' g of the second group against the first, with a dot
    where q is below `ALPHA`; grey where a transition was not tested."""
    ends = rows["thing"].str.split(" → ", expand=True)
    regions = sorted(set(ends[0]) | set(ends[1]))
    shape = (len(regions), len(regions))
    g, words = np.full(shape, np.nan), np.full(shape, "", object)
    marks = np.full(shape, "", object)
    for row, first, second in zip(rows.to_dict("records"), ends[0], ends[1], strict=True):
        cell = regions.index(first), regions.index(second)
        g[cell] = row["hedges_g"]
        marks[cell] = "●" if row["q"] < ALPHA else ""
        words[cell] = (
            f"{escape(str(row['description']))}<br>{100 * row['mean_a']:.0f} % in {escape(str(row['a']))}, "
            f"{100 * row['mean_b']:.0f} % in {escape(str(row['b']))}<br>g {row['hedges_g']:.2f}, "
            f"p {p_text(row['p'], row['floor'])}, q {p_text(row['q'], row['floor'])}"
        )
    figure = go.Figure(
        go.Heatmap(
            x=regions,
            y=regions,
            z=g,
            zmin=-1.5,
            zmax=1.5,
            colorscale=plotly_scale(DIVERGING[DARKEST:-DARKEST]),
            xgap=2,
            ygap=2,
            text=marks,
            texttemplate="%{text}",
            customdata=words,
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=False,
            colorbar={"title": "g", "thickness": 12},
        )
    )
    figure.add_shape(
        type="rect",
        xref="x domain",
        x0=0,
        x1=1,
        yref="y domain",
        y0=0,
        y1=1,
        fillcolor=NOT_TESTED,
        line_width=0,
        layer="below",
    )
    figure.update_xaxes(title="Next", title_standoff=6, tickangle=-45, showgrid=False, zeroline=False)
    figure.update_yaxes(title="First", showgrid=False, zeroline=False, autorange="reversed")
    return laid_out(figure, 200 + 30 * len(regions)).update_layout(margin_b=106)


def face_rows(rows: pd.DataFrame, pictures: Mapping[int, str]) -> str:
    """Codewords with their faces, one line each, as HTML."""
    return "".join(_face_row(row, pictures.get(int(row["thing"]))) for row in rows.to_dict("records"))


def amount(value: float, measure: str) -> str:
    """A mean in the unit of its measure: per cent of the time, a minute, seconds."""
    unit = {"share": " %", "rate": " a minute", "duration": " s", "latency": " s"}.get(measure, "")
    return f"{value * (100 if measure == 'share' else 1):.3g}{unit}"


def _printed(rows: pd.DataFrame, name: str) -> list[str]:
    return [p_text(value, low) for value, low in zip(rows[name], rows["floor"], strict=True)]


def _face_row(row: Mapping[Any, Any], src: str | None) -> str:
    face = f'<img src="{escape(src)}" alt="" width="72" height="72">' if src else ""
    words = (
        f"<b>{escape(str(row['thing']))}</b> {escape(str(row['description']))}<br>{escape(str(row['measure']))}: "
        f"{amount(row['mean_a'], row['measure'])} in {escape(str(row['a']))}, "
        f"{amount(row['mean_b'], row['measure'])} in {escape(str(row['b']))}; "
        f"g {row['hedges_g']:.2f} ({row['g_low']:.2f} to {row['g_high']:.2f}), "
        f"p {p_text(row['p'], row['floor'])}, q {p_text(row['q_all'], row['floor'])}"
    )
    style = "display:flex;gap:12px;align-items:center;padding:2px 0"
    return f'<div style="{style}"><div style="width:72px">{face}</div><div>{words}</div></div>'
