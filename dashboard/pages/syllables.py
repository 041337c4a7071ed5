"""Displays that recur, each with an onset, an apex and an offset: as moving faces, in sequence, and one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from dfe_core.exchange.table_files import write_table_file
from dfe_core.faces.model import FaceModel
from dfe_core.store import write_json
from dfe_core.syllables import details
from dfe_core.syllables.segments import REST
from dfe_core.syllables.store import SyllableSet

from ..data import artefact_cache, job_manager, media, syllable_sets
from ..data.dictionary import Dictionary, dictionary
from ..links import query_parameters
from ..links.numbers import whole
from ..panels import empty_states, exports, job_progress, mixes, page_frame, syllable_details, syllable_search
from ..theme.formatting import count, percent, text
from ..views import browser_views, syllable_figures
from ..views.example_pictures import Picture

PARTS = ("Gallery", "Transitions", "Similarity", "Durations", "Table")
SEQUENCES = ("With rest", "Rest passed over")


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header(
        "Syllables",
        "Displays that recur and last: an onset, an apex and an offset, found over the codewords without labels.",
        choice,
    )
    if empty_states.ready(choice):
        shown(choice)


@st.fragment
def shown(choice: artefact_cache.Choice) -> None:
    """The search, and what was found last."""
    with page_frame.guarded():
        sets = syllable_sets.sets_of(choice)
        if not sets:
            nothing_yet(choice)
            return
        found = syllable_search.pick(sets)
        with st.expander("Find others", icon=":material/add_circle:"):
            syllable_search.form(choice, found)
        job_progress.watch(syllable_search.key_of(choice), syllable_search.DONE)
        explore(choice, found)


def nothing_yet(choice: artefact_cache.Choice) -> None:
    """A greyed example, and the search."""
    with empty_states.example(
        Picture.SYLLABLES,
        "No syllables yet",
        "Tokens are found frame by frame. Syllables cut every recording into displays that recur, each a moving face "
        "with the codewords that it switches on, holds and switches off. Finding them takes about a minute for 100,000 "
        "frames.",
    ):
        if not job_manager.running(syllable_search.key_of(choice)):
            syllable_search.form(choice, None)
        job_progress.watch(syllable_search.key_of(choice), syllable_search.DONE)


def explore(choice: artefact_cache.Choice, found: SyllableSet) -> None:
    """All syllables, or the one that the link names."""
    book = dictionary(choice)
    asked = query_parameters.read("syllable")
    number = whole(asked)
    if asked is not None and (number is None or number >= found.count):
        empty_states.page_missing(f"There is no syllable “{text(asked)}” here.")
        number = None
    if number is None:
        overview(choice, found, book)
    else:
        one(choice, found, book, number)


def overview(choice: artefact_cache.Choice, found: SyllableSet, book: Dictionary) -> None:
    """Figures of all, and the chosen part."""
    headlines(found)
    part = page_frame.parts("Part", PARTS, key="syllables_part", label_visibility="collapsed")
    face = choice.open_face()
    if part == PARTS[0]:
        gallery(choice, found, book, face)
    elif part == PARTS[1]:
        transitions(found, book, face)
    elif part == PARTS[2]:
        similarity(found, book, face)
    elif part == PARTS[3]:
        syllable_search.durations(found)
    else:
        table(found, book)
    downloads(choice, found, book)


def headlines(found: SyllableSet) -> None:
    """How many, how much of the time, and how long."""
    moving = found.segments[found.segments["syllable"] != REST]
    seconds = moving["end_s"] - moving["start_s"]
    page_frame.facts(
        [
            ("Syllables", str(found.count - 1), "beside rest", "Kinds of display; syllable 0 is rest."),
            ("Segments", count(len(moving)), "without rest", "Stretches of frames that a syllable covers."),
            ("Of the time", percent(1 - found.table["share"].iloc[REST]), "not at rest", "The rest is syllable 0."),
            ("Last", f"{seconds.median():.2f} s", "median", "Of all segments but rest."),
            (
                "Duration",
                f"{found.manifest['duration_s']:g} s",
                "chosen by held-out people" if found.durations else "given",
                "The mean duration that the model was asked for; segments may be shorter or longer.",
            ),
        ]
    )


def gallery(choice: artefact_cache.Choice, found: SyllableSet, book: Dictionary, face: FaceModel) -> None:
    """Every syllable as a small face that plays its onset, apex and offset."""
    order = [*range(1, found.count), REST]
    if not face.has_mesh:
        table(found, book)
        return
    browser_views.strip(
        key="syllable-gallery",
        on_pick_change=lambda: picked("syllable-gallery", order),
        data={"grid": True, **faces_of(found, book, face, order)},
    )
    page_frame.colour_scale("how far each vertex moves from the neutral face, at the apex")
    st.caption(
        "The mean face of each syllable at its apex, the most frequent first. Point at one to see its onset, apex and "
        "offset in its own time; click it for its codewords, durations, people and moments. docs/syllables.md says how "
        "they are found."
    )


def faces_of(found: SyllableSet, book: Dictionary, face: FaceModel, order: list[int]) -> dict[str, Any]:
    """The syllables in this order as items of the strip and the diagram view, with their movements."""
    packed = syllable_sets.movements_pack(found, tuple(order))
    return {
        "face": media.face_address(face),
        "items": [item(found, book, k) for k in order],
        "movements": media.address(packed, "application/octet-stream"),
    }


def item(found: SyllableSet, book: Dictionary, syllable: int) -> dict[str, Any]:
    """One syllable as a card."""
    row, name = found.table.iloc[syllable], syllable_sets.name_of(found, syllable, book)
    figures = f"{row['per_minute']:.1f} a minute, {row['median_s']:.2f} s"
    return {
        "psi": mixes.rounded(details.apex_face(found, syllable)),
        "title": f"{syllable or 'Rest'} · {row['median_s']:.2f} s",
        "note": name if syllable else "",
        "alt": f"Syllable {syllable}: {name}. {figures} median.",
    }


def picked(key: str, order: list[int]) -> None:
    """Open the syllable that was clicked in a view."""
    if (at := st.session_state[key].pick) is not None and at < len(order):
        open_(order[int(at)])


def open_(syllable: int | None) -> None:
    """Name a syllable in the link; None goes back to all."""
    query_parameters.write(syllable=syllable)


def transitions(found: SyllableSet, book: Dictionary, face: FaceModel) -> None:
    """Which syllable follows which, as a graph of faces."""
    query_parameters.spell("sequences", SEQUENCES)
    which = page_frame.parts("Sequences", SEQUENCES, key="sequences", default=SEQUENCES[1])
    over_rest = which == SEQUENCES[1]
    order = syllable_figures.leaf_order(found) + ([] if over_rest else [REST])
    counts = syllable_sets.successions_of(found, over_rest)
    if not face.has_mesh:
        page_frame.table(found.followers(), {"syllable": "From", "next": "To", "count": "Times", "share": "Share"})
        return
    drawing = syllable_figures.transition_graph(counts, order)
    browser_views.diagram(
        key=f"syllable-graph-{over_rest}",
        on_pick_change=lambda: picked(f"syllable-graph-{over_rest}", order),
        data={
            **small(faces_of(found, book, face, order), order),
            **drawing,
            "alt": f"Which of {len(order)} syllables follows which: {len(drawing['lines'])} transitions",
        },
    )
    between = " Rest between two displays is passed over." if over_rest else ""
    st.caption(
        f"Arrows to the {syllable_figures.MOST_LINES} syllables that come next most often, from "
        f"{percent(syllable_figures.SHOWN_FROM, 0)} of the cases on; the wider, the more often.{between} Faces that "
        "look alike are beside each other. Point at one: blue leaves it, orange "
        "reaches it. Click one to open it."
    )


def small(faces: dict[str, Any], order: list[int]) -> dict[str, Any]:
    """The same with titles that fit below a small face."""
    named = [{**one, "title": str(k) if k else "Rest"} for one, k in zip(faces["items"], order, strict=True)]
    return {**faces, "items": named}


def similarity(found: SyllableSet, book: Dictionary, face: FaceModel) -> None:
    """The dendrogram of the moving faces."""
    if found.count < 3 or not face.has_mesh:
        st.caption("A dendrogram needs two syllables or more, and a face with a mesh.")
        return
    order, drawing = syllable_figures.leaf_order(found), syllable_figures.similarity_tree(found)
    browser_views.diagram(
        key="syllable-tree",
        on_pick_change=lambda: picked("syllable-tree", order),
        data={
            **small(faces_of(found, book, face, order), order),
            **drawing,
            "alt": f"Dendrogram of the moving faces of {len(order)} syllables",
        },
    )
    st.caption(
        "How far the moving faces are apart, mm: root mean square over time and vertices, average linkage. Branches "
        "that join low down are variants of one display; a search for fewer syllables puts them together."
    )


def table(found: SyllableSet, book: Dictionary) -> None:
    """One row a syllable; a click opens it."""
    rows = syllable_details.table_of(found, book)

    def chosen() -> None:
        if picks := st.session_state["syllable-table"].selection.rows:
            open_(int(rows["syllable"].iloc[picks[0]]))

    page_frame.table(
        rows,
        {
            "syllable": "Syllable",
            "name": "Name",
            "segments": "Segments",
            "per_minute": "A minute",
            "share": "Of the time",
            "median_s": "Median, s",
            "people": "People",
            "codewords": "Codewords",
        },
        {"A minute|Median, s": "%.2f"},
        column_config={"Of the time": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)},
        key="syllable-table",
        on_select=chosen,
        selection_mode="single-row",
    )


def one(choice: artefact_cache.Choice, found: SyllableSet, book: Dictionary, number: int) -> None:
    """The page of one syllable, with the others above it."""
    words, steps = st.columns([3, 1], vertical_alignment="center")
    words.subheader(f"Syllable {number}: {text(syllable_sets.name_of(found, number, book))}", anchor=False)
    with steps, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        st.button("All syllables", icon=":material/arrow_back:", key="syllables-all", on_click=open_, args=(None,))
        for name, icon, other in (("Previous", "left", number - 1), ("Next", "right", number + 1)):
            st.button(
                "",
                icon=f":material/chevron_{icon}:",
                key=f"syllable-{icon}",
                disabled=not 0 <= other < found.count,
                on_click=open_,
                args=(other,),
                help=f"{name} syllable",
            )
    syllable_details.show(choice, found, book, number)


def downloads(choice: artefact_cache.Choice, found: SyllableSet, book: Dictionary) -> None:
    """Segments, table and everything as JSON."""
    with st.expander("Export segments and tables", icon=":material/download:"):
        st.caption(
            "Segments: one row for each, with onset, apex, release and end in seconds. `dfe syllables` writes the same."
        )
        makers: dict[str, tuple[str, Callable[[Path], object]]] = {
            "Segments, CSV": (".csv", lambda path: write_table_file(found.segments, path)),
            "Segments, Parquet": (".parquet", lambda path: write_table_file(found.segments, path)),
            "Syllables, CSV": (".csv", lambda path: write_table_file(syllable_details.table_of(found, book), path)),
            "Codewords by phase, CSV": (".csv", lambda path: write_table_file(found.codewords, path)),
        }
        exports.buttons(makers, f"{choice.model}-{choice.dataset}-syllables", "export-syllables")
        st.download_button(
            "Everything, JSON",
            lambda: exports.made(".json", lambda path: write_json(path, found.to_json())),
            f"{choice.model}-{choice.dataset}-syllables.json",
            "application/json",
            on_click="ignore",
            key="export-syllables-json",
        )
