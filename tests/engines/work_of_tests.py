"""Functions that tests give to engines; workers import them by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.engines import Engine, report_part
from dfe_core.errors import DataError


class TwoPartError(Exception):
    """An error that `pickle` cannot bring back."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)
        self.two = two


def squares(group: tuple[int, ...], power: int) -> np.ndarray:
    report_part(1, f"half of {group}")
    return np.array(group, float) ** power


def change(group: int, shared: np.ndarray) -> np.ndarray:
    shared[0] = group
    return shared


def refuse(group: int, shared: str) -> int:
    if group == 2:
        raise DataError(f"{shared}/take{group}.csv", "no column", "one of them")
    if group == 3:
        raise TwoPartError("one", "two")
    if group == 4:
        return [][group]
    return group


def die_once(group: int, folder: str) -> int:
    """Notes every begin; group 3 is ended in the middle by kill -9, the first time."""
    with Path(folder, f"{group}.begun").open("a") as file:
        file.write(f"{os.getpid()}\n")
    if group == 3 and not (mark := Path(folder, "killed")).exists():
        mark.touch()
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return group * 10


class Killing:
    """An engine whose worker on the second group is ended by kill -9 in the middle of it, the first time."""

    name = "killing"

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.workers, self.folder = engine, engine.workers, str(folder)

    def map(self, function: Callable, groups: Sequence, shared: Any, **_: Any) -> Iterator[Any]:
        numbered = [(i, one, function, self.folder) for i, one in enumerate(groups)]
        return self.engine.map(begin_and_work, numbered, shared)


def begin_and_work(group: tuple[int, Any, Callable, str], shared: Any) -> Any:
    number, own, function, folder = group
    with Path(folder, f"{number}.begun").open("a") as file:
        file.write(f"{os.getpid()}\n")
    if number == 1 and not (mark := Path(folder, "killed")).exists():
        mark.touch()
        from dfe_core.tokens import encoding_parts  # torch: not in the other processes, which have no use for it

        encoding_parts.token_writer = _killed_while_writing
    return function(own, shared)


def _killed_while_writing(folder: Path, *_: object) -> None:
    Path(folder, "tokens.parquet").write_bytes(b"half of a part")
    os.kill(os.getpid(), signal.SIGKILL)


def always_die(group: int, _: None) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return group


def here(_: int, __: None) -> tuple[int, str, dict[str, str]]:
    return os.getpid(), os.getcwd(), dict(os.environ)
