"""Who listens to progress at the command line: a bar for a person, JSON lines for a program, or nobody."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

from dfe_core.progress import Progress, TimeLeft

from .tables import duration

if TYPE_CHECKING:
    from tqdm import tqdm

WHOLE = ("overall", "eta_s", "step", "steps")
"""Figures that speak of the whole work and not of the task at hand: share done, seconds left, step of how many."""

WHOLE_TASKS = ("encoding", "extract", "simulate")
"""Tasks that take nearly all the time of their command, each unit about as long as the next: their time left is that
of the work. Of others no time is given, for the tasks after them are not known."""

_JSON_INTERVAL_S = 0.1
_LINE_INTERVAL_S = 15.0
_FIRST = ("rmse_mm", "perplexity", "utilisation")
_BAR = "{desc}: {percentage:3.0f}%|{bar:16}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]{postfix}"


class Silent:
    """Says nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, progress: Progress) -> None:
        return None


class JsonLines(Silent):
    """One JSON object a line: the fields of `Progress`, `eta_s` (seconds left of all the work, null where no estimate
    of it holds) and, for work of several steps, those of `WHOLE`. At most ten a second, first and last of a task
    always.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream, self._task, self._next, self._begun, self._time = stream, "", 0.0, 0.0, TimeLeft()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.task != self._task:
            self._task, self._begun, self._time = progress.task, now, TimeLeft()
        elif progress.done != progress.total and now < self._next:
            return
        self._next = now + _JSON_INTERVAL_S
        line = {**asdict(progress), "eta_s": self._left(progress, now)}
        line |= {name: line["figures"].pop(name) for name in WHOLE if name in line["figures"]}
        print(json.dumps(line, default=str), file=self.stream, flush=True)

    def _left(self, progress: Progress, now: float) -> float | None:
        """Seconds left where the task is all of the work: what comes after another one is not known."""
        if not progress.total or progress.task not in WHOLE_TASKS:
            return None
        left = self._time.of(progress.done / progress.total, now - self._begun)
        return None if left is None else round(left, 1)


class Bars(Silent):
    """A bar for each task, with rate, time left and the figures of the last report."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._bar: tqdm | None = None
        self._task = ""

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, progress: Progress) -> None:
        bar = self._bar_of(progress)
        bar.total = progress.total or None
        bar.set_postfix_str(_postfix(progress), refresh=False)
        bar.update(progress.done - bar.n)
        if progress.total and progress.done >= progress.total:
            bar.refresh()

    def _bar_of(self, progress: Progress) -> tqdm:
        """The bar of the report's task: the one that is open, or a new one."""
        if self._bar is None or progress.task != self._task:
            self._close()
            self._bar, self._task = self._open(progress), progress.task
        return self._bar

    def _open(self, progress: Progress) -> tqdm:
        from tqdm import tqdm

        terminal = self.stream.isatty()
        return tqdm(
            total=progress.total or None,
            desc=progress.task,
            file=self.stream,
            dynamic_ncols=terminal,
            bar_format=_BAR if progress.total else None,
            mininterval=0.1 if terminal else _LINE_INTERVAL_S,
            miniters=1,
            smoothing=0.1,
            leave=True,
        )

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def listener(kind: str, stream: TextIO | None = None) -> Silent:
    """The listener of ``--progress bar|json|none``, on stderr by default."""
    stream = stream or sys.stderr
    return {"bar": Bars, "json": JsonLines}[kind](stream) if kind != "none" else Silent()


def _postfix(progress: Progress) -> str:
    """The detail, the time left of the whole, and those figures that are single values, the telling ones first."""
    parts = [progress.detail] if progress.detail else []
    if "eta_s" in progress.figures:
        parts.append(f"{duration(progress.figures['eta_s'])} left in all")
    shown = [name for name in progress.figures if name not in WHOLE and name.split("_")[0] not in progress.detail]
    for name in sorted(shown, key=lambda n: _FIRST.index(n) if n in _FIRST else len(_FIRST)):
        value = progress.figures[name]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            parts.append(f"{name.replace('_', ' ')} {value:.3g}")
    return ", ".join(parts)
