"""Labels of recordings changed by hand: cells, new labels and labels taken away, with a way back.

Frames stay as they are, and so does the dataset's key: tokens and action units are of the same frames. What reads
labels (groups, probes) knows by the hash of the table of recordings that they are others. What was there before is in
the trash as an entry of its own (`trash.set_aside`), which `removal.put_back` takes back.

Labels that are sealed for a test (`sealed_test`) are neither shown nor changed here.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd

from dfe_core import trash
from dfe_core.artefact_names import DATASETS, MANIFEST, RECORDINGS_FILE
from dfe_core.audit import acting_person, recorded
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import RECORDING_COLUMNS, Dataset
from dfe_core.expressions.labels import (
    MISSING,
    cell_text,
    check_label_names,
    read_labels,
    require_some_used,
    typed_values,
)
from dfe_core.locks import claim
from dfe_core.spreadsheet import original_cell
from dfe_core.store import artefact_path, atomic_directory, file_sha256, read_json, write_json

LabelValue = str | float | None
EDITS = "label_edits"
"""Of the manifest: when, by whom and in which labels cells were changed."""
_CHANGES = "labels.json"


@dataclass(frozen=True, kw_only=True)
class LabelChange:
    """One cell: what it was and what it becomes; None where there is no value."""

    recording: str
    label: str
    before: LabelValue
    after: LabelValue


@dataclass(frozen=True, kw_only=True)
class LabelProposal:
    """What a table of labels would change. added: labels that the dataset has not. notes: sentences on its rows."""

    changes: tuple[LabelChange, ...]
    added: tuple[str, ...]
    notes: tuple[str, ...]


def label_table(dataset: Dataset) -> pd.DataFrame:
    """recording, subject and the labels of every recording whose labels are not sealed, in the dataset's order."""
    rows = dataset.recordings
    rows = rows[~rows["recording"].astype(str).isin(dataset.sealed)]
    return rows[["recording", "subject", *dataset.labels]].reset_index(drop=True)


def label_template(dataset: Dataset) -> pd.DataFrame:
    """A table to be filled in: `label_table`, with an empty column ``condition`` where there is no label yet."""
    table = label_table(dataset)
    return table if dataset.labels else table.assign(condition="")


def propose_labels(dataset: Dataset, path: Path) -> LabelProposal:
    """What a table of labels (`labels.read_labels`) would change, joined by the rules of an import.

    Empty cells leave what is there, and so does every row of a recording whose labels are sealed. Raises `DataError`
    for a table that cannot be read, and where no row is of any recording.
    """
    labels, sealed = read_labels(path), dataset.sealed
    rows = dataset.recordings
    found = {
        str(name): labels.of(str(name), str(subject))
        for name, subject in zip(rows["recording"], rows["subject"], strict=True)
    }
    require_some_used(labels)
    notes = labels.unused()
    if sealed & {name for name, row in found.items() if any(v is not None for v in row.values())}:
        notes += (f"Labels of {len(sealed)} recordings are sealed for a test: their rows are passed over.",)
    before = label_table(dataset)
    cells = ((name, label, value) for name, row in found.items() for label, value in row.items())
    held = before.set_index(before["recording"].astype(str))
    changes = []
    for name, label, value in cells:
        was = label_value(held.at[name, label]) if name in held.index and label in held.columns else None
        now = label_value(original_cell(value) if isinstance(value, str) else value)
        if name not in sealed and now is not None and now != was and not _same_number(was, now):
            changes.append(LabelChange(recording=name, label=label, before=was, after=now))
    added = tuple(label for label in labels.columns if label not in dataset.labels)
    return LabelProposal(changes=tuple(changes), added=added, notes=notes)


def label_changes(before: pd.DataFrame, after: pd.DataFrame) -> list[LabelChange]:
    """What differs between two tables with a column recording, in the cells of the labels that `after` has.

    Text is stripped; empty text and what usually stands for a missing value (``NA``) is none.
    """
    held = before.set_index(before["recording"].astype(str))
    names = [c for c in after.columns if c not in RECORDING_COLUMNS]
    found = []
    for row in after.to_dict("records"):
        recording = str(row["recording"])
        for label in names:
            was = label_value(held.at[recording, label]) if label in held.columns else None
            if (now := label_value(row[label])) != was and not _same_number(was, now):
                found.append(LabelChange(recording=recording, label=str(label), before=was, after=now))
    return found


def label_value(value: Any) -> LabelValue:
    """A cell as labels are kept: a number, a text without spaces around it, or None."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, str):
        return None if (text := value.strip()) in MISSING else text
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return str(value)
    return None if math.isnan(number := float(value)) else number


def edit_labels(
    dataset: Dataset, changes: Sequence[LabelChange], *, added: Sequence[str] = (), removed: Sequence[str] = ()
) -> trash.Discarded:
    """Write these cells, new labels and without the labels that are removed; `removal.put_back` takes the entry back.

    The dataset is replaced as a whole, by one writer at a time. Raises `DataError` where nothing would change, where a
    cell is no longer what `changes` say it was, for a label that is sealed, and for a name that cannot be a label's.
    """
    root, name = dataset.path.parents[1], dataset.name
    with recorded("label", [f"{DATASETS}/{name}"], root=root), claim(dataset.path, trash.PATIENCE_S):
        now = Dataset(dataset.path, excluding=False)
        labels = (*now.labels, *added)
        check_label_names(name, labels)
        _refuse(now, changes, labels, removed)
        named = list(dict.fromkeys([*(c.label for c in changes), *added, *removed]))
        lost = [change for label in removed for change in _emptied(now, label)]
        about = {"labels": named, "order": list(now.labels)}
        with trash.set_aside(dataset.path, about) as aside:
            _keep(aside.folder, [*changes, *lost], list(now.labels))
            _write(now, [*changes, *lost], [label for label in labels if label not in set(removed)], named)
        return trash.find(aside.id, root)


def put_labels_back(entry: trash.Discarded, root: Path | None = None) -> None:
    """Undo `edit_labels`. Raises `DataError` where one of its cells was changed again, or the dataset is gone."""
    name = entry.what.partition("/")[2]
    with claim(artefact_path(DATASETS, name, root), trash.PATIENCE_S):
        now = Dataset(Dataset.open(name, root).path, excluding=False)
        there = set(now.stored_recordings["recording"].astype(str))
        held = read_json(trash.held(entry, root) / _CHANGES)
        back = [
            LabelChange(recording=c["recording"], label=c["label"], before=c["after"], after=c["before"])
            for c in held["changes"]
            if c["recording"] in there
        ]
        order = list(held["labels"])
        _refuse_sealed(now, back)
        _refuse_changed_since(now, back)
        new = [label for label in now.labels if label not in order]
        added = [label for label in new if label in entry.labels]
        if filled := [label for label in added if not _is_emptied(now, label, back)]:
            raise DataError(f"{name}, label {filled[0]}", "values that were written since", "those undone before")
        columns = [*(c for c in order if c in {*now.labels, *entry.labels}), *(c for c in new if c not in added)]
        with trash.taken_back(entry, root):
            _write(now, back, columns, list(entry.labels))


def forget_label_changes(folder: Path, recordings: Iterable[str]) -> bool:
    """Take recordings out of what an entry of the trash keeps of labels; whether any other is left."""
    held, gone = read_json(folder / _CHANGES), set(recordings)
    kept = [c for c in held["changes"] if c["recording"] not in gone]
    write_json(folder / _CHANGES, {**held, "changes": kept})
    return bool(kept)


def _refuse(dataset: Dataset, changes: Sequence[LabelChange], labels: Sequence[str], removed: Sequence[str]) -> None:
    """Raise for what cannot be written."""
    if not changes and not removed and len(labels) == len(dataset.labels):
        raise DataError(dataset.name, "labels that are all as they were", "a cell, or a label, that changes")
    if unknown := sorted({c.label for c in changes} - {*labels}):
        raise DataError(f"{dataset.name}, label {unknown[0]}", "no such label", f"one of {', '.join(labels)}")
    if unknown := sorted({*removed} - {*dataset.labels}):
        raise DataError(f"{dataset.name}, label {unknown[0]}", "no such label", f"one of {', '.join(dataset.labels)}")
    _refuse_sealed(dataset, changes)
    stored = dataset.stored_recordings
    hidden = stored[stored["recording"].astype(str).isin(dataset.sealed)]
    if held := [label for label in removed if hidden[label].map(label_value).notna().any()]:
        raise DataError(f"{dataset.name}, label {held[0]}", "values that are sealed for a test", "`dfe unseal` before")
    _refuse_changed_since(dataset, changes)


def _refuse_sealed(dataset: Dataset, changes: Sequence[LabelChange]) -> None:
    if sealed := sorted({c.recording for c in changes} & dataset.sealed):
        raise DataError(f"{dataset.name}, {sealed[0]}", "labels that are sealed for a test", "`dfe unseal` before")


def _refuse_changed_since(dataset: Dataset, changes: Sequence[LabelChange]) -> None:
    """Raise where a cell is not what a change begins with: somebody else has written it meanwhile."""
    rows = dataset.stored_recordings
    held = rows.set_index(rows["recording"].astype(str))
    for change in changes:
        if change.recording not in held.index:
            raise DataError(f"{dataset.name}, {change.recording}", "no such recording", "one listed by `dfe show`")
        now = label_value(held.at[change.recording, change.label]) if change.label in held.columns else None
        if now != change.before and not _same_number(now, change.before):
            raise DataError(
                f"{dataset.name}, {change.label} of {change.recording}",
                f"{_shown(now)}, which was written meanwhile",
                f"{_shown(change.before)}, as it was when it was changed",
            )


def _shown(value: LabelValue) -> str:
    return "no value" if value is None else repr(cell_text(value))


def _emptied(dataset: Dataset, label: str) -> list[LabelChange]:
    """Every value of a label as a change to none."""
    rows = dataset.stored_recordings
    values = ((str(r), label_value(v)) for r, v in zip(rows["recording"], rows[label], strict=True))
    return [LabelChange(recording=r, label=label, before=v, after=None) for r, v in values if v is not None]


def _is_emptied(dataset: Dataset, label: str, changes: Sequence[LabelChange]) -> bool:
    """Whether a label has no value left once these changes are written."""
    values = {c.recording: c.before for c in _emptied(dataset, label)}
    values |= {c.recording: c.after for c in changes if c.label == label}
    return all(value is None for value in values.values())


def _keep(folder: Path, changes: Sequence[LabelChange], labels: Sequence[str]) -> None:
    write_json(folder / _CHANGES, {"labels": list(labels), "changes": [asdict(c) for c in changes]})


def _write(dataset: Dataset, changes: Sequence[LabelChange], columns: Sequence[str], named: Sequence[str]) -> None:
    """The dataset with these changes and with these labels, in a folder that takes its place."""
    table = _changed(dataset.stored_recordings, changes, columns)
    with atomic_directory(dataset.path) as folder:
        for path in dataset.path.iterdir():
            if path.is_file() and not path.is_symlink() and path.name not in (MANIFEST, RECORDINGS_FILE):
                _link(path, folder / path.name)
        table.to_parquet(folder / RECORDINGS_FILE, index=False)
        edit = {"time": _now(), "by": acting_person(), "labels": list(named), "cells": len(changes)}
        files = {**dataset.manifest["files"], RECORDINGS_FILE: file_sha256(folder / RECORDINGS_FILE)}
        edits = [*(dataset.manifest.get(EDITS) or []), edit]
        write_json(folder / MANIFEST, {**dataset.manifest, "files": files, EDITS: edits})


def _changed(table: pd.DataFrame, changes: Sequence[LabelChange], columns: Sequence[str]) -> pd.DataFrame:
    """The table of recordings with these labels; a label that was changed is of numbers where all its values are."""
    by_label: dict[str, dict[str, LabelValue]] = {}
    for change in changes:
        by_label.setdefault(change.label, {})[change.recording] = change.after
    made = table[[c for c in table.columns if c in RECORDING_COLUMNS]].copy()
    for label in columns:
        if label in table.columns and label not in by_label:
            made[label] = table[label]
            continue
        made[label] = _column(table, label, by_label.get(label, {}))
    return made


def _column(table: pd.DataFrame, label: str, changed: Mapping[str, LabelValue]) -> pd.Series:
    held = table[label] if label in table.columns else pd.Series([None] * len(table), dtype=object)
    values = [changed.get(str(name), label_value(value)) for name, value in zip(table["recording"], held, strict=True)]
    typed = typed_values(pd.Series([None if v is None else cell_text(v) for v in values], dtype=object))
    numbers = any(isinstance(value, float) for value in typed)
    return pd.Series(typed, index=table.index, dtype="float64" if numbers else object)


def _same_number(one: LabelValue, other: LabelValue) -> bool:
    """Whether a text and a number say the same, as 3 in a column that was of texts."""
    return one is not None and other is not None and cell_text(one) == cell_text(other)


def _link(path: Path, to: Path) -> None:
    """The same file under another folder; a copy where the file system has no links."""
    try:
        os.link(path, to)
    except OSError:
        shutil.copy2(path, to)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
