"""Plotly figures of every page in one template; Streamlit's theme brings fonts and the colours of light and dark."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.components.palette import REGION_COLOURS
from dfe_core.faces.model import REGIONS

CONFIG = {"displayModeBar": False, "scrollZoom": False}
ACCENT = "#4A74DB"
"""The app's blue, between its light and dark shade: legible on both backgrounds."""

WHISKER = "#8A909C"
"""Intervals: seen on bars and on both backgrounds."""

_GREY = "rgba(128,134,146,0.35)"


def laid_out(figure: go.Figure, height: int, legend: bool = False, **layout: object) -> go.Figure:
    """The shared layout: no chart junk, room for labels, one font size."""
    figure.update_layout(height=height, margin={"l": 4, "r": 12, "t": 34 if legend else 8, "b": 46},
                         showlegend=legend, bargap=0.28, hoverlabel={"font_size": 13}, font_size=13,
                         legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, **layout)
    # Only the left margin adapts: margins that adapt on two sides can chase each other.
    figure.update_xaxes(automargin=False, gridcolor=_GREY, zerolinecolor=_GREY, tickfont_size=12, title_font_size=12)
    figure.update_yaxes(automargin="left", gridcolor=_GREY, zerolinecolor=_GREY, tickfont_size=12, title_font_size=12)
    return figure


def show(figure: go.Figure, key: str, alt: str) -> None:
    """Draw a figure with its description for those who cannot see it."""
    st.plotly_chart(figure, key=key, config=CONFIG, alt=alt)


def regions(row: pd.Series) -> go.Figure:
    """Mean displacement per region, mm, laid out as the face is seen: its right half on the left, and the reverse."""
    names = [r for r in REGIONS if r != "other"]
    values = {side: np.array([row.get(f"mm_{r.replace(' ', '_')}_{side}", np.nan) for r in names], float)
              for side in ("left", "right")}
    most = max(0.05, float(np.nanmax(np.nan_to_num(np.concatenate(list(values.values()))))))
    figure = go.Figure()
    for side, sign in (("right", -1), ("left", 1)):
        figure.add_bar(y=[n.capitalize() for n in names], x=sign * values[side], orientation="h",
                       name=side.capitalize(), marker_color=[REGION_COLOURS[n] for n in names], customdata=values[side],
                       hovertemplate="%{y}, " + side + ": %{customdata:.2f} mm<extra></extra>",
                       text=[f"{v:.1f}" if v >= 0.05 else "" for v in values[side]], textposition="outside",
                       textfont_size=11, cliponaxis=False)
    ticks = _round_ticks(most)
    figure.update_xaxes(range=[-1.25 * most, 1.25 * most], tickvals=[-t for t in ticks[:0:-1]] + ticks,
                        ticktext=[f"{t:g}" for t in ticks[:0:-1] + ticks], title="mm")
    for x, anchor, text in ((0, "left", "Face’s right"), (1, "right", "Face’s left")):
        figure.add_annotation(x=x, y=1.0, xref="paper", yref="paper", text=text, showarrow=False, xanchor=anchor,
                              yanchor="bottom", font_size=12)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return laid_out(figure, 320, barmode="relative").update_layout(margin_t=26)


def stages(uses: np.ndarray) -> go.Figure:
    """Uses of one codeword per stage."""
    total = max(1, int(uses.sum()))
    figure = go.Figure(go.Bar(x=[str(s + 1) for s in range(len(uses))], y=uses, marker_color=ACCENT,
                              customdata=uses / total,
                              hovertemplate="Stage %{x}: %{y:,} uses, %{customdata:.0%}<extra></extra>"))
    figure.update_xaxes(title="Stage", showgrid=False, type="category")
    figure.update_yaxes(title="Uses")
    return laid_out(figure, 210)


def intensities(table: pd.DataFrame) -> go.Figure:
    """Histogram of the intensity of one codeword over the frames that have it."""
    middle, width = (table["low"] + table["high"]) / 2, table["high"] - table["low"]
    figure = go.Figure(go.Bar(x=middle, y=table["frames"], width=width, marker_color=ACCENT,
                              hovertemplate="Intensity %{x:.2f}: %{y:,} frames<extra></extra>"))
    figure.update_xaxes(title="Intensity", showgrid=False)
    figure.update_yaxes(title="Frames")
    return laid_out(figure, 210)


def shares(table: pd.DataFrame) -> go.Figure:
    """Share of frames with a codeword at each value of a column, with intervals."""
    names = table["value"].astype(str)
    figure = go.Figure(go.Bar(
        x=names, y=100 * table["share"], marker_color=ACCENT, customdata=table[["subjects", "frames"]],
        error_y={"type": "data", "symmetric": False, "array": 100 * (table["high"] - table["share"]).fillna(0),
                 "arrayminus": 100 * (table["share"] - table["low"]).fillna(0), "thickness": 1.6,
                 "color": WHISKER},
        hovertemplate="%{x}: %{y:.1f} % of %{customdata[1]:,} frames, %{customdata[0]} subjects<extra></extra>"))
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(title="% of frames", rangemode="tozero")
    return laid_out(figure, 240)


def perplexity(values: list[float], codewords: int) -> go.Figure:
    """How many codewords each stage uses evenly, against the size of the codebook."""
    figure = go.Figure(go.Bar(x=[str(i + 1) for i in range(len(values))], y=values, marker_color=ACCENT,
                              hovertemplate="Stage %{x}: perplexity %{y:.0f}<extra></extra>"))
    figure.add_hline(y=codewords, line_dash="dot", line_color="#8A909C", annotation_text=f"{codewords} codewords",
                     annotation_position="top left", annotation_font_size=12)
    figure.update_xaxes(title="Stage", showgrid=False, type="category")
    figure.update_yaxes(title="Perplexity", range=[0, codewords * 1.15])
    return laid_out(figure, 260)


def error_by_stage(values: list[float], baselines: dict[str, dict[str, float]]) -> go.Figure:
    """Reconstruction error after each stage, with the baselines at the same bits a frame as lines."""
    names = {"residual_kmeans": "Residual k-means", "pca": "PCA", "aus": "Action units"}
    figure = go.Figure(go.Scatter(x=list(range(1, len(values) + 1)), y=values, mode="lines+markers",
                                  name="This codebook", line={"color": ACCENT, "width": 3}, marker_size=8,
                                  hovertemplate="%{x} stages: %{y:.2f} mm<extra></extra>"))
    colours = {"residual_kmeans": "#E69F00", "pca": "#009E73", "aus": "#D55E00"}
    for name, scores in baselines.items():
        if scores and scores.get("rmse_mm") is not None:
            figure.add_scatter(x=[1, len(values)], y=[scores["rmse_mm"]] * 2, mode="lines", name=names.get(name, name),
                               line={"dash": "dash", "width": 2, "color": colours.get(name)},
                               hovertemplate=f"{names.get(name, name)}: %{{y:.2f}} mm<extra></extra>")
    figure.update_xaxes(title="Stages used", dtick=1, showgrid=False)
    figure.update_yaxes(title="RMSE, mm", rangemode="tozero")
    return laid_out(figure, 300, legend=bool(baselines))


def _round_ticks(most: float) -> list[float]:
    step = next((s for s in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if most / s <= 2.6), 50)
    return [round(step * i, 3) for i in range(int(1.25 * most / step) + 1)]
