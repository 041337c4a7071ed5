"""A take: what a live source sent, written frame by frame as a file that `dfe import` reads as any other.

Coefficients are written as they came, with nothing taken off: the import finds the resting face by itself where it is
asked to (``--rest remove``). Frames without a face are rows without values.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.mediapipe import POSE_COLUMNS as POSE
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.live.live_link_packets import NAMES as LIVE_LINK_NAMES
from dfe_core.live.source_frame import SourceFrame, arkit_place

_COUNTS = 60  # a second of a timecode, as the app counts
_PLACES = [arkit_place(name) for name in LIVE_LINK_NAMES[:52]]


@dataclass(frozen=True, kw_only=True)
class TakeLayout:
    """A file format of takes: its columns, and the cells of one row."""

    columns: tuple[str, ...]
    cells: Callable[[int, float, SourceFrame], list[str]]


def _number(value: float) -> str:
    return f"{value:.9g}"  # what brings a float32 back as it was


def _live_link_cells(_: int, time_s: float, frame: SourceFrame) -> list[str]:
    whole = int(time_s)
    clock = f"{whole // 3600 % 24:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{(time_s - whole) * _COUNTS:06.3f}"
    if frame.values is None:
        return [clock, "0", *[""] * len(LIVE_LINK_NAMES)]
    angles = dict(zip(POSE, frame.pose or (0.0, 0.0, 0.0), strict=True))
    beside = [angles.get(name, 0.0) for name in LIVE_LINK_NAMES[52:]]
    values = [float(frame.values[place]) for place in _PLACES]
    return [clock, str(len(LIVE_LINK_NAMES)), *map(_number, (*values, *beside))]


def _arkit_cells(number: int, time_s: float, frame: SourceFrame) -> list[str]:
    lost = frame.values is None
    values = [""] * len(ARKIT_NAMES) if frame.values is None else [_number(float(v)) for v in frame.values]
    return [str(number), f"{time_s:.6f}", "0" if lost else "1", *values]


def _mediapipe_cells(number: int, time_s: float, frame: SourceFrame) -> list[str]:
    pose = [""] * len(POSE) if frame.pose is None else [_number(angle) for angle in frame.pose]
    if frame.values is None:
        return [str(number), f"{time_s:.6f}", *[""] * len(ARKIT_NAMES), *pose]
    return [str(number), f"{time_s:.6f}", "0", *[_number(float(v)) for v in frame.values[:-1]], *pose]


LAYOUTS = {
    "live-link-face": TakeLayout(columns=("Timecode", "BlendShapeCount", *LIVE_LINK_NAMES), cells=_live_link_cells),
    "arkit": TakeLayout(columns=("frame", "time_s", "success", *ARKIT_NAMES), cells=_arkit_cells),
    "mediapipe": TakeLayout(columns=("frame", "time_s", "_neutral", *ARKIT_NAMES[:-1], *POSE), cells=_mediapipe_cells),
}
"""Formats by the name of their reader or extractor."""


class TakeWriter:
    """Writes a take; a context manager. What was written is whole to the row wherever it is interrupted."""

    def __init__(self, path: Path, layout: str) -> None:
        self.path, self.layout, self.rows = path, LAYOUTS[layout], 0
        self._file: TextIO | None = None

    def __enter__(self) -> TakeWriter:
        try:
            self._file = open(self.path, "x", encoding="utf-8", newline="", buffering=1)
        except FileExistsError:
            raise DataError(self.path, "there is a file of this name", "a new name") from None
        except OSError as error:
            raise DataError(
                self.path, f"cannot be written ({os.strerror(error.errno or 0)})", "a folder of yours"
            ) from None
        self._file.write(",".join(self.layout.columns) + "\n")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, time_s: float, frame: SourceFrame) -> None:
        """Write one frame at its time in seconds of the take, 0 or more."""
        if self._file is None:
            raise RuntimeError("a take is written within its context")
        self._file.write(",".join(self.layout.cells(self.rows, max(time_s, 0.0), frame)) + "\n")
        self.rows += 1


def take_values(scores: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """(S,) float32 in the order of `ARKIT_NAMES` of scores by their names; 0 for what the tool has not."""
    out = np.zeros(len(ARKIT_NAMES), np.float32)
    for name, score in zip(names, scores, strict=True):
        if (place := arkit_place(name)) >= 0:
            out[place] = score
    return out
