"""Several processes of this machine, each with a queue of its own: one that dies takes one group with it, no more."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait as wait_for
from types import ModuleType
from typing import Any

from dfe_core.devices import WORKER
from dfe_core.engines.engine import Counted, G, R, S, cores
from dfe_core.engines.task import ATTEMPTS, pack, unpack, work
from dfe_core.errors import DataError
from dfe_core.progress import Listener, silent

ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Variables by which libraries take one thread: there is a worker for every core already."""
_WAITING = 2
"""Results a worker that may wait for one before them."""


class ProcessEngine:
    """So many processes, started when they are first needed; None: one for each core, and of those that compute on GPUs
    one for each of these."""

    name = "processes"

    def __init__(self, workers: int | None = None) -> None:
        self.workers, self._asked = workers or cores(), workers is not None
        self._pools: list[ProcessPoolExecutor] = []

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
        counted, call = Counted(sizes, len(groups), task, progress), pack(function, shared)
        at_once = self._at_once(gpus)
        self._start(min(at_once, len(groups)))
        free, attempts = list(range(min(at_once, len(self._pools)))), [0] * len(groups)
        running: dict[Future[bytes], tuple[int, int]] = {}
        found: dict[int, bytes] = {}
        waiting, given = list(range(len(groups)))[::-1], 0
        try:
            while given < len(groups):
                while waiting and free and waiting[-1] < given + (1 + _WAITING) * at_once:
                    i, pool = waiting.pop(), free.pop()
                    attempts[i] += 1
                    running[self._pools[pool].submit(work, call, groups[i])] = i, pool
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    i, pool = running.pop(future)
                    free.append(pool)
                    try:
                        found[i] = future.result()
                        counted.finished(i)
                    except BrokenProcessPool:
                        self._pools[pool] = self._new_pool(pool)
                        if attempts[i] >= ATTEMPTS:
                            raise lost(groups[i]) from None
                        waiting.append(i)
                        waiting.sort(reverse=True)
                while given in found:
                    yield unpack(found.pop(given))
                    given += 1
        finally:
            if running:  # an error, or nobody wants the rest
                self.close(at_once=True)

    def _at_once(self, gpus: Callable[[], int] | None) -> int:
        """A process on a GPU takes memory of it before it computes anything: more than one on each gain little."""
        return (gpus() if gpus is not None and not self._asked else 0) or self.workers

    def _start(self, count: int) -> None:
        while len(self._pools) < count:
            self._pools.append(self._new_pool(len(self._pools)))

    def _new_pool(self, number: int) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(number,))
        with _one_thread(), _without_main():
            pool.submit(os.getpid)  # the process starts now, and takes the environment with it
        return pool

    def close(self, *, at_once: bool = False) -> None:
        """End the processes; at_once: in the middle of their work."""
        for pool in self._pools:
            if at_once:
                for process in list((getattr(pool, "_processes", None) or {}).values()):
                    process.kill()
            pool.shutdown(wait=True, cancel_futures=True)
        self._pools = []


def lost(group: Any) -> DataError:
    """The error of a group that no worker survives."""
    name = str(group)
    return DataError(
        name if len(name) < 200 else f"{name[:200]} …",
        f"the process that worked on it ended {ATTEMPTS} times without a result",
        "more memory for each worker, or fewer workers (--workers)",
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _without_main() -> Iterator[None]:
    """Start a process that does not run the script again which started this one: what workers call is in modules, and a
    script without ``if __name__ == "__main__"`` would begin everything again in each of them."""
    main = sys.modules.get("__main__")
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        if main is not None:
            sys.modules["__main__"] = main


def _begin(number: int) -> None:
    """In a new process, the worker of this number: Ctrl-C is for the one that started it, with which it ends, however
    that ends."""
    os.environ[WORKER] = str(number)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        wait_for([parent.sentinel])
        os._exit(1)
