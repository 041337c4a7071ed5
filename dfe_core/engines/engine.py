"""What an engine is, and how one is opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Protocol, TypeVar

from dfe_core.engines.reporting import hearing
from dfe_core.errors import DataError
from dfe_core.progress import Listener, Progress, silent

G = TypeVar("G")
S = TypeVar("S")
R = TypeVar("R")
ENGINES = ("local", "processes", "ray")
"""In this process; in several of this machine; on the nodes of a Ray cluster."""


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Where work is done.

    engine: of `ENGINES`. workers: how many groups are worked on at once (None: one a core of the machine or cluster,
    and one a GPU of what computes there).
    address: of a Ray cluster that runs (``auto``: the one of this machine); None starts one here for the time of the
    work, which no other machine can reach.
    """

    engine: str = "local"
    workers: int | None = None
    address: str | None = None


class Engine(Protocol):
    """Runs a function on groups of recordings.

    name: of `ENGINES`. workers: how many groups are worked on at once.
    """

    @property
    def name(self) -> str: ...

    @property
    def workers(self) -> int: ...

    def map(
        self,
        function: Callable[[G, S], R],
        groups: Sequence[G],
        shared: S,
        *,
        sizes: Sequence[int] | None = None,
        task: str = "",
        progress: Listener = silent,
        gpus: Callable[[], int] | None = None,
    ) -> Iterator[R]:
        """``function(group, shared)`` of each group, in the order of the groups.

        A group whose worker dies is begun again, by itself. Few results wait at a time, however many groups there are.

        Parameters
        ----------
        function: of a module, so that a worker can import it; what it gives depends on its arguments alone.
        groups: plain values, as names of recordings. shared: what they have in common: names, settings, the root.
        sizes: of each group, for the progress (default: 1). task: the name that progress is told under.
        progress: told when a group is done; in this process also of what `report_part` says.
        gpus: for a function that computes on the device that holds: how many GPUs workers of this machine share
        (`devices.gpus_of_workers`). Where there are some, and no number of workers was asked for, each has one.

        Raises
        ------
        Exception
            What the function raises, of the same type, a `DataError` with its parts.
        DataError
            For a group whose workers die again and again.
        """


class LocalEngine:
    """One group after the other, in this process."""

    name = "local"
    workers = 1

    def map(
        self,
        function: Callable[[G, S], R],
        groups: Sequence[G],
        shared: S,
        *,
        sizes: Sequence[int] | None = None,
        task: str = "",
        progress: Listener = silent,
        gpus: Callable[[], int] | None = None,
    ) -> Iterator[R]:
        counted = Counted(sizes, len(groups), task, progress)
        for i, group in enumerate(groups):
            with hearing(counted.part):
                result = function(group, shared)
            counted.finished(i)
            yield result


LOCAL = LocalEngine()


class Counted:
    """Progress of a map, in the unit of its sizes."""

    def __init__(self, sizes: Sequence[int] | None, groups: int, task: str, progress: Listener) -> None:
        self._sizes = list(sizes) if sizes is not None else [1] * groups
        self._task, self._progress = task, progress
        self._done, self._total = 0, sum(self._sizes)

    def part(self, done: int, detail: str) -> None:
        """A part of the group that is worked on is done."""
        self._progress(Progress(task=self._task, done=self._done + done, total=self._total, detail=detail))

    def finished(self, group: int) -> None:
        """A group is done."""
        self._done += self._sizes[group]
        if self._task:
            self._progress(Progress(task=self._task, done=self._done, total=self._total))


def open_engine(options: EngineOptions) -> AbstractContextManager[Engine]:
    """The engine that is asked for, for the time of a block.

    Raises `DataError` for an unknown one, for options that it does not have, and where Ray is not installed or its
    cluster not reached.
    """
    if options.engine not in ENGINES:
        raise DataError(f"--engine {options.engine}", "no such engine", ", ".join(ENGINES))
    if options.address is not None and options.engine != "ray":
        raise DataError("--address", f"with --engine {options.engine}", "--engine ray")
    if options.workers is not None and options.workers < 1:
        raise DataError(f"--workers {options.workers}", "no worker", "1 or more")
    if options.engine == "local":
        if options.workers is not None and options.workers > 1:
            raise DataError("--workers", "with --engine local, which is one process", "--engine processes or ray")
        return nullcontext(LOCAL)
    if options.engine == "ray":
        from dfe_core.engines.ray_engine import open_ray

        return open_ray(options.workers, options.address)
    return _processes(options.workers)


@contextmanager
def _processes(workers: int | None) -> Iterator[Engine]:
    from dfe_core.engines.processes import ProcessEngine

    engine = ProcessEngine(workers)
    try:
        yield engine
    finally:
        engine.close()


def cores() -> int:
    """The cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    return len(affinity(0)) if affinity else os.cpu_count() or 1
