"""Tracks of a recording: what each region does when, edited, compared with other annotations, and put in words."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import DATASETS
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.intervals.annotate import ANNOTATORS
from dfe_core.intervals.caption import CaptionPart, caption_parts, timeline_of_tracks, words_of_parts, words_of_timeline
from dfe_core.intervals.editing import save_recording_tracks, tracks_key
from dfe_core.intervals.table import HAND, LABEL, SOURCE, TIER
from dfe_core.motion.words import timeline_from_words

from ..data import artefact_cache, media, people, region_tracks
from ..data.roles import Role
from ..links import query_parameters, routes, track_edits
from ..panels import empty_states, fields, job_progress, page_frame, track_exports
from ..theme.formatting import plural, text
from ..views import browser_views
from ..views.example_pictures import Picture
from ..views.field_button import acting_button
from .recordings import pick

_SAID = "tracks-said"
_LONGEST_LINK = 24
"""Things that a caption says, at most, for a link to play it: an address has an end."""


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header("Intervals", "What brows, eyes, cheeks, mouth and head do, from when to when.", choice)
    if not empty_states.ready(choice, needs_tokens=False):
        return
    if not choice.open_face().has_mesh:
        st.info("The face of this codebook has no mesh here, and so no regions.", icon=":material/view_in_ar:")
        return
    with page_frame.guarded():
        if region_tracks.track_sets(choice.open_dataset()):
            shown(choice)
        else:
            with empty_states.example(
                Picture.EVENTS,
                "No tracks yet",
                "Brows, eyes, cheeks, mouth and head are followed through every recording; each movement becomes an "
                "interval with a label that you can edit. Annotations by hand can be brought in below.",
            ):
                find(choice)
            track_exports.bring_in(choice.open_dataset())


def find(choice: artefact_cache.Choice) -> None:
    """The annotator, and the job that runs it."""
    left, right = st.columns([1, 1], vertical_alignment="bottom")
    annotator = left.selectbox(
        "Annotator",
        ANNOTATORS,
        format_func=lambda name: {"displacement": "Displacement from rest"}.get(name, name.upper()),
        key="annotator",
        help="Displacement: a region leaves rest in the direction of an action unit and comes back. TICC: states of a "
        "sparse inverse covariance (Hallac et al. 2017). Both are compared in the documentation.",
    )
    line = ["intervals", choice.model, choice.dataset, f"--annotator={annotator}"]
    if annotator == "ticc":
        states = right.number_input("States of a region, rest among them", 2, 50, 6, key="ticc-states")
        line.append(f"--states={int(states)}")
    job_progress.offer(
        "Find intervals",
        f"intervals-{choice.model}-{choice.dataset}-{annotator}",
        f"Finding intervals of {choice.dataset}",
        line,
        "The intervals are there.",
        ":material/view_timeline:",
    )


@st.fragment
def shown(choice: artefact_cache.Choice) -> None:
    """The tracks of one recording; editing happens in the browser, saving reruns this alone."""
    with page_frame.guarded():
        dataset = choice.open_dataset()
        sets = region_tracks.track_sets(dataset)
        left, middle, right = st.columns([2, 1.4, 1.4], vertical_alignment="bottom")
        with left:
            name = pick(choice, dataset.recordings)
        query_parameters.spell("tracks", sets)
        own = middle.selectbox("Tracks", sets, key="tracks", bind="query-params", help="A set of events with tiers.")
        others = [one for one in sets if one != own]
        query_parameters.spell("against", others)
        against = right.selectbox(
            "Compare with",
            [None, *others],
            format_func=lambda one: one or "nothing",
            key="against",
            bind="query-params",
        )
        if against and (why := unusable(dataset, against)):
            st.warning(f"“{text(against)}” cannot be compared: {text(why)}", icon=":material/edit_off:")
            against = None
        if said := st.session_state.pop(_SAID, None):
            st.markdown(said)
        edit(choice, dataset, name, own, against)
        table = region_tracks.tracks_of_set(dataset, own)
        in_words(dataset, name, table)
        add_words(dataset, name, own)
        if against:
            agreement(dataset, own, against)
        track_exports.of_tracks(dataset, own, name, table)
        with st.expander("Find intervals again", icon=":material/view_timeline:"):
            find(choice)
        track_exports.bring_in(dataset)


def unusable(dataset: Dataset, name: str) -> str:
    """Why a set of events cannot be read as tracks; empty where it can."""
    try:
        region_tracks.tracks_of_set(dataset, name)
    except DataError as error:
        return str(error)
    return ""


def edit(choice: artefact_cache.Choice, dataset: Dataset, name: str, own: str, against: str | None) -> None:
    """The view; what is saved in it replaces the recording's intervals."""
    table = region_tracks.tracks_of_set(dataset, own)
    tiers = region_tracks.edited_tiers(table, name)
    tiers += region_tracks.other_tiers(region_tracks.tracks_of_set(dataset, against), name, against) if against else []
    tiers += region_tracks.tiers_below(choice, name)
    refused = people.refusal(Role.EDITOR)
    told = browser_views.tracks(
        key=f"tracks-{own}-{name}", data=view_data(choice, dataset, name, table, tiers, may=not refused)
    )
    st.caption(
        refused
        or "Drag an interval or its edges; ← and → step the playhead, ↑ and ↓ the tier, Enter takes the interval at "
        "the playhead. A adds, S splits, M merges with the next, [ and ] set start and end, Delete deletes, Ctrl Z "
        "undoes. Shift and the wheel move along the recording."
    )
    if told.save:
        save(dataset, own, name, told.save)
        query_parameters.rerun_fragment()


def view_data(
    choice: artefact_cache.Choice,
    dataset: Dataset,
    name: str,
    table: pd.DataFrame,
    tiers: list[dict[str, Any]],
    *,
    may: bool,
) -> dict[str, Any]:
    """What the view gets."""
    face: FaceModel = choice.open_face()
    row = dataset.recordings[dataset.recordings["recording"] == name].iloc[0]
    last = max([float(row["duration_s"]), *(table.loc[table["recording"] == name, "offset_s"])])
    second = query_parameters.read("t")
    return {
        "face": media.face_address(face),
        "recording": media.address(region_tracks.movement_pack(dataset, name), "application/octet-stream"),
        "tiers": tiers,
        "end": round(1000 * last),
        "seen": tracks_key(table[table["recording"] == name]),
        "colours": region_tracks.label_colours(tiers),
        "may": may,
        "look": "tracks",
        "height": 300,
        "alt": f"The face of {name} at the playhead",
        **({"at": round(1000 * float(second))} if second and second.replace(".", "", 1).isdigit() else {}),
    }


def save(dataset: Dataset, own: str, name: str, sent: dict[str, Any]) -> None:
    """Keep what was edited, as the person of this session."""
    table = pd.DataFrame(
        {
            "onset_s": [row["on"] / 1000 for row in sent["rows"]],
            "offset_s": [row["off"] / 1000 for row in sent["rows"]],
            TIER: [row["tier"] for row in sent["rows"]],
            LABEL: [row["label"] for row in sent["rows"]],
            SOURCE: [row["source"] for row in sent["rows"]],
        }
    )
    keep(dataset, own, name, table, sent["seen"])


def keep(dataset: Dataset, own: str, name: str, table: pd.DataFrame, seen: str) -> None:
    """Write the intervals of a recording; what came of it is said on the page."""
    try:
        with people.acting(Role.EDITOR, "change tracks", (f"{DATASETS}/{dataset.name}",)):
            save_recording_tracks(dataset, own, name, table.assign(recording=name), seen)
        st.session_state[_SAID] = f":material/check: {plural(len(table), 'interval')} of {text(name)} kept."
    except DataError as error:
        st.session_state[_SAID] = f":material/error: {text(str(error))}"


def in_words(dataset: Dataset, name: str, table: pd.DataFrame) -> None:
    """A stretch of the tracks in plain words, and the way to play it."""
    st.subheader("In words", anchor=False)
    row = dataset.recordings[dataset.recordings["recording"] == name].iloc[0]
    last = round(float(row["duration_s"]), 1)
    start, stop = st.slider("Stretch", 0.0, last, (0.0, min(10.0, last)), 0.5, format="%.1f s", key=f"said-{name}")
    parts = caption_parts(table, name, start, stop, least_s=0.1)
    st.markdown(text(words_of_parts(parts)))
    if (link := play_link(parts)) is not None:
        routes.link("motion", "Play it on a face", **link)


def play_link(parts: list[CaptionPart]) -> dict[str, str] | None:
    """Query parameters with which *Faces in motion* plays these parts; None where there is nothing to play, or too
    much for an address."""
    try:
        wanted = timeline_of_tracks(parts)
    except DataError:
        return None
    if len(wanted.tracks) > _LONGEST_LINK:
        return None
    words = words_of_timeline(wanted)
    made = timeline_from_words(words)
    if [(t.target, t.side) for t in made.tracks] != [(t.target, t.side) for t in wanted.tracks]:
        return None
    edits = track_edits.written(made.tracks, wanted.tracks)
    return {"motion_part": "From words", "words": words} | ({"edits": edits} if edits else {})


def add_words(dataset: Dataset, name: str, own: str) -> None:
    """Words become intervals of the tracks."""
    with st.expander("Add intervals from words", icon=":material/edit_note:"):
        with st.form("tracks-words-form", border=False):
            words, at, act = st.columns([3, 1, 1], vertical_alignment="bottom")
            words.text_input("What the face does", "brows up, then smile, over 2 s", key="tracks-words")
            at.number_input("From, s", 0.0, None, 0.0, 0.1, key="tracks-words-at")
            refused = people.refusal(Role.EDITOR)
            acting_button(
                act,
                "Add",
                "tracks-words-add",
                partial(_add_words, dataset, name, own),
                ("tracks-words", "tracks-words-at"),
                disabled=bool(refused),
                help=refused or None,
                width="stretch",
            )
        fields.wrong(st, fields.fault("tracks-words-add"))


def _add_words(dataset: Dataset, name: str, own: str, said: str, second: float) -> str:
    from dfe_core.intervals.caption import tracks_of_timeline

    made = tracks_of_timeline(timeline_from_words(said), float(second))
    held = region_tracks.tracks_of_set(dataset, own)
    held = held[held["recording"] == name]
    both = pd.concat([held, made.assign(**{SOURCE: HAND, "recording": name})], ignore_index=True)
    keep(dataset, own, name, both, tracks_key(held))
    return ""


def agreement(dataset: Dataset, own: str, against: str) -> None:
    """Agreement with another set, tier by tier."""
    st.subheader("Agreement", anchor=False)
    match = st.toggle("Match labels one to one", key="tracks-match", help="For coders whose words are others.")
    try:
        rows = region_tracks.agreement(dataset, own, against, match=match)
    except DataError as error:
        st.caption(text(str(error)))
        return
    table = pd.DataFrame(
        [
            {
                "Tier": one.tier,
                "Recordings": one.recordings,
                f"Intervals, {own}": one.ours,
                f"Intervals, {against}": one.theirs,
                "Kappa": f"{one.kappa:.2f}",
                "95 % interval": f"{one.kappa_low:.2f} to {one.kappa_high:.2f}",
                "Macro-F1": f"{one.macro_f1:.2f}",
                "Overlap": f"{one.iou:.2f}",
                "F1 of intervals": f"{one.event_f1:.2f}",
            }
            for one in rows
        ]
    )
    page_frame.table(table)
    st.caption(
        f"By frame, 30 a second, over the recordings that “{text(against)}” annotates; where it annotates nothing is "
        "rest. The interval is a bootstrap over recordings. Overlap: intersection over union of its intervals with the "
        "best of the same label. F1 of intervals: same label, overlap of half or more."
    )
    data = pd.DataFrame([{**vars(one), "f1": dict(one.f1)} for one in rows]).to_csv(index=False)
    st.download_button("Agreement, CSV", data, f"{own}-{against}.csv", "text/csv", on_click="ignore")
