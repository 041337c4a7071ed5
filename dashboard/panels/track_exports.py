"""Tracks as files of annotation tools, and files of theirs as tracks."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import DATASETS
from dfe_core.errors import DataError
from dfe_core.events.store import write_events
from dfe_core.exchange.interval_track import file_stems
from dfe_core.exchange.track_files import TRACK_FORMATS, read_track_files, recording_tracks, track_file
from dfe_core.expressions.dataset import Dataset
from dfe_core.intervals.table import LABEL, TIER

from ..data import people
from ..data.roles import Role
from ..data.staging import Staging
from ..theme.formatting import plural, text
from . import event_sets, fields, page_frame
from .exports import buttons

TITLES = {"eaf": "ELAN", "textgrid": "Praat", "boris": "BORIS", "csv": "CSV"}
_SAID = "tracks-brought"


def of_tracks(dataset: Dataset, own: str, name: str, table: pd.DataFrame) -> None:
    """Download the tracks of one recording, and of all of them."""
    with st.expander("Export tracks", icon=":material/download:"):
        st.caption("Times, labels and sources come back as they are. Save an .eaf beside its video.")
        one: dict[str, tuple[str, Callable[[Path], object]]] = {
            TITLES[kind]: (ending, partial(_write, dataset, table, kind, [name]))
            for kind, ending in TRACK_FORMATS.items()
        }
        buttons(one, f"{name}-{own}", f"export-tracks-{own}-{name}")
        st.caption(f"All recordings of {dataset.name}")
        names = list(dict.fromkeys(table["recording"]))
        every: dict[str, tuple[str, Callable[[Path], object]]] = {
            "ELAN, all": (".zip", partial(_zip, dataset, table, "eaf", names)),
            "Praat, all": (".zip", partial(_zip, dataset, table, "textgrid", names)),
            "BORIS, all": (".boris", partial(_write, dataset, table, "boris", names)),
            "CSV, all": (".csv", partial(_write, dataset, table, "csv", names)),
        }
        buttons(every, f"{dataset.name}-{own}", f"export-tracks-all-{own}")


def _write(dataset: Dataset, table: pd.DataFrame, kind: str, names: list[str], path: Path) -> None:
    path.write_bytes(track_file(kind, recording_tracks(dataset, table, names), dataset.name))


def _zip(dataset: Dataset, table: pd.DataFrame, kind: str, names: list[str], path: Path) -> None:
    stems = file_stems(names)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for track in recording_tracks(dataset, table, names):
            archive.writestr(f"{stems[track.recording]}{TRACK_FORMATS[kind]}", track_file(kind, [track], dataset.name))


def bring_in(dataset: Dataset) -> None:
    """Files of annotations become a set of tracks, to compare with or to go on with."""
    with st.expander("Bring in annotations by hand", icon=":material/upload:"):
        if said := st.session_state.pop(_SAID, None):
            st.markdown(said)
        if refused := people.refusal(Role.EDITOR):
            st.caption(refused)
            return
        files = st.file_uploader(
            "Files of annotations: ELAN, Praat, BORIS, or a table that was exported here",
            type=event_sets.ENDINGS,
            accept_multiple_files=True,
            key=f"track-files-{dataset.name}",
        )
        if "track-staging" not in st.session_state:
            st.session_state["track-staging"] = Staging()
        try:
            held = st.session_state["track-staging"].hold(files or [])
            if not held:
                return
            with page_frame.waiting("Reading the annotations"):
                table = read_track_files(held, dataset)
        except DataError as error:
            st.warning(text(str(error)), icon=":material/edit_off:")
            return
        tiers = ", ".join(table[TIER].unique())
        st.caption(
            f"{plural(len(table), 'interval')} in {plural(table['recording'].nunique(), 'recording')}: {text(tiers)}"
        )
        _keep_as(dataset, table)


def _keep_as(dataset: Dataset, table: pd.DataFrame) -> None:
    fields.asks(
        "Name of the set",
        "Keep the tracks",
        f"tracks-keep-{dataset.name}",
        partial(_keep, dataset, table),
        field={"key": f"tracks-name-{dataset.name}", "value": "by-hand"},
        type="primary",
    )


def _keep(dataset: Dataset, table: pd.DataFrame, name: str) -> str:
    name = event_sets.usable_name(name)
    try:
        with people.acting(Role.EDITOR, "bring in tracks", (f"{DATASETS}/{dataset.name}",)):
            write_events(dataset, name, table, kind=LABEL)
        st.session_state[_SAID] = f":material/check: {plural(len(table), 'interval')} kept as “{text(name)}”."
    except DataError as error:
        st.session_state[_SAID] = f":material/error: {text(str(error))}"
    return ""
