"""`dfe` commands as jobs of another program: started, watched through their JSON progress, and stopped.

The dashboard runs what takes long this way, so that a page never blocks and a crash of a job is not one of the page.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from dfe_core.progress import Progress
from dfe_core.store import cache_root

_TAIL = 1 << 16
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class JobState:
    """A job as it is now. `code`: its exit code, None while it runs. `error`: its one line, where it failed."""

    running: bool
    code: int | None
    progress: Progress | None
    error: str
    output: str
    seconds: float

    @property
    def done(self) -> bool:
        """Whether it ended well."""
        return self.code == 0

    @property
    def fraction(self) -> float | None:
        """Share of the whole job that is done, 0 … 1; None where that is not known."""
        if self.progress is None:
            return None
        whole = self.progress.figures.get("overall")
        if isinstance(whole, (int, float)):
            return min(max(float(whole), 0.0), 1.0)
        return min(self.progress.done / self.progress.total, 1.0) if self.progress.total else None


@dataclass(eq=False)
class Job:
    """One run of a `dfe` command. `key`: what it makes; `title`: for people; `arguments`: after ``dfe``."""

    key: str
    title: str
    arguments: tuple[str, ...]
    folder: Path
    process: subprocess.Popen
    started: float = field(default_factory=time.time)
    _ended: float | None = None

    def state(self) -> JobState:
        """What the job has said so far."""
        code = self.process.poll()
        if code is not None and self._ended is None:
            self._ended = time.time()
        lines = _tail(self.folder / "stderr").splitlines()
        return JobState(code is None, code, _last_progress(lines), _error(lines, code),
                        _tail(self.folder / "stdout"), (self._ended or time.time()) - self.started)

    def stop(self) -> None:
        """Interrupt it as Ctrl-C does; what does not end within seconds is killed."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            try:
                self.process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


class Jobs:
    """The jobs of one server process: at most one running for each key. They end with the process."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root
        self._logs = tempfile.TemporaryDirectory(prefix="dfe-jobs-")
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        atexit.register(self.stop_all)

    def start(self, key: str, title: str, *arguments: str) -> Job:
        """Start ``dfe ARGUMENTS`` unless the job `key` is running; returns the one that runs."""
        with self._lock:
            current = self._jobs.get(key)
            if current is not None and current.process.poll() is None:
                return current
            self._jobs[key] = job = _launch(key, title, arguments, self._root or cache_root(), Path(self._logs.name))
            return job

    def get(self, key: str) -> Job | None:
        """The latest job of this key, running or ended."""
        return self._jobs.get(key)

    def running(self) -> list[Job]:
        """The jobs that have not ended."""
        return [job for job in list(self._jobs.values()) if job.process.poll() is None]

    def forget(self, key: str) -> None:
        """Drop an ended job, so that its outcome is shown no more."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.process.poll() is not None:
                del self._jobs[key]

    def stop_all(self) -> None:
        """Stop every running job."""
        for job in self.running():
            job.stop()


def _launch(key: str, title: str, arguments: tuple[str, ...], root: Path, logs: Path) -> Job:
    folder = Path(tempfile.mkdtemp(dir=logs))
    project = Path(__file__).resolve().parent.parent
    with open(folder / "stdout", "wb") as out, open(folder / "stderr", "wb") as errors:
        process = subprocess.Popen([sys.executable, "-m", "train", "--progress", "json", *arguments],
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=errors, cwd=project,
                                   env={**os.environ, "DFE_CACHE": str(root.resolve())}, start_new_session=True)
    return Job(key, title, arguments, folder, process)


def _tail(path: Path) -> str:
    """The last part of a log that may be long."""
    with open(path, "rb") as handle:
        handle.seek(max(0, path.stat().st_size - _TAIL))
        return handle.read().decode("utf-8", "replace")


def _last_progress(lines: list[str]) -> Progress | None:
    """The latest whole progress line."""
    for line in reversed(lines):
        if line.startswith("{"):
            try:
                return Progress(**json.loads(line))
            except (ValueError, TypeError):  # a line cut by the tail, or one that is being written
                continue
    return None


def _error(lines: list[str], code: int | None) -> str:
    """The job's own error line; for a job that died without one, what is known of its end."""
    if code in (None, 0):
        return ""
    said = next((line for line in reversed(lines) if line.startswith("error: ")), "")
    if said:
        return said.removeprefix("error: ")
    return "interrupted" if code in (130, -signal.SIGINT) else f"ended with exit code {code} and said nothing"
