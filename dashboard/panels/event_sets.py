"""Events and excluded spans of a dataset on the pages: brought in with a preview, listed, excluded, counted again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import ANALYSES, DATASETS, EXCLUDED, events_name
from dfe_core.errors import DataError
from dfe_core.events.importing import EventImportReport, read_events
from dfe_core.events.segments import SegmentChoice, segment_source
from dfe_core.events.store import (
    REASON,
    EventSet,
    as_text,
    exclude,
    excluded_spans,
    include,
    list_events,
    write_events,
)
from dfe_core.expressions.dataset import Dataset
from dfe_core.workspace.segments import is_current, open_segments, renewed

from ..data import artefact_cache, people
from ..data.roles import Role
from ..data.staging import Staging
from ..theme.formatting import clock, plural, text
from ..theme.palette import CATEGORIES
from ..views.example_pictures import Picture
from ..views.field_button import Unusable, acting_button
from . import empty_states, fields, page_frame

_SAID = "events-report"
_PREVIEW = 200
ENDINGS = ["csv", "tsv", "txt", "eaf", "boris", "TextGrid", "textgrid", "parquet"]
MOST_BANDS = 2000
"""Bands of events on one timeline at most: more would be a solid bar, and megabytes for the browser."""


def of_dataset(choice: artefact_cache.Choice, dataset: Dataset) -> None:
    """The sets of events of a dataset, and how to bring one in, exclude one, and take its segments."""
    _segments_notice(dataset)
    names = list_events(dataset.name, dataset.root)
    with st.expander(f"Events and exclusions · {plural(len(names), 'set')}", icon=":material/timeline:"):
        st.caption(
            "Labels in time: trials, stimuli, coded behaviour. A set can be taken as segments, each a recording of its "
            "own in every figure; excluded spans count in no figure."
        )
        if said := st.session_state.pop(_SAID, None):
            st.markdown(said)
        sets = [EventSet.open(dataset.name, name, dataset.root) for name in names]
        if sets:
            _table(sets)
        else:
            empty_states.plain_example(
                Picture.EVENTS,
                "No events yet",
                "Bring files in below: their spans stand as bands on the timelines, and codewords are followed around "
                "them on the page Groups.",
            )
        if refused := people.refusal(Role.EDITOR):
            st.caption(refused)
            return
        if usable := [one for one in sets if one.title != EXCLUDED]:
            _use(choice, dataset, usable)
        _bring_in(dataset)


def _segments_notice(dataset: Dataset) -> None:
    source = segment_source(dataset)
    if source is None:
        return
    st.caption(
        f"Every recording is a segment of “{text(source.dataset)}”, from its events “{text(source.events)}”.",
    )
    if not is_current(dataset):
        st.warning("The recordings, events or exclusions have changed since.", icon=":material/update:")
        st.button(
            "Write the segments again",
            key=f"renew-{dataset.name}",
            on_click=_run,
            args=(dataset, lambda: _renew(dataset)),
        )


def _renew(dataset: Dataset) -> str:
    return f"{plural(len(renewed(dataset).recordings), 'segment')} written."


def _table(sets: list[EventSet]) -> None:
    rows = [
        {
            "Events": one.title,
            "Rows": one.manifest["events"],
            "Recordings": one.manifest["recordings"],
            "Kinds": ", ".join(_kinds(one)[:6]),
            "Columns": ", ".join(one.columns),
        }
        for one in sets
    ]
    page_frame.table(pd.DataFrame(rows), height=min(33 * (len(rows) + 1) + 3, 240))


def _kinds(events: EventSet) -> list[str]:
    """What happens in a set, most often first."""
    return [] if not events.kind else events.table[events.kind].map(as_text).value_counts().index.tolist()


def _use(choice: artefact_cache.Choice, dataset: Dataset, sets: list[EventSet]) -> None:
    """Choose a set and kinds of it: exclude them, take them as segments, or remove the set."""
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    by_name = {one.title: one for one in sets}
    name = left.selectbox("Set of events", list(by_name), key=f"events-set-{dataset.name}")
    events = by_name[name]
    kinds = (
        right.multiselect("Only these", known, placeholder="all", key=f"events-kinds-{dataset.name}-{name}")
        if (known := _kinds(events))
        else []
    )
    where = {events.kind: kinds} if kinds else {}
    with st.container(horizontal=True):
        _button("Exclude these spans", dataset, lambda: _exclude(dataset, events, where), ":material/block:")
        if segment_source(dataset) is None:
            _button(
                "Take as segments", dataset, lambda: _segments(choice, dataset, events, where), ":material/content_cut:"
            )
        _button("Remove the set", dataset, lambda: _remove(dataset, name), ":material/delete:")


def _button(label: str, dataset: Dataset, act: Callable[[], str], icon: str) -> None:
    st.button(label, key=f"events-{label}-{dataset.name}", icon=icon, on_click=_run, args=(dataset, act))


def _run(dataset: Dataset, act: Callable[[], str]) -> None:
    """Do it as the person of this session, and keep what is said of it for the page."""
    try:
        with people.acting(Role.EDITOR, "change events", (f"{DATASETS}/{dataset.name}",)):
            st.session_state[_SAID] = f":material/check: {act()}"
    except DataError as error:
        st.session_state[_SAID] = f":material/error: {text(str(error))}"


def _exclude(dataset: Dataset, events: EventSet, where: dict[str, list[str]]) -> str:
    table = events.where(where)
    table = table[table["offset_s"] > table["onset_s"]]
    reason = table[events.kind].map(as_text) if events.kind else events.title
    exclude(dataset, table[["recording", "onset_s", "offset_s"]].assign(**{REASON: reason}))
    return f"{plural(len(table), 'span')} excluded from every figure."


def _segments(choice: artefact_cache.Choice, dataset: Dataset, events: EventSet, where: dict[str, list[str]]) -> str:
    from dfe_core.tokens.encoding import encode_dataset

    found = open_segments(dataset, SegmentChoice(events=events.title, where=where))
    if choice.encoded:  # tokens are cut, which takes no time
        with suppress(DataError):  # the pages offer to encode
            encode_dataset(choice.model, found.name, root=choice.root)
    return (
        f"{plural(len(found.recordings), 'segment')} of {plural(found.recordings['subject'].nunique(), 'subject')} "
        f"are the dataset “{text(found.name)}”: choose it in the sidebar."
    )


def _remove(dataset: Dataset, name: str) -> str:
    from dfe_core.workspace.catalogue import find_artefact, remove_artefact

    removal = remove_artefact(
        find_artefact(f"{ANALYSES}/{events_name(dataset.name, name)}", dataset.root), root=dataset.root
    )
    return f"“{text(name)}” removed; `dfe rm --undo {removal.entry.id}` brings it back."


def _bring_in(dataset: Dataset) -> None:
    """Files of events, what they hold, and a name to keep them under."""
    files = st.file_uploader(
        "Files of events: a table with recording, onset_s and offset_s, BIDS, ELAN, BORIS, Praat",
        type=ENDINGS,
        accept_multiple_files=True,
        key=f"events-files-{dataset.name}",
    )
    if "event-staging" not in st.session_state:
        st.session_state["event-staging"] = Staging()
    try:
        held = st.session_state["event-staging"].hold(files or [])
        if not held:
            return
        with page_frame.waiting("Reading the events"):
            report = read_events(held, dataset)
    except DataError as error:
        st.warning(text(str(error)), icon=":material/edit_off:")
        return
    st.markdown("  \n".join(text(line) for line in report.lines()))
    page_frame.table(report.table.head(_PREVIEW), height=min(33 * (len(report.table) + 1) + 3, 240))
    fields.asks(
        "Name of the set",
        "Add the events",
        f"events-add-{dataset.name}",
        partial(_add_named, dataset, report),
        field={"key": f"events-name-{dataset.name}", "value": "events"},
        type="primary",
    )


def usable_name(name: str) -> str:
    """The name for a set of events. Raises `Unusable` where it is none."""
    if not (name := name.strip()):
        raise Unusable("Give the set a name.")
    if name == EXCLUDED:
        raise Unusable(f"“{EXCLUDED}” is what no figure counts: choose another name.")
    return name


def _add_named(dataset: Dataset, report: EventImportReport, name: str) -> str:
    name = usable_name(name)
    _run(dataset, lambda: _add(dataset, name, report))
    return ""


def _add(dataset: Dataset, name: str, report: EventImportReport) -> str:
    notes = [f"{file}: {note}" for file, told in report.notes.items() for note in told]
    write_events(dataset, name, report.table, kind=report.kind, sources=report.sources, notes=notes)
    return f"{plural(len(report.table), 'event')} kept as “{text(name)}”."


# ---- one recording


def bands(dataset: Dataset, recording: str) -> list[dict[str, Any]]:
    """What the timeline of a recording shows: its events, and the spans that are excluded."""
    found = []
    for name in list_events(dataset.name, dataset.root):
        events = EventSet.open(dataset.name, name, dataset.root)
        rows = events.table[events.table["recording"] == recording].head(MOST_BANDS)
        said = rows[events.kind].map(as_text) if events.kind else pd.Series(name, index=rows.index)
        kinds = {
            words: CATEGORIES[i % len(CATEGORIES)] for i, words in enumerate(said.astype(str).value_counts().index)
        }
        found += [
            {
                "from": float(onset),
                "until": float(offset),
                "text": str(words),
                "set": name,
                "colour": kinds[str(words)],
                "out": name == EXCLUDED,
            }
            for onset, offset, words in zip(rows["onset_s"], rows["offset_s"], said, strict=True)
        ]
    return found


def exclude_drawn(dataset: Dataset, recording: str, span: dict[str, float]) -> None:
    """Exclude the span that was drawn on the timeline."""
    row = {"recording": recording, "onset_s": span["from"], "offset_s": span["until"]}
    reason = str(st.session_state.get(f"exclude-reason-{dataset.name}") or "").strip()
    _run(dataset, lambda: _exclude_rows(dataset, pd.DataFrame([{**row, REASON: reason}])))


def _exclude_rows(dataset: Dataset, rows: pd.DataFrame) -> str:
    exclude(dataset, rows)
    first = rows.iloc[0]
    return f"{clock(first['onset_s'])} to {clock(first['offset_s'])} excluded from every figure."


def of_recording(dataset: Dataset, recording: str) -> None:
    """The excluded spans of a recording, each with a way to count it again, and a form for another one."""
    held = excluded_spans(dataset)
    held = held[held["recording"] == recording].reset_index(drop=True)
    with st.expander(f"Excluded · {plural(len(held), 'span')}", icon=":material/block:"):
        if said := st.session_state.pop(_SAID, None):
            st.markdown(said)
        st.caption(
            "Frames in these spans count in no figure of any page. Tokens of the other frames stay as they are, and a "
            "span that is counted again gives every figure as before."
        )
        refused = people.refusal(Role.EDITOR)
        for i, row in enumerate(held.to_dict("records")):
            with st.container(horizontal=True, vertical_alignment="center"):
                why = f" · {text(row[REASON])}" if row[REASON] else ""
                st.markdown(f"{clock(row['onset_s'])} to {clock(row['offset_s'])}{why}", width="content")
                st.button(
                    "Count again",
                    key=f"include-{dataset.name}-{recording}-{i}",
                    type="tertiary",
                    on_click=_run,
                    args=(dataset, lambda one=held.iloc[[i]]: _include(dataset, one)),
                    disabled=bool(refused),
                    help=refused or None,
                )
        if not refused:
            _form(dataset, recording)


def _include(dataset: Dataset, rows: pd.DataFrame) -> str:
    include(dataset, rows)
    return f"{plural(len(rows), 'span')} counted again."


def _form(dataset: Dataset, recording: str) -> None:
    start, end, why, act = st.columns([1, 1, 2, 1], vertical_alignment="bottom")
    row = dataset.recordings[dataset.recordings["recording"] == recording].iloc[0]
    last = round(float(row["duration_s"]), 2)
    names = [f"exclude-from-{recording}", f"exclude-to-{recording}", f"exclude-reason-{dataset.name}"]
    start.number_input("From, s", 0.0, last, 0.0, 0.1, key=names[0])
    end.number_input("To, s", 0.0, last, min(1.0, last), 0.1, key=names[1])
    why.text_input("Reason", placeholder="talking", key=names[2])  # also of a span that is drawn: no form around it
    key = f"exclude-{recording}"
    acting_button(act, "Exclude", key, partial(_exclude_typed, dataset, recording), names, form=False, width="stretch")
    fields.wrong(st, fields.fault(key))


def _exclude_typed(dataset: Dataset, recording: str, onset: float, offset: float, reason: str) -> str:
    if offset <= onset:
        raise Unusable("“To” is not after “From”.")
    row = {"recording": recording, "onset_s": onset, "offset_s": offset, REASON: reason.strip()}
    _run(dataset, lambda: _exclude_rows(dataset, pd.DataFrame([row])))
    return ""
