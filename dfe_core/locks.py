"""One writer per artefact: an advisory lock in ``.locks/`` of the cache, held while the artefact is being changed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dfe_core.artefact_names import KINDS
from dfe_core.errors import DataError

_held = threading.local()


@contextmanager
def claim(path: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Be the only writer of the artefact `path` while the block runs; claims of one thread may be nested.

    Parameters
    ----------
    path: the artefact's folder or file; it need not exist yet, its name is claimed all the same.
    wait_s: how long to wait for another writer, seconds.

    Raises `DataError` when another command, or another thread of this process, is still writing it after `wait_s`.
    The system releases the lock of a process that ends, however it ends.
    """
    depths: dict[str, int] = _held.__dict__.setdefault("depths", {})
    lock = _lock_path(path)
    if depths.get(str(lock)):
        depths[str(lock)] += 1
        try:
            yield
        finally:
            depths[str(lock)] -= 1
        return
    with _acquired(lock, path, wait_s):
        depths[str(lock)] = 1
        try:
            yield
        finally:
            del depths[str(lock)]


@contextmanager
def _acquired(lock: Path, path: Path, wait_s: float) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(lock, os.O_CREAT | os.O_RDWR, 0o666))  # with the mode that umask gives, for a group's cache
    try:
        with FileLock(lock, timeout=wait_s, mode=lock.stat().st_mode & 0o777, thread_local=False):
            yield
    except Timeout:
        label = f"{path.parent.name}/{path.name}"
        raise DataError(
            label, "another dfe command is writing it now", "to be tried again when that one has finished"
        ) from None


def _lock_path(path: Path) -> Path:
    """In ``.locks/`` of the cache; beside anything that is no artefact of a cache."""
    path = path.absolute()
    if path.parent.name in KINDS:
        return path.parents[1] / ".locks" / f"{path.parent.name}-{path.name}.lock"
    return path.with_name(f".{path.name}.lock")
