"""Bringing recordings in: what the files are believed to be, how they look, who is in them, and the import itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import frame, jobs, reels, shelf
from dashboard.components.deletion import CHANGED
from dashboard.components.staging import Staging
from dashboard.components.words import count, plural, span
from dfe_core.errors import DataError
from dfe_core.expressions.inspection import Believed, inspect_sources
from dfe_core.expressions.preview import Preview, preview
from dfe_core.faces import list_faces
from dfe_core.faces.library import anny_id
from dfe_core.store import artefact_path

KEY = "import"
WHERE = ("Drop files", "A folder on this machine")
AUTO, LEARN = "Chosen by the files", "Learn a face from these points"
_SHOWN = 500
_OWN_FACES = ("flame", "flame-frames", "bfm", "dfe-dataset")
"""Formats that bring a face, or a space of coefficients, of their own."""
_SMALL_BYTES = 24 << 20
"""Larger files are looked at when asked, not by themselves."""


def show(choice: shelf.Choice) -> None:
    """From files to a dataset, in the order in which it is done.

    Every part has a container of its own: what comes and goes in one does not move the others, for what moves is drawn
    anew and loses what is being typed into it.
    """
    with st.container():
        outcome(choice)
    with st.container():
        paths, sources = chosen_files()
    if not paths:
        st.caption("Face capture of many tools: Live Link Face, MediaPipe, ARKit tables, OpenFace, EMOCA, DECA, SMIRK, "
                   "meshes and landmarks, datasets of dfe. Files stay on this machine.")
        jobs.watch(KEY, "The recordings are in.")
        return
    with st.container():
        labels, pattern = who_is_who()
    try:
        with frame.waiting("Looking at the files"):
            found = inspect_sources(paths, labels, pattern or None)
    except DataError as error:
        st.warning(f"{error.where}: {error.found}. Expected: {error.expected}.", icon=":material/edit_off:")
        return
    with st.container():
        picked = listed(found)
    if not any(not one.fault for one in found):
        st.warning("None of these files can be read.", icon=":material/edit_off:")
        return
    with st.container():
        face, fps, mix = settings(choice, found)
    with st.container():
        look(choice, picked, face_for(picked, face), fps)
    with st.container():
        finish(found, sources, face, fps, mix, labels, pattern)


# ---- which files

def chosen_files() -> tuple[list[Path], list[Path]]:
    """What to look at, and what `dfe import` is given: the same files, or the folder they lie in."""
    where = st.segmented_control("Where the files are", WHERE, default=WHERE[0], key="import-where", required=True)
    if where == WHERE[0]:
        files = st.file_uploader("Recordings", accept_multiple_files=True, key="import-files",
                                 label_visibility="collapsed")
        paths = staging().hold(files or [])
        return paths, [staging().folder] if len(paths) > 100 else paths
    given = st.text_input("Folder", placeholder="/data/study1", key="import-folder",
                          help="A folder (or a file) on the machine that this dashboard runs on; folders in it are "
                               "looked at too.").strip()
    path = Path(given).expanduser()
    if given and not path.exists():
        st.warning(f"There is no “{given}” on this machine.", icon=":material/folder_off:")
    return ([path], [path]) if given and path.exists() else ([], [])


def staging() -> Staging:
    """The session's folder of dropped files."""
    if "staging" not in st.session_state:
        st.session_state["staging"] = Staging()
    return st.session_state["staging"]


def who_is_who() -> tuple[Path | None, str]:
    """The table of labels and the pattern of subjects; both show in the list at once."""
    with st.expander("Subjects and labels", icon=":material/badge:"):
        left, right = st.columns([3, 2])
        pattern = left.text_input(
            "Subject in the file name", placeholder=r"(s\d+)_", key="import-pattern",
            help="A regular expression: its first group is the subject, or its groups named subject and session are "
                 "what they say. Empty: every file is a subject of its own.")
        table = right.file_uploader("Labels, a CSV with a column recording or subject", type=["csv", "tsv"],
                                    key="import-labels")
    if "label-staging" not in st.session_state:
        st.session_state["label-staging"] = Staging()
    held = st.session_state["label-staging"].hold([table] if table else [])
    return (held[0] if held else None), pattern


# ---- what they are

def listed(found: list[Believed]) -> Believed | None:
    """The list of files; the one to look at: the row that is chosen, else the first that can be read."""
    good = [one for one in found if not one.fault]
    st.markdown(f"**{plural(len(found), 'file')}**, {count(len(good))} can be read. "
                + ("A click on a row shows it." if len(good) > 1 else ""))
    labels = list(dict.fromkeys(k for one in good for k in one.labels))
    rows = [{"File": one.path.name, "Believed to be": one.title or "⚠ not readable", "Why": one.why or one.fault,
             "MB": one.bytes / 1e6, "Subject": one.subject, "Session": one.session,
             **{label: one.labels.get(label) for label in labels}} for one in found[:_SHOWN]]
    table = pd.DataFrame(rows)
    empty = [c for c in ("Subject", "Session") if not table[c].astype(bool).any()]
    event = st.dataframe(table.drop(columns=empty), hide_index=True, on_select="rerun", selection_mode="single-row",
                         key="import-list", height=min(33 * (len(rows) + 1) + 3, 320),
                         column_config={"MB": st.column_config.NumberColumn(format="%.2f")})
    if "Subject" in empty and len(good) > 1:
        st.caption("No subjects are known: every file counts as a person of its own. “Subjects and labels” tells them.")
    if len(found) > _SHOWN:
        st.caption(f"The first {_SHOWN} of {len(found):,} are listed; all are imported.")
    rows_chosen = event.selection.rows if event else []
    if rows_chosen and rows_chosen[0] < len(found):
        return found[rows_chosen[0]]
    return next(iter(good), None)


def settings(choice: shelf.Choice, found: list[Believed]) -> tuple[str, float | None, bool]:
    """Face, frame rate and whether extractors are mixed."""
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    faces = [AUTO, LEARN, *list_faces(choice.root)]
    face = left.selectbox("Face", faces, key="import-face", help="Chosen by the files: points learn a face of their "
                          "own, coefficients go to the default head (FLAME and BFM without a mesh).")
    fps = middle.number_input("Frames a second", min_value=1.0, max_value=960.0, value=None, key="import-fps",
                              placeholder="as the files say", help="Needed for files without times. Files with times "
                              "are resampled to it.")
    families = {one.format for one in found} & {"flame", "flame-frames", "bfm"}
    mix = right.toggle("Mix extractors", key="import-mix", help="Take FLAME or BFM data of several tools into one "
                       "dataset, their expressions brought to one range.") if families else False
    return face, fps, mix


def face_for(one: Believed | None, face: str) -> str:
    """What `dfe import --face` is given for a file."""
    if face == AUTO:
        return "learn" if one is not None and one.learned else "anny"
    return "learn" if face == LEARN else face


# ---- how it looks

def look(choice: shelf.Choice, one: Believed | None, face: str, fps: float | None) -> None:
    """The face moving as the chosen file says, before anything is imported."""
    if one is None:
        return
    with st.container(border=True):
        if one.fault:
            st.markdown(f"**{one.path.name}** cannot be read: {one.fault}.")
            return
        looked = st.session_state.setdefault("import-looked", set())
        if (str(one.path), face) not in looked and (waits := why_wait(choice, one, face)):
            st.button(f"Look at {one.path.name}", icon=":material/visibility:", on_click=looked.add,
                      args=((str(one.path), face),))
            st.caption(waits)
            return
        try:
            with frame.waiting(f"Reading {one.path.name}"):
                held = _previewed(str(choice.root), str(one.path), _stamp(one.path), face, fps)
        except DataError as error:
            hint = " Give the frames a second above." if "--fps" in str(error) else ""
            told = str(error).replace(f"{one.path.parent}/", "").replace("; expected", ". Expected:")
            st.warning(f"{told}.{hint}", icon=":material/edit_off:")
            return
        shown(one, held)


def why_wait(choice: shelf.Choice, one: Believed, face: str) -> str:
    """Why looking at a file would take long, empty where it does not."""
    if one.bytes > _SMALL_BYTES:
        return f"{one.bytes / 1e6:,.0f} MB: reading it takes some seconds."
    if face == "anny" and one.format not in _OWN_FACES and anny_id() not in list_faces(choice.root):
        return "The default face is built first, once: about a minute."
    return ""


def shown(one: Believed, held: Preview) -> None:
    """The moving face, with what was found out about the recording beside it."""
    picture, words = st.columns([3, 2])
    with picture:
        if held.face.has_mesh:
            reels.show([(held.face, np.where(held.valid[:, None], held.psi, 0), held.name)], held.time_s, None,
                       "import-preview", f"{held.name} on {held.face.title}", height=330)
        else:
            st.info("Coefficients without a face model of their own: they train and tokenise, and draw nothing.",
                    icon=":material/view_in_ar_off:")
    with words:
        lost = int((~held.valid).sum())
        frame.facts([("Frames", count(held.frames), f"{held.fps:g} a second"), ("Duration", span(held.seconds), ""),
                     ("Not valid", count(lost), "of those shown" if lost else "")])
        if held.recordings > 1:
            st.caption(f"The first of {held.recordings} recordings in this file.")
        st.markdown("\n".join(f"- {note}" for note in held.notes) or "Nothing had to be changed.")
        st.caption(f"Read as {one.title}: {one.why}. On {held.face.title or held.face.id}.")


def _stamp(path: Path) -> float:
    return path.stat().st_mtime


@st.cache_resource(max_entries=8, show_spinner=False)
def _previewed(root: str, path: str, stamp: float, face: str, fps: float | None) -> Preview:
    return preview(Path(path), face, fps, Path(root))


# ---- the import

def finish(found: list[Believed], sources: list[Path], face: str, fps: float | None, mix: bool, labels: Path | None,
           pattern: str) -> None:
    """Name and button, then the import's progress."""
    good = [one for one in found if not one.fault]
    kinds = {one.learned for one in good}
    if len(kinds) > 1 and face == AUTO:
        st.warning("Points and coefficients cannot be one dataset: choose a face, or bring them in one after the "
                   "other.", icon=":material/call_split:")
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    name = left.text_input("Name of the dataset", placeholder="study1", key="import-name").strip()
    go = right.button("Import", type="primary", icon=":material/download:", width="stretch",
                      disabled=jobs.running(KEY) or (len(kinds) > 1 and face == AUTO))
    if go and (fault := wrong(name)):
        st.warning(fault, icon=":material/edit_off:")
    elif go:
        arguments = ["import", *map(str, sources), "--name", name, "--face", face_for(good[0], face)]
        arguments += ["--subject-pattern", pattern] if pattern else []
        arguments += ["--labels", str(labels)] if labels else []
        arguments += ["--fps", f"{fps:g}"] if fps else []
        arguments += ["--mix-extractors"] if mix else []
        jobs.desk().start(KEY, f"Importing {plural(len(good), 'file')} into “{name}”", *arguments)
        st.session_state["importing"] = name
        st.rerun()
    jobs.watch(KEY, "The recordings are in.")


def wrong(name: str) -> str | None:
    """What is wrong with the name, None when the import can start."""
    if not name:
        return "Give the dataset a name."
    try:
        if (artefact_path("datasets", name) / "manifest.json").is_file():
            return f"There is a dataset “{name}” already: choose another name, or delete that one first."
    except DataError as error:
        return f"The name {error.where} is {error.found}: expected {error.expected}."
    return None


def outcome(choice: shelf.Choice) -> None:
    """What the last import of this session brought, and the way to it."""
    name = st.session_state.get("importing")
    if name is None or jobs.running(KEY):
        return
    try:
        dataset = shelf.dataset(choice.root, name)
    except DataError:
        return
    with st.container(border=True):
        words, button = st.columns([4, 1], vertical_alignment="center")
        dropped = dataset.manifest.get("dropped") or []
        words.markdown(f":material/check_circle: **{name}**: {plural(len(dataset.recordings), 'recording')}, "
                       f"{count(dataset.frame_count)} frames on {dataset.face_id}."
                       + (f" {plural(len(dropped), 'file')} left out." if dropped else ""))
        button.button("Open it", key="open-imported", width="stretch", on_click=_open, args=(name,))
        for one in dropped[:5]:
            st.caption(f"{one['file']}: {one['why'].removeprefix(one['file'] + ': ').partition('; expected')[0]}")


def _open(name: str) -> None:
    """Make the new dataset the one on show. Runs before the page, so that the sidebar's choice can be set."""
    st.session_state["dataset"], st.session_state["data_part"] = name, "This dataset"
    st.session_state[CHANGED] = True
    st.session_state.pop("importing", None)
