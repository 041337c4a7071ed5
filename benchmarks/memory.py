"""The most memory that this process itself held, watched while it works."""

from __future__ import annotations

import resource
import sys
import threading
from pathlib import Path

EVERY_S = 0.02


class PeakMemory:
    """The largest memory of this process so far, MB. own: without pages of mapped files where the system tells them
    apart (Linux), as it takes those back whenever it needs them; mapped: those pages, 0 elsewhere."""

    def __init__(self) -> None:
        self.own = self.mapped = 0.0
        self._sample()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        pause = threading.Event()  # never set: the thread ends with the process
        while not pause.wait(EVERY_S):
            self._sample()

    def _sample(self) -> None:
        own, mapped = now()
        self.own, self.mapped = max(self.own, own), max(self.mapped, mapped)


def now() -> tuple[float, float]:
    """(own, mapped) MB at this moment."""
    status = Path("/proc/self/status")
    if not status.is_file():
        record = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return record / (1024**2 if sys.platform == "darwin" else 1024), 0.0
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return int(lines["RssAnon"].split()[0]) / 1024, int(lines["RssFile"].split()[0]) / 1024
