"""Plotly figures of every page in one template; Streamlit's theme brings fonts and the colours of light and dark."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from ..theme.palette import ACCENT, CATEGORIES

CONFIG = {"displayModeBar": False, "scrollZoom": False}
_MOMENTS = 1500

_GREY = "rgba(128,134,146,0.35)"


def laid_out(figure: go.Figure, height: int, legend: bool = False, **layout: object) -> go.Figure:
    """The shared layout: no chart junk, room for labels, one font size."""
    figure.update_layout(
        height=height,
        margin={"l": 4, "r": 12, "t": 34 if legend else 8, "b": 46},
        showlegend=legend,
        bargap=0.28,
        hoverlabel={"font_size": 13},
        font_size=13,
        colorway=CATEGORIES,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        **layout,
    )
    # Only the left margin adapts: margins that adapt on two sides can chase each other.
    figure.update_xaxes(automargin=False, gridcolor=_GREY, zerolinecolor=_GREY, tickfont_size=12, title_font_size=12)
    figure.update_yaxes(automargin="left", gridcolor=_GREY, zerolinecolor=_GREY, tickfont_size=12, title_font_size=12)
    return figure


def show(figure: go.Figure, key: str, alt: str) -> None:
    """Draw a figure with its description for those who cannot see it."""
    st.plotly_chart(figure, key=key, config=CONFIG, alt=alt)


def learning_curve(step: pd.Series, value: pd.Series) -> go.Figure:
    """A figure of training by step."""
    figure = go.Figure(go.Scatter(x=step, y=value, mode="lines+markers", line={"color": ACCENT, "width": 2}))
    figure.update_xaxes(title="Step", rangemode="tozero")
    return laid_out(figure, 180)


def over_time(time_s: np.ndarray, values: np.ndarray, names: list[str]) -> go.Figure:
    """(T, A) values over (T,) seconds as a picture of A rows, the strongest first; at most `_MOMENTS` columns."""
    step = -(-len(time_s) // _MOMENTS)
    cut = len(time_s) // step * step if len(time_s) >= step else len(time_s)
    blocks = values[:cut].reshape(-1, step, values.shape[1]) if step > 1 else values[:, None]
    known = ~np.isnan(blocks)
    mean = np.where(known.any(1), np.nansum(blocks, 1) / np.maximum(known.sum(1), 1), np.nan)
    order = np.argsort(np.nan_to_num(mean).mean(0))
    figure = go.Figure(
        go.Heatmap(
            x=time_s[:cut:step],
            y=[names[i] for i in order],
            z=mean[:, order].T,
            zmin=0,
            zmax=5,
            colorscale=[(0, "rgba(128,134,146,0.08)"), (1, ACCENT)],  # on a light and a dark page
            colorbar={"title": "Intensity", "thickness": 12},
            hovertemplate="%{y} at %{x:.2f} s: %{z:.2f}<extra></extra>",
        )
    )
    figure.update_xaxes(title="Seconds", showgrid=False)
    return laid_out(figure, 120 + 22 * len(names))


def perplexity(values: list[float], codewords: int) -> go.Figure:
    """How many codewords each stage uses evenly, against the size of the codebook."""
    figure = go.Figure(
        go.Bar(
            x=[str(i + 1) for i in range(len(values))],
            y=values,
            marker_color=ACCENT,
            hovertemplate="Stage %{x}: perplexity %{y:.0f}<extra></extra>",
        )
    )
    figure.add_hline(
        y=codewords,
        line_dash="dot",
        line_color="#8A909C",
        annotation_text=f"{codewords} codewords",
        annotation_position="top left",
        annotation_font_size=12,
    )
    figure.update_xaxes(title="Stage", showgrid=False, type="category")
    figure.update_yaxes(title="Perplexity", range=[0, codewords * 1.15])
    return laid_out(figure, 260)


def error_by_stage(values: list[float], baselines: dict[str, dict[str, float]]) -> go.Figure:
    """Reconstruction error after each stage, with the baselines at the same bits a frame as lines."""
    names = {"residual_kmeans": "Residual k-means", "pca": "PCA", "aus": "Action units"}
    figure = go.Figure(
        go.Scatter(
            x=list(range(1, len(values) + 1)),
            y=values,
            mode="lines+markers",
            name="This codebook",
            line={"color": ACCENT, "width": 3},
            marker_size=8,
            hovertemplate="%{x} stages: %{y:.2f} mm<extra></extra>",
        )
    )
    colours = {"residual_kmeans": "#E69F00", "pca": "#009E73", "aus": "#D55E00"}
    for name, scores in baselines.items():
        if scores and scores.get("rmse_mm") is not None:
            figure.add_scatter(
                x=[1, len(values)],
                y=[scores["rmse_mm"]] * 2,
                mode="lines",
                name=names.get(name, name),
                line={"dash": "dash", "width": 2, "color": colours.get(name)},
                hovertemplate=f"{names.get(name, name)}: %{{y:.2f}} mm<extra></extra>",
            )
    figure.update_xaxes(title="Stages used", dtick=1, showgrid=False)
    figure.update_yaxes(title="RMSE, mm", rangemode="tozero")
    return laid_out(figure, 300, legend=bool(baselines))
