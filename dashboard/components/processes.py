"""`dfe` commands as background jobs of one server: started once for each thing they make, watched, and stopped.

They report as JSON lines on stderr (``--progress json``). Knows no Streamlit.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 5.0


@dataclass(eq=False)
class Job:
    """One run of a command. `report`: its last line of progress; `lines`: the last lines it said otherwise."""

    key: str
    title: str
    process: subprocess.Popen[str]
    started: float = field(default_factory=time.monotonic)
    report: dict[str, Any] = field(default_factory=dict)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=40))
    stopped: bool = False

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    @property
    def done(self) -> bool:
        """Whether it ended well."""
        return self.process.poll() == 0

    @property
    def share(self) -> float | None:
        """Share of the whole job that is done, 0 … 1; None where that is not known."""
        if (overall := self.report.get("overall")) is not None:
            return min(max(float(overall), 0.0), 1.0)
        total = self.report.get("total") or 0
        return min(self.report.get("done", 0) / total, 1.0) if total else None

    @property
    def fault(self) -> str:
        """Its own ``error:`` line, or the last thing it said, or its exit code."""
        errors = [line for line in self.lines if line.startswith("error:")] or list(self.lines)
        return errors[-1].removeprefix("error:").strip() if errors else f"Exit code {self.process.poll()}."

    def stop(self) -> None:
        """Interrupt it as Ctrl-C does; what does not end within seconds is killed."""
        self.stopped = True
        if self.running:
            self.process.terminate()
            threading.Thread(target=self._make_sure, daemon=True).start()

    def _make_sure(self) -> None:
        try:
            self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Jobs:
    """At most one running job for each key. They end with this process."""

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "train")) -> None:
        self._command = command
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        atexit.register(self.stop_all)

    def start(self, key: str, title: str, *arguments: str, command: tuple[str, ...] | None = None) -> Job:
        """Start ``dfe ARGUMENTS``, or another `command` that reports in the same way, unless the job `key` is
        running; returns the one that runs."""
        line = [*command, *arguments] if command else [*self._command, *arguments, "--progress", "json"]
        with self._lock:
            job = self._jobs.get(key)
            if job is None or not job.running:
                job = self._jobs[key] = _launch(key, title, line)
            return job

    def get(self, key: str) -> Job | None:
        """The latest job of this key, running or ended."""
        return self._jobs.get(key)

    def running(self) -> list[Job]:
        """The jobs that have not ended."""
        return [job for job in list(self._jobs.values()) if job.running]

    def forget(self, key: str) -> None:
        """Drop an ended job, so that its outcome is shown no more."""
        with self._lock:
            if (job := self._jobs.get(key)) is not None and not job.running:
                del self._jobs[key]

    def stop_all(self) -> None:
        """Stop every running job."""
        for job in self.running():
            job.stop()


def parse(line: str) -> dict[str, Any] | None:
    """A line of progress as a dict with at least a task; None for anything else."""
    if not line.startswith("{"):
        return None
    try:
        report = json.loads(line)
    except json.JSONDecodeError:
        return None
    return report if isinstance(report, dict) and "task" in report else None


def _launch(key: str, title: str, command: list[str]) -> Job:
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
                               env={**os.environ, **_absolute_cache(), "PYTHONPATH": path})
    job = Job(key, title, process)
    threading.Thread(target=_read, args=(job,), daemon=True).start()
    return job


def _absolute_cache() -> dict[str, str]:
    """$DFE_CACHE as seen from another folder."""
    given = os.environ.get("DFE_CACHE")
    return {"DFE_CACHE": str(Path(given).expanduser().resolve())} if given else {}


def _read(job: Job) -> None:
    assert job.process.stderr is not None
    with job.process.stderr as said:
        for line in said:
            report = parse(line)
            if report is not None:
                job.report = report
            elif line.strip():
                job.lines.append(line.strip())
