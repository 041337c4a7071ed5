"""`dfe` commands as background jobs of one server: started once for each thing they make, watched, and stopped.

They report as JSON lines on stderr (``--progress json``). Knows no Streamlit.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dfe_core.audit import PERSON
from dfe_core.progress import ENDS_WITH_STDIN

from .. import COMMAND_LINE

PROJECT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 5.0
_MEMORY_BYTES = 1.5e9
"""A second job at once waits for so much free memory."""


@dataclass(eq=False, kw_only=True)
class Job:
    """One run of a command. process: None while it waits for its turn. `report`: its last line of progress; `lines`:
    the last lines it said otherwise; failure: why it could not be started. person: who started it; empty where the
    server did, for everybody."""

    key: str
    title: str
    command: list[str]
    process: subprocess.Popen[str] | None = None
    started: float = field(default_factory=time.monotonic)
    report: dict[str, Any] = field(default_factory=dict)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=40))
    stopped: bool = False
    failure: str = ""
    person: str = ""

    @property
    def waiting(self) -> bool:
        """Whether it has not begun, for other jobs are running."""
        return self.process is None and not self.stopped and not self.failure

    @property
    def running(self) -> bool:
        """Whether it has not ended: it runs, or waits for its turn."""
        return self.waiting if self.process is None else self.process.poll() is None

    @property
    def done(self) -> bool:
        """Whether it ended well."""
        return self.process is not None and self.process.poll() == 0

    @property
    def share(self) -> float | None:
        """Share of the whole job that is done, 0 … 1; None where that is not known."""
        if (overall := self.report.get("overall")) is not None:
            return min(max(float(overall), 0.0), 1.0)
        total = self.report.get("total") or 0
        return min(self.report.get("done", 0) / total, 1.0) if total else None

    @property
    def fault(self) -> str:
        """Why it ended: in plain words where it was killed, else its own ``error:`` line, or the last thing it said, or
        its exit code."""
        if self.process is not None and (killed := killed_words(self.process.poll() or 0)):
            return killed
        errors = [line for line in self.lines if line.startswith("error:")] or list(self.lines)
        if errors or self.process is None:
            return errors[-1].removeprefix("error:").strip() if errors else self.failure
        return f"It ended with an error and said nothing (exit code {self.process.poll()})."

    def stop(self) -> None:
        """Interrupt it as Ctrl-C does; what does not end within seconds is killed."""
        self.stopped = True
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            threading.Thread(target=_make_sure, args=(self.process,), daemon=True).start()


class Jobs:
    """At most one job for each key, and at most `limit` at once: further ones wait for their turn in the order in which
    they were started, those of people before the server's own. They end with this process."""

    def __init__(
        self, command: tuple[str, ...] = (sys.executable, "-m", COMMAND_LINE), limit: int | None = None
    ) -> None:
        self._command = command
        self._limit = limit or max(1, (os.cpu_count() or 2) // 2)
        self._jobs: dict[str, Job] = {}
        self._lock = threading.RLock()
        _all.add(self)
        atexit.register(self.stop_all)

    def start(
        self, key: str, title: str, *arguments: str, command: tuple[str, ...] | None = None, person: str = ""
    ) -> Job:
        """Start ``dfe ARGUMENTS`` for a person, or another `command` that reports in the same way, unless the job
        `key` is running; returns the one that runs, which may be somebody else's."""
        line = [*command, *arguments] if command else [*self._command, *arguments, "--progress", "json"]
        with self._lock:
            job = self._jobs.get(key)
            if job is None or not job.running:
                self._jobs.pop(key, None)  # a new one goes to the end of the line
                job = self._jobs[key] = Job(key=key, title=title, command=line, person=person)
                self._advance()
            return job

    def place(self, job: Job) -> int:
        """How many waiting jobs come before this one, itself included; 0 when it does not wait."""
        waiting = self._waiting()
        return waiting.index(job) + 1 if job in waiting else 0

    def _waiting(self) -> list[Job]:
        """The jobs that have not begun, in the order of their turns: what people wait for before what nobody asked
        for."""
        return sorted((job for job in list(self._jobs.values()) if job.waiting), key=lambda job: not job.person)

    def _advance(self) -> None:
        """Start the next jobs, as many as there is room for: `limit` at once, and memory for more than one."""
        with self._lock:
            at_work = sum(job.running and not job.waiting for job in self._jobs.values())
            for job in self._waiting():
                if at_work < self._limit and (not at_work or free_bytes() > _MEMORY_BYTES):
                    _launch(job, self._advance)
                    at_work += 1

    def get(self, key: str) -> Job | None:
        """The latest job of this key, running or ended."""
        self._advance()  # memory may have become free
        return self._jobs.get(key)

    def running(self) -> list[Job]:
        """The jobs that have not ended."""
        return [job for job in list(self._jobs.values()) if job.running]

    def forget(self, key: str) -> None:
        """Drop an ended job, so that its outcome is shown no more."""
        with self._lock:
            if (job := self._jobs.get(key)) is not None and not job.running:
                del self._jobs[key]

    def stop_all(self, wait_s: float = 0.0) -> None:
        """Stop every running job; those that have not ended after `wait_s` seconds are killed."""
        with self._lock:
            jobs = self.running()
            for job in jobs:
                job.stop()
        until = time.monotonic() + wait_s
        for job in jobs:
            if job.process is not None and wait_s:
                try:
                    job.process.wait(max(0.0, until - time.monotonic()))
                except subprocess.TimeoutExpired:
                    job.process.kill()


KEPT = "What it had finished is kept: start it again to continue."
_SIGNALS = {
    signal.SIGTERM: "Something else on this machine asked it to end",
    signal.SIGINT: "Something else on this machine interrupted it",
    signal.SIGSEGV: "It crashed in a library (segmentation fault)",
    signal.SIGABRT: "It crashed in a library (abort)",
}


def killed_words(code: int) -> str:
    """Why a process with this exit code was ended from outside, for people; empty where it was not.

    code: of `Popen.poll`, negative for a signal, or above 128 as a shell reports one.
    """
    number = -code if code < 0 else code - 128 if 128 < code < 160 else 0
    if not number:
        return ""
    if number == getattr(signal, "SIGKILL", 9):
        return (
            "The system ended it, most likely because memory ran out. Close other programs, or choose fewer "
            f"recordings. {KEPT}"
        )
    words = next((text for known, text in _SIGNALS.items() if known == number), f"It was ended by signal {number}")
    return f"{words}. {KEPT}"


_all: weakref.WeakSet[Jobs] = weakref.WeakSet()


def are_using(folder: Path) -> bool:
    """Whether a job that has not ended was given a path in `folder`."""
    return any(str(folder) in argument for jobs in list(_all) for job in jobs.running() for argument in job.command)


def parse(line: str) -> dict[str, Any] | None:
    """A line of progress as a dict with at least a task; None for anything else."""
    if not line.startswith("{"):
        return None
    try:
        report = json.loads(line)
    except json.JSONDecodeError:
        return None
    return report if isinstance(report, dict) and "task" in report else None


def _launch(job: Job, ended: Callable[[], None]) -> None:
    """Start it. Its stdin is a pipe that this process holds: when this one ends, however it ends, so does the job."""
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    try:
        job.process = subprocess.Popen(
            job.command,
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, **_absolute_cache(), "PYTHONPATH": path, ENDS_WITH_STDIN: "1", PERSON: job.person},
        )
    except OSError as error:  # no more processes or memory
        job.failure = f"It could not be started ({error.strerror})."
        return
    threading.Thread(target=_read, args=(job, ended), daemon=True).start()


def _make_sure(process: subprocess.Popen[str]) -> None:
    """Kill what does not end within `_PATIENCE_S`."""
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()


def free_bytes() -> float:
    """Memory that new processes can have; infinite where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return float("inf")


def _absolute_cache() -> dict[str, str]:
    """$DFE_CACHE as seen from another folder."""
    given = os.environ.get("DFE_CACHE")
    return {"DFE_CACHE": str(Path(given).expanduser().resolve())} if given else {}


def _read(job: Job, ended: Callable[[], None]) -> None:
    assert job.process is not None and job.process.stderr is not None
    with job.process.stderr as said:
        for line in said:
            report = parse(line)
            if report is not None:
                job.report = report
            elif line.strip():
                job.lines.append(line.strip())
    job.process.wait()
    if job.process.stdin is not None:
        job.process.stdin.close()
    ended()
