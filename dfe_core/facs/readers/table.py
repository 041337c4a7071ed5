"""What the readers of tables share: headers, numbers, times, and the checks of AU columns. T frames, A AU columns."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.facs.table import normalise_au

LARGEST_FPS = 400.0
"""Timestamps that rise faster than this are counters, not time."""

_TOO_MANY_OUT = 0.05


@dataclass(frozen=True)
class ReadOptions:
    """What the user may say of a file.

    fps: of the source video; needed where a file has no usable time. min_confidence: frames below it are not measured.
    presence: which of OpenFace's two outputs decides presence, ``c`` (its classifier) or ``r`` (intensity ≥ 1).
    """

    fps: float | None = None
    min_confidence: float = 0.0
    presence: str = "c"

    def __post_init__(self) -> None:
        if self.fps is not None and not 1 <= self.fps <= 1000:
            raise DataError("fps", f"{self.fps:g}", "1 to 1000")
        if not 0 <= self.min_confidence <= 1:
            raise DataError("min_confidence", f"{self.min_confidence:g}", "0 to 1")
        if self.presence not in ("c", "r"):
            raise DataError("presence", repr(self.presence), "c or r")


@dataclass(frozen=True)
class Header:
    """The first line of a table: stripped column names, none where the file is no table; `path` for the suffix."""

    path: Path
    columns: tuple[str, ...] = ()
    separator: str = ","
    encoding: str = "utf-8"

    @property
    def lower(self) -> frozenset[str]:
        return frozenset(c.lower() for c in self.columns)


def read_header(path: Path) -> Header:
    """Column names of a table, stripped of blanks. Raises `DataError` for an empty or binary file."""
    with open(path, "rb") as handle:
        start = handle.read(1 << 18)
    if not start.strip():
        raise DataError(path, "the file is empty", "a table of AUs")
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if b"\0" in start and encoding != "utf-16":
        raise DataError(path, "binary data", "a text table (CSV) or an ELAN .eaf file")
    try:
        text = start.decode(encoding, errors="strict" if encoding == "utf-16" else "ignore")
    except UnicodeDecodeError:
        raise DataError(path, "text in an unknown encoding", "UTF-8 or UTF-16") from None
    line = next((row for row in text.splitlines() if row.strip()), "")
    if line.lstrip().startswith("<"):
        return Header(path)
    separator = max(",;\t", key=line.count)
    columns = next(csv.reader([line], delimiter=separator, skipinitialspace=True))
    return Header(path, tuple(c.strip() for c in columns), separator, encoding)


def read_columns(header: Header, wanted: set[str] | None = None) -> pd.DataFrame:
    """The table with stripped column names, all columns or those whose name is in `wanted`.

    Raises `DataError` for duplicated column names, no rows, and rows that do not fit the header.
    """
    doubled = [c for c in dict.fromkeys(header.columns) if c and header.columns.count(c) > 1]
    if doubled:
        raise DataError(header.path, f"column {doubled[0]!r} stands twice", "each column once")
    keep = [i for i, c in enumerate(header.columns) if wanted is None or c in wanted]
    try:
        table = pd.read_csv(header.path, sep=header.separator, encoding=header.encoding, encoding_errors="replace",
                            skipinitialspace=True, usecols=keep, index_col=False, low_memory=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError, csv.Error) as error:
        raise DataError(header.path, f"not readable as a table ({error})", "rows that fit the header") from None
    table.columns = [header.columns[i] for i in keep]
    if not len(table):
        raise DataError(header.path, "a header without rows", "at least one frame")
    return table


def numbers(path: Path, table: pd.DataFrame, column: str) -> np.ndarray:
    """(T,) float64 of one column, NaN for blanks and infinities. Raises `DataError` where text stands, with its row."""
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
    text = np.isnan(values) & table[column].notna().to_numpy()
    if text.any():
        row = int(np.flatnonzero(text)[0])
        raise DataError(path, f"column {column}, row {row + 2}: {table[column].iloc[row]!r}", "a number")
    return np.where(np.isfinite(values), values, np.nan)


@dataclass
class Columns:
    """AU columns as they are checked: values (T, A) and what to tell the user."""

    aus: list[tuple[str, str]] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def matrix(self, aus: tuple[tuple[str, str], ...], frames: int) -> np.ndarray:
        """(T, A) float32 in the order of `aus`; NaN where this table has no such column."""
        out = np.full((frames, len(aus)), np.nan, np.float32)
        for pair, column in zip(self.aus, self.values, strict=True):
            out[:, aus.index(pair)] = column
        return out


def au_columns(path: Path, table: pd.DataFrame, spelling: dict[str, str], highest: float, scale: str) -> Columns:
    """Check the AU columns `spelling` (column name to the text that names its AU) against 0 … `highest`.

    Unknown AUs and columns with over 5 % of values out of range are left out, single values out of range become not
    measured, and constant columns are named. `scale` is for messages. Raises `DataError` where all are zero.
    """
    result = Columns()
    unknown = [name for name, text in spelling.items() if normalise_au(text) is None]
    if unknown:
        result.notes.append(f"unknown AU column{'s' * (len(unknown) > 1)} {', '.join(unknown)}: left out")
    for name, text in spelling.items():
        if (au := normalise_au(text)) is None:
            continue
        values = _in_range(numbers(path, table, name), name, highest, scale, result.notes)
        if values is not None:
            result.aus.append((au, "both"))
            result.values.append(values)
    _constant(path, result, highest, scale)
    return result


def _in_range(values: np.ndarray, name: str, highest: float, scale: str, notes: list[str]) -> np.ndarray | None:
    out = (values < -1e-6) | (values > highest + 1e-6)
    if not out.any():
        return np.clip(values, 0, highest)
    seen = f"{int(out.sum())} of {len(values)} values outside 0 to {highest:g} ({np.nanmin(values):g} to " \
        f"{np.nanmax(values):g}; {scale})"
    if out.mean() > _TOO_MANY_OUT:
        notes.append(f"{name}: {seen}: column left out")
        return None
    notes.append(f"{name}: {seen}: not measured there")
    return np.where(out, np.nan, values)


def _constant(path: Path, columns: Columns, highest: float, scale: str) -> None:
    """Name the columns that never change: true at 0 or at the top of the scale perhaps, a fault between them."""
    if not columns.values or len(columns.values[0]) < 2:
        return
    ranges = [(np.nanmin(v), np.nanmax(v)) if np.isfinite(v).any() else (np.nan, np.nan) for v in columns.values]
    if all(np.isnan(low) or low == high == 0 for low, high in ranges):
        raise DataError(path, f"every AU is zero in every frame ({scale})", "a file in which the detector saw a face")
    for value in (0, highest):
        same = [au for (au, _), (low, high) in zip(columns.aus, ranges, strict=True) if low == high == value]
        if same:
            columns.notes.append(f"{', '.join(same)}: {value:g} in every frame ({scale}); kept")
    stuck = [i for i, (low, high) in enumerate(ranges) if low == high and low not in (0, highest)]
    if stuck:
        told = ", ".join(f"{columns.aus[i][0]} at {ranges[i][0]:g}" for i in stuck)
        columns.notes.append(f"{told}: constant in every frame ({scale}); taken as not measured")
        for i in reversed(stuck):
            del columns.aus[i], columns.values[i]


def first_of(header: Header, *names: str) -> str | None:
    """The column of this header that has one of `names`, whatever its case."""
    by_lower = {c.lower(): c for c in header.columns}
    return next((by_lower[n] for n in names if n in by_lower), None)


@dataclass(frozen=True)
class Clock:
    """frame (T,) int64, time_s (T,) float64, fps of the source, the order of rows (T,), and notes."""

    frame: np.ndarray
    time_s: np.ndarray
    fps: float
    order: np.ndarray
    notes: tuple[str, ...]


def clock(path: Path, frame: np.ndarray | None, time_s: np.ndarray | None, fps: float | None, rows: int) -> Clock:
    """Times of a file's frames, sorted and without doubles; `fps` (from the user) goes before the file's own time.

    Raises `DataError` where there is no time that can be used and no fps was given.
    """
    number = np.arange(rows, dtype=np.float64) if frame is None else frame
    if np.isnan(number).any():
        raise DataError(path, f"row {int(np.flatnonzero(np.isnan(number))[0]) + 2}: no frame number", "a number")
    notes: list[str] = []
    if fps is not None:
        seconds = (number - number.min()) / fps
        notes.append(f"time taken from the frame number at {fps:g} fps, as given")
    else:
        seconds = _own_time(path, time_s)
    order = np.argsort(seconds, kind="stable")
    if (np.diff(order) < 0).any():
        notes.append("rows were not in order of time: sorted")
    double = np.concatenate([[False], np.diff(seconds[order]) <= 0])
    if double.any():
        notes.append(f"{int(double.sum())} rows repeat a time: the first of each is kept")
        order = order[~double]
    seconds = seconds[order]
    rate = fps or (float(1 / np.median(np.diff(seconds))) if len(seconds) > 1 else 0.0)
    return Clock(number[order].astype(np.int64), seconds, rate, order, tuple(notes))


def _own_time(path: Path, time_s: np.ndarray | None) -> np.ndarray:
    if time_s is None or np.isnan(time_s).all():
        raise DataError(path, "no timestamps", "a column of times in seconds, or the video's frame rate (--fps)")
    if np.isnan(time_s).any():
        raise DataError(path, f"row {int(np.flatnonzero(np.isnan(time_s))[0]) + 2}: no timestamp", "seconds")
    steps = np.diff(np.unique(time_s))
    if len(time_s) > 1 and (not len(steps) or 1 / np.median(steps) > LARGEST_FPS):
        step = f"{np.median(steps):g} s a frame" if len(steps) else "not at all"
        raise DataError(path, f"timestamps rise by {step}: not real time", "seconds, or the frame rate (--fps)")
    return time_s


def by_face(face: np.ndarray | None, rows: int) -> list[tuple[str, np.ndarray]]:
    """(name, row indices) of every face in a table, most rows first; one of empty name where it has none."""
    if face is None:
        return [("", np.arange(rows))]
    names, code, count = np.unique(face, return_inverse=True, return_counts=True)
    return [(str(names[i]), np.flatnonzero(code == i)) for i in np.argsort(-count, kind="stable")]
