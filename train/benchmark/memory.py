"""The most memory a block of code held, as the system counts it."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Peak:
    """grown: bytes by which the resident memory rose above where it was when the block began."""

    grown: int = 0


def give_back() -> None:
    """Give free memory back to the system, where that can be asked for: a block that used it again would not grow."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # of glibc
        trim(0)


@contextmanager
def peak_during() -> Iterator[Peak]:
    """Measure a block. On Linux the high-water mark is reset first; elsewhere only a new process-wide record counts."""
    peak, resettable = Peak(), Path("/proc/self/clear_refs")
    if resettable.exists():
        resettable.write_text("5")
    before = _resident() if resettable.exists() else _record()
    yield peak
    peak.grown = _record() - before


def _resident() -> int:
    return _status("VmRSS")


def _record() -> int:
    if Path("/proc/self/status").exists():
        return _status("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _status(key: str) -> int:
    line = next(text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith(key))
    return int(line.split()[1]) * 1024
