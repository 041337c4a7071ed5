"""Faces that were recorded together: who answers whom, how late, who leads, who speaks, and both side by side."""

from __future__ import annotations

import streamlit as st

from dfe_core.artefact_names import MANIFEST
from dfe_core.conversations.members import conversation_columns
from dfe_core.expressions.sealed_text import sealed_sentence

from ..data import artefact_cache
from ..links import routes
from ..panels import (
    conversation_faces,
    conversation_form,
    conversation_results,
    empty_states,
    job_progress,
    page_frame,
)
from ..theme.formatting import text
from ..views.example_pictures import Picture

SIMULATED = "talks"
"""The dataset of simulated conversations that the page offers to make."""
_DOCS = "How it is measured, what it recovers, and its limitations: docs/conversations.md."


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header("Conversations", "Does one face answer the other, how late, and who leads?", choice)
    if empty_states.ready(choice):
        with page_frame.guarded():
            shown(choice)


def shown(choice: artefact_cache.Choice) -> None:
    """What is asked, then the analysis or the way to it."""
    dataset = choice.open_dataset()
    columns = conversation_columns(dataset.recordings)
    if not columns:
        nobody(choice)
        return
    settings = conversation_form.asked(choice, columns)
    folder = conversation_form.report_folder(choice, settings)
    if not (folder / MANIFEST).is_file():
        with empty_states.example(
            Picture.TALK,
            "Not analysed yet",
            "Every codeword and region of both faces is correlated at every lag, and onsets that are answered are "
            "counted, against shifted and shuffled pairs. It takes about a minute for each hour of recordings.",
        ):
            job_progress.offer(
                "Analyse the conversations",
                folder.name,
                f"Conversations of {choice.dataset}",
                conversation_form.arguments(choice, settings, folder),
                "The conversations are analysed.",
                ":material/forum:",
            )
        return
    report = conversation_results.read_report(folder)
    things = conversation_results.tested_things(choice, report)
    if said := sealed_sentence(report.about.get("sealed")):
        st.caption(f":material/lock: {text(said)}")
    if things.empty:
        conversation_results.headline(report)
        st.info("Nothing is shown often enough by both faces of any conversation.", icon=":material/info:")
        return
    picked = conversation_results.show(choice, report, things)
    names = report.tables["conversations"]["conversation"].astype(str).tolist()
    conversation_faces.show(choice, settings, names, things, picked)
    conversation_results.downloads(choice, report)
    st.caption(_DOCS)


def nobody(choice: artefact_cache.Choice) -> None:
    """No recordings belong together: what says so, and simulated conversations to try it with."""
    with empty_states.example(
        Picture.TALK,
        f"“{choice.dataset}” names no conversations",
        "Recordings that were made together need a label whose value is the same for the faces of one conversation, "
        "such as `dyad`, with one recording of each person; or be the faces of one video, `NAME-face0` and "
        "`NAME-face1`, as `dfe extract` names them.",
    ):
        routes.link("data", "Write or bring in labels", data_part="Labels")
        if SIMULATED in artefact_cache.dataset_names(choice.root, choice.model):
            routes.link("conversations", "Open the simulated conversations", dataset=SIMULATED)
            return
        st.caption(
            f"Or try it with simulated people: `dfe simulate --name {SIMULATED} --conversations 8` makes eight pairs "
            "of whom one answers smiles and brow raises of the other."
        )
        job_progress.offer(
            "Simulate conversations",
            f"simulate-{SIMULATED}",
            "Simulating conversations",
            ["simulate", "--name", SIMULATED, "--conversations", "8"],
            "The simulated conversations are there.",
            ":material/theater_comedy:",
            kind="secondary",
        )
