"""Who listens to progress at the command line: a bar for a person, JSON lines for a program, or nobody."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import Any, TextIO

from dfe_core.progress import Progress

_JSON_INTERVAL_S = 0.1
_LINE_INTERVAL_S = 15.0


class Silent:
    """Says nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, progress: Progress) -> None:
        return None


class JsonLines(Silent):
    """One JSON object a line: the fields of `Progress`. At most ten a second, first and last of a task always."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self._task, self._next = stream, "", 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.task == self._task and progress.done != progress.total and now < self._next:
            return
        self._task, self._next = progress.task, now + _JSON_INTERVAL_S
        print(json.dumps(asdict(progress), default=str), file=self.stream, flush=True)


class Bars(Silent):
    """A bar for each task, with rate, time left and the figures of the last report."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self._bar, self._task = stream, None, None

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, progress: Progress) -> None:
        if progress.task != self._task:
            self._close()
            self._bar, self._task = self._open(progress), progress.task
        self._bar.total = progress.total or None
        self._bar.set_postfix_str(_postfix(progress), refresh=False)
        self._bar.update(progress.done - self._bar.n)
        if progress.total and progress.done >= progress.total:
            self._bar.refresh()

    def _open(self, progress: Progress) -> Any:
        from tqdm import tqdm
        terminal = self.stream.isatty()
        return tqdm(total=progress.total or None, desc=progress.task, file=self.stream, dynamic_ncols=terminal,
                    ncols=None if terminal else 100, mininterval=0.1 if terminal else _LINE_INTERVAL_S,
                    miniters=1 if terminal else None, smoothing=0.1, leave=True)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = self._task = None


def listener(kind: str, stream: TextIO | None = None) -> Silent:
    """The listener of ``--progress bar|json|none``, on stderr by default."""
    stream = stream or sys.stderr
    return {"bar": Bars, "json": JsonLines}[kind](stream) if kind != "none" else Silent()


def _postfix(progress: Progress) -> str:
    """The detail and those figures that are single values, short."""
    parts = [progress.detail] if progress.detail else []
    for name, value in progress.figures.items():
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            continue
        parts.append(f"{name.replace('_', ' ')} {value:.4g}" if isinstance(value, float) else f"{name} {value}")
    return ", ".join(parts)
