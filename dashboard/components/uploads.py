"""Bringing recordings in from the browser: files go to a temporary folder, `dfe import` reads them."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import streamlit as st

from dashboard.components import jobs, shelf
from dfe_core.errors import DataError
from dfe_core.store import artefact_path

KEY = "import"


def show(choice: shelf.Choice) -> None:
    """The form, and the import that runs."""
    st.markdown("Live Link Face CSV, tables or JSON of the 52 ARKit coefficients in any order, and expression "
                "coefficients of EMOCA, DECA or SMIRK. Files stay on this machine.")
    with st.form("import", border=True):
        files = st.file_uploader("Recordings", accept_multiple_files=True, key="import-files")
        left, middle, right = st.columns(3)
        name = left.text_input("Name of the dataset", placeholder="study1")
        pattern = middle.text_input("Subject in the file name", placeholder="(s\\d+)", help="A regular expression: its "
                                    "first group is the subject. Empty: every file is a subject of its own.")
        labels = right.file_uploader("Labels, a CSV", type="csv", key="import-labels")
        go = st.form_submit_button("Import", type="primary", icon=":material/upload:")
    if go and (fault := wrong(files, name, pattern)):
        st.warning(fault, icon=":material/edit_off:")
    elif go:
        start(files, name, pattern, labels)
    jobs.watch(KEY, "The recordings are in.")
    st.caption(f"The same from the command line: `dfe import FILES --name NAME`. Cache: {choice.root}")


def wrong(files: list, name: str, pattern: str) -> str | None:
    """What is missing or cannot be used, None when the import can start."""
    if not files:
        return "Choose at least one file."
    try:
        artefact_path("datasets", name)
        re.compile(pattern)
    except DataError as error:
        return f"The name {error.where} is {error.found}: expected {error.expected}."
    except re.error as error:
        return f"The pattern cannot be read: {error}."
    return None


def start(files: list, name: str, pattern: str, labels) -> None:
    """Write the files down and run `dfe import` on them."""
    folder = Path(tempfile.mkdtemp(prefix="dfe-import-"))
    for file in files:
        (folder / Path(file.name).name).write_bytes(file.getvalue())
    arguments = ["import", str(folder), "--name", name]
    if pattern:
        arguments += ["--subject-pattern", pattern]
    if labels is not None:
        path = Path(tempfile.mkdtemp(prefix="dfe-labels-")) / "labels.csv"
        path.write_bytes(labels.getvalue())
        arguments += ["--labels", str(path)]
    jobs.desk().start(KEY, f"Importing {len(files)} files into “{name}”", *arguments)
    st.rerun()
