"""Codewords around the events of a dataset: which change, and how, beside the way to find out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import EXCLUDED, MANIFEST, curves_report_name
from dfe_core.events.store import EventSet, as_text, list_events
from dfe_core.groups.event_curves import MOST_LEVELS
from dfe_core.store import artefact_path, content_key

from ..data import artefact_cache
from ..links import routes
from ..theme.formatting import count, text
from ..views import event_figures, figures
from ..views.example_pictures import Picture
from . import coverage_report, empty_states, job_progress, page_frame

VERSION = 1
"""Counted up when `dfe events curves` gives something else for the same data."""
_ALPHA = 0.05


def show(choice: artefact_cache.Choice) -> None:
    """A set of events and a column of it, then the curves or the button for them; without events the way to some."""
    names = [name for name in list_events(choice.dataset, choice.root) if name != EXCLUDED]
    st.subheader("Around events", anchor=False)
    if not names:
        with empty_states.example(
            Picture.CURVE,
            f"“{choice.dataset}” has no events",
            "With the times of trials, stimuli or coded behaviour, codewords are followed around them. Bring a table, "
            "ELAN, BORIS, BIDS or Praat files in on the page Data, under “Events and exclusions”.",
        ):
            routes.link("data", "Bring events in", data_part="This dataset")
        return
    left, right = st.columns(2)
    name = left.selectbox("Events", names, key=f"curves-events-{choice.dataset}")
    events = EventSet.open(choice.dataset, name, choice.root)
    columns = [c for c in events.columns if 2 <= events.table[c].map(as_text).nunique() <= MOST_LEVELS]
    by = right.selectbox(
        "Compared by", [*columns, None], format_func=lambda c: c or "All events together", key=f"curves-by-{name}"
    )
    folder = _folder(choice, events, by or "")
    if (folder / MANIFEST).is_file():
        _curves(choice, folder)
        return
    with empty_states.example(
        Picture.CURVE,
        "Not followed yet",
        "Rate, share and intensity of every codeword from 2 s before to 5 s after the onsets, person by person.",
    ):
        job_progress.offer(
            "Follow the codewords",
            f"curves-{folder.name}",
            f"Codewords around {name}",
            _arguments(choice, name, by or "", folder),
            "The curves are there.",
            ":material/timeline:",
        )


def _folder(choice: artefact_cache.Choice, events: EventSet, by: str) -> Path:
    dataset = choice.open_dataset()
    made_from = [choice.open_tokens().manifest, dataset.key, dataset.manifest.get("files"), events.manifest["key"]]
    key = content_key(["curves", VERSION, choice.model, choice.dataset, events.title, by, *made_from])
    return artefact_path("analyses", curves_report_name(key), choice.root)


def _arguments(choice: artefact_cache.Choice, events: str, by: str, out: Path) -> list[str]:
    """The command that makes the curves."""
    line = ["events", "curves", choice.model, choice.dataset, f"--events={events}", "--out", str(out)]
    return [*line, f"--by={by}"] if by else line


def _curves(choice: artefact_cache.Choice, folder: Path) -> None:
    clusters, curves = (_table(str(folder / "tables" / f"{name}.parquet")) for name in ("clusters", "curves"))
    low = clusters[clusters["p_all"] < _ALPHA]
    st.markdown(
        f"**{count(low['codeword'].nunique())} codewords** change around the events: p over all times and codewords of "
        f"a measure below {_ALPHA:g}."
    )
    if len(clusters):
        row = _picked(clusters)
        codeword, measure = int(row["codeword"]), str(row["measure"])
        own = curves[(curves["codeword"] == codeword) & (curves["measure"] == measure)]
        found = low[(low["codeword"] == codeword) & (low["measure"] == measure)]
        figures.show(
            event_figures.curve(own, found, measure),
            f"curve-{folder.name}-{codeword}-{measure}",
            f"{measure} of codeword {codeword} around the onset, with 95 % intervals over people",
        )
        st.caption(
            f"{text(measure).capitalize()} of codeword {codeword}, mean and 95 % interval over people. Shaded: "
            f"clusters with p over all below {_ALPHA:g}. A click on a row shows its curve."
        )
    st.download_button(
        "Curves",
        lambda: coverage_report.zipped(folder),
        f"curves-{choice.model}.zip",
        "application/zip",
        icon=":material/table:",
        on_click="ignore",
    )


def _picked(clusters: pd.DataFrame) -> pd.Series:
    """The table of clusters; the row that was clicked, else the first."""
    names = {"codeword": "Codeword", "measure": "Measure", "a": "First", "b": "Second", "start_s": "From, s"}
    names |= {"end_s": "To, s", "difference": "Difference", "p": "p", "p_all": "p over all", "subjects": "People"}
    event = page_frame.table(
        clusters.head(200),
        names,
        {"From, s|To, s": "%.2f", "Difference": "%.3g", "p|p over all": "%.4f"},
        height=260,
        key="curves-table",
        on_select="rerun",
        selection_mode="single-row",
    )
    rows = [r for r in event.selection.rows if r < len(clusters)] if event else []
    return clusters.iloc[rows[0] if rows else 0]


@st.cache_data(max_entries=8, show_spinner=False)
def _table(path: str) -> pd.DataFrame:
    return pd.read_parquet(path)
