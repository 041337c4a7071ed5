"""Tables of one row a frame, text or Parquet: read with what tells times and faces, and cut by face."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.clocks import Clocks, clocks_of, timing_of
from dfe_core.expressions.readers.column_names import column_of
from dfe_core.expressions.readers.faces import FaceRows, check_scores, face_columns, faces_of
from dfe_core.expressions.readers.options import STILL_FPS, ReadOptions
from dfe_core.expressions.readers.parquet_table import ParquetTable, open_parquet_table, parquet_header
from dfe_core.expressions.readers.text_table import TextTable, open_text_table, read_header
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import Timing, from_rate
from dfe_core.expressions.validation import as_float32

TableFile: TypeAlias = TextTable | ParquetTable
_R = TypeVar("_R", bound=Recording)


def open_table(path: Path) -> TableFile:
    """A table whose head has been read. Raises `DataError` for what is none, and for a file that cannot be read."""
    try:
        with open(path, "rb") as handle:
            parquet = handle.read(4) == b"PAR1"
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
    return open_parquet_table(path) if parquet else open_text_table(path)


def header_of(path: Path, head: bytes) -> Sequence[str]:
    """The column names of a table of either kind, none where it is no table; never raises."""
    return parquet_header(path) if head.startswith(b"PAR1") else read_header(head) or ()


@dataclass(frozen=True, eq=False, kw_only=True)
class FrameTable:
    """A table that has been read.

    data: (N,) float64 by column index, NaN where a cell holds no number. block: (N, B) float32 of the columns that were
    asked for as a block. faces: as `faces_of` has them. notes: on the table as a whole. stills: each row is a picture.
    """

    path: Path
    header: tuple[str, ...]
    preamble: int
    data: Mapping[int, Any]
    faces: Sequence[FaceRows]
    notes: tuple[str, ...]
    clocks: Clocks
    block: np.ndarray | None = None
    stills: bool = False

    def column(self, name: str, rows: np.ndarray) -> np.ndarray:
        """(T,) a column at these rows."""
        return self.data[self.header.index(name)][rows]

    def stack(self, columns: Iterable[int]) -> np.ndarray:
        """(N, C) float32 of columns by index."""
        return np.stack([as_float32(self.data[i]) for i in columns], 1)

    def timing(self, rows: np.ndarray, options: ReadOptions) -> Timing:
        """Times of the rows of one face (`timing_of`); of a still, its one moment."""
        if self.stills:
            return from_rate(len(rows), STILL_FPS, str(self.path))
        return timing_of(self.clocks, self.data, rows, options, self.path, self.preamble + 1)

    def named(self, recording: _R, face: FaceRows) -> _R:
        """The recording of one face under the file's name and the face's, with the person where the file names one."""
        return replace(recording, name=self.path.stem + face.suffix, subject=face.subject)


def read_frame_table(
    table: TableFile,
    wanted: Iterable[int],
    options: ReadOptions,
    *,
    block: Sequence[int] | None = None,
    scores: bool = False,
) -> FrameTable:
    """Read the columns `wanted`, and `block` as one array, with what tells times and faces.

    scores: refuse a table whose detector's scores show that its decimal points are lost (`check_scores`). Raises
    `DataError` as `TextTable.read` and `faces_of` do.
    """
    options = replace(options, stills=True) if of_a_picture(table.header) else options
    clocks, whose = clocks_of(table.header, table.first, options, table.path), face_columns(table.header)
    texts = list(dict.fromkeys((*clocks.texts, *whose.texts)))
    numbers = sorted({*wanted, *clocks.numbers, *whose.numbers} - set(texts))
    if not (block or numbers or texts):
        raise DataError(table.path, f"no column that is known among {', '.join(table.header[:6])}", "another reader")
    values, data, dropped = _read(table, block, numbers, texts)
    if scores:
        check_scores(whose, data, table.path)
    rows = len(next(iter(data.values()))) if values is None else len(values)
    faces, told = faces_of(whose, data, clocks.moments(data), rows, options, table.path)
    return FrameTable(
        path=table.path,
        header=table.header,
        preamble=table.preamble,
        data=data,
        faces=faces,
        notes=(*table.notes, *dropped, *told),
        clocks=clocks,
        block=values,
        stills=options.stills,
    )


def of_a_picture(header: Sequence[str]) -> bool:
    """Whether a table is OpenFace's of one still picture (FaceLandmarkImg): a row a face, and neither frames nor
    times."""
    return list(header[:2]) == ["face", "confidence"] and column_of(header, ("frame", "timestamp")) is None


def _read(
    table: TableFile, block: Sequence[int] | None, numbers: Sequence[int], texts: Sequence[int]
) -> tuple[np.ndarray | None, Mapping[int, Any], tuple[str, ...]]:
    if block is None:
        return None, *table.read(numbers, texts)
    if isinstance(table, TextTable):
        return table.read_block(block, numbers, texts)
    data, dropped = table.read(sorted({*block, *numbers}), texts)
    return np.stack([as_float32(data[i]) for i in block], 1), data, dropped
