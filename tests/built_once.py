"""What takes seconds to build is built once for all workers of a parallel run; each worker has a copy of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], None]) -> Path:
    """A folder that `build` fills, copied for this worker: its tests may change it."""
    base = factory.getbasetemp()
    shared = (base.parent if base.name.startswith("popen-") else base) / f"built-{name}"
    with FileLock(f"{shared}.lock"):
        if not shared.is_dir():
            making = shared.with_name(f"making-{name}")
            shutil.rmtree(making, ignore_errors=True)  # of a worker that failed
            build(making)
            making.rename(shared)
    return Path(shutil.copytree(shared, factory.mktemp(name) / "cache"))
