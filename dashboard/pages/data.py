"""What the cache holds: datasets and how they came about, codebooks, and what was made of them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dfe_core.audit import read_log
from dfe_core.facs.store import measured_first

from ..data import artefact_cache, people
from ..data.roles import Role
from ..links import query_parameters
from ..panels import (
    cache_table,
    deletion,
    empty_states,
    event_sets,
    gap_filling,
    label_table,
    page_frame,
    picture_of_face,
    provenance,
    uploads,
    video_links,
)
from ..theme.formatting import count, plural, span

LOGGED = 50
PARTS = ("This dataset", "Labels", "Bring recordings in", "Everything in the cache")


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header("Data", "Where the recordings come from, what was done to them, and what is kept.", choice)
    shown(choice)


@st.fragment
def shown(choice: artefact_cache.Choice) -> None:
    """The chosen part."""
    if st.session_state.pop(deletion.CHANGED, False):  # a button of this fragment changed what the sidebar shows
        st.rerun()
    with page_frame.guarded():
        default = None if "data_part" in st.session_state else PARTS[0]  # a button may have set it
        query_parameters.spell("data_part", PARTS)
        part = st.segmented_control(
            "Part",
            PARTS,
            default=default,
            key="data_part",
            bind="query-params",
            required=True,
            label_visibility="collapsed",
        )
        shown_by = dict(zip(PARTS, (this_dataset, labels, uploads.show, everything), strict=True))
        shown_by[part or PARTS[0]](choice)


def this_dataset(choice: artefact_cache.Choice) -> None:
    """The chosen dataset: figures, recordings, provenance, truth, and how to delete it."""
    deletion.undo(choice)
    if not choice.dataset:
        no_data(choice)
        return
    dataset = choice.open_dataset()
    recordings = dataset.recordings
    page_frame.facts(
        [
            ("Recordings", count(len(recordings)), ""),
            ("Subjects", count(recordings["subject"].nunique()), ""),
            ("Duration", span(float(recordings["duration_s"].sum())), ""),
            ("Frames", count(dataset.frame_count), f"{count(recordings['valid_frames'].sum())} valid"),
            ("Action units", str(len(dataset.names)), "no face")
            if choice.faceless
            else ("Coefficients", str(len(dataset.names)), dataset.face_id),
        ]
    )
    if dataset.simulated:
        st.caption("Simulated: no real face was recorded.")
    st.caption("A click on a row shows where that recording comes from.")
    shown = recordings.drop(columns=["first_row"] + [c for c in ("session",) if not recordings[c].astype(bool).any()])
    event = page_frame.table(
        shown,
        height=min(33 * (len(shown) + 1) + 3, 340),
        on_select="rerun",
        selection_mode="single-row",
        key=f"recordings-{choice.dataset}-{dataset.key}",
        column_config={
            "recording": "Recording",
            "subject": "Subject",
            "session": "Session",
            "frames": "Frames",
            "valid_frames": "Valid frames",
            "extractor": "Extractor",
            "duration_s": st.column_config.NumberColumn("Duration, s", format="%.1f"),
            "fps": st.column_config.NumberColumn("Frames a second", format="%.2f"),
        },
    )
    if event and (rows := [r for r in event.selection.rows if r < len(shown)]):
        provenance.of_recording(dataset, shown["recording"].iloc[rows[0]])
        deletion.offer_recording(choice, dataset, shown["recording"].iloc[rows[0]])
        if not dataset.simulated:
            deletion.offer_withdrawal(choice, dataset, shown["recording"].iloc[rows[0]])
    provenance.of_dataset(dataset)
    video_links.of_dataset(dataset)
    event_sets.of_dataset(choice, dataset)
    gap_filling.of_dataset(choice, dataset)
    picture_of_face.of_dataset(choice)
    names = measured_first(choice.dataset, choice.root)
    st.caption(f"Action units: {', '.join(names)}." if names else "No action units have been joined to it yet.")
    if choice.faceless:
        empty_states.no_face(choice)
    elif choice.model and not choice.encoded:
        empty_states.not_encoded(choice)
    deletion.offer(choice)


def labels(choice: artefact_cache.Choice) -> None:
    """The labels of the chosen dataset as a table that can be edited."""
    if choice.dataset:
        label_table.show(choice)
    else:
        no_data(choice)


def no_data(choice: artefact_cache.Choice) -> None:
    """There is no dataset to show."""
    empty_states.no_dataset() if choice.model else empty_states.no_codebook()


def everything(choice: artefact_cache.Choice) -> None:
    """Every artefact, with its size and what is wrong with it where something is."""
    cache_table.show(choice)
    if people.may(Role.EDITOR):
        log(choice)


def log(choice: artefact_cache.Choice) -> None:
    """The last acts on the cache, for those who act themselves."""
    found = read_log(choice.root, LOGGED)
    if not found.entries:
        return
    with st.expander("What was done, and by whom", icon=":material/history:"):
        page_frame.table(
            [
                {
                    "When": pd.Timestamp(entry.time),
                    "Who": entry.person,
                    "How": entry.way,
                    "Act": entry.act,
                    "What": entry.what,
                    "Outcome": entry.outcome,
                }
                for entry in found.entries
            ],
            column_config={"When": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
        )
        st.caption(
            f"The last {LOGGED}; `dfe log` shows all."
            + (f" {plural(found.unreadable, 'line')} of the log cannot be read." if found.unreadable else "")
        )
