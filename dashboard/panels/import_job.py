"""The import itself: a name, a button, its progress, and what came of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st

from dfe_core.artefact_names import MANIFEST
from dfe_core.errors import DataError
from dfe_core.store import artefact_path

from ..data import artefact_cache, job_manager, people
from ..data.roles import Role
from ..theme.formatting import count, plural, text
from ..views.field_button import Unusable, acting_button
from . import error_text, fields, job_progress
from .deletion import CHANGED

KEY = "import"
_NAME = "importing"
_START = "import-start"


def start(label: str, title: str, arguments: list[str], refused: str = "", icon: str = ":material/download:") -> None:
    """Name, whether the data are simulated, and the button; then the progress. title: of the job, up to the name.
    refused: why it cannot start."""
    refused = refused or people.refusal(Role.EDITOR)
    disabled = job_manager.running(KEY) or bool(refused)
    with st.form("import-form", border=False, enter_to_submit=False):
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        left.text_input("Name of the dataset", placeholder="study1", key="import-name")
        beside = st.empty()
        st.checkbox(
            "The data are simulated",
            key="import-simulated",
            help="Rendered, generated or planted: no real face was recorded. Every page and report then says so.",
        )
        acting_button(
            right,
            label,
            _START,
            partial(_begin, title, arguments),
            ("import-name", "import-simulated"),
            type="secondary" if disabled else "primary",
            icon=icon,
            width="stretch",
            disabled=disabled,
        )
    fields.wrong(beside, fields.fault(_START))
    if refused:
        st.caption(refused)
    job_progress.watch(KEY, "The recordings are in.")


def _begin(title: str, arguments: list[str], name: str, simulated: bool) -> str:
    """Start the import. What the one before brought, or why it stopped, is no result of this one."""
    st.session_state.pop(_NAME, None)
    job_progress.forget(KEY)
    if why := wrong(name := name.strip()):
        raise Unusable(why)
    job_manager.start(
        KEY, f"{title} into “{name}”", *arguments, *(["--simulated"] if simulated else []), "--name", name
    )
    st.session_state[_NAME] = name
    return ""


def common(labels: Path | None, pattern: str) -> list[str]:
    """The arguments on people, which `dfe import` and `dfe extract` share."""
    return [*([f"--subject-pattern={pattern}"] if pattern else []), *(["--labels", str(labels)] if labels else [])]


def wrong(name: str) -> str:
    """What is wrong with the name, empty when the import can start."""
    if not name:
        return "Give the dataset a name."
    try:
        if (artefact_path("datasets", name) / MANIFEST).is_file():
            return f"There is a dataset “{name}” already: choose another name, or delete that one first."
    except DataError as error:
        return error_text.sentence(error)
    return ""


def outcome(choice: artefact_cache.Choice) -> None:
    """What the last import of this session brought, and the way to it."""
    name = st.session_state.get(_NAME)
    if name is None or job_manager.running(KEY):
        return
    try:
        dataset = replace(choice, dataset=name).open_dataset()
    except DataError:
        return
    with st.container(border=True):
        words, button = st.columns([4, 1], vertical_alignment="center")
        dropped = dataset.manifest.get("dropped") or []
        words.markdown(
            f":material/check_circle: **{name}**: {plural(len(dataset.recordings), 'recording')}, "
            f"{count(dataset.frame_count)} frames on {dataset.face_id}."
            + (f" {plural(len(dropped), 'file')} left out." if dropped else "")
        )
        button.button("Open it", key="open-imported", width="stretch", on_click=_open, args=(name,))
        for one in dropped[:5]:
            st.caption(text(f"{one['file']}: {one.get('found') or one['why']}"))


def _open(name: str) -> None:
    """Make the new dataset the one on show. Runs before the page, so that the sidebar's choice can be set."""
    st.session_state["dataset"], st.session_state["data_part"] = name, "This dataset"
    st.session_state[CHANGED] = True
    st.session_state.pop(_NAME, None)
