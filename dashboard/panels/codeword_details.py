"""What one codeword is: its largest movement, its symmetry, where it moves, and the action units that go with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.ontology import title

from ..data import artefact_cache, coverage_analyses
from ..links import routes
from ..theme.formatting import count, mm, percent
from ..views import bars
from . import page_frame


def key_facts(row: pd.Series) -> None:
    """The figures a reader wants first."""
    page_frame.facts(
        [
            ("Largest movement", mm(row["peak_mm"]), f"mean {mm(row['mean_mm'])}"),
            ("Symmetry", _symmetry(row), _side(row)),
            ("In the data", percent(row["share_of_frames"]), f"of frames, typically {mm(row['typical_mm'])}"),
            ("Main stage", str(int(row["main_stage"]) + 1) if row["uses"] else "–", f"{count(row['uses'])} uses"),
        ]
    )


def where_it_moves(row: pd.Series) -> None:
    """Regions and sides."""
    st.subheader("Where it moves", anchor=False)
    bars.sides(row, f"Mean movement per region of codeword {row['codeword']}")
    st.caption("Mean movement of each region, mm")


def action_units(choice: artefact_cache.Choice, number: int) -> None:
    """The AUs it goes with in the data, from the coverage analysis where one has been made."""
    st.subheader("Action units it goes with", anchor=False)
    found = coverage_analyses.pairs_of(choice, number, limit=5)
    if found is None:
        st.caption("No coverage analysis of this data yet.")
        routes.link("coverage", "Analyse coverage")
        return
    table, aus = found
    if not len(table):
        st.caption("It goes with no action unit above chance.")
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
    st.caption(f"Held against “{aus}”, intervals over subjects; strongest first.")


def _side(row: pd.Series) -> str:
    if row["side"] in ("left", "right"):  # against its mirror image: the whole goes to one side
        return f"{'towards' if row['symmetry'] < 0 else 'more on'} the face's {row['side']}"
    return {"symmetric": "both halves alike", "opposed": "halves move against each other"}.get(
        row["side"], "moves nothing"
    )


def _symmetry(row: pd.Series) -> str:
    value = row["symmetry"]
    return "–" if not np.isfinite(value) else f"{value:.2f}"
