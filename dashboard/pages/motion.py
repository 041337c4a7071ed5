"""Mixing codewords, moving between expressions by words, and playing them on other faces."""

from __future__ import annotations

import dataclasses

import pandas as pd
import streamlit as st

from dfe_core.errors import DataError
from dfe_core.faces import list_faces
from dfe_core.faces.model import FaceModel
from dfe_core.motion.codeword_tracks import in_codewords
from dfe_core.motion.identity import transfer
from dfe_core.motion.timeline import Timeline, play, to_toml
from dfe_core.motion.words import rules, timeline_from_words

from ..data import artefact_cache, notes
from ..links import query_parameters, track_edits
from ..panels import empty_states, exports, expression_mixer, face_transition, fields, mixes, page_frame
from ..theme.formatting import percent
from ..theme.formatting import text as text_of
from ..views import reels

TABS = ("Mix codewords", "From words", "Between faces", "Another face")
EXAMPLE = "neutral, then a one-sided smile, then brows up, over 2 s"
NUMBERS = tuple(track_edits.COLUMNS.values())


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header(
        "Faces in motion", "Put codewords together, write a movement in words, play it on another face.", choice
    )
    if not empty_states.ready(choice, needs_tokens=False):
        return
    if not choice.open_face().has_mesh:
        st.info(
            "The face of this codebook has no mesh here, so there is nothing to move.", icon=":material/view_in_ar:"
        )
        return
    shown(choice)


@st.fragment
def shown(choice: artefact_cache.Choice) -> None:
    """The chosen part."""
    with page_frame.guarded():
        tab = page_frame.parts("Part", TABS, key="motion_part", label_visibility="collapsed")
        dict(zip(TABS, (expression_mixer.show, from_words, face_transition.show, another_face), strict=True))[tab](
            choice
        )


def scale() -> None:
    """The colours of the faces above, which are on one scale with all others."""
    page_frame.colour_scale("how far each vertex moves from the neutral face")


def timeline(choice: artefact_cache.Choice) -> Timeline | None:
    """The timeline of the words in the link, as edited; None when no rule can read them."""
    codebook = choice.open_codebook()
    named = {note.name: k for k, note in notes.read(choice).codewords.items() if note.name}
    text = st.text_input("What should the face do?", value=EXAMPLE, key="words", bind="query-params")
    try:
        made = timeline_from_words(text or EXAMPLE, codewords=named)
    except DataError as error:
        fields.wrong(st, f"{text_of(error.found[:1].upper() + error.found[1:])}. Try {error.expected or EXAMPLE}.")
        return None
    if made.unread:
        st.caption(f"No rule reads: {', '.join(made.unread)}.")
    if st.toggle("Express it in this codebook’s codewords", key="in_codewords", bind="query-params"):
        made = in_codewords(made, codebook, choice.open_face())
    return made


def from_words(choice: artefact_cache.Choice) -> None:
    """Words become tracks by rules that are shown, can be edited, and play."""
    codebook = choice.open_codebook()
    face = choice.open_face()
    made = timeline(choice)
    if made is None:
        return
    left, right = st.columns([1, 1], gap="medium")
    with right:
        made = edited(made)
    if made is None:
        return
    time_s, psi = play(made, face.names, codebook)
    with left:
        reels.show([(face, psi, face.title)], time_s, made, "words-reel", f"A face that moves: {made.text}")
        scale()
        with st.expander("Export files", icon=":material/download:"):
            exports.of_movement(face, time_s, psi, "movement", "words-files")
            st.download_button("Timeline", to_toml(made), "timeline.toml", "text/plain", on_click="ignore")


def edited(made: Timeline) -> Timeline | None:
    """The tracks as a table that can be edited, with the rule behind each; None where an edited number cannot be. What
    is changed stands in the link."""
    key = f"tracks-{made.text}-{len(made.tracks)}-{made.tracks[0].kind}"
    st.caption("Tracks. Change a number and the face follows.")
    shown = st.session_state.setdefault(
        f"{key}-begun", track_edits.applied(query_parameters.read("edits"), made).tracks
    )
    table = pd.DataFrame([{"track": t.label, **{name: getattr(t, name) for name in NUMBERS}} for t in shown])
    config = {
        name: st.column_config.NumberColumn(
            name.capitalize() if name == "intensity" else f"{name.removesuffix('_s').capitalize()}, s",
            format="%.2f",
            min_value=0.0,
            width=90 if name == "intensity" else 84,
        )
        for name in NUMBERS
    }
    changed = st.data_editor(
        table,
        key=f"{key}-{st.session_state.get(f'{key}-reset', 0)}",
        hide_index=True,
        column_config={"track": st.column_config.TextColumn("Track", width=84), **config},
        disabled=["track"],
    )
    tracks = tuple(
        track_edits.with_numbers(track, {name: float(row[name]) for name in NUMBERS})
        for track, row in zip(made.tracks, changed.to_dict("records"), strict=True)
    )
    beside = st.empty()
    with st.expander("Why these tracks", icon=":material/rule:"):
        for track in dict.fromkeys(track.rule for track in made.tracks if track.rule):
            st.markdown(f"- {track}")
        st.caption(
            f"{len(rules())} rules read words; docs/explorer.md explains them, docs/action-units.md lists the phrases."
        )
    try:
        played = dataclasses.replace(made, tracks=tracks)
    except DataError as error:
        fields.wrong(beside, f"{text_of(error.found[:1].upper() + error.found[1:])}. Nothing plays until it is mended.")
        st.button("As the words say", icon=":material/undo:", on_click=as_the_words_say, args=(key,))
        return None
    edits = track_edits.written(made.tracks, tracks)
    query_parameters.write(edits=edits)
    if edits:
        st.button(
            "As the words say",
            icon=":material/undo:",
            on_click=as_the_words_say,
            args=(key,),
            help="Take back what was changed in the table",
        )
    return played


def as_the_words_say(key: str) -> None:
    """Drop what was changed in the table of this key."""
    st.session_state.pop(f"{key}-begun", None)
    st.session_state[f"{key}-reset"] = st.session_state.get(f"{key}-reset", 0) + 1
    query_parameters.write(edits=None)


def another_face(choice: artefact_cache.Choice) -> None:
    """The same movement on another person or another face model."""
    codebook = choice.open_codebook()
    face = choice.open_face()
    made = timeline(choice)
    if made is None:
        return
    made = track_edits.applied(query_parameters.read("edits"), made)
    time_s, psi = play(made, face.names, codebook)
    others = [name for name in list_faces(choice.root) if name != face.id]
    left, right = st.columns([1, 1.9], gap="medium")
    with left:
        target = st.selectbox("Play it on", ["Another person", *others], key="on_face", bind="query-params")
        if target == "Another person":
            other, moved = reels.person(face, person_sliders(face)), psi
            st.caption("Codewords are movements alone: the same tokens play on any neutral face.")
        else:
            other = artefact_cache.face(choice.root, target)
            moved_to = transfer(psi, face, other)
            moved = moved_to.psi
            if moved_to.lost:
                st.caption(
                    f"{target} cannot show {', '.join(moved_to.lost)}: {percent(moved_to.lost_share)} of the movement."
                )
        leak(choice)
    with right:
        title = "Another person" if other.id.startswith(face.id) else other.title
        reels.show(
            [(face, psi, face.title), (other, moved, title)], time_s, made, "another", "The same movement on two faces"
        )
        scale()


def person_sliders(face: FaceModel) -> dict[str, float]:
    """Identity parameters that the face has."""
    names = face.identity_names[:10]
    if not names:
        st.caption("This face has no identity parameters.")
    both = any(name.startswith("identity") for name in names)
    if names:
        st.caption(
            "Standard deviations from the average person" if both else "Share of each: 0 as the average, 1 in full"
        )
    defaults = {"old": 0.8, "heavy": 0.6}
    low, high, columns = (-2.0, 2.0, st.columns(2)) if both else (0.0, 1.0, st.columns(2))
    return {
        name: columns[i % 2].slider(
            name.capitalize(),
            low,
            high,
            defaults.get(name, 0.0),
            0.05,
            format="%.2f",
            key=f"person_{name}",
            bind="query-params",
        )
        for i, name in enumerate(names)
    }


def leak(choice: artefact_cache.Choice) -> None:
    """How much of who someone is stays in the tokens, measured."""
    with st.expander("Do tokens carry identity?", icon=":material/fingerprint:"):
        found = mixes.leak(choice) if choice.encoded else None
        if found is None:
            st.caption("A linear probe tries to name the subject from tokens, and from coefficients, on held-out time.")
            if choice.encoded and st.button("Measure it"):
                mixes.measure_leak(choice)
                query_parameters.rerun_fragment()
        else:
            st.caption(found.statement)
