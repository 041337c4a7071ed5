"""How well two codebooks hold the same recordings, as a figure."""

from __future__ import annotations

import plotly.graph_objects as go

from dfe_core.embedding.compare import Comparison

from . import figures


def fidelity_figure(found: Comparison) -> go.Figure:
    """Error of both models on every subject, joined."""
    figure = go.Figure()
    subjects = [s for s in found.a.by_subject.index if s in found.b.by_subject.index]
    for subject in subjects:
        figure.add_scatter(
            x=[found.a.by_subject[subject], found.b.by_subject[subject]],
            y=[str(subject)] * 2,
            mode="lines",
            line={"color": "#9AA0AB", "width": 2},
            hoverinfo="skip",
            showlegend=False,
        )
    for one, colour in ((found.a, "#4A74DB"), (found.b, "#E69F00")):
        figure.add_scatter(
            x=[one.by_subject[s] for s in subjects],
            y=[str(s) for s in subjects],
            mode="markers",
            name=one.model,
            marker={"color": colour, "size": 10},
            hovertemplate="%{y}: %{x:.3f} mm<extra>" + one.model + "</extra>",
        )
    figure.update_xaxes(title="RMSE, mm", rangemode="tozero")
    figure.update_yaxes(type="category")
    return figures.laid_out(figure, 90 + 24 * max(3, len(subjects)), legend=True)
