"""Artefacts set aside instead of deleted, so that a deletion can be taken back: ``.trash/<id>/`` in the cache.

Every entry says what it holds, whose it is and, while it is being made or taken back, what is under way; `recover`
finishes or undoes what a killed process left. Nothing is deleted for good by itself: `empty` and `drop` are asked for.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from dfe_core.artefact_names import MANIFEST
from dfe_core.audit import acting_person, recorded
from dfe_core.errors import DataError
from dfe_core.locks import claim
from dfe_core.store import KINDS, cache_root, file_sha256, read_json, write_json

KEPT_DAYS = 30
"""An entry can be taken back for so many days at least; from then on its deletion is offered, never done."""
PATIENCE_S = 20.0
_FOLDER, _ENTRY = ".trash", "entry.json"
_DISCARD, _SET_ASIDE, _RESTORE, _PUT_BACK = "discard", "set aside", "restore", "put back"


@dataclass(frozen=True, kw_only=True)
class Discarded:
    """Something set aside. id: what `restore` takes; what: its first artefact, ``datasets/study1``; paths: all of
    them; when: seconds since the epoch; bytes: on disk. recording: where it is but one of that dataset, and order: all
    that the dataset had. labels: where it is but what these labels of the dataset were. by: who discarded it. damaged:
    whether its entry could not be read; what it holds is then known by its folders."""

    id: str
    what: str
    paths: tuple[str, ...]
    when: float
    bytes: int
    recording: str = ""
    order: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    by: str = ""
    damaged: bool = False


@dataclass(frozen=True)
class Aside:
    """A part of an artefact being set aside. id: of its entry; folder: where to write the part."""

    id: str
    folder: Path


def discard(artefacts: Sequence[Path], root: Path | None = None) -> Discarded:
    """Take artefacts out of the cache, the first one giving the entry its name.

    Raises `DataError` for a path that is no artefact of this cache, and for one that is being written. A process that
    is killed meanwhile has discarded all of them once `recover` has run, or none.
    """
    root = root or cache_root()
    names = [_relative(path, root) for path in artefacts]
    with recorded("remove", names, root=root), _claimed(names, root):
        folder = _opened(root, {"paths": names, "pending": _DISCARD})
        _finish_discard(folder, names, root)
    return _described(folder)


@contextlib.contextmanager
def set_aside(artefact: Path, about: dict[str, Any]) -> Iterator[Aside]:
    """An empty folder for a part of an artefact that is to be written anew without it, all within the block.

    The entry is there when the block ends well. Where it does not, the part is dropped, unless the artefact had been
    replaced by then. about: ``recording``, ``order`` and ``labels``, as `Discarded` has them. Raises `DataError` for a
    path that is no artefact.
    """
    root = artefact.parents[1]
    name = _relative(artefact, root)
    folder = _opened(root, {"paths": [name], "pending": _SET_ASIDE, "state": _state(artefact), **about})
    try:
        (folder / name).mkdir(parents=True)
        yield Aside(folder.name, folder / name)
    finally:
        _settle(folder, root)


@contextlib.contextmanager
def taken_back(entry: Discarded, root: Path | None = None) -> Iterator[Path]:
    """Where the part of an artefact lies that the block puts back; the entry ends with the block where it did."""
    root = root or cache_root()
    folder = root / _FOLDER / entry.id
    _mark(folder, {"pending": _PUT_BACK, "state": _state(root / entry.paths[0])})
    try:
        yield held(entry, root)
    finally:
        _settle(folder, root)


def held(entry: Discarded, root: Path | None = None) -> Path:
    """Where the first artefact of an entry lies now."""
    return (root or cache_root()) / _FOLDER / entry.id / entry.paths[0]


def find(number: str, root: Path | None = None) -> Discarded:
    """The entry of an id. Raises `DataError` where there is none."""
    entry = next((e for e in discarded(root) if e.id == number), None)
    if entry is None:
        raise DataError(number, "nothing of this id was set aside, or it has ended", "an entry that is still kept")
    return entry


def drop(number: str, root: Path | None = None) -> None:
    """Delete an entry for good."""
    folder = (root or cache_root()) / _FOLDER / number
    gone = folder.with_name(f".gone-{secrets.token_hex(6)}")
    os.rename(folder, gone)  # half of an entry is never listed
    shutil.rmtree(gone)


def restore(number: str, root: Path | None = None) -> Discarded:
    """Put everything of an entry back. Raises `DataError` for no such entry, and where a name is taken again."""
    root = root or cache_root()
    entry = find(number, root)
    if entry.recording or entry.labels:
        part = "a recording" if entry.recording else "labels"
        raise DataError(number, f"{part} of {entry.what}", "a whole artefact: `removal.put_back` takes both")
    with recorded("restore", entry.paths, root=root), _claimed(list(entry.paths), root):
        folder = root / _FOLDER / number
        taken = [name for name in entry.paths if os.path.lexists(root / name) and (folder / name).exists()]
        if taken:
            raise DataError(taken[0], "there is another one of this name now", "the new one to be removed first")
        _mark(folder, {"paths": list(entry.paths), "when": entry.when, "pending": _RESTORE})
        _finish_restore(folder, list(entry.paths), root)
    return entry


def discarded(root: Path | None = None) -> list[Discarded]:
    """What can be restored, the latest first; entries that are damaged count as well."""
    folder = (root or cache_root()) / _FOLDER
    found = (
        [_described(path) for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        if folder.is_dir()
        else []
    )
    return sorted((entry for entry in found if entry.paths), key=lambda entry: -entry.when)


def expired(root: Path | None = None) -> list[Discarded]:
    """Entries over `KEPT_DAYS` old by this machine's clock, which may be wrong: to be shown before they go."""
    return [entry for entry in discarded(root) if time.time() - entry.when >= 86400 * KEPT_DAYS]


def empty(root: Path | None = None, entries: Sequence[Discarded] | None = None) -> int:
    """Delete these entries for good (default: all); returns the number of bytes."""
    gone = discarded(root) if entries is None else list(entries)
    for entry in gone:
        with recorded("purge", entry.paths, entry.recording, root):
            drop(entry.id, root)
    return sum(entry.bytes for entry in gone)


def recover_trash(root: Path | None = None) -> None:
    """Finish or undo what killed processes left in the trash; what another process is doing now is left to it."""
    root = root or cache_root()
    folder = root / _FOLDER
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".gone-"):
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_dir() and not path.name.startswith("."):
            _recover_entry(path, root)


def _recover_entry(folder: Path, root: Path) -> None:
    entry = _entry(folder)
    names = entry.get("paths") or []
    if not entry.get("pending") or not _are_names(names):
        return
    with contextlib.suppress(DataError), _claimed(names, root, wait_s=0.0):
        if entry["pending"] == _DISCARD:
            _finish_discard(folder, names, root)
        elif entry["pending"] == _RESTORE:
            _finish_restore(folder, names, root)
        else:
            _settle(folder, root)


def _finish_discard(folder: Path, names: list[str], root: Path) -> None:
    for name in names:
        if os.path.lexists(root / name) and not (folder / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(root / name, folder / name)
    _mark(folder, {"pending": ""})


def _finish_restore(folder: Path, names: list[str], root: Path) -> None:
    for name in reversed(names):  # what others were made from comes back last: until then they are of no use
        if (folder / name).exists() and not os.path.lexists(root / name):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / name, root / name)
    drop(folder.name, root)


def _settle(folder: Path, root: Path) -> None:
    """End what is pending of a part: the artefact has been replaced since, or it is as it was."""
    entry = _entry(folder)
    replaced = _state(root / entry["paths"][0]) != entry.get("state")
    if replaced == (entry["pending"] == _SET_ASIDE):
        _mark(folder, {"pending": "", "state": ""})
    else:
        drop(folder.name, root)


def _state(artefact: Path) -> str:
    manifest = artefact / MANIFEST
    return file_sha256(manifest) if manifest.is_file() else ""


@contextlib.contextmanager
def _claimed(names: Sequence[str], root: Path, wait_s: float | None = None) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for name in sorted(names):
            stack.enter_context(claim(root / name, PATIENCE_S if wait_s is None else wait_s))
        yield


def _opened(root: Path, entry: dict[str, Any]) -> Path:
    """A new folder in the trash; it appears with its entry in it."""
    number = secrets.token_hex(6)
    new, folder = root / _FOLDER / f".new-{number}", root / _FOLDER / number
    new.mkdir(parents=True)
    write_json(new / _ENTRY, {**entry, "when": time.time(), "by": acting_person()})
    os.rename(new, folder)
    return folder


def _mark(folder: Path, changes: dict[str, Any]) -> None:
    write_json(folder / _ENTRY, {**_entry(folder), **changes})


def _relative(path: Path, root: Path) -> str:
    parts = (
        Path(os.path.abspath(path)).relative_to(os.path.abspath(root)).parts
        if Path(os.path.abspath(path)).is_relative_to(os.path.abspath(root))
        else ()
    )
    if len(parts) != 2 or parts[0] not in KINDS or not path.exists():
        raise DataError(path, "no artefact of this cache", f"a path in {', '.join(KINDS)}")
    return "/".join(parts)


def _entry(folder: Path) -> dict[str, Any]:
    """What an entry says; empty where that cannot be read."""
    try:
        entry = read_json(folder / _ENTRY)
    except (DataError, OSError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _described(folder: Path) -> Discarded:
    entry = _entry(folder)
    paths, when = entry.get("paths"), entry.get("when")
    order, labels = entry.get("order") or [], entry.get("labels") or []
    sound = True
    if not (_are_names(paths) and isinstance(when, (int, float)) and all(isinstance(x, list) for x in (order, labels))):
        sound = False
        paths = sorted(f"{p.parent.name}/{p.name}" for kind in KINDS for p in (folder / kind).glob("*"))
        when, order, labels = folder.stat().st_mtime, [], []
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and p.name != _ENTRY)
    return Discarded(
        id=folder.name,
        what=paths[0] if paths else "",
        paths=tuple(paths),
        when=float(when),
        bytes=size,
        recording=str(entry.get("recording") or "") if sound else "",
        order=tuple(map(str, order)),
        labels=tuple(map(str, labels)),
        by=str(entry.get("by") or ""),
        damaged=not sound,
    )


def _are_names(paths: Any) -> TypeGuard[list[str]]:
    """Whether these are ``kind/name``, as an entry must have them to be followed."""
    return (
        isinstance(paths, list)
        and bool(paths)
        and all(
            isinstance(p, str)
            and p.count("/") == 1
            and p.split("/")[0] in KINDS
            and p.split("/")[1] not in ("", ".", "..")
            for p in paths
        )
    )
