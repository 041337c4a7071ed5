"""Whether what is on the disk is what was written: SHA-256 of every file of an artefact in its ``checksums.json``.

A file is checked when it is first read by a process, and again when its size or time changes. Files that people change
by themselves (`LOOSE`) are not sealed; single JSON files carry a digest of their own (`signed`, `unsigned`).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dfe_core.artefact_names import (
    HISTORY_FILE,
    LEARNING_FILE,
    MANIFEST,
    METRICS_FILE,
    NOTES_FILE,
    REMOTE_FILE,
    VIDEOS_FILE,
    WITHDRAWN_FILE,
)
from dfe_core.errors import DataError
from dfe_core.file_digest import file_sha256
from dfe_core.remote import blocks, files_in_bucket, in_bucket

SEAL, DIGEST = "checksums.json", "digest"
LOOSE = frozenset(
    (SEAL, VIDEOS_FILE, NOTES_FILE, METRICS_FILE, HISTORY_FILE, LEARNING_FILE, WITHDRAWN_FILE, REMOTE_FILE)
)
_MARK = "signed"
_checked: dict[str, tuple[int, int, int]] = {}


def seal(folder: Path, names: Sequence[str] | None = None) -> None:
    """Write ``checksums.json`` for these files of a folder (default: all but the `LOOSE` ones), in one step."""
    names = names or [
        str(p.relative_to(folder))
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name not in LOOSE and not p.name.startswith(".")
    ]
    digests = {name: file_sha256(folder / name) for name in names} | files_in_bucket(folder)
    files = dict(sorted(digests.items()))
    temporary = folder / f".{SEAL}-{os.getpid()}"
    with open(temporary, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o666)) as sink:
        sink.write(json.dumps(signed({"files": files}), indent=1) + "\n")
        sink.flush()
        os.fsync(sink.fileno())
    os.replace(temporary, folder / SEAL)


def sealed_files(folder: Path) -> dict[str, str]:
    """{file: SHA-256} as they were written; empty for a folder of a version of dfe that sealed nothing.

    Raises `DataError` where the list itself is damaged.
    """
    path = folder / SEAL
    if not path.is_file():
        return {}
    try:
        held = unsigned(json.loads(path.read_text(encoding="utf-8")), path)
        return {str(name): str(digest) for name, digest in held["files"].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise DataError(path, "damaged", "the artefact to be made again; `dfe doctor` says how") from None


def check(path: Path) -> Path:
    """The path of a file of an artefact, if its content is what was written.

    Raises `DataError` where it is not. Nothing is known of a file that was never sealed.
    """
    expected = sealed_files(path.parent).get(path.name)
    if expected is not None:
        _check(path, expected)
    return path


def _check(path: Path, expected: str) -> None:
    try:
        stat = path.stat()
        state = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
        if _checked.get(str(path)) == state:
            return
        if file_sha256(path) == expected:
            _checked[str(path)] = state
            return
    except FileNotFoundError:
        if in_bucket(path) is not None:  # whose storage answers for it; `faults` reads it
            return
        raise DataError(path, "missing", "the artefact to be made again; `dfe doctor` says how") from None
    raise DataError(
        path,
        "its content is not what was written (a damaged disk, or changed by hand)",
        "the artefact to be made again; `dfe doctor` says how",
    )


def checked_states() -> dict[str, tuple[int, int, int]]:
    """Bytes, time and inode of each file that this process has found to be what was written, by its path."""
    return dict(_checked)


def believe(states: dict[str, tuple[int, int, int]]) -> None:
    """Count these files, which another process has checked, as checked while they are in the same state: a hundred
    workers need not read what one has read."""
    _checked.update(states)


def is_whole(folder: Path) -> bool:
    """Whether an artefact that is made at need is there and every file is what was written; else it is made again."""
    try:
        return (folder / MANIFEST).is_file() and not broken_files(folder)
    except (DataError, OSError):
        return False


def broken_files(folder: Path) -> list[str]:
    """Sealed files of a folder that are missing or not what was written; whole ones are read once by a process.

    Raises `DataError` where the list of files is damaged itself.
    """
    broken = []
    for name, expected in sealed_files(folder).items():
        try:
            _check(folder / name, expected)
        except (DataError, OSError):
            broken.append(name)
    return broken


def faults(folder: Path) -> dict[str, str]:
    """What is wrong with each faulty one of the sealed files of a folder, all read in full."""
    try:
        expected = sealed_files(folder)
    except DataError as error:
        return {SEAL: error.found}
    found = {}
    for name, digest in expected.items():
        try:
            if _sha256(folder / name) != digest:
                found[name] = "its content is not what was written"
        except FileNotFoundError:
            found[name] = "missing"
        except OSError as error:
            found[name] = f"not readable ({error.strerror})"
    return found


def signed(value: dict[str, Any]) -> dict[str, Any]:
    """A JSON object with a digest of itself."""
    plain = {k: v for k, v in value.items() if k not in (_MARK, DIGEST)}
    return {_MARK: True, **plain, DIGEST: _digest(plain)}


def unsigned(value: dict[str, Any], path: Path) -> dict[str, Any]:
    """The object without its digest. Raises `DataError` where it is not what was written; objects of a version of dfe
    that signed nothing are taken as they are."""
    plain = {k: v for k, v in value.items() if k not in (_MARK, DIGEST)}
    if len(plain) < len(value) and (value.get(_MARK) is not True or value.get(DIGEST) != _digest(plain)):
        raise DataError(
            path,
            "its content is not what was written (a damaged disk, or changed by hand)",
            "a copy of it from before; `dfe doctor` says how",
        )
    return plain


def _sha256(path: Path) -> str:
    """Of a file here or in a bucket."""
    digest = hashlib.sha256()
    for block in blocks(path):
        digest.update(block)
    return digest.hexdigest()


def _digest(value: dict[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
