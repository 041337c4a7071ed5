"""What one codeword is: its largest movement, its symmetry, where it moves, and the action units that go with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.faces.model import FaceModel
from dfe_core.facs.settings import LEAST_PHI
from dfe_core.ontology import title
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.statistics import middle_stages

from ..data import artefact_cache, codeword_facts, coverage_analyses
from ..links import routes
from ..theme.formatting import count, mm, percent, text
from ..views import bars
from ..views.example_pictures import Picture
from . import empty_states, page_frame
from .region_symmetry_diversity import interval_words

GOES_WITH = f"Shown are φ of {LEAST_PHI:g} or more, with q below 0.05 and an interval of the lift that leaves out 1."


def key_facts(row: pd.Series, by_stage: np.ndarray | None, from_mm: float) -> None:
    """The figures a reader wants first. by_stage: (N,) its tokens at each stage, None where nothing is encoded."""
    page_frame.facts(facts_of(row, by_stage, from_mm))


def facts_of(row: pd.Series, by_stage: np.ndarray | None, from_mm: float) -> list[tuple[str, str, str, str]]:
    """Rows of `page_frame.facts`: what `key_facts` shows."""
    found = page_frame.fact
    return [
        found("peak_mm", mm(row["peak_mm"]), "as pictured"),
        found("symmetry", _symmetry(row), _side(row)),
        found("share_of_frames", percent(row["share_of_frames"]), f"of frames, from {from_mm:g} mm"),
        found("stages", *_stages(by_stage)),
        found("typical_mm", mm(row["typical_mm"]), "median while present"),
        found("largest_mm", mm(row["largest_mm"]), "in these data"),
    ]


def _stages(by_stage: np.ndarray | None) -> tuple[str, str]:
    """Where the middle half of the tokens is, counted from 1, and how many there are."""
    if by_stage is None or (found := middle_stages(by_stage)) is None:
        return "–", "no tokens"
    first, last = (stage + 1 for stage in found)
    return f"{first}" if first == last else f"{first}–{last}", f"middle half of {count(by_stage.sum())} tokens"


def where_it_moves(codebook: Codebook, face: FaceModel, number: int) -> None:
    """Regions and sides."""
    largest = codeword_facts.reach_of(codebook, face, number)
    st.subheader("Where it moves", anchor=False)
    bars.sides(largest, f"Largest movement per region of codeword {number}", least=FULL_TRACK_MM)
    st.caption("Largest movement in each region at intensity 1, mm")


def action_units(choice: artefact_cache.Choice, number: int) -> None:
    """The AUs it goes with in the data, from the coverage analysis where one has been made."""
    st.subheader("Action units it goes with", anchor=False)
    found = coverage_analyses.pairs_of(choice, number, limit=5)
    if found is None:
        with empty_states.example(
            Picture.MATRIX,
            "No coverage analysis of this data yet",
            "It tests every codeword against every action unit.",
            narrow=True,
        ):
            routes.link("coverage", "Analyse coverage")
        return
    table, coverage = found
    if not len(table):
        st.caption(f"It goes with no action unit of “{text(coverage.aus)}”: {GOES_WITH}")
        return
    page_frame.table(
        pd.DataFrame(
            {
                "Action unit": [title(a, s) for a, s in zip(table["au"], table["side"], strict=True)],
                "Lift": table["lift"],
                "From": table["lift_low"],
                "To": table["lift_high"],
                "φ": table["phi"],
                "AUROC": table["auroc"],
            }
        ),
        formats={"Lift|From|To|φ|AUROC": "%.2f"},
    )
    circular = " They are estimates from the coefficients of the codewords: that they agree is no finding."
    st.caption(
        f"By “{text(coverage.aus)}”, {interval_words(coverage)}; strongest first. {GOES_WITH}"
        f"{circular if coverage.estimate else ''}"
    )


ALIKE = 0.9
"""Symmetry from which both halves are said to move alike."""

FULL_TRACK_MM = 5.0
"""What a bar of the regions is drawn against at least: the noise of a still region does not fill its track."""


def _side(row: pd.Series) -> str:
    if row["side"] in ("left", "right"):  # against its mirror image: the whole goes to one side
        return f"{'towards' if row['symmetry'] < 0 else 'more on'} the face's {row['side']}"
    if row["side"] == "symmetric":
        return "both halves alike" if row["symmetry"] >= ALIKE else "both halves, unlike"
    return "halves move against each other" if row["side"] == "opposed" else "moves nothing"


def _symmetry(row: pd.Series) -> str:
    value = row["symmetry"]
    return "–" if not np.isfinite(value) else f"{value:.2f}"
