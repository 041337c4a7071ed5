"""One writer per artefact: an advisory lock in ``.locks/`` of the cache, held while the artefact is being changed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dfe_core.artefact_names import KINDS
from dfe_core.errors import DataError

LOCKS = ".locks"
_ALL = "all.lock"
_COLLISION_S = 1.0
"""Claims that only look whether the whole cache is claimed hold its lock for a moment each: others wait so long."""
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
        _refuse_where_all_is_claimed(lock, path, wait_s)
        depths[str(lock)] = 1
        try:
            yield
        finally:
            del depths[str(lock)]


@contextmanager
def claim_all(root: Path) -> Iterator[None]:
    """Be the only writer of the whole cache `root` while the block runs: its claims are granted, others' are refused.

    Raises `DataError` when another command, or another thread of this process, is writing any artefact of it now.
    """
    lock, depths = root.absolute() / LOCKS / _ALL, _held.__dict__.setdefault("depths", {})
    with _acquired(lock, root, _COLLISION_S):
        depths[str(lock)] = 1
        try:
            if written := next(
                (path for path in _locks(lock.parent) if str(path) not in depths and _is_held(path)), None
            ):
                kind, _, name = written.name.removesuffix(".lock").partition("-")
                raise being_written(f"{kind}/{name}")
            yield
        finally:
            del depths[str(lock)]


def _refuse_where_all_is_claimed(lock: Path, path: Path, wait_s: float) -> None:
    """Asked when a claim is held already, as `claim_all` looks for claims when it holds all: one sees the other."""
    whole = lock.with_name(_ALL)
    if lock.parent.name == LOCKS and whole.exists() and str(whole) not in _held.depths:
        with _acquired(whole, path, max(wait_s, _COLLISION_S)):
            pass


def _locks(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.lock")) if path.name != _ALL]


def _is_held(lock: Path) -> bool:
    from filelock import FileLock, Timeout

    try:
        with FileLock(lock, timeout=0, mode=lock.stat().st_mode & 0o777, thread_local=False):
            return False
    except Timeout:
        return True


def being_written(label: str) -> DataError:
    """The error of a command that needs what another one is writing. label: ``kind/name`` of the artefact."""
    return DataError(label, "another dfe command is writing it now", "to be tried again when that one has finished")


@contextmanager
def _acquired(lock: Path, path: Path, wait_s: float) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(lock, os.O_CREAT | os.O_RDWR, 0o666))  # with the mode that umask gives, for a group's cache
    try:
        with FileLock(lock, timeout=wait_s, mode=lock.stat().st_mode & 0o777, thread_local=False):
            yield
    except Timeout:
        raise being_written(f"{path.parent.name}/{path.name}") from None


def _lock_path(path: Path) -> Path:
    """In ``.locks/`` of the cache; beside anything that is no artefact of a cache."""
    path = path.absolute()
    if path.parent.name in KINDS:
        return path.parents[1] / LOCKS / f"{path.parent.name}-{path.name}.lock"
    return path.with_name(f".{path.name}.lock")
