"""What the readers of AU tables share: headers, numbers, times, and the checks of AU columns. T frames, A AU columns.

Tables, times and faces are read by the same rules as those of recordings (`expressions.readers`): what is a cell, a
frame, a moment and a face is decided once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.readers.faces import FaceRows
from dfe_core.expressions.readers.frame_table import FrameTable, TableFile, open_table, read_frame_table
from dfe_core.expressions.readers.options import ReadOptions as TimeOptions
from dfe_core.expressions.readers.options import TimeColumn
from dfe_core.expressions.timing import Timing
from dfe_core.expressions.validation import DECIMALS_LOST, without_decimals
from dfe_core.facs.detections import Detections
from dfe_core.facs.remarks import Remark, Topic
from dfe_core.ontology import normalise_au

_TOO_MANY_OUT = 0.05
_DAY_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class AuReadOptions:
    """What the user may say of a file.

    fps: of the source video; needed where a file has no usable time. min_confidence: frames below it are not measured.
    presence: which of OpenFace's two outputs decides presence, ``c`` (its classifier) or ``r`` (intensity ≥ 1).
    time: the column of times and its unit, where a file's own does not tell. stills: rows are pictures, a recording
    each.
    """

    fps: float | None = None
    min_confidence: float = 0.0
    presence: str = "c"
    time: TimeColumn | None = None
    stills: bool = False

    def __post_init__(self) -> None:
        if self.fps is not None and not 1 <= self.fps <= 1000:
            raise DataError("fps", f"{self.fps:g}", "1 to 1000")
        if not 0 <= self.min_confidence <= 1:
            raise DataError("min_confidence", f"{self.min_confidence:g}", "0 to 1")
        if self.presence not in ("c", "r"):
            raise DataError("presence", repr(self.presence), "c or r")

    @property
    def times(self) -> TimeOptions:
        """What of it a recording's reader takes."""
        return TimeOptions(fps=self.fps, time=self.time, stills=self.stills)


@dataclass(frozen=True)
class Header:
    """The column names of a table, stripped, none where the file is no table; `path` for the suffix."""

    path: Path
    columns: tuple[str, ...] = ()

    @property
    def lower(self) -> frozenset[str]:
        return frozenset(c.lower() for c in self.columns)


def read_au_header(path: Path) -> Header:
    """Column names of a table, stripped of blanks. Raises `DataError` for an empty or binary file."""
    with open(path, "rb") as handle:
        start = handle.read(1 << 12)
    if not start.strip():
        raise DataError(path, "the file is empty", "a table of AUs")
    return Header(path) if _is_xml(start) else Header(path, open_au_table(path).header)


def open_au_table(path: Path) -> TableFile:
    """A table whose head has been read, text or Parquet. Raises `DataError` for what is none, and for a name twice."""
    table = open_table(path)
    doubled = [c for c in dict.fromkeys(table.header) if c and table.header.count(c) > 1]
    if doubled:
        raise DataError(path, f"column {doubled[0]!r} stands twice", "each column once")
    return table


def _is_xml(start: bytes) -> bool:
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return start[: len(start) & ~1].decode(encoding, "ignore").lstrip().startswith("<")


def read_columns(header: Header) -> pd.DataFrame:
    """The whole table as text, with stripped column names. Raises `DataError` for rows that do not fit the header."""
    table = open_au_table(header.path)
    data, _ = table.read((), range(len(table.header)))
    return pd.DataFrame({name: data[i].to_pandas() for i, name in enumerate(table.header)})


def column_numbers(path: Path, table: pd.DataFrame, column: str) -> np.ndarray:
    """(T,) float64 of one column, NaN for blanks and infinities. Raises `DataError` where text stands, with its row."""
    values = pd.to_numeric(table[column].str.replace(",", "."), errors="coerce").to_numpy(np.float64)
    text = np.isnan(values) & table[column].fillna("").str.strip().ne("").to_numpy()
    if text.any():
        row = int(np.flatnonzero(text)[0])
        raise DataError(path, f"column {column}, row {row + 2}: {table[column].iloc[row]!r}", "a number")
    return np.where(np.isfinite(values), values, np.nan)


class AuTable(FrameTable):
    """A table of a detector whose AU columns, times and faces have been read; infinities count as no number."""

    def column(self, name: str, rows: np.ndarray) -> np.ndarray:
        """(T,) a column at these rows."""
        values = super().column(name, rows)
        return np.where(np.isfinite(values), values, np.nan)

    def timing(self, rows: np.ndarray, options: TimeOptions) -> Timing:
        """Times of the rows of one face, by the rules of recordings, counted as the file counts them: from the video's
        start, or, where its clock is one of days, from the first row. Raises `DataError` without a rate."""
        found = super().timing(rows, options)
        start = found.start_s if abs(found.start_s) < _DAY_S else 0.0
        return replace(found, time_s=found.time_s + start, start_s=start)


def read_table(path: Path, aus: Sequence[str], beside: Sequence[str | None], options: AuReadOptions) -> AuTable:
    """Read the columns `aus` and `beside` (None is passed over) with what tells times and faces.

    Raises `DataError` for what is no table, for text in more than a fifth of a column, and where the detector's scores
    show that the decimal points are lost.
    """
    table = open_au_table(path)
    wanted = {table.header.index(name) for name in (*aus, *beside) if name is not None}
    return AuTable(**vars(read_frame_table(table, wanted, options.times, scores=True)))


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


def au_columns(
    path: Path,
    values: Mapping[str, np.ndarray],
    spelling: Mapping[str, str | tuple[str, str]],
    highest: float,
    scale: str,
) -> Columns:
    """Check the AU columns `spelling` (column name to the text that names its AU, or that text and a side) against 0 …
    `highest`.

    Parameters
    ----------
    values: (T,) float64 by column name, NaN where not measured. scale: for messages.

    Unknown AUs and columns with over 5 % of values out of range are left out with the likely cause, single values out
    of range become not measured, and constant columns are named. Raises `DataError` where all are zero, and where the
    values show that the decimal points are lost.
    """
    result = Columns()
    named = {name: (text, "both") if isinstance(text, str) else text for name, text in spelling.items()}
    unknown = [name for name, (text, _) in named.items() if normalise_au(text) is None]
    if unknown:
        result.notes.append(f"unknown AU column{'s' * (len(unknown) > 1)} {', '.join(unknown)}: left out")
    known = {name: (au, side) for name, (text, side) in named.items() if (au := normalise_au(text)) is not None}
    _refuse_lost_decimals(path, {name: values[name] for name in known}, highest, scale)
    missing = np.zeros(len(next(iter(values.values()), ())), bool)
    for name, pair in known.items():
        missing |= np.isnan(values[name])
        checked = _in_range(values[name], name, highest, scale, result.notes)
        if checked is not None:
            result.aus.append(pair)
            result.values.append(checked)
    if missing.any() and not missing.all():
        result.notes.append(
            f"{int(missing.sum()):,} of {len(missing):,} frames lack some AU ({scale}): not measured there"
        )
    _constant(path, result, highest, scale)
    return result


def _refuse_lost_decimals(path: Path, values: Mapping[str, np.ndarray], highest: float, scale: str) -> None:
    """Raise `DataError` where values far above the scale are whole numbers throughout, as a spreadsheet leaves them."""
    all_values = np.concatenate(list(values.values())) if values else np.zeros(0)
    known = all_values[np.isfinite(all_values)]
    if (
        len(known)
        and (known > highest).mean() > _TOO_MANY_OUT
        and known.max() > 20 * highest
        and without_decimals(known)
        and known.max() > 100
    ):
        raise DataError(
            path,
            f"{scale} up to {known.max():g} where {highest:g} is the most: {DECIMALS_LOST}",
            "the file as the tool wrote it",
        )


def _in_range(values: np.ndarray, name: str, highest: float, scale: str, notes: list[str]) -> np.ndarray | None:
    out = (values < -1e-6) | (values > highest + 1e-6)
    if not out.any():
        return np.clip(values, 0, highest)
    seen = (
        f"{int(out.sum())} of {len(values)} values outside 0 to {highest:g} ({np.nanmin(values):g} to "
        f"{np.nanmax(values):g}; {scale})"
    )
    if out.mean() > _TOO_MANY_OUT:
        notes.append(f"{name}: {seen}{_cause(values, highest)}: column left out")
        return None
    notes.append(f"{name}: {seen}: not measured there")
    return np.where(out, np.nan, values)


def _cause(values: np.ndarray, highest: float) -> str:
    """What values out of range are likely to be, from their range."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low < -1e-6:
        return ", evidence scores or standardised values?" if high > 0 else ", values below zero: log-odds?"
    if high <= 100 and high > 5 * highest:
        return ", percent?"
    return f", {DECIMALS_LOST}" if without_decimals(values) and high > highest * 10 else ""


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
            columns.notes.append(
                Remark(
                    f"{', '.join(same)}: {value:g} in every frame ({scale}); kept",
                    Topic.ALWAYS if value else Topic.RESTS,
                    aus=same,
                    scale=scale,
                )
            )
    stuck = [i for i, (low, high) in enumerate(ranges) if low == high and low not in (0, highest)]
    if stuck:
        told = ", ".join(f"{columns.aus[i][0]} at {ranges[i][0]:g}" for i in stuck)
        columns.notes.append(
            Remark(
                f"{told}: constant in every frame ({scale}); taken as not measured",
                Topic.STUCK,
                aus=[columns.aus[i][0] for i in stuck],
                scale=scale,
            )
        )
        for i in reversed(stuck):
            del columns.aus[i], columns.values[i]


def no_column(path: Path, notes: Sequence[str]) -> DataError:
    """The error of a file none of whose AU columns can be used, with the first reason."""
    return DataError(
        path,
        "no AU column that can be used" + (f" ({notes[0]})" if notes else ""),
        "at least one with values on the tool's own scale",
    )


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Columns of one kind: `spelling` as `au_columns` takes it, the top of their scale and its name for messages.

    convert: (T,) values as they stand to values on the scale 0 … `highest`; None for none.
    """

    spelling: Mapping[str, str | tuple[str, str]]
    highest: float
    scale: str
    convert: Callable[[np.ndarray], np.ndarray] | None = None

    def read(self, table: AuTable, rows: np.ndarray) -> Columns:
        """These columns at the rows, checked."""
        values = {column: table.column(column, rows) for column in self.spelling}
        if self.convert is not None:
            values = {column: self.convert(v) for column, v in values.items()}
        return au_columns(table.path, values, self.spelling, self.highest, self.scale) if values else Columns()


def detections(
    table: AuTable, face: FaceRows, options: AuReadOptions, kinds: Mapping[str, Kind], **about: Any
) -> Detections:
    """`Detections` of one face from columns of one kind each, ``probability`` and ``intensity``; AUs in that order.

    about: tool, emits and what else `Detections` takes; notes come after those of the table. Raises `DataError` where
    no AU column can be used.
    """
    columns = {name: kind.read(table, face.rows) for name, kind in kinds.items()}
    return detections_of(table, face, options, columns, **about)


def detections_of(
    table: AuTable,
    face: FaceRows,
    options: AuReadOptions,
    columns: Mapping[str, Columns],
    notes: Sequence[str] = (),
    **about: Any,
) -> Detections:
    """As `detections`, of columns that are read and checked."""
    pairs = tuple(dict.fromkeys(pair for part in columns.values() for pair in part.aus))
    told = [note for part in columns.values() for note in part.notes]
    if not pairs:
        raise no_column(table.path, told)
    when = table.timing(face.rows, options.times)
    values = {
        name: when.of(columns.get(name, Columns()).matrix(pairs, len(face.rows)))
        for name in ("probability", "intensity")
    }
    whose = {"face": face.name, "recording": face.source, "subject": face.subject, "suffix": face.suffix}
    stated = {"version": "", "estimate": False, **whose, **values, **about}
    return Detections(
        source=table.path.name,
        aus=pairs,
        frame=when.frame,
        time_s=when.time_s,
        fps=when.fps,
        notes=(*([f"face {face.name}"] if face.name else []), *table.notes, *when.notes, *told, *notes),
        **stated,
    )


def first_of(header: Header, *names: str) -> str | None:
    """The column of this header that has one of `names`, whatever its case."""
    by_lower = {c.lower(): c for c in header.columns}
    return next((by_lower[n] for n in names if n in by_lower), None)
