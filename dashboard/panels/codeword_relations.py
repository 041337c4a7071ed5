"""The other codewords around one: those it occurs with, those before and after it, and those that look like it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.faces.model import FaceModel
from dfe_core.store import cache_root
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.near_duplicates import NearDuplicate

from ..data import artefact_cache, codeword_facts, media, thumbnails
from ..data.dictionary import Dictionary
from ..theme.formatting import percent
from ..views import browser_views
from ..views.cards import cards_of

ALIKE = 0.1
"""Least cosine from which two codewords are shown as alike: on learned faces most are orthogonal."""


def company(
    choice: artefact_cache.Choice,
    codebook: Codebook,
    book: Dictionary,
    face: FaceModel,
    number: int,
    on_pick: Callable[[int], None],
) -> None:
    """Codewords it occurs with, by lift; a click opens one."""
    index = choice.open_intervals()
    found = codeword_facts.occurring_with(index, number)
    st.subheader("What it occurs with", anchor=False)
    if not len(found):
        st.caption("No other codeword shares enough frames with it to say.")
        return
    likely(found, book, face, codebook, "company", on_pick)
    st.caption("In the same frame, by how much more often than if they were independent.")


def contexts_of(
    choice: artefact_cache.Choice,
    book: Dictionary,
    face: FaceModel,
    codebook: Codebook,
    number: int,
    on_pick: Callable[[int], None],
) -> None:
    """What tends to begin within a second before and after it."""
    found = codeword_facts.beginning_around(choice.open_intervals(), number)
    st.subheader("What comes before and after", anchor=False)
    if not len(found):
        st.caption("Nothing begins around it more often than chance would have it.")
        return
    before, after = st.columns(2, gap="medium")
    for column, direction in ((before, "before"), (after, "after")):
        with column:
            st.caption(f"Begins within a second {direction}")
            likely(found[found["direction"] == direction], book, face, codebook, f"context-{direction}", on_pick)


def alike(book: Dictionary, face: FaceModel, codebook: Codebook, number: int, on_pick: Callable[[int], None]) -> None:
    """Codewords whose deformation is most like this one's."""
    found = codeword_facts.most_like(codebook, face, number)
    found = found[found["cosine"] >= ALIKE]
    st.subheader("Most like it", anchor=False)
    for pair in codeword_facts.duplicates_of(codebook, face, number):
        st.caption(f":material/content_copy: {duplicate_text(pair, book.table['share_of_frames'])}")
    if not len(found):
        st.caption(f"No other codeword moves the face in a similar way (cosine of {ALIKE:g} or more).")
        return
    items = []
    for other, cosine in zip(found["codeword"].tolist(), found["cosine"], strict=True):
        words = cards_of(book)[other]
        items.append(
            {
                "codeword": other,
                "title": f"{other} · cosine {cosine:.2f}",
                "note": words["note"],
                "alt": f"{words['alt']} Cosine {cosine:.2f} with {number}.",
            }
        )
    _strip("alike", items, face, codebook, on_pick)


def duplicate_text(pair: NearDuplicate, shares: pd.Series) -> str:
    """Why a near-duplicate is a codeword of its own, and how to merge both. shares: of frames, of every codeword."""
    differs = f"up to {pair.difference_mm:.2f} mm, at the {pair.region}"
    if pair.coefficients:
        differs += f" ({', '.join(pair.coefficients)})"
    own, other = shares.iloc[pair.codeword], shares.iloc[pair.other]
    used = (
        f" It is in {percent(own)} of frames, {pair.other} in {percent(other)}."
        if np.isfinite([own, other]).all()
        else ""
    )
    return (
        f"A near-duplicate of codeword {pair.other} (cosine {pair.cosine:.3f}), which moves {pair.strength:.2f} times "
        f"as much. Scaled alike, they differ by {differs}.{used} `dfe merge` makes them one, in another codebook."
    )


def likely(
    found: pd.DataFrame,
    book: Dictionary,
    face: FaceModel,
    codebook: Codebook,
    key: str,
    on_pick: Callable[[int], None],
) -> None:
    """Codewords with their lift, as a strip of faces; a click opens one."""
    if not len(found):
        st.caption("Nothing more often than chance would have it.")
        return
    items = []
    for other, lift in zip(found["codeword"].tolist(), found["lift"], strict=True):
        words = cards_of(book)[other]
        items.append(
            {
                "codeword": other,
                "title": f"{other} · {lift:.1f} × chance",
                "note": words["note"],
                "alt": f"{words['alt']} {lift:.1f} times as often as chance.",
            }
        )
    _strip(key, items, face, codebook, on_pick)


def _strip(
    key: str, items: list[dict[str, Any]], face: FaceModel, codebook: Codebook, on_pick: Callable[[int], None]
) -> None:
    numbers = [item["codeword"] for item in items]
    pictures = thumbnails.addresses(cache_root(), codebook, face, numbers)
    items = [{**item, "src": pictures.get(item["codeword"])} for item in items]

    def picked() -> None:
        if (at := st.session_state[key].pick) is not None and at < len(numbers):
            on_pick(numbers[at])

    browser_views.strip(
        key=key,
        on_pick_change=picked,
        data={"face": media.face_address(face), "codebook": media.codebook_address(codebook), "items": items},
    )
