"""Two codebooks compared, kept while the server runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dfe_core.embedding.compare import Comparison, Matching, compare_fidelity, match_codebooks
from dfe_core.motion.identity import transfer

from . import artefact_cache, figures
from .cards import name_of
from .dictionary import dictionary


def fidelity(choice: artefact_cache.Choice, other: str) -> Comparison:
    """Which of the chosen model and another holds the chosen dataset better."""
    keys = [artefact_cache.tokens(choice.root, name, choice.dataset).manifest["key"] for name in (choice.model, other)]
    return _fidelity(tuple(keys), choice.model, other, choice.dataset, str(choice.root))


def matching(choice: artefact_cache.Choice, other: str) -> Matching:
    """Codewords of the chosen model against those of another."""
    a, b = artefact_cache.codebook(choice.root, choice.model), artefact_cache.codebook(choice.root, other)
    return _matching(
        a.key, b.key, a, b, artefact_cache.face(choice.root, a.face_id), artefact_cache.face(choice.root, b.face_id)
    )


def psi_here(choice: artefact_cache.Choice, other: str, codeword: int) -> np.ndarray:
    """(E,) a codeword of another model in the coefficients of the chosen model's face."""
    a, b = artefact_cache.codebook(choice.root, choice.model), artefact_cache.codebook(choice.root, other)
    if a.names == b.names:
        return b.psi[codeword]
    return transfer(
        b.psi[codeword], artefact_cache.face(choice.root, b.face_id), artefact_cache.face(choice.root, a.face_id)
    ).psi


def descriptions(choice: artefact_cache.Choice, other: str) -> list[str]:
    """What every codeword of another model is called."""
    table = dictionary(artefact_cache.Choice(choice.root, other, choice.dataset)).table
    return [name_of(row) for _, row in table.iterrows()]


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


@st.cache_resource(max_entries=8, show_spinner="Comparing on the recordings")
def _fidelity(keys: tuple[str, ...], a: str, b: str, dataset: str, root: str) -> Comparison:
    return compare_fidelity(a, b, dataset, Path(root))


@st.cache_resource(max_entries=8, show_spinner="Matching codewords")
def _matching(key_a: str, key_b: str, _a, _b, _face_a, _face_b) -> Matching:
    return match_codebooks(_a, _b, _face_a, _face_b)
