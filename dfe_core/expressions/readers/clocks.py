"""When the rows of a table were: which columns say it, and what is done where they say nothing that can be true."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dfe_core.errors import DataError
from dfe_core.expressions.readers.column_names import FRAMES, column_of, time_column
from dfe_core.expressions.readers.options import FPS_RANGE, ROWS, ReadOptions, TimeColumn
from dfe_core.expressions.readers.text_table import MISSING, MOST_UNREADABLE
from dfe_core.expressions.readers.timecode import timecode_seconds
from dfe_core.expressions.timing import NoFrameRate, Timing, column_seconds, from_frames, from_rate, from_times

_TIMECODES = ("timecode", "smpte", "tc")
_NUMBER = re.compile(r"\d+(\.\d*)?")
_CLOCK = re.compile(r"\d{1,2}:\d{2}:\d{2}(?:[:;.,]\d+(?:\.\d+)?)?")
_DATE = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}[ T]\d{1,2}:|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}[ T]\d{1,2}:")


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """Columns of a table that tell time: of times (of numbers, or of text such as ``2024-05-01 12:00:00.033``),
    timecodes, and frame numbers; None where there is none. stated: what the user said of the time column."""

    header: tuple[str, ...]
    time: int | None = None
    wall: int | None = None
    code: int | None = None
    frame: int | None = None
    stated: TimeColumn | None = None

    @property
    def numbers(self) -> list[int]:
        """Columns to be read as numbers."""
        return [i for i in (self.time, self.frame) if i is not None]

    @property
    def texts(self) -> list[int]:
        """Columns to be read as text."""
        return [i for i in (self.wall, self.code) if i is not None]

    def moments(self, data: Mapping[int, Any]) -> np.ndarray | None:
        """(T,) what rows of one moment share: the frame number, else the time; None without a usable one."""
        for column in (self.frame, self.time):
            if (
                column is not None
                and np.isfinite(data[column]).any()
                and np.nanmin(data[column]) < np.nanmax(data[column])
            ):
                return data[column]
        return None


def clocks_of(header: Sequence[str], first: Sequence[str], options: ReadOptions, path: Path) -> Clocks:
    """The clocks of a table by its header and the cells of its first row.

    Raises `DataError` where the user named a column (`ReadOptions.time`) that is not there.
    """
    stated = options.time
    if stated is not None:
        column = column_of(header, (stated.column.lower().replace(" ", ""),))
        if column is None and stated.column.lower() != ROWS:
            raise DataError(
                f"{path}, --time {stated.column}",
                f"no such column among {', '.join(header[:6])} …",
                f"a column of times or frame numbers, or {ROWS}/RATE",
            )
        text = column is not None and _is_text(first, column)
        return Clocks(
            header=tuple(header),
            time=None if text else column,
            wall=column if text else None,
            code=None,
            frame=None,
            stated=stated,
        )
    time, code, frame = time_column(header), column_of(header, _TIMECODES), column_of(header, FRAMES)
    if time is None and code is not None and code < len(first) and _NUMBER.fullmatch(first[code].strip()):
        time, code = code, None  # Audio2Face's timeCode: seconds
    if time is not None and _is_text(first, time):
        return Clocks(header=tuple(header), time=None, wall=time, code=None, frame=frame)
    return Clocks(header=tuple(header), time=time, wall=None, code=code if time is None else None, frame=frame)


def timing_of(
    clocks: Clocks, data: Mapping[int, Any], rows: np.ndarray, options: ReadOptions, path: Path, first_line: int
) -> Timing:
    """Times of the rows of one face, by what the user says, else the file's times, timecodes, frame numbers or rows.

    Times count where they can be real ones (`FPS_RANGE`). Where they cannot (a counter, a column that stands still) the
    note says so, and the frame number, else the row, counts at the rate that the user gives. Raises `DataError` where
    no rate is to be had.
    """
    if clocks.stated is not None:
        return _stated(clocks, clocks.stated, data, rows, str(path), first_line)
    told: tuple[str, ...] = ()
    even = clocks.frame is not None and bool((np.diff(data[clocks.frame][rows]) > 0).all())
    if clocks.time is not None and len(rows) > 1:
        values = data[clocks.time][rows]
        seconds, unit = column_seconds(values, clocks.header[clocks.time])
        seconds = _numbered(clocks, data, rows, seconds)
        fault = _no_clock(values, seconds)
        if not fault:
            note = () if unit == "s" else (f"Times of column {clocks.header[clocks.time]} taken as {unit}.",)
            return from_times(seconds, str(path), first_line, even=even).noted(note)
        told = (f"Column {clocks.header[clocks.time]} {fault}, which is no real time: not used.",)
        if options.fps is None:
            raise NoFrameRate(
                f"{path}, column {clocks.header[clocks.time]}",
                f"{fault}, which is no real time",
                "times in seconds, or the video's frame rate (--fps, or --time COLUMN/RATE)",
            )
    for column, read in ((clocks.wall, _wall_seconds), (clocks.code, timecode_seconds)):
        if column is not None:
            seconds, notes = read(data[column].take(pa.array(rows)), path, first_line)
            return from_times(seconds, str(path), first_line, even=even).noted(notes)
    if clocks.frame is not None:
        numbers = data[clocks.frame][rows]
        if len(numbers) < 2 or np.nanmax(numbers, initial=0) > np.nanmin(numbers, initial=0):
            return from_frames(numbers, options.fps, str(path), first_line).noted(told)
        told += (f"Column {clocks.header[clocks.frame]} is {numbers[0]:g} in every row: the rows count.",)
    return from_rate(len(rows), options.fps, str(path)).noted(told)


def _numbered(clocks: Clocks, data: Mapping[int, Any], rows: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Seconds, NaN in the few rows that have no frame number where all others have one: sums and means that somebody
    wrote below the frames are no frames, whatever stands in the column of times."""
    if clocks.frame is None:
        return seconds
    lost = ~np.isfinite(data[clocks.frame][rows])
    return np.where(lost, np.nan, seconds) if 0 < lost.sum() <= MOST_UNREADABLE * len(lost) else seconds


def _stated(
    clocks: Clocks, stated: TimeColumn, data: Mapping[int, Any], rows: np.ndarray, where: str, first_line: int
) -> Timing:
    """Times by the column that the user names, and its counts a second."""
    if clocks.wall is not None:
        seconds, told = _wall_seconds(data[clocks.wall].take(pa.array(rows)), Path(where), first_line)
        return from_times(seconds, where, first_line).noted(told)
    if clocks.time is None:
        return from_rate(len(rows), stated.rate, where)
    values = data[clocks.time][rows]
    if stated.rate is not None:
        seconds = values / stated.rate
        return from_times(seconds, where, first_line).noted(
            (f"Times of column {stated.column} at {stated.rate:g} counts a second, as given.",)
        )
    seconds, unit = column_seconds(values, stated.column)
    return from_times(seconds, where, first_line).noted((f"Times of column {stated.column} taken as {unit}.",))


def _no_clock(values: np.ndarray, seconds: np.ndarray) -> str:
    """What is wrong with a column of times as a whole, empty where they can be real."""
    finite = seconds[np.isfinite(seconds)]
    if not len(finite):
        return "is empty"
    steps = np.diff(np.unique(finite))
    if not len(steps):
        return f"is {values[np.isfinite(values)][0]:g} in every row"
    each = float(np.median(steps)) * len(steps) / max(1, len(finite) - 1)
    if not (FPS_RANGE[0] <= 1 / np.median(steps) <= FPS_RANGE[1] or FPS_RANGE[0] <= 1 / each <= FPS_RANGE[1]):
        return f"rises by {np.median(steps):g} s a frame ({1 / np.median(steps):.4g} frames a second)"
    if np.median(steps) == 1 and len(steps) == len(finite) - 1 and (finite == np.rint(finite)).all():
        return "rises by 1 a row"
    return ""


def _is_text(first: Sequence[str], column: int) -> bool:
    cell = first[column].strip() if column < len(first) else ""
    return cell not in MISSING and bool(_CLOCK.match(cell) or _DATE.match(cell))


def _wall_seconds(values: pa.Array, path: Path, first_line: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Seconds of clock times (``12:00:01.033``) or dates with times; NaN for what is neither."""
    import pandas as pd

    given = next((v.as_py() for v in values if v.is_valid and v.as_py().strip()), "")
    if not _DATE.match(given.strip()):
        return timecode_seconds(values, path, first_line)
    moments = pd.to_datetime(
        pd.Series(values.to_pylist()),
        errors="coerce",
        utc=True,
        format="ISO8601" if given.strip()[:4].isdigit() else "mixed",
    )
    seconds = (moments - moments.min()).dt.total_seconds().to_numpy(np.float64)
    return seconds, ("Dates and times of a clock.",)
