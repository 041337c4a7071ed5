"""Bringing recordings in: which files, what tool they seem to be of, and who is in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from dfe_core.errors import DataError
from dfe_core.expressions.inspection import Believed, inspect_sources
from dfe_core.expressions.labels import ENDINGS, read_labels
from dfe_core.facs.alone import as_action_units
from dfe_core.spreadsheet import plain_table

from ..data import artefact_cache, people
from ..data.places import place
from ..data.roles import Role
from ..data.staging import Staging
from ..theme.formatting import count, plural, text
from ..views import browser_views
from . import (
    error_text,
    fields,
    import_job,
    import_options,
    import_preview,
    job_progress,
    page_frame,
    point_regions,
    video_intake,
)

WHERE = ("Drop files", "A folder on this machine")
RECORDINGS, VIDEOS = "Recordings", "Videos"
_SHOWN = 500
MANY_FILES, MUCH_BYTES = 200, 1 << 30
"""More dropped files, or bytes of them, are stopped in the browser, and the page proposes the folder they are in."""


def show(choice: artefact_cache.Choice) -> None:
    """From files to a dataset, in the order in which it is done.

    Every part has a container of its own: what comes and goes in one does not move the others, for what moves is drawn
    anew and loses what is being typed into it.
    """
    if refused := people.refusal(Role.EDITOR):  # a viewer neither fills the disk nor looks into folders
        st.info(f"Bringing recordings in: {refused[0].lower()}{refused[1:]}", icon=":material/lock:")
        return
    with st.container():
        import_job.outcome(choice)
    with st.container():
        paths, sources = chosen_files()
    if not paths:
        st.caption(
            "Face capture of many tools: Live Link Face, MediaPipe, ARKit tables, OpenFace, EMOCA, DECA, SMIRK, "
            "meshes and landmarks, datasets of dfe; action units of any tool; and videos. Files stay on this machine."
        )
        job_progress.watch(import_job.KEY, "The recordings are in.")
        return
    with st.container():
        people_known = who_is_who()
    if people_known is None:
        return
    labels, pattern = people_known
    videos = video_intake.videos_among(paths, pictures=True)
    rest = [path for path in paths if not video_intake.is_video(path)]
    try:
        with page_frame.waiting("Looking at the files"):
            found = [as_action_units(one) for one in inspect_sources(rest, labels, pattern or None)] if rest else []
    except DataError as error:
        st.warning(error_text.sentence(error), icon=":material/edit_off:")
        return
    with st.container():
        what = kind(found, videos)
    if what == VIDEOS:
        video_intake.show(choice, videos, video_intake.sources_of(sources, videos), labels, pattern)
    else:
        recordings(choice, found, [p for p in sources if not video_intake.is_video(p)], labels, pattern)


def kind(found: list[Believed], videos: list[Path]) -> str:
    """Whether recordings or videos are brought in: asked only where there are both."""
    good = sum(not one.fault for one in found)
    if not videos or not good:
        return VIDEOS if videos else RECORDINGS
    counts = {RECORDINGS: good, VIDEOS: len(videos)}
    return st.segmented_control(
        "What is brought in",
        (RECORDINGS, VIDEOS),
        default=RECORDINGS,
        key="import-kind",
        required=True,
        format_func=lambda name: f"{name} ({counts[name]:,})",
        help="One after the other: each becomes a dataset of its own.",
    )


def recordings(
    choice: artefact_cache.Choice, found: list[Believed], sources: list[Path], labels: Path | None, pattern: str
) -> None:
    """Files of other tools, from the list to the import."""
    with st.container():
        picked = listed(found)
    good = [one for one in found if not one.fault]
    if not good:
        if len(found) > 1:
            st.warning("None of these files can be read.", icon=":material/edit_off:")
        return
    with st.container():
        options = import_options.ask(choice, found)
        regions, wrong = point_regions.ask(good, options.face_for(good[0]))
    with st.container():
        import_preview.look(choice, picked, options)
    with st.container():
        import_job.start(
            "Import",
            f"Importing {plural(len(good), 'file')}",
            ["import", *map(str, sources), *options.arguments(good[0]), *regions, *import_job.common(labels, pattern)],
            options.refused or wrong,
        )


# ---- which files


def chosen_files() -> tuple[list[Path], list[Path]]:
    """What to look at, and what `dfe import` is given: the same files, or the folder they lie in."""
    where = st.segmented_control("Where the files are", WHERE, default=WHERE[0], key="import-where", required=True)
    if where == WHERE[0]:
        browser_views.drops(
            key="import-drops",
            data={
                "target": ".st-key-import-files",
                "files": MANY_FILES,
                "bytes": MUCH_BYTES,
                "advice": "A browser sends every file by itself and may stop answering. A folder on the machine that "
                f"this dashboard runs on is read in place; else drop at most {MANY_FILES} files at a time, or run "
                "dfe import FOLDER --name NAME.",
                "label": "Name the folder",
            },
            on_folder_change=by_folder,
        )
        files = st.file_uploader(
            "Recordings or videos", accept_multiple_files=True, key="import-files", label_visibility="collapsed"
        )
        try:
            paths = staging().hold(files or [])
        except DataError as error:
            st.warning(error_text.sentence(error), icon=":material/edit_off:")
            return [], []
        if not paths:
            st.caption(
                f"Up to {st.get_option('server.maxUploadSize')} MB a file. Larger files, as videos often are, and more "
                f"than {MANY_FILES} files or {MUCH_BYTES >> 30} GB are read in place: name their folder instead, for "
                "a browser sends every file by itself and may stop answering."
            )
        elif said := heavy(len(paths), sum(path.stat().st_size for path in paths)):
            st.info(said, icon=":material/folder_open:")
        return paths, [staging().folder] if len(paths) > 100 else paths
    given = st.text_input(
        "Folder",
        placeholder="/data/study1",
        key="import-folder",
        help="A folder (or a file) on the machine that this dashboard runs on; folders in it are looked at too.",
    ).strip()
    if not given:
        return [], []
    try:
        path = place(given)
    except DataError as error:
        st.warning(error_text.sentence(error), icon=":material/folder_off:")
        return [], []
    return [path], [path]


def by_folder() -> None:
    """What is too much for the browser is read from its folder."""
    st.session_state["import-where"] = WHERE[1]


def heavy(files: int, size: int) -> str:
    """What to do in the place of dropping so many files or bytes; empty where they are few."""
    if files <= MANY_FILES and size <= MUCH_BYTES:
        return ""
    return (
        f"{plural(files, 'file')} of {size / 1e9:.1f} GB were dropped. They are here and can be imported; next time "
        "choose “A folder on this machine”, which reads them in place, or run `dfe import FOLDER --name NAME`."
    )


def staging() -> Staging:
    """The session's folder of dropped files."""
    if "staging" not in st.session_state:
        st.session_state["staging"] = Staging()
    return st.session_state["staging"]


def who_is_who() -> tuple[Path | None, str] | None:
    """The table of labels and the pattern of subjects, which show in the list at once; None where one of them cannot be
    used, which is said beside it."""
    with st.expander("Subjects and labels", icon=":material/badge:"):
        left, right = st.columns([3, 2])
        pattern = left.text_input(
            "Subject in the file name",
            placeholder=r"(s\d+)_",
            key="import-pattern",
            help="A regular expression: its first group is the subject, or its groups named subject and session are "
            "what they say. Empty: every file is a subject of its own.",
        )
        table = right.file_uploader(
            "Labels: CSV or Excel, with a column recording or subject", type=list(ENDINGS), key="import-labels"
        )
    if "label-staging" not in st.session_state:
        st.session_state["label-staging"] = Staging()
    faults = {"pattern": _wrong_pattern(pattern)}
    try:
        held = st.session_state["label-staging"].hold([table] if table else [])
        read_labels(held[0] if held else None)
    except DataError as error:
        faults["labels"] = error_text.sentence(error)
    if fields.any_wrong({"pattern": left, "labels": right}, faults):
        return None
    return (held[0] if held else None), pattern


def _wrong_pattern(pattern: str) -> str:
    """What is wrong with a regular expression; empty where it can be used."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        return f"This is no regular expression: {text(str(error))}."
    return "" if not pattern or compiled.groups else "It has no group, as `(s\\d+)`, that would be the subject."


# ---- what they are


def label_template(found: Sequence[Believed]) -> str:
    """A table of labels to be filled in: a row a recording, with what is known of its subject and session."""
    rows = [{"recording": one.name, "subject": one.subject, "session": one.session, "condition": ""} for one in found]
    return plain_table(pd.DataFrame(rows)).to_csv(index=False)


def unreadable(one: Believed) -> str:
    """Why the only file, or the folder, that was given cannot be read."""
    where = "The folder" if one.path.is_dir() else "The file"
    return f"{where} “{text(one.path.name)}” holds no recordings that can be read: {text(one.fault)}."


def listed(found: list[Believed]) -> Believed | None:
    """The list of files; the one to look at: the row that is chosen, else the first that can be read."""
    good = [one for one in found if not one.fault]
    if not good and len(found) == 1:  # a table of one row would cut the reason
        st.warning(unreadable(found[0]), icon=":material/edit_off:")
        return None
    st.markdown(
        f"**{plural(len(found), 'file')}**, {count(len(good))} can be read. "
        + ("A click on a row shows it." if len(good) > 1 else "")
    )
    labels = list(dict.fromkeys(k for one in good for k in one.labels))
    rows = [
        {
            "File": one.path.name,
            "Format": one.title or "⚠ not readable",
            "Why": one.why or one.fault,
            "MB": one.bytes / 1e6,
            "Subject": one.subject,
            "Session": one.session,
            **{label: one.labels.get(label) for label in labels},
        }
        for one in found[:_SHOWN]
    ]
    table = pd.DataFrame(rows)
    empty = [c for c in ("Subject", "Session") if not table[c].astype(bool).any()]
    event = page_frame.table(
        table.drop(columns=empty),
        on_select="rerun",
        selection_mode="single-row",
        key="import-list",
        height=min(33 * (len(rows) + 1) + 3, 320),
        formats={"MB": "%.2f"},
    )
    if not labels and len(good) > 1:
        known = "" if "Subject" not in empty else "No subjects are known: every file counts as a person of its own. "
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"{known}Fill in this table, a row per file, and drop it under “Subjects and labels”.", width="content"
            )
            st.download_button(
                "Table to fill in, CSV",
                label_template(good),
                "labels.csv",
                "text/csv",
                key="label-template",
                on_click="ignore",
                icon=":material/table:",
                type="tertiary",
            )
    if len(found) > _SHOWN:
        st.caption(f"The first {_SHOWN} of {len(found):,} are listed; all are imported.")
    rows_chosen = event.selection.rows if event else []
    if rows_chosen and rows_chosen[0] < len(found):
        return found[rows_chosen[0]]
    return next(iter(good), None)
