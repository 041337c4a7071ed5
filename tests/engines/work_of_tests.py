"""Functions that tests give to engines; workers import them by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from dfe_core.engines import report_part
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


def always_die(group: int, _: None) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return group


def here(_: int, __: None) -> tuple[int, str, dict[str, str]]:
    return os.getpid(), os.getcwd(), dict(os.environ)
