"""The coverage analysis as Plotly charts, for pages and for the report on the screen.

A chart has its height and no look: the report (`html.py`) and the dashboard give it theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dfe_core.facs.status import describe, without_figure
from dfe_core.reports.coverage_figures import PART_COLOURS, PART_NAMES, SIDE_COLOURS, level_colours
from dfe_core.reports.style import BLUE, DIVERGING, GREEN, GREY, ORANGE, SKY

_APART = 0.17
"""How far from the middle of its row each of two points of an AU is drawn."""


def chart_scores(table: pd.DataFrame, labels: list[str], threshold: float) -> go.Figure:
    """AUROC of the one best codeword (ring, above) and of the set (dot, below), held out, with intervals; one line an
    AU, first row at the top."""
    figure, rows = go.Figure(), np.arange(len(table))
    for name, title, colour, symbol, shift in (
        ("", "one codeword", GREY, "circle-open", -_APART),
        ("sparse_", "up to three codewords", BLUE, "circle", _APART),
    ):
        chosen = table["best_codeword"] if not name else table["sparse_codewords"]
        text = [f"{label}<br>{title}: {_listed(k)}" for label, k in zip(labels, chosen, strict=True)]
        figure.add_scatter(
            x=table[f"{name}auroc"],
            y=rows + shift,
            mode="markers",
            name=title,
            text=text,
            customdata=table[[f"{name}low", f"{name}high", "prevalence"]],
            marker={"color": colour, "symbol": symbol, "size": 8, "line": {"width": 1.6, "color": colour}},
            error_x=interval_bars(table[f"{name}auroc"], table[f"{name}low"], table[f"{name}high"], colour),
            hovertemplate="%{text}<br>AUROC %{x:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})<br>present in "
            "%{customdata[2]:.1%} of frames<extra></extra>",
        )
    if "all_auroc" in table:
        figure.add_scatter(
            x=table["all_auroc"],
            y=rows,
            mode="markers",
            name="all codewords",
            text=labels,
            marker={"color": GREEN, "symbol": "line-ns", "size": 11, "line": {"width": 2, "color": GREEN}},
            hovertemplate="%{text}<br>all codewords: AUROC %{x:.3f}<extra></extra>",
        )
    _say_what_is_missing(figure, table, rows.tolist())
    figure.add_vline(
        threshold,
        line={"color": ORANGE, "dash": "dash", "width": 1},
        annotation={"text": f"covered from {threshold:g}", "font_size": 11},
        annotation_position="bottom right",
    )
    low = np.nanmin([0.45, *table["low"], *table["sparse_low"]])
    figure.update_xaxes(range=[low - 0.01, 1.01], title="AUROC within held-out subjects (0.5 is chance)")
    figure.update_yaxes(tickmode="array", tickvals=rows, ticktext=labels, zeroline=False)
    _sized(figure, 100 + 22 * len(labels))
    return figure.update_yaxes(range=[len(labels) + 0.2, -0.6])


def chart_heat(matrix: np.ndarray, rows: list[str], columns: list[str]) -> go.Figure:
    """phi of AUs (rows) and codewords (columns), both in clustered order."""
    scale = [[0, DIVERGING[0]], [0.5, DIVERGING[1]], [1, DIVERGING[2]]]
    shown = matrix.round(4).astype(object)
    shown[~np.isfinite(matrix)] = None
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            x=columns,
            y=rows,
            zmin=-1,
            zmax=1,
            colorscale=scale,
            colorbar={"title": "phi", "thickness": 12},
            hovertemplate="%{y}<br>codeword %{x}<br>phi %{z:.2f}<extra></extra>",
        )
    )
    figure.update_xaxes(type="category", title="codeword", showticklabels=len(columns) <= 80)
    figure.update_yaxes(type="category")
    return _sized(figure, 140 + 14 * len(rows), reverse=True)


def chart_variance(variance: pd.DataFrame) -> go.Figure:
    """One bar of all displacement variance, parted by what explains it."""
    share = variance.set_index("part")
    figure = go.Figure()
    for part, colour in PART_COLOURS.items():
        row = share.loc[part].fillna(0)
        figure.add_bar(
            x=[max(row["share"], 0)],
            y=[""],
            orientation="h",
            name=f"{PART_NAMES[part]} {row['share']:.1%}",
            marker={"color": colour, "line": {"color": "white", "width": 1}},
            hovertemplate=f"{PART_NAMES[part]}: {row['share']:.2%} (95 % {row['low']:.2%} to {row['high']:.2%})"
            "<extra></extra>",
        )
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    figure.update_xaxes(tickformat=".0%", title="share of displacement variance on held-out subjects")
    return _sized(figure, 190)


def chart_matches(codewords: pd.DataFrame, cosine: float, r: float) -> go.Figure:
    """Every judged codeword by how well AUs match its face and its use."""
    figure = go.Figure()
    for new, name, colour in ((False, "an AU or AU pair", SKY), (True, "new: no AU or pair", ORANGE)):
        part = codewords[codewords["new"] == new]
        text = [
            f"codeword {k}<br>face: {_or(f)}<br>use: {_or(u)}<br>{s:.1%} of frames"
            for k, f, u, s in zip(part["codeword"], part["face_aus"], part["use_aus"], part["share"], strict=True)
        ]
        figure.add_scatter(
            x=part["face_cosine"].fillna(0),
            y=part["use_r"],
            text=text,
            name=name,
            mode="markers",
            hovertemplate="%{text}<br>cosine %{x:.2f}, r %{y:.2f}<extra></extra>",
            marker={
                "color": colour,
                "size": 7 + 26 * np.sqrt(part["share"]),
                "opacity": 0.85,
                "line": {"color": "white", "width": 1},
            },
        )
    figure.add_vline(cosine, line={"color": GREY, "dash": "dash", "width": 1})
    figure.add_hline(r, line={"color": GREY, "dash": "dash", "width": 1})
    figure.update_xaxes(title="face: cosine with the nearest AU or sum of two")
    figure.update_yaxes(title="use: correlation with the best AU or two", range=[-0.03, 1.03])
    return _sized(figure, 460)


def chart_truth(truth: pd.DataFrame, labels: list[str], threshold: float) -> go.Figure:
    """Held-out AUROC of the set for every planted action."""
    figure = go.Figure()
    for inside, name, colour in ((True, "has a FACS code", BLUE), (False, "has none", ORANGE)):
        keep = (truth["in_facs"] == inside).to_numpy()
        part = truth[keep]
        found = part["found"].fillna(False).to_numpy(bool)
        figure.add_scatter(
            x=part["sparse_auroc"].astype(float),
            y=[n for n, k in zip(labels, keep, strict=True) if k],
            mode="markers",
            name=name,
            text=np.where(found, "found", "not found"),
            marker={"color": colour, "size": 9, "symbol": np.where(found, "circle", "circle-open")},
            error_x=interval_bars(part["sparse_auroc"], part["sparse_low"], part["sparse_high"], colour),
            hovertemplate="%{y}<br>%{text}, AUROC %{x:.3f}<extra></extra>",
        )
    _say_what_is_missing(figure, truth, labels)
    figure.add_vline(threshold, line={"color": GREY, "dash": "dash", "width": 1})
    figure.update_xaxes(range=[0.5, 1.01], title="AUROC of up to three codewords on held-out subjects")
    figure.update_yaxes(categoryorder="array", categoryarray=labels)
    return _sized(figure, 90 + 20 * len(labels), reverse=True)


def chart_symmetry(by_subject: pd.DataFrame) -> go.Figure:
    """Share of frames on each side, one bar a subject."""
    figure = go.Figure()
    for side in ("symmetric", "left", "right", "still"):
        figure.add_bar(
            x=by_subject[side],
            y=by_subject["subject"],
            orientation="h",
            name=side,
            marker={"color": SIDE_COLOURS[side]},
            hovertemplate=f"%{{y}}: {side} %{{x:.1%}}<extra></extra>",
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(tickformat=".0%", title="share of frames", range=[0, 1])
    figure.update_yaxes(type="category")
    return _sized(figure, 100 + 17 * len(by_subject), reverse=True)


def chart_deformation(table: pd.DataFrame, unit: str) -> go.Figure:
    """Mean displacement by region, one colour a level of one condition, levels one below the other; the peak on
    hover."""
    figure = go.Figure()
    regions, levels = list(dict.fromkeys(table["region"])), list(dict.fromkeys(table["level"]))
    apart = min(0.18, 0.7 / max(len(levels), 1))
    for i, (level, colour) in enumerate(zip(levels, level_colours(levels), strict=True)):
        part = table[table["level"] == level]
        figure.add_scatter(
            x=part["mean_mm"],
            y=[regions.index(region) + apart * (i - (len(levels) - 1) / 2) for region in part["region"]],
            mode="markers",
            name=str(level),
            text=part["region"],
            customdata=part[["peak_mm", "subjects", "frames"]].to_numpy(),
            marker={"color": colour, "size": 8},
            error_x=interval_bars(part["mean_mm"], part["mean_low"], part["mean_high"], colour),
            hovertemplate="%{text}: mean %{x:.2f}, peak %{customdata[0]:.2f} "
            + unit
            + "<br>%{customdata[1]} subjects, %{customdata[2]:,} frames<extra></extra>",
        )
    figure.update_xaxes(title=f"mean displacement, {unit}", rangemode="tozero")
    figure.update_yaxes(tickmode="array", tickvals=list(range(len(regions))), ticktext=regions, zeroline=False)
    _sized(figure, 130 + max(34, 9 * len(levels)) * len(regions))
    return figure.update_yaxes(range=[len(regions) - 0.4, -0.6])


def chart_rarefaction(curves: pd.DataFrame) -> go.Figure:
    """Displays expected in so many frames, for tokens and for AUs."""
    figure = go.Figure()
    for kind, colour in (("tokens", ORANGE), ("AUs", BLUE)):
        part = curves[curves["of"] == kind]
        band = part.dropna(subset=["low", "high"])  # a gap would make two polygons of it
        figure.add_scatter(
            x=[*band["frames"], *band["frames"][::-1]],
            y=[*band["high"], *band["low"][::-1]],
            fill="toself",
            fillcolor=colour,
            opacity=0.16,
            line={"width": 0},
            showlegend=False,
            hoverinfo="skip",
            mode="lines",
        )
        figure.add_scatter(
            x=part["frames"],
            y=part["displays"],
            mode="lines",
            name=kind,
            line={"color": colour},
            hovertemplate=f"{kind}: %{{y:.0f}} displays in %{{x:,}} frames<extra></extra>",
        )
    figure.update_xaxes(type="log", title="frames seen")
    figure.update_yaxes(title="distinct displays", rangemode="tozero")
    return _sized(figure, 380)


def _say_what_is_missing(figure: go.Figure, table: pd.DataFrame, places: Sequence[Any]) -> None:
    """Write on the row of an AU, at its place on the y axis, why it has no figure."""
    records = zip(places, table.to_dict("records"), strict=True)
    rows = [(place, describe(row)) for place, row in records if without_figure(row)]
    if rows:
        figure.add_scatter(
            x=[0.505] * len(rows),
            y=[r[0] for r in rows],
            text=[r[1] for r in rows],
            mode="text",
            textposition="middle right",
            textfont={"color": GREY, "size": 11},
            showlegend=False,
            hoverinfo="skip",
        )


def interval_bars(value: pd.Series, low: pd.Series, high: pd.Series, colour: str) -> dict:
    """Error bars of Plotly from a value to the ends of its interval, none where these are NaN."""
    at, lower, upper = (np.asarray(v, float) for v in (value, low, high))
    return {
        "type": "data",
        "symmetric": False,
        "array": np.nan_to_num(upper - at).clip(0),
        "arrayminus": np.nan_to_num(at - lower).clip(0),
        "color": colour,
        "thickness": 1.2,
        "width": 0,
    }


def _listed(codewords: object) -> str:
    return ", ".join(map(str, codewords)) if isinstance(codewords, list) else str(codewords)


def _or(text: object) -> str:
    return text if isinstance(text, str) else "none"


def _sized(figure: go.Figure, height: int, reverse: bool = False) -> go.Figure:
    figure.update_layout(height=height)
    return figure.update_yaxes(autorange="reversed") if reverse else figure
