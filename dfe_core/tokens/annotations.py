"""What a lab writes beside a model: names, tags and notes of codewords, named sets of codewords and of frames, saved
faces; kept in ``models/<name>/notes.json``.

Every edit takes a lock, reads what is there, changes one field and writes the file anew, so that several people at
once lose nothing; every change stays in the history and can be undone by whoever made it. Without an author, the one
who acts is (`audit.acting_person`): nobody's changes are everybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dfe_core.artefact_names import CODEWORDS_FILE, CONFIG, MODELS, NOTES_FILE
from dfe_core.audit import acting_person, recorded
from dfe_core.errors import DataError
from dfe_core.integrity import signed, unsigned
from dfe_core.store import artefact_path, read_json, write_json

SCHEMA_VERSION = 1
LOCK_S = 20.0
LONGEST = {"name": 120, "note": 20000, "tag": 60}
MOST_FRAMES = 50_000
"""Frames of one named set: they stand in the notes themselves."""


class NoteConflict(DataError):
    """Someone else changed the same field after it was read. `theirs` is what stands there now."""

    def __init__(self, subject: str, name: str, theirs: Any, author: str) -> None:
        self.theirs = theirs
        super().__init__(
            subject,
            f"{author or 'someone'} changed its {name} to {theirs!r} meanwhile",
            "that you look at it and save again",
        )


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change: `subject` is ``codeword/17``, or ``set/``, ``frames/`` or ``face/`` and a name; `undoes` the
    revision that it takes back (0: none)."""

    revision: int
    time: str
    author: str
    subject: str
    field: str
    before: Any
    after: Any
    undoes: int = 0


@dataclass(frozen=True, kw_only=True)
class Note:
    """What is written of one codeword; `key` is the content key of the model it was written for."""

    name: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    author: str = ""
    time: str = ""
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class Notes:
    """A snapshot. By name: sets: codewords; frames: {"dataset": …, "frames": {recording: [frame numbers]}}; faces:
    {"codewords": [...], "intensities": [...]}."""

    revision: int = 0
    codewords: dict[int, Note] = field(default_factory=dict)
    sets: dict[str, list[int]] = field(default_factory=dict)
    frames: dict[str, dict[str, Any]] = field(default_factory=dict)
    faces: dict[str, dict[str, list]] = field(default_factory=dict)
    history: tuple[Change, ...] = ()

    def of(self, codeword: int) -> Note:
        """The note of a codeword, empty where nothing is written."""
        return self.codewords.get(codeword, Note())


class Notebook:
    """The notes of one model. Reading takes no lock: files are replaced whole."""

    def __init__(self, folder: Path) -> None:
        if not (folder / CONFIG).is_file():
            raise DataError(folder.name, "no trained model of this name", "a model listed by `dfe list`")
        self.path = folder / NOTES_FILE

    @classmethod
    def open(cls, model: str, root: Path | None = None) -> Notebook:
        """The notebook of ``models/<model>``. Raises `DataError` when there is no such model."""
        return cls(artefact_path("models", model, root))

    def read(self) -> Notes:
        """Everything written so far. Raises `DataError` for a file that is not one of ours; it is left as it is."""
        return _snapshot(self._load())

    def edit(
        self,
        codeword: int,
        author: str = "",
        name: str | None = None,
        note: str | None = None,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        seen: int | None = None,
    ) -> Notes:
        """Change what is given of one codeword and leave the rest.

        Parameters
        ----------
        seen: the revision that the author was looking at. A name or note that someone else has changed since is not
            overwritten: `NoteConflict`. Tags are added and removed one by one and never conflict. None: overwrite
            (the history keeps what was there).

        Raises `DataError` for a codeword that the model has not or a text that is too long.
        """
        subject, author = self._codeword(codeword), author or acting_person()
        wanted = {
            key: _text(subject, key, value) for key, value in (("name", name), ("note", note)) if value is not None
        }
        more, less = _tags(subject, add_tags), set(map(str.casefold, _tags(subject, remove_tags)))

        def change(book: dict[str, Any]) -> None:
            for key, value in wanted.items():
                _refuse_conflict(book, subject, key, value, seen, author)
                self._put(book, subject, key, value, author)
            if more or less:
                kept = [t for t in _value(book, subject, "tags") or [] if t.casefold() not in less]
                self._put(book, subject, "tags", _tags(subject, [*kept, *more]), author)

        return self._transact(change)

    def save_set(self, name: str, codewords: Iterable[int], author: str = "") -> Notes:
        """Keep a selection under a name; an existing set of that name is replaced (and stays in the history)."""
        chosen = sorted({int(k) for k in codewords})
        for k in chosen:
            self._codeword(k)
        return self._save(f"set/{_label(name)}", "codewords", chosen, author)

    def save_frames(self, name: str, dataset: str, frames: Mapping[str, Iterable[int]], author: str = "") -> Notes:
        """Keep frames of a dataset under a name, as numbers by recording. Raises `DataError` for none or too many."""
        return self._save(f"frames/{_label(name)}", "frames", frame_set(name, dataset, frames), author)

    def save_face(self, name: str, codewords: Iterable[int], intensities: Iterable[float], author: str = "") -> Notes:
        """Keep a mixed face under a name."""
        chosen, weights = [int(k) for k in codewords], [float(g) for g in intensities]
        for k in chosen:
            self._codeword(k)
        if len(chosen) != len(weights):
            raise DataError(name, f"{len(weights)} intensities for {len(chosen)} codewords", "one each")
        return self._save(f"face/{_label(name)}", "mix", {"codewords": chosen, "intensities": weights}, author)

    def remove(self, kind: str, name: str, author: str = "") -> Notes:
        """Remove a ``set``, ``frames`` or a ``face``. Raises `DataError` when there is none of this name."""
        subject = f"{kind}/{name}"
        if kind not in _FIELDS or _value(self._load(), subject, _FIELDS[kind]) is None:
            raise DataError(name, f"no {kind} of this name")
        return self._save(subject, _FIELDS[kind], None, author)

    def undo(self, author: str = "") -> Change | None:
        """Take back the author's last change that stands; None when there is none.

        Raises `NoteConflict` when someone else has changed the same field since.
        """
        return self._reverse(author, _last_standing)

    def redo(self, author: str = "") -> Change | None:
        """Take back the author's last undo, if nothing was changed by them after it."""
        return self._reverse(author, _last_undo)

    def apply(
        self, change: Callable[[dict[str, Any], Callable[[str, str, Any], None]], None], author: str = ""
    ) -> Notes:
        """Run several changes as one: `change(book, put)` with `put(subject, field, value)`. For imports."""
        return self._transact(
            lambda book: change(book, lambda subject, name, value: self._put(book, subject, name, value, author))
        )

    def codeword_subject(self, codeword: int) -> str:
        """``codeword/<k>``. Raises `DataError` for one that the model has not."""
        return self._codeword(codeword)

    def _save(self, subject: str, name: str, value: Any, author: str) -> Notes:
        return self._transact(lambda book: self._put(book, subject, name, value, author))

    def _reverse(self, author: str, find: Callable[[list[dict], str], dict | None]) -> Change | None:
        made: list[Change] = []
        author = author or acting_person()

        def change(book: dict[str, Any]) -> None:
            last = find(book["history"], author)
            if last is None:
                return
            now = _value(book, last["subject"], last["field"])
            if now != last["after"]:
                raise NoteConflict(last["subject"], last["field"], now, "someone")
            self._put(book, last["subject"], last["field"], last["before"], author, undoes=last["revision"])
            made.append(Change(**book["history"][-1]))

        self._transact(change)
        return made[0] if made else None

    def _put(self, book: dict[str, Any], subject: str, name: str, value: Any, author: str, undoes: int = 0) -> None:
        author = author or acting_person()
        before = _value(book, subject, name)
        if before == value or (not before and not value):
            return
        book["revision"] += 1
        stamp = {"revision": book["revision"], "author": author, "time": _now(), "key": self._key()}
        book["values"].setdefault(subject, {})[name] = {"value": deepcopy(value), **stamp}
        book["history"].append(
            {
                "revision": stamp["revision"],
                "time": stamp["time"],
                "author": author,
                "subject": subject,
                "field": name,
                "before": before,
                "after": deepcopy(value),
                "undoes": undoes,
            }
        )

    def _transact(self, change: Callable[[dict[str, Any]], None]) -> Notes:
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.path.with_name(".notes.lock"), timeout=LOCK_S):
                book = self._load()
                revision = book["revision"]
                change(book)
                if book["revision"] != revision:
                    self._write(book, [c["subject"] for c in book["history"] if c["revision"] > revision])
                return _snapshot(book)
        except Timeout:
            raise DataError(
                self.path, f"locked by another program for over {LOCK_S:.0f} s", "that you try again"
            ) from None

    def _write(self, book: dict[str, Any], subjects: list[str]) -> None:
        folder = self.path.parent
        with recorded("write notes", [f"{MODELS}/{folder.name}"], _few(subjects), folder.parents[1]):
            write_json(self.path, signed(book))

    def _load(self) -> dict[str, Any]:
        if not self.path.is_file():
            return {"schema_version": SCHEMA_VERSION, "revision": 0, "values": {}, "history": []}
        book = read_json(self.path)
        if isinstance(book, dict):
            book = unsigned(book, self.path)
        if (
            not isinstance(book, dict)
            or book.get("schema_version") != SCHEMA_VERSION
            or not {"revision", "values", "history"} <= set(book)
        ):
            raise DataError(self.path, "not a notebook of this version", f"schema version {SCHEMA_VERSION}")
        return book

    def _codeword(self, codeword: int) -> str:
        size = pq.read_metadata(self.path.with_name(CODEWORDS_FILE)).num_rows
        if not 0 <= int(codeword) < size:
            raise DataError(self.path.parent.name, f"codeword {codeword}", f"0 to {size - 1}")
        return f"codeword/{int(codeword)}"

    def _key(self) -> str:
        return str(read_json(self.path.with_name(CONFIG)).get("key", ""))


def _few(subjects: list[str]) -> str:
    """The first of them, and how many more: an import of notes changes hundreds at once."""
    first, *more = dict.fromkeys(subjects)
    return f"{first} and {len(more)} more" if more else first


_FIELDS = {"set": "codewords", "frames": "frames", "face": "mix"}


def frame_set(name: str, dataset: str, frames: Mapping[str, Iterable[int]]) -> dict[str, Any]:
    """Frames by recording as they are kept: sorted, each once. Raises `DataError` for none or too many."""
    kept = {str(r): sorted({int(f) for f in numbers}) for r, numbers in sorted(frames.items())}
    total = sum(map(len, kept.values()))
    if not 0 < total <= MOST_FRAMES:
        raise DataError(name, f"{total:,} frames", f"1 to {MOST_FRAMES:,}")
    return {"dataset": str(dataset), "frames": {r: numbers for r, numbers in kept.items() if numbers}}


def _snapshot(book: dict[str, Any]) -> Notes:
    codewords: dict[int, Note] = {}
    named: dict[str, dict[str, Any]] = {kind: {} for kind in _FIELDS}
    for subject, fields in book["values"].items():
        kind, _, name = subject.partition("/")
        if kind == "codeword":
            if any(entry["value"] for entry in fields.values()):
                codewords[int(name)] = _note(fields)
        elif (value := fields[_FIELDS[kind]]["value"]) is not None:
            named[kind][name] = value
    return Notes(
        revision=book["revision"],
        codewords=dict(sorted(codewords.items())),
        sets=named["set"],
        frames=named["frames"],
        faces=named["face"],
        history=tuple(Change(**change) for change in book["history"]),
    )


def _note(fields: dict[str, dict[str, Any]]) -> Note:
    last = max(fields.values(), key=lambda entry: entry["revision"])
    values = {name: entry["value"] for name, entry in fields.items() if entry["value"]}
    return Note(
        name=values.get("name", ""),
        tags=tuple(values.get("tags", ())),
        note=values.get("note", ""),
        author=last["author"],
        time=last["time"],
        key=last["key"],
    )


def _value(book: dict[str, Any], subject: str, name: str) -> Any:
    return book["values"].get(subject, {}).get(name, {}).get("value")


def _refuse_conflict(book: dict[str, Any], subject: str, name: str, value: Any, seen: int | None, author: str) -> None:
    entry = book["values"].get(subject, {}).get(name)
    if seen is None or entry is None or entry["revision"] <= seen or entry["value"] == value:
        return
    if entry["author"] != author or not author:
        raise NoteConflict(subject, name, entry["value"], entry["author"])


def _last_standing(history: list[dict], author: str) -> dict | None:
    undone = _undone(history)
    return next(
        (c for c in reversed(history) if c["author"] == author and not c["undoes"] and c["revision"] not in undone),
        None,
    )


def _last_undo(history: list[dict], author: str) -> dict | None:
    undone = _undone(history)
    for change in reversed(history):
        if change["author"] == author and change["revision"] not in undone:
            by = {c["revision"]: c for c in history}
            is_undo = change["undoes"] and not by[change["undoes"]]["undoes"]
            if is_undo:
                return change
            if not change["undoes"]:
                return None
    return None


def _undone(history: list[dict]) -> set[int]:
    """Revisions that were taken back and stay so: the target of an undo that was not itself undone."""
    gone: set[int] = set()
    for change in reversed(history):
        if change["undoes"] and change["revision"] not in gone:
            gone.add(change["undoes"])
    return gone


def _label(name: str) -> str:
    text = _text("name", "name", name)
    if not text:
        raise DataError("name", "empty", "a name to save it under")
    return text


def _text(subject: str, name: str, value: str) -> str:
    text = str(value).strip() if name == "note" else " ".join(str(value).split())
    if len(text) > LONGEST[name]:
        raise DataError(subject, f"a {name} of {len(text)} characters", f"at most {LONGEST[name]}")
    return text


def _tags(subject: str, tags: Iterable[str]) -> list[str]:
    """Tags as they are kept: trimmed, without empty ones, once each whatever their case, in order."""
    kept: dict[str, str] = {}
    for tag in (_text(subject, "tag", tag) for tag in tags):
        if tag:
            kept.setdefault(tag.casefold(), tag)
    return [kept[key] for key in sorted(kept)]


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
