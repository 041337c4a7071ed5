"""What the cache holds: datasets and how they came about, codebooks, and what was made of them."""

from __future__ import annotations

import runpy
from pathlib import Path

if __name__ == "__main__":  # a link to this page was the server's first: see dashboard/pages/__init__.py
    runpy.run_path(str(Path(__file__).resolve().parents[1] / "app.py"), run_name="__main__")

import pandas as pd
import streamlit as st

from dashboard.components import empty_states, frame, shelf, uploads
from dashboard.components.words import count, plural, span
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.store import list_aligned

PARTS = ("This dataset", "Bring recordings in", "Everything in the cache")


def page() -> None:
    """The page."""
    choice = shelf.chosen()
    frame.header("Data", "Where the recordings come from, what was done to them, and what is kept.", choice)
    if choice.model is None and choice.dataset is None:
        empty_states.no_codebook()
    shown(choice)


@st.fragment
def shown(choice: shelf.Choice) -> None:
    """The chosen part."""
    with frame.guarded():
        part = st.segmented_control("Part", PARTS, default=PARTS[0], key="data_part", bind="query-params",
                                    required=True, label_visibility="collapsed")
        {PARTS[0]: this_dataset, PARTS[1]: uploads.show, PARTS[2]: everything}[part](choice)


def this_dataset(choice: shelf.Choice) -> None:
    """The chosen dataset: figures, recordings, provenance, truth."""
    if choice.dataset is None:
        st.caption("There is no dataset yet.")
        return
    dataset = shelf.dataset(choice.root, choice.dataset)
    recordings = dataset.recordings
    frame.facts([("Recordings", count(len(recordings)), ""), ("Subjects", count(recordings["subject"].nunique()), ""),
                 ("Duration", span(float(recordings["duration_s"].sum())), ""),
                 ("Frames", count(dataset.frame_count), f"{count(recordings['valid_frames'].sum())} valid"),
                 ("Coefficients", str(len(dataset.names)), dataset.face_id)])
    st.caption("Simulated performances: no real person was recorded." if dataset.simulated
               else "Recordings of real people.")
    st.dataframe(recordings.drop(columns=["first_row"]), hide_index=True, height=340, column_config={
        "duration_s": st.column_config.NumberColumn("Duration, s", format="%.1f"),
        "fps": st.column_config.NumberColumn("Frames a second", format="%.2f")})
    provenance(dataset)
    names = list_aligned(choice.dataset, choice.root)
    st.caption(f"Action units: {', '.join(names)}." if names else "No action units have been joined to it yet.")
    if choice.model and not choice.encoded:
        empty_states.not_encoded(choice)


def provenance(dataset: Dataset) -> None:
    """Sources, what was dropped and why, and the truth of simulated data."""
    manifest = dataset.manifest
    with st.expander("Where it comes from", icon=":material/history_edu:"):
        for note in manifest.get("notes") or []:
            st.markdown(f"- {note}")
        sources = manifest.get("sources") or []
        if sources:
            st.dataframe(pd.DataFrame(sources), hide_index=True)
        dropped = manifest.get("dropped") or []
        st.caption(f"{plural(len(dropped), 'part')} left out." if dropped else "Nothing was left out.")
        if dropped:
            st.dataframe(pd.DataFrame(dropped), hide_index=True)
        st.caption(f"Content key {dataset.key}")
    if dataset.truth is not None:
        with st.expander("The planted truth", icon=":material/science:"):
            st.dataframe(dataset.truth.groupby(["action", "side", "in_facs"], as_index=False)
                         .agg(events=("onset_s", "size"), mean_intensity=("intensity", "mean")), hide_index=True)


def everything(choice: shelf.Choice) -> None:
    """Every artefact, with its size and what is wrong with it where something is."""
    from train.catalogue import catalogue
    rows = [{"Kind": a.kind, "Name": a.name, "MB": a.bytes / 1e6, "Made": pd.Timestamp(a.modified, unit="s"),
             "Data": {True: "simulated", False: "real", None: ""}[a.simulated], "Fault": a.fault}
            for a in catalogue(choice.root)]
    if not rows:
        st.caption("The cache is empty.")
        return
    table = pd.DataFrame(rows)
    st.caption(f"{plural(len(table), 'artefact')}, {table['MB'].sum():,.0f} MB in {choice.root}. "
               "Remove one with `dfe rm KIND/NAME`; check all with `dfe doctor`.")
    st.dataframe(table, hide_index=True, height=520, column_config={
        "MB": st.column_config.NumberColumn(format="%.1f"),
        "Made": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")})


