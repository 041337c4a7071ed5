"""From one expression to another: the ends, faces on the way, the timing, and steps that can be edited."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel
from dfe_core.motion.steps import TransitionStep, moving_tracks, steps_of, with_steps
from dfe_core.motion.timeline import Timeline, play, to_json, to_toml
from dfe_core.motion.transition_timing import TransitionTiming, find_timing
from dfe_core.motion.transitions import between_tokens, by_parts

from ..data import artefact_cache, media
from ..links import query_parameters, step_edits, track_edits
from ..theme.formatting import count
from ..theme.formatting import text as text_of
from ..views import browser_views, reels
from . import exports, fields, mixes, page_frame, transition_ends
from .transition_ends import Stop

RECORDED, SMOOTH, CODEWORDS = "As recorded", "Minimum jerk", "Codewords"
MOST_VIA = 3
_NUMBERS = {"Begins, s": "onset_s", "Arrives, s": "apex_s", "Intensity": "intensity"}


def show(choice: artefact_cache.Choice) -> None:
    """The part of the page."""
    face = choice.open_face()
    left, right = st.columns([1, 1.6], gap="medium")
    with left:
        stops = chosen(choice)
        seconds = st.slider(
            "Time of the change",
            0.1,
            5.0,
            1.0,
            0.1,
            format="%.1f s",
            key="between_s",
            bind="query-params",
            help="From each face to the next; all are held for a moment.",
        )
        with st.container():
            way, timing = timed(choice, stops)
    labels = [stop.title for stop in stops]
    if way == CODEWORDS:
        made = between_tokens(stops[0].tokens or (), stops[-1].tokens or (), seconds)
    else:
        made = by_parts(np.stack([stop.psi for stop in stops]), face, timing, seconds=[seconds], labels=labels)
    with right:
        frame = st.container()
    if way != CODEWORDS:
        made = edited(made, face)
    time_s, psi = play(made, face.names, choice.open_codebook())
    with frame:
        title = " → ".join(labels)
        reels.show(
            [(face, psi, title)], time_s, made, "between-reel", f"A face that goes from {labels[0]} to {labels[-1]}"
        )
        page_frame.colour_scale("how far each vertex moves from the neutral face")
        with st.expander("Export files", icon=":material/download:"):
            exports.of_movement(face, time_s, psi, "transition", "between-files")
            with st.container(horizontal=True, gap="small"):
                st.download_button("Timeline", to_toml(made), "timeline.toml", "text/plain", on_click="ignore")
                st.download_button(
                    "Timeline, JSON", to_json(made), "timeline.json", "application/json", on_click="ignore"
                )


def chosen(choice: artefact_cache.Choice) -> list[Stop]:
    """Both ends and the faces on the way between them."""
    stops = [transition_ends.choose(choice, "from", "From", "rest")]
    ways = [f"via{i}" for i in range(1, MOST_VIA + 1) if query_parameters.read(f"via{i}")]
    for number, name in enumerate(ways, 1):
        stops.append(
            transition_ends.choose(choice, name, "By way of" if len(ways) == 1 else f"By way of, {number}", "rest")
        )
    stops.append(transition_ends.choose(choice, "to", "To", "codeword:1"))
    with st.container(horizontal=True):
        free = [name for name in (f"via{i}" for i in range(1, MOST_VIA + 1)) if name not in ways]
        if free:
            st.button("Add a face on the way", icon=":material/add:", on_click=_set, args=(free[0], "rest"))
        if ways:
            st.button("Remove the last", icon=":material/remove:", on_click=_set, args=(ways[-1], None))
    return stops


def _set(name: str, value: str | None) -> None:
    query_parameters.write(**{name: value})


def timed(choice: artefact_cache.Choice, stops: Sequence[Stop]) -> tuple[str, TransitionTiming | None]:
    """The way the time is chosen, and the timing of the dataset's own transitions where that is the way."""
    coded = len(stops) == 2 and all(stop.tokens is not None for stop in stops) and any(stop.tokens for stop in stops)
    ways = [*([RECORDED] if choice.dataset else []), SMOOTH, *([CODEWORDS] if coded else [])]
    query_parameters.spell("timing", ways)
    way = st.segmented_control(
        "Timing",
        ways,
        default=ways[0],
        required=True,
        key="timing",
        bind="query-params",
        help="As recorded: brows, eyes, cheeks and mouth each move when they do in the dataset’s transitions like this "
        "one. Minimum jerk: all at once. Codewords: one track for each codeword.",
    )
    if way != RECORDED:
        return str(way), None
    dataset = choice.open_dataset()
    try:
        with page_frame.waiting("Learning from the recordings when faces move"):
            timing = find_timing(dataset, choice.open_face())
    except DataError as error:
        st.caption(f"Minimum jerk: {text_of(error.found)}.")
        return SMOOTH, None
    data = "simulated people" if dataset.simulated else "people"
    st.caption(
        f"From {count(len(timing.seconds))} transitions of {count(len(set(timing.subjects)))} {data}; dataset "
        f"{text_of(dataset.name)}."
    )
    return RECORDED, timing


def edited(made: Timeline, face: FaceModel) -> Timeline:
    """The steps as faces and as a table that can be edited; what is changed stands in the link."""
    places = moving_tracks(made)
    if not places:
        return made
    original = steps_of(made)
    key = f"steps-{made.text}-{len(places)}-{made.duration_s}-{made.tracks[places[0]].rule}"
    begun = st.session_state.setdefault(f"{key}-begun", step_edits.read(query_parameters.read("steps"), original))
    st.subheader("Steps", anchor=False)
    strip_place = st.container()
    columns = [_column(made, place) for place in places]
    rows = [
        {"Time, s": step.time_s, **{name: 100 * share for name, share in zip(columns, step.shares, strict=True)}}
        for step in begun
    ]
    config = {
        "Time, s": st.column_config.NumberColumn(
            format="%.2f", min_value=0.0, max_value=made.duration_s, required=True
        ),
        **{
            name: st.column_config.NumberColumn(format="%.0f %%", min_value=-100.0, max_value=200.0, required=True)
            for name in columns
        },
    }
    st.caption("How far each part of the face is on its way. Change a number, add a row or take one out.")
    changed = st.data_editor(
        pd.DataFrame(rows, columns=["Time, s", *columns]),
        key=f"{key}-{st.session_state.get(f'{key}-reset', 0)}",
        hide_index=True,
        num_rows="dynamic",
        column_config=config,
    )
    steps = [
        TransitionStep(time_s=float(row["Time, s"]), shares=tuple(float(row[name]) / 100 for name in columns))
        for row in changed.dropna().to_dict("records")
    ]
    below = st.container()
    try:
        played = with_steps(made, steps) if step_edits.written(original, steps) else made
    except DataError as error:
        fields.wrong(
            below, f"{text_of(error.found[:1].upper() + error.found[1:])}; expected {text_of(error.expected)}."
        )
        played, steps = made, original
    edits = step_edits.written(original, steps)
    query_parameters.write(steps=edits)
    if edits:
        below.button(
            "As it was made",
            icon=":material/undo:",
            on_click=as_made,
            args=(key,),
            help="Take back what was changed in the table",
        )
    played = parts_edited(played, key)
    with strip_place:
        strip(played, face)
    return played


def parts_edited(made: Timeline, key: str) -> Timeline:
    """When each part of the face begins and arrives, and how far it goes; its steps keep their places between."""
    places = moving_tracks(made)
    with st.expander("Onset and intensity of each part", icon=":material/tune:"):
        begun = st.session_state.setdefault(
            f"{key}-parts-begun", track_edits.applied(query_parameters.read("parts"), made).tracks
        )
        table = pd.DataFrame(
            [
                {"Part": _column(made, i), **{label: getattr(begun[i], name) for label, name in _NUMBERS.items()}}
                for i in places
            ]
        )
        number = st.column_config.NumberColumn(format="%.2f", min_value=0.0, required=True)
        changed = st.data_editor(
            table,
            key=f"{key}-parts-{st.session_state.get(f'{key}-parts-reset', 0)}",
            hide_index=True,
            disabled=["Part"],
            column_config=dict.fromkeys(_NUMBERS, number),
        )
        tracks = list(made.tracks)
        for place, row in zip(places, changed.to_dict("records"), strict=True):
            numbers = {name: float(row[label]) for label, name in _NUMBERS.items()}
            tracks[place] = track_edits.with_numbers(made.tracks[place], numbers)
        try:
            played = dataclasses.replace(made, tracks=tuple(tracks))
        except DataError as error:
            fields.wrong(
                st, f"{text_of(error.found[:1].upper() + error.found[1:])}; expected {text_of(error.expected)}."
            )
            played = made
        edits = track_edits.written(made.tracks, played.tracks)
        query_parameters.write(parts=edits)
        if edits:
            st.button("As the steps say", icon=":material/undo:", on_click=parts_as_made, args=(key,))
    return played


def parts_as_made(key: str) -> None:
    """Drop what was changed in the table of the parts."""
    st.session_state.pop(f"{key}-parts-begun", None)
    st.session_state[f"{key}-parts-reset"] = st.session_state.get(f"{key}-parts-reset", 0) + 1
    query_parameters.write(parts=None)


def _column(made: Timeline, place: int) -> str:
    """``Brows``; with the number of the face it goes to where there are several."""
    ends = sorted({made.tracks[i].apex_s for i in moving_tracks(made)})
    part = made.tracks[place].target.partition(" to ")[0].capitalize()
    return part if len(ends) == 1 else f"{part} {1 + ends.index(made.tracks[place].apex_s)}"


def strip(made: Timeline, face: FaceModel) -> None:
    """The faces of the steps, with both ends."""
    time_s, psi = play(made, face.names)
    apexes = [made.tracks[i].apex_s for i in moving_tracks(made)]
    onsets = [made.tracks[i].onset_s for i in moving_tracks(made)]
    times = sorted({min(onsets), *(step.time_s for step in steps_of(made)), *apexes})
    items = [
        {
            "psi": mixes.rounded(np.array([np.interp(at, time_s, column) for column in psi.T])),
            "title": f"{at:.2f} s",
            "note": "start" if at == times[0] else "end" if at == times[-1] else "",
            "alt": f"The face {at:.2f} s into the transition",
        }
        for at in times
    ]
    browser_views.strip(
        key="steps-strip", data={"face": media.face_address(face), "items": items}, on_pick_change=lambda: None
    )


def as_made(key: str) -> None:
    """Drop what was changed in the table of this key."""
    st.session_state.pop(f"{key}-begun", None)
    st.session_state[f"{key}-reset"] = st.session_state.get(f"{key}-reset", 0) + 1
    query_parameters.write(steps=None)
