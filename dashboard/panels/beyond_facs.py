"""What tokens explain beyond action units: shares of variance, displays that no AU matches, redundant codewords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from dfe_core.facs.coverage_result import Coverage
from dfe_core.reports.coverage_charts import chart_variance
from dfe_core.table_rows import typed_rows
from dfe_core.tokens.statistics import STATISTICS

from ..data import artefact_cache, coverage_analyses, media, thumbnails
from ..data.dictionary import dictionary
from ..links import routes
from ..theme.formatting import percent
from ..views import browser_views, cards, coverage_figures, figures
from . import page_frame

BEYOND_HELP = {
    "Left": "Share of displacement variance that is left when this and everything above it are taken out.",
    "Tokens explain": "What tokens explain of it, fitted on other people.",
    "From": "95 % interval over people.",
    "To": "95 % interval over people.",
}


NEW_COLUMNS = {
    "codeword": "Codeword",
    "share": "In frames",
    "face_aus": "Nearest movement",
    "face_cosine": "Cosine",
    "use_aus": "Used with",
    "use_r": "r",
    "like": "Shaped like",
}
NEW_HELP = {
    "share": st.column_config.NumberColumn(format="percent", help=STATISTICS["share_of_frames"].help),
    "face_aus": st.column_config.TextColumn(help="The AU, or sum of two, whose movement is nearest."),
    "face_cosine": st.column_config.NumberColumn(
        format="%.2f", help="Of the two movements. The codeword is not new from 0.9 on."
    ),
    "use_aus": st.column_config.TextColumn(help="The AU, or two, whose intensity goes up and down with it best."),
    "use_r": st.column_config.NumberColumn(
        format="%.2f", help="Correlation of the intensities. The codeword is not new from 0.6 on."
    ),
    "like": st.column_config.TextColumn(
        help="What its name takes it for: a sum of up to three AUs, or an AU of one lip alone. An AU here is like the "
        "movement, but neither movement nor use is near enough to match: the codeword is new, and not called beyond "
        "FACS."
    ),
}


def show(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """Variance shares, the gallery of new displays, redundancy."""
    coverage = found.coverage
    with st.expander("How the interval is found"):
        page_frame.table(
            coverage.beyond,
            {"step": "Taken out", "remainder": "Left", "share": "Tokens explain", "low": "From", "high": "To"},
            column_config={c: st.column_config.NumberColumn(format="percent", help=h) for c, h in BEYOND_HELP.items()},
        )
        st.caption("The first row gives the upper bound, the last the lower one, “and amplitude of AUs” the estimate.")
    st.caption(
        "Displacement variance on held-out subjects, before the floor is taken off: what AUs leave and tokens explain "
        "here still holds errors of AUs, amplitude, rest, drift and head pose, and is not the variance beyond FACS."
    )
    shares = coverage_figures.in_page(chart_variance(coverage.variance))
    figures.show(shares, "variance", "Shares of displacement variance")
    new_displays(choice, found)
    if len(coverage.redundancy):
        redundant(coverage)


@dataclass(frozen=True, kw_only=True)
class NewDisplay:
    """A codeword that no action unit matches; share of frames; face_aus and face_cosine: the AUs whose face is nearest,
    no text where there are none."""

    codeword: int
    share: float
    face_aus: object
    face_cosine: float


def new_displays(choice: artefact_cache.Choice, found: coverage_analyses.Analysis) -> None:
    """The gallery of codewords that no AU or AU pair matches; a click opens one."""
    new, codebook, face = found.coverage.new_codewords, found.inputs.codebook, found.inputs.face
    st.subheader("Displays that no AU or AU pair matches", anchor=False)
    if not len(new):
        st.caption(
            "There are none: every codeword used often enough is matched, or moves no further than errors of AUs "
            "explain."
        )
        return
    if not face.has_mesh:
        return
    table = dictionary(choice).table
    pictures = thumbnails.addresses(choice.root, codebook, face, new["codeword"].tolist())
    planted = new["planted_action"].tolist() if "planted_action" in new else [None] * len(new)
    data = {
        "items": [
            display_card(row, action, cards.card(table.iloc[row.codeword], pictures.get(row.codeword)))
            for row, action in zip(typed_rows(new, NewDisplay), planted, strict=True)
        ],
        "selected": None,
        "model": codebook.model,
        "label": "Displays beyond FACS",
        "face": media.face_address(face),
        "codebook": media.codebook_address(codebook),
    }
    picked = browser_views.gallery(key="new", data=data, on_pick_change=lambda: None).pick
    page_frame.colour_scale("how far each vertex moves at intensity 1")
    beside_names(new, table)
    if picked is not None:
        routes.go("codebook", codeword=picked)


def beside_names(new: pd.DataFrame, names: pd.DataFrame) -> None:
    """Why each is new, beside what its name takes it for. new: rows of `Coverage.codewords`; names: of the
    dictionary, by codeword."""
    page_frame.table(
        new.assign(like=[shaped_like(names.iloc[k]) for k in new["codeword"]]),
        NEW_COLUMNS,
        column_config={NEW_COLUMNS[name]: column for name, column in NEW_HELP.items()},
    )


def shaped_like(row: pd.Series) -> str:
    """The AUs that the name of a codeword takes it for, ``beyond FACS`` or ``no AU``; a row of the dictionary."""
    return str(cards.chip_of(row) or row["like"])


def display_card(row: NewDisplay, planted: object, words: dict[str, Any]) -> dict[str, Any]:
    """A codeword's card with the AUs nearest to it, and the action planted in simulated data, where there is one."""
    nearest = f"Nearest {row.face_aus} ({row.face_cosine:.2f})" if isinstance(row.face_aus, str) else "No AU near"
    known = f" Planted: {planted}." if isinstance(planted, str) else ""
    return {
        **words,
        "title": f"{row.codeword} · {percent(row.share)}",
        "score": "",
        "note": f"{words['note']}. {nearest}",
        "alt": f"{words['alt']} {nearest}.{known}",
    }


def redundant(coverage: Coverage) -> None:
    """Pairs of codewords that are nearly the same face."""
    st.subheader("Codewords that are nearly the same face", anchor=False)
    page_frame.table(
        coverage.redundancy,
        {
            "first": "One",
            "second": "Other",
            "cosine": "Cosine",
            "first_frames": "Frames of one",
            "second_frames": "Frames of other",
        },
        {"Cosine": "%.3f"},
    )
