"""Any table with the 52 ARKit names as columns, in any order and spelling: CSV, TSV or Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from dfe_core.errors import DataError
from dfe_core.expressions.checks import as_float32
from dfe_core.expressions.readers.arkit_columns import LEAST, arkit_count, arkit_indices, arkit_recording
from dfe_core.expressions.readers.column_names import FACES, FRAMES, TIMES
from dfe_core.expressions.readers.landmark_columns import column_of, faces_of
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.parquet_table import open_parquet_table, parquet_header
from dfe_core.expressions.readers.text_table import open_text_table, read_header
from dfe_core.expressions.readers.timecode import timecode_seconds
from dfe_core.expressions.readers.validity import found_faces, told_columns
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import Timing, column_seconds, from_frames, from_rate, from_times

FORMAT = "arkit-table"
TITLE = "table of ARKit coefficients"


def sniff(path: Path, head: bytes) -> str | None:
    if head.startswith(b"PAR1"):
        return "its ARKit column names" if arkit_count(parquet_header(path)) >= LEAST else None
    header = read_header(head)
    return "its ARKit column names" if header and arkit_count(header) >= LEAST else None


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording a face. Times come from a column `TIMES` or Timecode, else from a column `FRAMES` or the rows, and
    --fps. A column ``success`` (else ``confidence``) tells in which frames a face was found.

    Raises `DataError` for neither times nor a rate.
    """
    table = open_parquet_table(path) if _is_parquet(path) else open_text_table(path)
    columns, told = arkit_indices(table.header, path), told_columns(table.header)
    time, frame, face = (column_of(table.header, names) for names in (TIMES, FRAMES, FACES))
    clock = None if time is not None else column_of(table.header, ("timecode",))
    beside = [i for i in (time, frame) if i is not None]
    texts = [i for i in (clock, face) if i is not None]
    data, dropped = table.read([*columns.values(), *beside, *told.values()], texts)
    psi = np.stack([as_float32(data[i]) for i in columns.values()], 1)
    faces, left = faces_of(None if face is None else data[face], len(psi), options, path)
    first, found = table.preamble + 1, []
    for suffix, rows in faces:
        timing, notes = _timing(table.header, data, rows, (time, clock, frame), options, path, first)
        valid, lost = found_faces({what: data[i][rows] for what, i in told.items()})
        values = psi[rows]
        if valid is not None:
            values[~valid] = np.nan
        extras = {"confidence": as_float32(data[told["confidence"]][rows])} if "confidence" in told else {}
        found.append(replace(arkit_recording(path, values, tuple(columns), timing, options.extractor or "arkit", extras,
                                             (*table.notes, *dropped, *left, *notes, *lost)), name=path.stem + suffix))
    return found


def _timing(header: Sequence[str], data: dict[int, np.ndarray], rows: np.ndarray,
            clocks: tuple[int | None, int | None, int | None], options: ReadOptions, path: Path, first: int
            ) -> tuple[Timing, tuple[str, ...]]:
    """Times of the rows of one face by the columns of time, timecode and frame number, and what was assumed."""
    time, clock, frame = clocks
    if time is not None:
        seconds, unit = column_seconds(data[time][rows], header[time])
        told = () if unit == "s" else (f"Times of column {header[time]} taken as {unit}.",)
        return from_times(seconds, str(path), first), told
    if clock is not None:
        seconds, told = timecode_seconds(data[clock].take(pa.array(rows)), path, first)
        return from_times(seconds, str(path), first), told
    if frame is not None:
        return from_frames(data[frame][rows], options.fps, str(path), first), ()
    return from_rate(len(rows), options.fps, str(path)), ()


def _is_parquet(path: Path) -> bool:
    try:
        with open(path, "rb") as handle:
            return handle.read(4) == b"PAR1"
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
