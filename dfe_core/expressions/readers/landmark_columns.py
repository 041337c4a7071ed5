"""What the readers of landmark tables share: which columns are coordinates, several faces, clocks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dfe_core.errors import DataError
from dfe_core.expressions.readers.options import FPS_RANGE, ReadOptions
from dfe_core.expressions.readers.text_table import TextTable
from dfe_core.expressions.timing import Timing, column_seconds, from_frames, from_rate, from_times

LEAST_POINTS = 5
LEAST_FRAMES = 10
"""A face of a file with several that is seen in fewer frames is a slip of the detector and left out."""
_COLUMN = (re.compile(r"(?P<axis>[xyz])_?(?P<index>\d{1,5})$"),
           re.compile(r"(?:landmark|lm|point|p|kp)?_?(?P<index>\d{1,5})[_.]?(?P<axis>[xyz])$"))
TIMES = ("timestamp", "time_s", "time", "timestamps", "t", "seconds", "timestamp_ms", "time_ms", "ms", "timestamp_us")
FRAMES = ("frame", "frame_number", "frame_index", "framenumber", "frame_idx", "frame_id", "index")
FACES = ("face_id", "identity", "face", "face_index", "person", "person_id", "faceid", "track_id")


def coordinate_columns(header: Sequence[str]) -> list[list[int]]:
    """Columns of the coordinates of every point, ``[[x, y(, z)], …]`` in the order of the points; [] where the header
    has none that are complete.

    Read are ``x_0 y_0 z_0``, ``x0``, ``landmark_0_x``, ``0_x`` and the like; letter case matters to the caller alone.
    """
    found: dict[tuple[str, int], int] = {}
    for column, name in enumerate(header):
        match = next((m for pattern in _COLUMN if (m := pattern.match(name))), None)
        if match:
            found.setdefault((match["axis"], int(match["index"])), column)
    for axes in ("xyz", "xy"):
        indices = sorted({i for a, i in found if a == "x"})
        if len(indices) >= LEAST_POINTS and indices[-1] - indices[0] == len(indices) - 1 \
                and all((a, i) in found for a in axes for i in indices):
            return [[found[a, i] for a in axes] for i in indices]
    return []


def read_points(table: TextTable, columns: list[list[int]], numbers: Sequence[int], texts: Sequence[int],
                ) -> tuple[np.ndarray, dict[int, np.ndarray], tuple[str, ...]]:
    """(T, V, D) float32 of columns as `coordinate_columns` gives them, then as `TextTable.read`."""
    flat, data, dropped = table.read_block([i for point in columns for i in point], numbers, texts)
    return flat.reshape(len(flat), len(columns), -1), data, dropped


def column_of(header: Sequence[str], names: Sequence[str]) -> int | None:
    """The first column with one of the names, whatever its case."""
    keys = [name.lower().replace(" ", "") for name in header]
    return next((keys.index(n) for n in names if n in keys), None)


def faces_of(values: pa.Array | None, rows: int, options: ReadOptions, path: Path,
             ) -> tuple[list[tuple[str, np.ndarray]], tuple[str, ...]]:
    """(suffix, row indices) of each face in a table, most rows first, and notes on those left out.

    Raises `DataError` for a face index that is not there.
    """
    if values is None:
        return [("", np.arange(rows))], ()
    kinds = pc.dictionary_encode(pc.fill_null(pc.cast(values, pa.string()), ""))
    if isinstance(kinds, pa.ChunkedArray):
        kinds = kinds.combine_chunks()
    names, code = np.unique(np.array(kinds.dictionary.to_pylist(), str), return_inverse=True)
    code = code[kinds.indices.to_numpy()]
    count = np.bincount(code, minlength=len(names))
    order = np.argsort(-count, kind="stable")
    if options.face_index is not None:
        if not 0 <= options.face_index < len(names):
            raise DataError(path, f"no face number {options.face_index}", f"0 to {len(names) - 1}")
        order = [options.face_index]
    kept = [i for i in order if count[i] >= LEAST_FRAMES] or [order[0]]
    left = [f"face {names[i]} ({count[i]} frames)" for i in order if i not in kept]
    notes = (f"Left out, seen in fewer than {LEAST_FRAMES} frames: {', '.join(left)}.",) if left else ()
    several = len(kept) > 1
    return [(f"-face{names[i].removesuffix('.0')}" if several else "", np.flatnonzero(code == i)) for i in kept], notes


def rows_of(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The rows of one face, without a copy where they are all."""
    return values if len(rows) == len(values) else values[rows]


def table_timing(header: Sequence[str], data: dict[int, np.ndarray], rows: np.ndarray, options: ReadOptions,
                 path: Path, first_line: int) -> Timing:
    """Times of the rows of one face.

    The file's times count where they can be real ones (`FPS_RANGE`). Where they cannot (a counter, as older OpenFace
    writes when it knows no frame rate), or there are none, the frame number, else the row, at the rate that the user
    gives. Raises `DataError` where neither is to be had.
    """
    time, frame = column_of(header, TIMES), column_of(header, FRAMES)
    told: tuple[str, ...] = ()
    if time is not None and np.isfinite(data[time][rows]).any() and len(rows) > 1:
        seconds, unit = column_seconds(data[time][rows], header[time])
        step = float(np.median(np.diff(seconds)))
        if step > 0 and FPS_RANGE[0] <= 1 / step <= FPS_RANGE[1]:
            note = () if unit == "s" else (f"Times of column {header[time]} taken as {unit}.",)
            return _with_notes(from_times(seconds, str(path), first_line), note)
        told = (f"Column {header[time]} rises by {step:g} s a frame, which is no real time: not used.",)
        if options.fps is None:
            raise DataError(f"{path}, column {header[time]}", f"a rise of {step:g} a frame, which is no real time",
                            "times in seconds, or the video's frame rate (--fps)")
    if frame is not None:
        return _with_notes(from_frames(data[frame][rows], options.fps, str(path), first_line), told)
    return _with_notes(from_rate(len(rows), options.fps, str(path)), told)


def clock_columns(header: Sequence[str]) -> list[int]:
    """The columns that `table_timing` reads."""
    return [i for i in (column_of(header, TIMES), column_of(header, FRAMES)) if i is not None]


def _with_notes(timing: Timing, notes: tuple[str, ...]) -> Timing:
    return Timing(timing.time_s, timing.frame, timing.fps, (*notes, *timing.notes))
