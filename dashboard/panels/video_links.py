"""Which recordings of a dataset have a video on this machine, and how they come by one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import DATASETS
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.video.links import link_by_name, links
from dfe_core.video.stills import forget

from ..data import job_manager, people
from ..data.places import place
from ..data.roles import Role
from ..theme.formatting import plural, text
from ..views.field_button import Unusable
from . import error_text, fields, job_progress, page_frame, video_intake

_TOLD = "videos-report"


def of_dataset(dataset: Dataset) -> None:
    """How many recordings have a video, a folder to look for more in, and a way to forget them."""
    if dataset.simulated:
        return
    found = links(dataset)
    names = [name for name in dataset.recordings["recording"] if name in found]
    with st.expander(
        f"Videos · {len(names)} of {plural(len(dataset.recordings), 'recording')}", icon=":material/movie:"
    ):
        st.caption(
            "Where a recording has its video, the pages show the picture of a moment beside the face. Videos "
            "stay where they are, and the dataset stays as it is."
        )
        if told := st.session_state.pop(_TOLD, None):
            st.markdown(told)
        if names:
            page_frame.table(
                pd.DataFrame(
                    {
                        "Recording": names,
                        "Video": [found[name].video.name for name in names],
                        "Folder": [
                            str(found[name].video.parent) + ("" if found[name].video.is_file() else " (not there)")
                            for name in names
                        ],
                    }
                ),
                height=min(33 * (len(names) + 1) + 3, 240),
            )
        if refused := people.refusal(Role.EDITOR):
            st.caption(refused)
        else:
            heard, placed = (
                sum(getattr(found[name], field) is not None for name in names) for field in ("voice", "reach")
            )
            _change(dataset, bool(names), heard, placed)


def _places(dataset: Dataset, placed: int) -> None:
    """Where the faces are in the videos, for clips that are blurred: from the files that the dataset came from."""
    key, refused = f"faces-{dataset.name}", people.refusal(Role.EDITOR)
    fields.asks(
        "Folder of the recordings’ own files, to blur faces in clips",
        "Read places",
        f"places-{dataset.name}",
        partial(_read_places, dataset, key),
        field={
            "key": key,
            "placeholder": "/data/study1/openface",
            "help": "Files of OpenFace or py-feat that this dataset was imported from: they say where the face is in "
            f"each picture. The place of the face is known in {plural(placed, 'recording')}.",
        },
        widths=(4, 1),
        enter=False,
        disabled=job_manager.running(key) or bool(refused),
        help=refused or None,
    )
    job_progress.watch(key, "The places of faces are read.")


def _read_places(dataset: Dataset, key: str, folder: str) -> str:
    if not folder.strip():
        raise Unusable("Name the folder.")
    title = f"Reading where faces are in the videos of {dataset.name}"
    job_manager.start(key, title, "videos", dataset.name, "--faces", str(place(folder)))
    return ""


def _change(dataset: Dataset, any_linked: bool, heard: int, placed: int = 0) -> None:
    fields.asks(
        "Folder of videos",
        "Link videos",
        f"link-{dataset.name}",
        partial(_link, dataset),
        field={
            "key": f"videos-{dataset.name}",
            "placeholder": "/data/study1/videos",
            "help": "On the machine that this dashboard runs on. A video belongs to the recording that "
            "bears its name: s1_talk.mp4 to s1_talk.",
        },
        widths=(4, 1),
        icon=":material/link:",
    )
    if any_linked:
        st.caption(
            ":material/graphic_eq: Where a voice is likely, anybody’s, is a measure of speech beside the one from the "
            f"jaw. The sound of {plural(heard, 'recording')} has been read."
        )
        job_progress.offer(
            "Read voices from the sound",
            f"voices-{dataset.name}",
            f"Reading the sound of {dataset.name}",
            ["videos", dataset.name, "--voices"],
            "The sound is read.",
            kind="secondary",
        )
        _places(dataset, placed)
        st.button(
            "Forget the videos",
            key=f"unlink-{dataset.name}",
            type="tertiary",
            icon=":material/link_off:",
            on_click=_forget,
            args=(dataset,),
            help="Unlinks them and deletes the pictures that were made of them. The videos themselves are left alone.",
        )


def _link(dataset: Dataset, folder: str) -> str:
    if not folder.strip():
        raise Unusable("Name the folder.")
    try:
        with people.acting(Role.EDITOR, "link videos", (f"{DATASETS}/{dataset.name}",)):
            report = link_by_name(dataset, _videos_in(place(folder)))
    except DataError as error:
        st.session_state[_TOLD] = f":material/link_off: {error_text.sentence(error)}"
        return ""
    unused = (
        f" Not used: {text(', '.join(path.name for path, _ in report.passed_over[:5]))}." if report.passed_over else ""
    )
    st.session_state[_TOLD] = f":material/check: {plural(len(report.found), 'recording')} linked.{unused}"
    return ""


def _videos_in(path: Path) -> list[Path]:
    """The videos of a folder, or the one that is named. Raises `DataError` where there are none."""
    if not (found := video_intake.videos_among([path])):
        raise DataError(path, "no video in it that this dashboard may read", "videos, or a folder of them")
    return found


def _forget(dataset: Dataset) -> None:
    try:
        with people.acting(Role.EDITOR, "unlink videos", (f"{DATASETS}/{dataset.name}",)):
            st.session_state[_TOLD] = f":material/check: {plural(forget(dataset), 'recording')} unlinked."
    except DataError as error:
        st.session_state[_TOLD] = f":material/lock: {text(str(error))}"
