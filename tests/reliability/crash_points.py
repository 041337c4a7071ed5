"""The disk as a killed process would leave it, at every step of a command that changes a file."""

from __future__ import annotations

import builtins
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dfe_core import replacement
from dfe_core.store import KINDS, file_sha256

STEPS = ("rename", "replace", "unlink", "remove", "rmdir", "mkdir", "chmod", "link", "symlink", "truncate", "fsync")
"""Functions of `os` that change what is on the disk, or say that it should be there now."""


class Disk:
    """Copies of a cache, one for each step: `copies` in order, as they were before the step of the same place."""

    def __init__(self, root: Path, into: Path) -> None:
        self.root, self.into, self.copies = root, into, []
        self._last: tuple = ()
        self._busy = False

    def __call__(self) -> None:
        """Copy the cache as it is now, unless nothing has changed since the last copy."""
        if self._busy:
            return
        self._busy = True
        try:
            seen = tuple(
                sorted((str(p), s.st_size, s.st_mtime_ns, s.st_ino) for p in self.root.rglob("*") if (s := p.lstat()))
            )
            if seen != self._last:
                self._last = seen
                self.copies.append(Path(shutil.copytree(self.root, self.into / f"{len(self.copies):04d}")))
        finally:
            self._busy = False


@contextmanager
def walked(root: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Copies of `root` at every step of what the block does, and one of the end."""
    disk = Disk(root, into)
    with monkeypatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, _before(getattr(os, name), disk))
        patch.setattr(replacement, "exchange", _before(replacement.exchange, disk))
        patch.setattr(builtins, "open", _before(builtins.open, disk))
        disk()
        yield disk
    disk()


def _before(function: Callable, disk: Disk) -> Callable:
    def step(*args, **kwargs):
        disk()
        return function(*args, **kwargs)

    return step


def content(root: Path, kinds: tuple[str, ...] = KINDS) -> dict[str, str]:
    """{path: hash} of every file of every artefact that is there by its name."""
    paths = [path for kind in kinds for path in sorted((root / kind).rglob("*"))]
    return {
        str(path.relative_to(root)): file_sha256(path)
        for path in paths
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    }
