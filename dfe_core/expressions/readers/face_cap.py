"""Face Cap (Bannaflak): the text recording of its iPhone app.

Lines begin with ``info``, ``bs`` (names of the coefficients) or ``k`` (a frame: time in ms, head position xyz, head
angles xyz, left and right eye angles xy, the coefficients).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dfe_core.errors import DataError
from dfe_core.expressions.readers.arkit_columns import arkit_indices, arkit_recording
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.text_table import MAX_LINE_BYTES, TextTable
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import from_times

FORMAT = "face-cap"
TITLE = "Face Cap text"
EXTRACTOR = "face-cap"
POSE = tuple("HeadX HeadY HeadZ HeadPitch HeadYaw HeadRoll LeftEyePitch LeftEyeYaw RightEyePitch RightEyeYaw".split())
"""Columns between time and coefficients, kept beside ψ: the position as the file has it, angles in degrees."""
_MOST_LINES = 200  # before the first frame


def sniff(path: Path, head: bytes) -> str | None:
    lines = head.removeprefix(b"\xef\xbb\xbf").splitlines()
    marks = [line.split(b",", 1)[0].strip() for line in lines[:_MOST_LINES]]
    return "its lines bs and k" if b"bs" in marks and set(marks) <= {b"info", b"bs", b"k", b""} else None


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording: the coefficients under ARKit's names, head and eye angles as extras."""
    names, preamble = _names(path)
    header = ("k", "time_ms", *POSE, *names)
    columns = arkit_indices(header, path)
    table = TextTable(path=path, header=header, preamble=preamble, delimiter=",", decimal=".", encoding="utf-8")
    beside = {name: 2 + i for i, name in enumerate(POSE)}
    data, dropped = table.read([1, *beside.values(), *columns.values()], [0])
    _only_frames(path, data[0], preamble)
    timing = from_times(data[1] / 1000, str(path), preamble + 1)
    psi = np.stack([data[i].astype(np.float32) for i in columns.values()], 1)
    extras = {name: data[i].astype(np.float32) for name, i in beside.items()}
    return [arkit_recording(path, psi, tuple(columns), timing, FORMAT, extras, dropped)]


def _names(path: Path) -> tuple[list[str], int]:
    """Names of the coefficients, and the lines before the first frame."""
    try:
        with open(path, "rb") as handle:
            lines = handle.read(MAX_LINE_BYTES).decode("utf-8-sig", "replace").splitlines()
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
    marks = [line.split(",", 1)[0].strip() for line in lines]
    if "k" not in marks:
        raise DataError(path, "no line k", "one line per frame, beginning with k")
    first = marks.index("k")
    if "bs" not in marks[:first]:
        raise DataError(path, "no line bs before the first frame", "the names of the coefficients")
    return [name.strip() for name in lines[marks.index("bs")].split(",")[1:]], first


def _only_frames(path: Path, marks: pa.Array, preamble: int) -> None:
    other = pc.not_equal(pc.fill_null(pc.utf8_trim_whitespace(marks), ""), "k").to_numpy(zero_copy_only=False)
    if other.any():
        row = int(other.argmax())
        raise DataError(f"{path}, line {preamble + row + 1}", f"{str(marks[row])[:20]!r} at its start", "k, a frame")
