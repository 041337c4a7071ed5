"""Any table with the 52 ARKit names as columns, in any order and spelling: CSV, TSV or Parquet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dfe_core.errors import DataError
from dfe_core.expressions.checks import as_float32
from dfe_core.expressions.readers.arkit_columns import LEAST, arkit_count, arkit_indices, arkit_recording
from dfe_core.expressions.readers.column_names import FACES, FRAMES, TIMES
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.parquet_table import open_parquet_table, parquet_header
from dfe_core.expressions.readers.text_table import open_text_table, read_header
from dfe_core.expressions.readers.timecode import timecode_seconds
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
    """One recording. Times come from a column `TIMES` or Timecode, else from a column `FRAMES` or the rows, and --fps.

    Raises `DataError` for neither times nor a rate, and for several faces unless `options.face_index` picks one.
    """
    table = open_parquet_table(path) if _is_parquet(path) else open_text_table(path)
    columns = arkit_indices(table.header, path)
    keys = [name.lower().replace(" ", "") for name in table.header]
    clock = next((keys.index(k) for k in ("timecode",) if k in keys), None)
    time = next((keys.index(k) for k in TIMES if k in keys), None)
    frame = next((keys.index(k) for k in FRAMES if k in keys), None)
    face = next((keys.index(k) for k in FACES if k in keys), None)
    beside = [i for i in (time, frame) if i is not None]
    texts = [i for i in (clock if time is None else None, face) if i is not None]
    data, dropped = table.read([*columns.values(), *beside], texts)
    keep = _one_face(data[face], path, options) if face is not None else slice(None)
    first = table.preamble + 1
    notes = [*table.notes, *dropped]
    if time is not None:
        seconds, unit = column_seconds(data[time][keep], table.header[time])
        timing = from_times(seconds, str(path), first)
        notes += [] if unit == "s" else [f"Times of column {table.header[time]} taken as {unit}."]
    elif clock is not None:
        seconds, told = timecode_seconds(data[clock], path, first)
        timing, notes = from_times(seconds[keep], str(path), first), [*notes, *told]
    else:
        timing = _at_rate(data, frame, keep, options, path, first)
    psi = np.stack([as_float32(data[i]) for i in columns.values()], 1)[keep]
    return [arkit_recording(path, psi, tuple(columns), timing, options.extractor or "arkit", notes=notes)]


def _at_rate(data: dict[int, np.ndarray], frame: int | None, keep, options: ReadOptions, path: Path,
             first: int) -> Timing:
    if frame is not None:
        return from_frames(data[frame][keep], options.fps, str(path), first)
    count = len(next(iter(data.values()))[keep])
    return from_rate(count, options.fps, str(path))


def _one_face(values: pa.Array, path: Path, options: ReadOptions) -> slice | np.ndarray:
    """Rows of the face to read. Raises `DataError` for several faces when none is chosen."""
    faces = sorted(str(v) for v in pc.unique(values).to_pylist())
    if len(faces) == 1:
        return slice(None)
    if options.face_index is None or not 0 <= options.face_index < len(faces):
        raise DataError(path, f"{len(faces)} faces in one file ({', '.join(faces[:4])})", "one face a file")
    return pc.equal(values, faces[options.face_index]).to_numpy(zero_copy_only=False)


def _is_parquet(path: Path) -> bool:
    try:
        with open(path, "rb") as handle:
            return handle.read(4) == b"PAR1"
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
