"""One task of an engine: a function on one group, in a worker, and its result or its error on the way back.

Results travel as bytes of `pickle`, made by our own functions on machines that the user named: what `ray.get` gives by
itself are arrays that cannot be written to, so that the same code would do other things on a cluster.
"""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dfe_core.integrity import believe, checked_states

ATTEMPTS = 4
"""How often a group is begun whose worker dies; an error that the function raises is never tried again."""


class WorkerTraceback(Exception):
    """The cause of an error that was raised in a worker: its text is the traceback there."""

    def __str__(self) -> str:
        return "\n" + str(self.args[0])


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a worker is given.

    function: of a module that the worker can import. shared: bytes of what all groups share. folder: the folder that
    paths are relative to. checked: files that need no checking (`integrity.believe`).
    """

    function: Callable[[Any, Any], Any]
    shared: bytes
    folder: str
    checked: dict[str, tuple[int, int, int]]


@dataclass(frozen=True, kw_only=True)
class _Failed:
    error: Exception
    trace: str


def pack(function: Callable[[Any, Any], Any], shared: Any) -> bytes:
    """A `Call`, as bytes. Raises `ValueError` for a function that no other process can import."""
    if "<" in function.__qualname__ or function.__module__ == "__main__":
        raise ValueError(f"{function.__module__}.{function.__qualname__} is no function of a module")
    return pickle.dumps(
        Call(function=function, shared=pickle.dumps(shared, protocol=5), folder=os.getcwd(), checked=checked_states()),
        protocol=5,
    )


def work(call: bytes, group: Any) -> bytes:
    """In a worker: what the function gives for this group, or the error that it raised, as bytes."""
    try:
        function, shared = _opened(call)
        return pickle.dumps(function(group, shared), protocol=5)
    except Exception as error:  # noqa: BLE001 - raised again by `unpack`, where somebody waits for it
        return _failure(error, traceback.format_exc())


def unpack(result: bytes) -> Any:
    """What `work` sent. Raises the error that the function raised, of the same type, its traceback as the cause."""
    found = pickle.loads(result)
    if isinstance(found, _Failed):
        raise found.error from WorkerTraceback(found.trace)
    return found


@lru_cache(maxsize=1)
def _opened(call: bytes) -> tuple[Callable[[Any, Any], Any], Any]:
    found: Call = pickle.loads(call)
    believe(found.checked)
    if os.path.isdir(found.folder):
        os.chdir(found.folder)
    return found.function, pickle.loads(found.shared)


def _failure(error: Exception, trace: str) -> bytes:
    """An error that cannot travel goes as its text."""
    try:
        packed = pickle.dumps(_Failed(error=error, trace=trace), protocol=5)
        pickle.loads(packed)
    except Exception:  # noqa: BLE001 - whatever an error's own pickling raises
        told = RuntimeError(f"{type(error).__name__}: {error}")
        return pickle.dumps(_Failed(error=told, trace=trace), protocol=5)
    return packed
