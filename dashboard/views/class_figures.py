"""Which classes a probe tells apart: confusions, receiver operating characteristic, calibration."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from ..theme.palette import ACCENT
from .figures import laid_out

_DARK = 0.55
"""Share from which a cell is dark enough for white words on either page."""
_FAINT = {"dash": "dot", "width": 1, "color": "#8A909C"}


def confusion_matrix(counts: pd.DataFrame) -> go.Figure:
    """True classes down, predicted classes across, coloured by the share of the true class."""
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=list(counts.columns),
            y=list(counts.index),
            text=counts.astype(str),
            colorscale=[[0, "rgba(47,84,196,0.06)"], [1, ACCENT]],
            zmin=0,
            zmax=1,
            showscale=False,
            hovertemplate="%{y} taken for %{x}: %{text} units, %{z:.0%}<extra></extra>",
        )
    )
    for row, truth in enumerate(counts.index):  # words of the theme's colour, which plotly's own would not have
        for column, predicted in enumerate(counts.columns):
            share, units = float(shares.to_numpy()[row, column]), int(counts.to_numpy()[row, column])
            figure.add_annotation(
                x=predicted,
                y=truth,
                text=f"{units}<br>{share:.0%}",
                showarrow=False,
                font={"color": "#FFFFFF"} if share > _DARK else None,
            )
    figure.update_xaxes(title="Predicted", type="category")
    figure.update_yaxes(title="Truth", type="category", autorange="reversed")
    return laid_out(figure, 120 + 70 * len(counts))


def roc_curve(points: pd.DataFrame) -> go.Figure:
    """True positives against false positives, with the line of chance."""
    figure = _unit_square(points["false_positive"], points["true_positive"], "lines")
    figure.update_xaxes(title="False positives")
    figure.update_yaxes(title="True positives")
    return laid_out(figure, 300)


def calibration_curve(bins: pd.DataFrame) -> go.Figure:
    """How often the class is the truth by its predicted probability, with the line of a calibrated model."""
    figure = _unit_square(bins["predicted"], bins["observed"], "lines+markers", bins["units"])
    figure.update_xaxes(title="Predicted probability")
    figure.update_yaxes(title="Share of the class")
    return laid_out(figure, 300)


def _unit_square(x: pd.Series, y: pd.Series, mode: str, units: pd.Series | None = None) -> go.Figure:
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=_FAINT, hoverinfo="skip"))
    hover = "%{x:.2f}, %{y:.2f}" + (" · %{customdata} units" if units is not None else "") + "<extra></extra>"
    figure.add_scatter(x=x, y=y, mode=mode, line={"color": ACCENT, "width": 2}, customdata=units, hovertemplate=hover)
    figure.update_xaxes(range=[-0.02, 1.02], tickformat=".0%")
    figure.update_yaxes(range=[-0.02, 1.02], tickformat=".0%")
    return figure
