"""The gallery of codewords, and the page of the one that is open."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.codebook import REST, Codebook
from dfe_core.tokens.phrasing import capitalised, part_sizes
from dfe_core.tokens.usage import token_counts_by_stage

from ..data import artefact_cache, codeword_facts, codeword_names, coverage_analyses, media, thumbnails
from ..data.dictionary import Dictionary, dictionary
from ..links import query_parameters
from ..panels import (
    clip_grids,
    codeword_details,
    codeword_moments,
    codeword_relations,
    codeword_usage,
    empty_states,
    exports,
    job_progress,
    mesh_view,
    note_editor,
    page_frame,
    rating_results,
    share_card,
    study_exports,
)
from ..selection import codeword_filter, codeword_selection
from ..theme.formatting import text
from ..views import browser_views, cards, name_chips, scene


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header(
        "Codebook", "Every codeword is one small movement of the face; a frame is a few of them, added up.", choice
    )
    if empty_states.ready(choice, needs_tokens=False):
        explore(choice)


def filters(book: Dictionary, stages: int) -> codeword_filter.Filter:
    """The row of filters, bound to the URL."""
    words, region, side, stage, sort = st.columns([2.2, 2.2, 1.5, 1.4, 1.8], vertical_alignment="bottom")
    text = words.text_input(
        "Search",
        key="q",
        bind="query-params",
        placeholder="lip corner up, AU12, 42",
        live=True,
        icon=":material/search:",
    )
    present = codeword_filter.regions_of(book.table)
    query_parameters.spell("region", present, str.capitalize)
    regions = region.multiselect(
        "Region", present, key="region", bind="query-params", placeholder="All", format_func=str.capitalize
    )
    query_parameters.spell("side", ["All", *codeword_filter.SIDES])
    kind = side.selectbox("Symmetry", ["All", *codeword_filter.SIDES], key="side", bind="query-params")
    number = stage.selectbox("Stage", ["All", *(str(s + 1) for s in range(stages))], key="stage", bind="query-params")
    query_parameters.spell("sort", list(codeword_filter.SORTS))
    order = sort.selectbox("Sort by", list(codeword_filter.SORTS), key="sort", bind="query-params")
    return codeword_filter.Filter(
        ranked=searched(book, text or ""),
        regions=tuple(regions),
        side=codeword_filter.SIDES.get(kind, ""),
        stage=None if number == "All" else int(number) - 1,
        sort=order,
    )


def searched(book: Dictionary, query: str) -> tuple[int, ...] | None:
    """Codewords that a search finds, best first; None when nothing is searched for."""
    if not query.strip():
        return None
    numbers = codeword_filter.numbers_in(query, len(book.table))
    return tuple(book.words.search(query, limit=len(book.table))["codeword"].tolist() if numbers is None else numbers)


@st.fragment
def explore(choice: artefact_cache.Choice) -> None:
    """Filters, gallery and the open codeword: a click reruns this alone."""
    with page_frame.guarded():
        gallery_and_codeword(choice)


def gallery_and_codeword(choice: artefact_cache.Choice) -> None:
    """The gallery, and beside it the codeword that the link names."""
    codebook, book = choice.open_codebook(), dictionary(choice)
    opened = codeword_filter.codeword_of(query_parameters.read("codeword"), codebook.size)
    if opened is None and query_parameters.read("codeword") is not None:
        empty_states.page_missing(f"This codebook has no codeword “{query_parameters.read('codeword')}”.")
    found = codeword_filter.matching(book.table, filters(book, codebook.stages))
    marked = codeword_selection.bar(choice, "codebook")
    if marked and st.toggle("Show the selection only", key="only", bind="query-params"):
        found = [k for k in found if k in set(marked)]
    scene.warm()  # the full scene of whichever codeword is opened
    if opened is None:
        st.caption(f"{len(found)} of {codebook.size} codewords")
        gallery(choice, codebook, book, found, None, marked)
        if choice.encoded:
            study_exports.of_study(choice)
    else:
        rail, page = st.columns([1, 3.6], gap="medium")
        with rail, st.container(key="rail"):
            st.button(
                "All codewords", icon=":material/arrow_back:", width="stretch", key="back", on_click=open_, args=(None,)
            )
            gallery(choice, codebook, book, found, opened, marked)
        with page:
            one(choice, codebook, book, opened, found)


def open_(codeword: int | None) -> None:
    """Name a codeword in the link; None goes back to the gallery."""
    query_parameters.write(codeword=codeword)


def picked(key: str) -> None:
    """Open the codeword that was clicked in a view."""
    if (number := st.session_state[key].pick) is not None:
        open_(int(number))


def toggled(choice: artefact_cache.Choice, key: str) -> None:
    """A card was clicked with Ctrl: in or out of the selection."""
    if (number := st.session_state[key].toggle) is not None:
        codeword_selection.toggle(choice, int(number))


def gallery(
    choice: artefact_cache.Choice,
    codebook: Codebook,
    book: Dictionary,
    found: list[int],
    opened: int | None,
    marked: list[int],
) -> None:
    """The cards; a click opens one, with Ctrl it selects it. Narrow beside an open codeword."""
    if not found:
        st.info("No codeword passes these filters.", icon=":material/filter_alt_off:")
        return
    face = choice.open_face()
    pictures = thumbnails.addresses(choice.root, codebook, face)
    items = [{**cards.cards_of(book)[k], "src": pictures.get(k)} for k in found]
    data = {
        "items": items,
        "selected": opened,
        "chosen": marked,
        "narrow": opened is not None,
        "confirms": opened is not None,
        "model": codebook.model,
        "face": media.face_address(face) if face.has_mesh else None,
        "codebook": media.codebook_address(codebook),
    }
    if opened is None:
        page_frame.colour_scale("how far each vertex moves at intensity 1")
    key = "gallery" if opened is None else "gallery-rail"
    browser_views.gallery(
        key=key, data=data, on_pick_change=lambda: picked(key), on_toggle_change=lambda: toggled(choice, key)
    )


def one(choice: artefact_cache.Choice, codebook: Codebook, book: Dictionary, number: int, order: list[int]) -> None:
    """The page of one codeword."""
    row = book.table.iloc[number]
    face = choice.open_face()
    before, after = codeword_filter.neighbours(order, number)
    by_stage = token_counts_by_stage(choice.open_tokens())[number] if choice.encoded else None
    title(choice, row, before, after, lambda: share_card.offer(choice, codebook, face, row, by_stage))
    if face.has_mesh:
        left, right = st.columns([1.75, 1], gap="medium")
        with left:
            look(codebook, face, row)
        with right:
            codeword_details.key_facts(row, by_stage, choice.from_mm)
            codeword_details.where_it_moves(codebook, face, number)
    else:
        st.info(
            f"“{face.title or face.id}” has no mesh here, so there is nothing to draw: coefficients are shown alone.",
            icon=":material/view_in_ar:",
        )
        codeword_details.key_facts(row, by_stage, choice.from_mm)
    if stable := codeword_facts.stability_of(codebook, number):
        st.caption(
            f"Trained again with {stable[2]} other seeds, it comes back in {stable[1]} of them (mean cosine with its "
            f"match {stable[0]:.2f})."
        )
    rating_results.of_codeword(choice, number)
    if choice.dataset and number != REST and (note := coverage_analyses.blind_note(choice, codebook, number)):
        st.caption(note)
    if choice.encoded:
        codeword_moments.show(choice, face, number)
        clip_grids.show(choice, face, number)
        usage, company = st.columns(2, gap="medium")
        with usage:
            codeword_usage.how_it_is_used(choice, number)
            codeword_details.action_units(choice, number)
        with company:
            codeword_relations.company(choice, codebook, book, face, number, on_pick=open_)
            if face.has_mesh:
                codeword_relations.alike(book, face, codebook, number, on_pick=open_)
        codeword_relations.contexts_of(choice, book, face, codebook, number, on_pick=open_)
        codeword_usage.whose(choice, number)
    elif choice.dataset:
        empty_states.not_encoded(choice)
    note_editor.edit(choice, number)
    with st.expander("Export files", icon=":material/download:"):
        exports.of_face(face, codebook.psi[number], f"{codebook.model}-codeword-{number}", f"export-{number}")


def title(
    choice: artefact_cache.Choice, row: pd.Series, before: int | None, after: int | None, more: Callable[[], None]
) -> None:
    """The codeword's heading with buttons: `more`, its selection, and the codewords beside it."""
    words, steps = st.columns([3, 1.7], vertical_alignment="center")
    selected = int(row["codeword"]) in codeword_selection.read(choice)
    number = int(row["codeword"])
    words.subheader(f"Codeword {number}: {text(cards.name_of(row))}", anchor=False)
    with words:
        name_facts(choice, row)
    with steps, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        more()
        st.button(
            "Selected" if selected else "Select",
            icon=":material/check:" if selected else ":material/add:",
            key="select",
            type="secondary",
            on_click=codeword_selection.toggle,
            args=(choice, int(row["codeword"])),
            help="The selection is shared by gallery, map, coverage and timeline",
        )
        steps_to = (("previous", "left", before, "Previous"), ("next", "right", after, "Next"))
        with st.container(horizontal=True, gap="small", width="content"):  # the two stay together where it is narrow
            for key, icon, step, where in steps_to:
                st.button(
                    "",
                    icon=f":material/chevron_{icon}:",
                    disabled=step is None,
                    key=key,
                    on_click=open_,
                    args=(step,),
                    help=f"{where} codeword ({icon} arrow)",
                )


def name_facts(choice: artefact_cache.Choice, row: pd.Series) -> None:
    """What the codeword is in terms of FACS, each part with its size, and how well the name held when checked."""
    number, found = int(row["codeword"]), codeword_names.known(choice)
    name = found.names[number]
    if not name.description.rest:
        st.html(name_chips.chips(name, found))
    score = name_chips.score_words(number, found)
    picks = name_chips.sentence_words(number, found)
    details = capitalised(part_sizes(name.description))
    st.caption(" ".join(part for part in (f"{details}." if details else "", picks, score) if part))
    if found.checked is None and choice.encoded and not name.description.rest:
        offer_check(choice)


def look(codebook: Codebook, face: FaceModel, row: pd.Series) -> None:
    """The face: quick by default, the full scene on demand."""
    mode = page_frame.parts(
        "View", ["Quick look", "Full scene"], key="view", default="Quick look", label_visibility="collapsed"
    )
    if mode == "Full scene":
        mesh_view.full_scene(codebook, face, row)
    else:
        mesh_view.quick_look(codebook, face, row)


def offer_check(choice: artefact_cache.Choice) -> None:
    """The button that checks the names on held-out moments, where it has not been done."""
    aus = codeword_names.measured_first(choice)[0]
    job_progress.offer(
        "Check the names on held-out moments",
        f"names-{choice.model}-{choice.dataset}",
        "Checking names",
        ["names", choice.model, choice.dataset, *(["--aus", aus] if aus else [])],
        "The names have been checked.",
        ":material/fact_check:",
        "tertiary",
    )
