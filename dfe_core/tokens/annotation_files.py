"""Notes as a table or a file that goes from lab to lab: CSV and JSON, out and in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from dfe_core.errors import DataError
from dfe_core.spreadsheet import original_cell, plain_cell
from dfe_core.tokens.annotations import LONGEST, Notebook, Notes, _tags, _text, _value, frame_set

COLUMNS = ("codeword", "name", "tags", "note", "author", "time")
FORMAT = "dfe-notes"


@dataclass(frozen=True)
class ImportSummary:
    """changed: codewords, sets, frames and faces taken over; kept: those left because the lab's own text stands there;
    skipped: one sentence a row that could not be read."""

    changed: int
    kept: int
    skipped: tuple[str, ...]


def notes_csv(notes: Notes) -> str:
    """One row a codeword that has anything written: codeword, name, tags (joined by ``; ``), note, author, time."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for codeword, note in notes.codewords.items():
        writer.writerow(
            list(map(plain_cell, (codeword, note.name, "; ".join(note.tags), note.note, note.author, note.time)))
        )
    return out.getvalue()


def notes_json(notes: Notes, model: str, key: str) -> str:
    """Everything but the history, with the model and its key: who opens it can tell whether it is the same codebook."""
    return json.dumps(
        {
            "format": FORMAT,
            "model": model,
            "key": key,
            "codewords": [
                {
                    "codeword": k,
                    "name": n.name,
                    "tags": list(n.tags),
                    "note": n.note,
                    "author": n.author,
                    "time": n.time,
                }
                for k, n in notes.codewords.items()
            ],
            "sets": notes.sets,
            "frames": notes.frames,
            "faces": notes.faces,
        },
        indent=1,
        ensure_ascii=False,
    )


def import_csv(notebook: Notebook, text: str, author: str = "", overwrite: bool = False) -> ImportSummary:
    """Take over a CSV of `notes_csv`; only the column codeword is required. Empty cells change nothing, tags are added.

    A name or note that the lab has written stays unless `overwrite`. Raises `DataError` without a column codeword, and
    for what is no CSV.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        if "codeword" not in (reader.fieldnames or []):
            raise DataError("notes CSV", f"columns {', '.join(reader.fieldnames or []) or 'none'}", ", ".join(COLUMNS))
        read = [{k: original_cell(v) if isinstance(v, str) else v for k, v in row.items()} for row in reader]
    except csv.Error as error:
        raise DataError("notes CSV", f"not readable ({error})", "a file exported by dfe") from None
    rows = [{**row, "tags": [t for t in (row.get("tags") or "").split(";") if t.strip()]} for row in read]
    return _take(notebook, rows, {}, author, overwrite)


def import_json(notebook: Notebook, text: str, author: str = "", overwrite: bool = False) -> ImportSummary:
    """Take over a file of `notes_json`. Raises `DataError` when it is none, or of a codebook with another key."""
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError("notes JSON", f"not readable ({error})", "a file exported by dfe") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("codewords"), list):
        raise DataError("notes JSON", "not an export of notes", f"an object with format {FORMAT!r}")
    if data.get("key") != notebook._key():
        raise DataError(
            "notes JSON",
            f"written for a codebook of key {data.get('key')!r}",
            f"{notebook._key()!r}: numbers of codewords mean other faces there",
        )
    return _take(notebook, data["codewords"], data, author, overwrite)


def _take(notebook: Notebook, rows: list[Any], named: dict[str, Any], author: str, overwrite: bool) -> ImportSummary:
    wanted, skipped = [], []
    items: list[tuple[str, Callable[[], Any]]] = [
        (f"row {number}", partial(_wanted, notebook, row)) for number, row in enumerate(rows, 1)
    ]
    for part, kind, read_one in (
        ("sets", "set", _wanted_set),
        ("frames", "frames", _wanted_frames),
        ("faces", "face", _wanted_face),
    ):
        items += [
            (f"{kind} {label!r}", partial(read_one, notebook, label, value))
            for label, value in (named.get(part) or {}).items()
        ]
    for where, read in items:
        try:
            wanted.append(read())
        except (DataError, ValueError, TypeError, KeyError, AttributeError) as error:
            skipped.append(f"{where}: {error}")
    counts = {"changed": 0, "kept": 0}

    def change(book: dict[str, Any], put) -> None:
        for subject, fields in wanted:
            outcome = [_take_field(book, put, subject, name, value, overwrite) for name, value in fields.items()]
            counts["kept"] += "kept" in outcome
            counts["changed"] += "changed" in outcome

    notebook.apply(change, author)
    return ImportSummary(counts["changed"], counts["kept"], tuple(skipped))


def _wanted(notebook: Notebook, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    subject = notebook.codeword_subject(int(row["codeword"]))
    fields: dict[str, Any] = {name: _text(subject, name, row.get(name) or "") for name in LONGEST if name != "tag"}
    return subject, {**fields, "tags": _tags(subject, row.get("tags") or [])}


def _wanted_set(notebook: Notebook, label: str, value: Any) -> tuple[str, dict[str, Any]]:
    chosen = sorted({int(k) for k in value})
    for k in chosen:
        notebook.codeword_subject(k)
    return f"set/{_text('set', 'name', label)}", {"codewords": chosen}


def _wanted_frames(notebook: Notebook, label: str, value: Any) -> tuple[str, dict[str, Any]]:
    return f"frames/{_text('set', 'name', label)}", {"frames": frame_set(label, value["dataset"], value["frames"])}


def _wanted_face(notebook: Notebook, label: str, value: Any) -> tuple[str, dict[str, Any]]:
    chosen, weights = [int(k) for k in value["codewords"]], [float(g) for g in value["intensities"]]
    for k in chosen:
        notebook.codeword_subject(k)
    if len(chosen) != len(weights):
        raise ValueError(f"{len(weights)} intensities for {len(chosen)} codewords")
    return f"face/{_text('face', 'name', label)}", {"mix": {"codewords": chosen, "intensities": weights}}


def _take_field(book: dict[str, Any], put, subject: str, name: str, value: Any, overwrite: bool) -> str:
    present = _value(book, subject, name)
    if name == "tags":
        value = _tags(subject, [*(present or []), *value])
    if not value or value == present:
        return "same"
    if present and name != "tags" and not overwrite:
        return "kept"
    put(subject, name, value)
    return "changed"
