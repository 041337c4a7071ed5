"""Artefacts set aside instead of deleted, so that a deletion can be taken back: ``.trash/<id>/`` in the cache."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfe_core.errors import DataError
from dfe_core.store import KINDS, cache_root, content_key, read_json, write_json

KEPT_DAYS = 30
_FOLDER, _ENTRY = ".trash", "entry.json"


@dataclass(frozen=True)
class Discarded:
    """Something set aside. id: what `restore` takes; what: its first artefact, ``datasets/study1``; paths: all of
    them; when: seconds since the epoch; bytes: on disk. recording: where it is but one of that dataset, and order: all
    that the dataset had."""

    id: str
    what: str
    paths: tuple[str, ...]
    when: float
    bytes: int
    recording: str = ""
    order: tuple[str, ...] = ()


def discard(artefacts: Sequence[Path], root: Path | None = None) -> Discarded:
    """Take artefacts out of the cache, the first one giving the entry its name; entries over `KEPT_DAYS` old end here.

    Raises `DataError` for a path that is no artefact of this cache. The first artefact goes first, so that what was
    made from it is never there without it and without the entry.
    """
    root = root or cache_root()
    names = [_relative(path, root) for path in artefacts]
    folder, entry = _opened(names, root)
    write_json(folder / _ENTRY, entry)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(root / name, folder / name)
    return _described(folder)


@contextlib.contextmanager
def set_aside(artefact: Path, about: dict[str, Any]) -> Iterator[Path]:
    """An empty folder for a part of an artefact, which stays where it is; the entry is there when the block ends well.

    about: ``recording`` and ``order``, as `Discarded` has them. Raises `DataError` for a path that is no artefact.
    """
    root = artefact.parents[1]
    folder, entry = _opened([_relative(artefact, root)], root)
    try:
        (folder / entry["paths"][0]).mkdir(parents=True)
        yield folder / entry["paths"][0]
        write_json(folder / _ENTRY, {**entry, **about})
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def held(entry: Discarded, root: Path | None = None) -> Path:
    """Where the first artefact of an entry lies now."""
    return (root or cache_root()) / _FOLDER / entry.id / entry.paths[0]


def drop(number: str, root: Path | None = None) -> None:
    """Delete an entry for good."""
    shutil.rmtree((root or cache_root()) / _FOLDER / number)


def restore(number: str, root: Path | None = None) -> Discarded:
    """Put everything of an entry back. Raises `DataError` for no such entry, and where a name is taken again."""
    root = root or cache_root()
    entry = next((e for e in discarded(root) if e.id == number), None)
    if entry is None:
        raise DataError(number, "nothing of this id was set aside, or it has ended", "an entry that is still kept")
    if entry.recording:
        raise DataError(number, f"a recording of {entry.what}", "a whole artefact: `removal.put_back` takes both")
    taken = [name for name in entry.paths if (root / name).exists() and (root / _FOLDER / number / name).exists()]
    if taken:
        raise DataError(taken[0], "there is another one of this name now", "the new one to be removed first")
    for name in reversed(entry.paths):  # what others were made from comes back last: until then they are of no use
        held = root / _FOLDER / number / name
        if held.exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(held, root / name)
    shutil.rmtree(root / _FOLDER / number)
    return entry


def discarded(root: Path | None = None) -> list[Discarded]:
    """What can be restored, the latest first."""
    folder = (root or cache_root()) / _FOLDER
    found = [_described(path) for path in folder.iterdir() if (path / _ENTRY).is_file()] if folder.is_dir() else []
    return sorted(found, key=lambda entry: -entry.when)


def empty(root: Path | None = None, older_than_days: float = 0.0) -> int:
    """Delete for good what was set aside longer ago; returns the number of bytes."""
    root = root or cache_root()
    gone = [e for e in discarded(root) if time.time() - e.when >= 86400 * older_than_days]
    for entry in gone:
        shutil.rmtree(root / _FOLDER / entry.id)
    return sum(entry.bytes for entry in gone)


def _opened(names: list[str], root: Path) -> tuple[Path, dict[str, Any]]:
    """A new folder in the trash and what its entry says; entries over `KEPT_DAYS` old end here."""
    empty(root, KEPT_DAYS)
    now = time.time()
    folder = root / _FOLDER / content_key([names, now], 12)
    folder.mkdir(parents=True)
    return folder, {"paths": names, "when": now}


def _relative(path: Path, root: Path) -> str:
    parts = Path(os.path.abspath(path)).relative_to(os.path.abspath(root)).parts \
        if Path(os.path.abspath(path)).is_relative_to(os.path.abspath(root)) else ()
    if len(parts) != 2 or parts[0] not in KINDS or not path.exists():
        raise DataError(path, "no artefact of this cache", f"a path in {', '.join(KINDS)}")
    return "/".join(parts)


def _described(folder: Path) -> Discarded:
    entry = read_json(folder / _ENTRY)
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and p.name != _ENTRY)
    return Discarded(folder.name, entry["paths"][0], tuple(entry["paths"]), float(entry["when"]), size,
                     str(entry.get("recording") or ""), tuple(entry.get("order") or ()))
