"""The gallery of codewords, and the page of the one that is open."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.components import (cards, codeword, empty_states, frame, media, mesh_view, scene, selection, shelf,
                                  state, thumbnails, views)
from dfe_core.faces.model import REGIONS

choice = shelf.chosen()
frame.header("Codebook", "Every codeword is one small movement of the face. A frame is a handful of them, added up.", choice)


def filters(table: pd.DataFrame, stages: int) -> selection.Filter:
    """The row of filters, bound to the URL."""
    words, region, side, stage, sort = st.columns([2.2, 2.2, 1.5, 1.4, 1.8], vertical_alignment="bottom")
    text = words.text_input("Search", key="q", bind="query-params", placeholder="lip corner, 42 …", live=True,
                            icon=":material/search:")
    present = [r for r in REGIONS if r in set(table["region"])]
    regions = region.multiselect("Region", present, key="region", bind="query-params", placeholder="All",
                                 format_func=str.capitalize)
    kind = side.selectbox("Symmetry", ["All", *selection.SIDES], key="side", bind="query-params")
    number = stage.selectbox("Stage", ["All", *(str(s + 1) for s in range(stages))], key="stage", bind="query-params")
    order = sort.selectbox("Sort by", list(selection.SORTS), key="sort", bind="query-params")
    return selection.Filter(text or "", tuple(regions), selection.SIDES.get(kind, ""),
                            None if number == "All" else int(number) - 1, sort=order)


@st.fragment
def explore() -> None:
    """Filters, gallery and the open codeword: a click reruns this alone."""
    codebook = shelf.codebook(choice.root, choice.model)
    opened = selection.codeword_of(state.read("codeword"), codebook.size)
    if opened is None and state.read("codeword") is not None:
        empty_states.page_missing(f"This codebook has no codeword “{state.read('codeword')}”.")
    chosen = filters(codebook.table, codebook.stages)
    found = selection.matching(codebook.table, chosen)
    if opened is None:
        st.caption(f"{len(found)} of {codebook.size} codewords")
        picked = gallery(codebook, found, None, narrow=False)
    else:
        rail, page = st.columns([1, 3.6], gap="medium")
        with rail, st.container(key="rail"):
            if st.button("All codewords", icon=":material/arrow_back:", width="stretch", key="back"):
                state.write(codeword=None)
                st.rerun(scope="fragment")
            picked = gallery(codebook, found, opened, narrow=True)
        with page:
            picked = one(codebook, opened, found) if picked is None else picked
    if picked is not None and picked != opened:
        state.write(codeword=picked)
        st.rerun(scope="fragment")


def gallery(codebook, found: list[int], opened: int | None, narrow: bool) -> int | None:
    """The cards; returns the one clicked."""
    if not found:
        st.info("No codeword passes these filters.", icon=":material/filter_alt_off:")
        return None
    face = shelf.face(choice.root, codebook.face_id)
    pictures = thumbnails.addresses(choice.root, codebook)
    rows = codebook.table.set_index("codeword", drop=False).loc[found]
    items = [cards.card(row, pictures.get(int(row["codeword"]))) for _, row in rows.iterrows()]
    data = {"items": items, "selected": opened, "narrow": narrow, "model": codebook.model,
            "face": media.face_address(face) if face.has_mesh else None, "codebook": media.codebook_address(codebook)}
    return views.gallery(key=f"gallery-{'rail' if narrow else 'all'}", data=data, on_pick_change=lambda: None).pick


def one(codebook, number: int, order: list[int]) -> int | None:
    """The page of one codeword; returns another that was clicked on it."""
    row = codebook.table.iloc[number]
    face = shelf.face(choice.root, codebook.face_id)
    before, after = selection.neighbours(order, number)
    moved = title(row, before, after)
    if face.has_mesh:
        left, right = st.columns([1.75, 1], gap="medium")
        with left:
            look(codebook, face, row)
        with right:
            codeword.key_facts(row)
            codeword.where_it_moves(row)
    else:
        st.info(f"“{face.title or face.id}” has no mesh here, so there is nothing to draw: coefficients are shown alone.",
                icon=":material/view_in_ar:")
        codeword.key_facts(row)
    if choice.encoded:
        if not shelf.has_runs(choice.root, choice.model, choice.dataset):
            with st.spinner("Reading the tokens once: this is kept"):
                shelf.runs(choice.root, choice.model, choice.dataset)
        codeword.moments(choice, codebook, face, number)
        usage, company = st.columns(2, gap="medium")
        with usage:
            codeword.how_it_is_used(codebook, choice, number)
        with company:
            moved = codeword.company(choice, codebook, face, number) if moved is None else moved
    elif choice.dataset:
        empty_states.not_encoded(choice)
    return moved


def title(row: pd.Series, before: int | None, after: int | None) -> int | None:
    """The codeword's heading with buttons to the ones beside it."""
    words, previous, following = st.columns([8, 1, 1], vertical_alignment="center")
    words.subheader(f"Codeword {int(row['codeword'])}: {cards.name_of(row)}", anchor=False)
    if previous.button("Previous", icon=":material/chevron_left:", disabled=before is None, width="stretch"):
        return before
    if following.button("Next", icon=":material/chevron_right:", icon_position="right", disabled=after is None, width="stretch"):
        return after
    return None


def look(codebook, face, row: pd.Series) -> None:
    """The face: quick by default, the full scene on demand."""
    mode = st.segmented_control("View", ["Quick look", "Full scene"], default="Quick look", key="view",
                                label_visibility="collapsed", required=True, bind="query-params")
    if mode == "Full scene":
        mesh_view.full_scene(codebook, face, row)
    else:
        mesh_view.quick_look(codebook, face, row)
        scene.warm()


if empty_states.ready(choice, needs_tokens=False):
    explore()
