"""Labels of a dataset as a table: cells edited on the page, filled in from a file, and taken back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import DATASETS, RECORDINGS_FILE
from dfe_core.errors import DataError
from dfe_core.events.segments import segment_source
from dfe_core.exchange.xlsx import write_workbook
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.label_editing import (
    LabelChange,
    edit_labels,
    label_changes,
    label_table,
    label_template,
    propose_labels,
)
from dfe_core.expressions.label_scales import LabelScale, label_scale
from dfe_core.expressions.labels import ENDINGS
from dfe_core.spreadsheet import plain_table

from ..data import artefact_cache, people
from ..data.roles import Role
from ..data.staging import Staging
from ..theme.formatting import count, plural, text
from ..views.example_pictures import Picture
from ..views.field_button import Unusable, field_and_button
from . import deletion, empty_states, error_text, exports, fields, page_frame

_SAID = "labels-report"
_UNSAVED = "Save or discard the changed cells first"
_SCALES = {LabelScale.NOMINAL: "classes", LabelScale.ORDINAL: "ordered scale", LabelScale.QUANTITY: "number"}
_SHOWN = 200


def show(choice: artefact_cache.Choice) -> None:
    """The table of labels of the chosen dataset, and what can be done with it."""
    dataset = choice.open_dataset()
    if (source := segment_source(dataset)) is not None:
        st.info(
            f"Every recording is a segment of “{text(source.dataset)}”: its labels are those of that dataset and of "
            f"its events “{text(source.events)}”. Edit them there, then write the segments again.",
            icon=":material/content_cut:",
        )
        return
    if said := st.session_state.pop(_SAID, None):
        st.markdown(said)
    deletion.undo_labels(choice)
    table = label_table(dataset)
    head, body = st.container(), st.container()
    refused = people.refusal(Role.EDITOR)
    with body:
        changes = [] if refused or not dataset.labels else _edited(dataset, table)
        _pending(dataset, changes)
    with head:
        _head(dataset, table)
        if refused:
            st.caption(refused)
        else:
            _names(dataset, bool(changes))
    if refused and dataset.labels:
        page_frame.table(table, column_config=_columns(table))
    elif not refused:
        _from_file(dataset, bool(changes))


def _head(dataset: Dataset, table: pd.DataFrame) -> None:
    if not dataset.labels:
        empty_states.plain_example(
            Picture.TABLE,
            f"“{dataset.name}” has no labels yet",
            "Labels say what is known of a recording or of its person: a condition, a diagnosis, a rating. Groups, "
            "probes and maps work by them. Add one below and fill in its column, or bring a table in.",
        )
        return
    filled = table[list(dataset.labels)].notna().to_numpy()
    page_frame.facts(
        [
            ("Labels", str(len(dataset.labels)), ""),
            ("Recordings", count(len(table)), f"of {count(table['subject'].nunique())} subjects"),
            ("Cells filled", f"{filled.mean():.0%}" if filled.size else "–", f"{count(int((~filled).sum()))} empty"),
        ]
    )


def _columns(table: pd.DataFrame) -> dict[str, Any]:
    """How each column of the table is edited: numbers as numbers, all else as text; names of recordings not at all."""
    fixed = {
        "recording": st.column_config.TextColumn("Recording", disabled=True, pinned=True),
        "subject": st.column_config.TextColumn("Subject", disabled=True, pinned=True),
    }
    labels = [c for c in table.columns if c not in fixed]
    return fixed | {
        c: st.column_config.NumberColumn(c, help=_help(table[c]))
        if pd.api.types.is_numeric_dtype(table[c])
        else st.column_config.TextColumn(c, help=_help(table[c]))
        for c in labels
    }


def _help(column: pd.Series) -> str:
    known = column.dropna()
    return f"{_SCALES[label_scale(known)]}, {known.nunique()} values" if len(known) else "no value yet"


def _key(dataset: Dataset, name: str) -> str:
    """Of a widget that begins afresh whenever the labels on disk are others."""
    return f"labels-{name}-{dataset.name}-{dataset.manifest['files'].get(RECORDINGS_FILE, '')[:12]}"


def _edited(dataset: Dataset, table: pd.DataFrame) -> list[LabelChange]:
    """The table to be edited; what was changed in it."""
    turn = st.session_state.get(_key(dataset, "turn"), 0)
    texts = {c: table[c].astype(object).where(table[c].notna(), None) for c in dataset.labels if _is_text(table[c])}
    edited = st.data_editor(
        table.assign(**texts),
        key=f"{_key(dataset, 'editor')}-{turn}",
        hide_index=True,
        column_config=_columns(table),
        height=min(35 * (len(table) + 1) + 3, 460),
        placeholder="–",
    )
    return label_changes(table, edited)


def _is_text(column: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(column)


def _pending(dataset: Dataset, changes: Sequence[LabelChange]) -> None:
    """How many cells were changed and are not written yet, and what becomes of them."""
    if not dataset.labels:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Save",
            type="primary" if changes else "secondary",
            icon=":material/save:",
            key=_key(dataset, "save"),
            disabled=not changes,
            on_click=_write,
            args=(dataset, changes),
        )
        st.button("Discard", key=_key(dataset, "discard"), disabled=not changes, on_click=_discard, args=(dataset,))
        st.caption(
            f"{plural(len(changes), 'changed cell')} not saved yet"
            if changes
            else "Click a cell twice to edit it; paste fills several.",
            width="content",
        )


def _discard(dataset: Dataset) -> None:
    key = _key(dataset, "turn")
    st.session_state[key] = st.session_state.get(key, 0) + 1


def _names(dataset: Dataset, unsaved: bool) -> None:
    """Add a label, or take one away with all its values."""
    new, middle, remove = st.columns([3, 2, 1], vertical_alignment="bottom")
    with new:
        field_and_button(
            "New label",
            "Add",
            _key(dataset, "add"),
            partial(_add, dataset),
            field={"key": _key(dataset, "new"), "placeholder": "condition"},
            icon=":material/add:",
            disabled=unsaved,
            help=_UNSAVED if unsaved else None,
        )
    fields.wrong(st, fields.fault(_key(dataset, "add")))
    if not dataset.labels:
        return
    gone = middle.selectbox("Label", dataset.labels, key=_key(dataset, "old"), filter_mode=None)
    remove.button(
        "Remove",
        icon=":material/delete:",
        key=_key(dataset, "remove"),
        width="stretch",
        disabled=unsaved,
        help=_UNSAVED if unsaved else "The label and all its values; it can be undone",
        on_click=_write,
        args=(dataset, ()),
        kwargs={"removed": (gone,)},
    )


def _add(dataset: Dataset, name: str) -> str:
    if why := _wrong_name(dataset, name := name.strip()):
        raise Unusable(why)
    _write(dataset, (), added=(name,))
    st.session_state[_key(dataset, "new")] = ""
    return ""


def _wrong_name(dataset: Dataset, name: str) -> str:
    """Why a label cannot have this name; empty where it can."""
    if not name:
        return "Give the label a name."
    if name in dataset.labels:
        return "There is a label of this name."
    if name in dataset.recordings.columns:
        return "Datasets use this name themselves: choose another."
    return "At most 80 characters on one line." if len(name) > 80 or re.search(r"[\r\n\t]", name) else ""


def _from_file(dataset: Dataset, unsaved: bool) -> None:
    """A table that fills in cells: what it would change, then the button that writes it."""
    with st.expander("Fill in from a file", icon=":material/upload_file:", expanded=not dataset.labels):
        _template(dataset)
        dropped = st.file_uploader(
            "A table with a column recording or subject: CSV or Excel", type=list(ENDINGS), key=_key(dataset, "file")
        )
        staging = st.session_state.setdefault("labels-staging", Staging())
        try:
            held = staging.hold([dropped] if dropped else [])
            if not held:
                st.caption(
                    "Empty cells of the file leave what is there. Of a workbook the first sheet is read, values only."
                )
                return
            found = propose_labels(dataset, held[0])
        except DataError as error:
            st.warning(error_text.sentence(error), icon=":material/edit_off:")
            return
        for note in found.notes:
            st.caption(f":material/info: {text(note)}")
        recordings = len({change.recording for change in found.changes})
        new = f", {plural(len(found.added), 'new label')}: {text(', '.join(found.added))}" if found.added else ""
        st.markdown(f"**{plural(len(found.changes), 'cell')}** of {plural(recordings, 'recording')} would change{new}.")
        _listed(found.changes)
        st.button(
            "Write these labels",
            type="primary",
            icon=":material/save:",
            key=_key(dataset, "fill"),
            disabled=unsaved or not (found.changes or found.added),
            help=_UNSAVED if unsaved else None,
            on_click=_write,
            args=(dataset, found.changes),
            kwargs={"added": found.added},
        )


def _listed(changes: Sequence[LabelChange]) -> None:
    rows = [
        {"Recording": c.recording, "Label": c.label, "Is": _shown(c.before), "Becomes": _shown(c.after)}
        for c in changes[:_SHOWN]
    ]
    if rows:
        page_frame.table(pd.DataFrame(rows), height=min(35 * (len(rows) + 1) + 3, 300))
    if len(changes) > _SHOWN:
        st.caption(f"The first {_SHOWN} of {count(len(changes))} are listed; all are written.")


def _shown(value: object) -> str | None:
    return None if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _template(dataset: Dataset) -> None:
    """The table as files, to be filled in elsewhere."""
    table = label_template(dataset)
    st.caption("The table as a file, with a row per recording: fill it in elsewhere and drop it here.")
    makers: dict[str, tuple[str, Callable[[Path], object]]] = {
        "Template, Excel": (".xlsx", partial(_as_workbook, table)),
        "Template, CSV": (".csv", partial(_as_csv, table)),
    }
    exports.buttons(makers, f"{dataset.name}-labels", _key(dataset, "template"))


def _as_workbook(table: pd.DataFrame, path: Path) -> None:
    write_workbook({"labels": table}, path)


def _as_csv(table: pd.DataFrame, path: Path) -> None:
    plain_table(table).to_csv(path, index=False)


def _write(
    dataset: Dataset, changes: Sequence[LabelChange], *, added: Sequence[str] = (), removed: Sequence[str] = ()
) -> None:
    """Write what was asked for as this session's person, and keep what is said of it for the page."""
    try:
        with people.acting(Role.EDITOR, "label", (f"{DATASETS}/{dataset.name}",)):
            edit_labels(dataset, changes, added=added, removed=removed)
    except DataError as error:
        st.session_state[_SAID] = f":material/error: {text(error_text.sentence(error))}"
        return
    parts = [f"{plural(len(changes), 'cell')} written"] if changes else []
    parts += [f"label “{text(name)}” added" for name in added] + [f"label “{text(name)}” removed" for name in removed]
    said = ", ".join(parts)
    st.session_state[_SAID] = f":material/check: {said[:1].upper()}{said[1:]}."
