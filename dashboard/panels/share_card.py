"""The card of a codeword as one file: moving picture, numbers and link, for a talk, an e-mail or a chat."""

from __future__ import annotations

from urllib.parse import urlencode

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.faces.model import FaceModel
from dfe_core.render.share_card import CardNumber, CardText, write_share_card
from dfe_core.tokenizer.codebook import Codebook

from ..data import artefact_cache, last_choice
from ..links import query_parameters, routes
from ..theme.formatting import plural
from ..views.cards import name_of, sentence_of
from . import codeword_details, exports, page_frame


def offer(
    choice: artefact_cache.Choice, codebook: Codebook, face: FaceModel, row: pd.Series, by_stage: np.ndarray | None
) -> None:
    """A button that opens the two kinds of card. by_stage: (N,) its tokens at each stage, None where nothing is
    encoded."""
    if not face.has_mesh:
        return
    number = int(row["codeword"])
    with st.popover("Share", icon=":material/share:"):
        st.caption(
            "Moving picture, numbers and link as one file that needs no network: a GIF for slides and e-mail, a page "
            "with text to copy and a link to follow."
        )
        psi, text = codebook.psi[number], card_text(choice, row, by_stage)
        exports.buttons(
            {
                "Card (GIF)": (".gif", lambda path: write_share_card(face, psi, text, path)),
                "Card (HTML)": (".html", lambda path: write_share_card(face, psi, text, path)),
            },
            f"{codebook.model}-codeword-{number}-card",
            f"card-{number}",
        )


def card_text(choice: artefact_cache.Choice, row: pd.Series, by_stage: np.ndarray | None) -> CardText:
    """What stands on the card: the page's own numbers, of the chosen data."""
    number = int(row["codeword"])
    facts = codeword_details.facts_of(row, by_stage, choice.from_mm)
    simulated = page_frame.simulated(choice)
    return CardText(
        title=f"Codeword {number}: {name_of(row)}",
        words=sentence_of(row),
        numbers=tuple(CardNumber(label=label, figure=figure, note=note) for label, figure, note, *_ in facts),
        source=_source(choice),
        link=_link(choice, number),
        labels=("Simulated data",) if simulated else (),
    )


def _source(choice: artefact_cache.Choice) -> str:
    """Codebook, data, and of how many people they are."""
    parts = [f"Codebook {choice.model}"]
    if choice.dataset:
        parts += [f"data {choice.dataset}", _people(choice)]
    return " · ".join(part for part in parts if part)


def _people(choice: artefact_cache.Choice) -> str:
    rows = choice.open_dataset().recordings
    subjects = rows["subject"][rows["subject"].astype(str) != ""] if "subject" in rows else rows["recording"][:0]
    people = subjects.nunique()
    return f"{people} {'person' if people == 1 else 'people'}" if people else plural(len(rows), "recording")


def _link(choice: artefact_cache.Choice, number: int) -> str:
    """The address of the codeword's page, with the data it is about."""
    named = {"codeword": number, "model": choice.model, "dataset": choice.dataset}
    named |= {"content": last_choice.content_of(choice), "counted": query_parameters.read("counted")}
    return (
        f"{routes.address()}/codebook?{urlencode({name: value for name, value in named.items() if value is not None})}"
    )
