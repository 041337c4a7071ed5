"""Rows by recording and frame: reading one recording out of a Parquet table, and the look-up of frames by number.

frames.parquet, aus.parquet and tokens.parquet are such tables: sorted by recording and frame, with row groups that
follow recordings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dfe_core.errors import DataError
from dfe_core.integrity import check
from dfe_core.parquet_footer import Footer, read_footer
from dfe_core.remote import in_bucket, open_parquet, parquet_source, stored_state

ROW_GROUP = 1 << 16
"""The most rows of a row group."""
_GROUPS_AT_ONCE = 256
"""Row groups whose metadata are read together: 5 kB each."""


class RecordingTable:
    """A Parquet file in which the rows of a recording are contiguous, read a recording at a time and memory-mapped.

    Parameters
    ----------
    path: of the file. remedy: what the error of a broken one expects ("a file written by dfe: …").
    """

    def __init__(self, path: Path, remedy: str) -> None:
        self.path, self.remedy = path, remedy

    def read(self, first: int, count: int, columns: Sequence[str]) -> pa.Table:
        """Rows ``first`` to ``first + count``, of which only the row groups they are in are read.

        Raises `DataError` where the file is broken or has other content than was written.
        """
        source, footer = self._opened
        ends = footer.row_ends
        begin = int(np.searchsorted(ends, first, "right"))
        end = max(begin, min(int(np.searchsorted(ends, first + count, "left")) + 1, len(ends))) if count else begin
        start = int(ends[begin - 1]) if begin else 0
        file = pq.ParquetFile(source, metadata=footer.of(begin, end), pre_buffer=in_bucket(self.path) is not None)
        table = file.read_row_groups(list(range(end - begin)), columns=list(columns))
        return table.slice(first - start, count).combine_chunks()

    def matrix(self, table: pa.Table, column: str, width: int) -> np.ndarray:
        """(T, width) a copy of a column of fixed-size lists."""
        flat = table[column].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return flat.reshape(-1, width).copy()

    @cached_property
    def _opened(self) -> tuple[Any, Footer]:
        try:
            path = check(self.path)
            before = stored_state(path)
            source, footer = parquet_source(path), _footer(path, before)
            return (source, footer) if stored_state(path) == before else (parquet_source(path), read_footer(path))
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(self.path, f"not readable ({error})", self.remedy) from None


@lru_cache(maxsize=4)
def _footer(path: Path, state: tuple[str | int, ...]) -> Footer:
    """Of a file in this state: 2 s of reading for 28,000 row groups, once a process and not for each group of
    recordings."""
    return read_footer(path)


@dataclass(frozen=True, kw_only=True)
class RecordingSpan:
    """Where the rows of a recording are in a table: the first, and how many."""

    recording: str
    first: int
    count: int


def recording_spans(path: Path) -> list[RecordingSpan]:
    """The recordings of a file in its order, from the statistics of its row groups, or, of a group of several
    recordings, from its column ``recording``."""
    names: list[str] = []
    counts: list[int] = []
    for name, count in _recordings_of_groups(path):
        if names and names[-1] == name:
            counts[-1] += count
        else:
            names.append(name)
            counts.append(count)
    firsts = np.cumsum([0, *counts])
    return [
        RecordingSpan(recording=name, first=int(first), count=count)
        for name, first, count in zip(names, firsts[:-1], counts, strict=True)
    ]


def _recordings_of_groups(path: Path) -> Iterator[tuple[str, int]]:
    """Name and rows of the recordings of each row group; the metadata of few are objects at a time."""
    footer, source = read_footer(path), parquet_source(path)
    for first in range(0, len(footer.rows), _GROUPS_AT_ONCE):
        last = min(first + _GROUPS_AT_ONCE, len(footer.rows))
        file = pq.ParquetFile(source, metadata=footer.of(first, last), pre_buffer=in_bucket(path) is not None)
        column = file.schema_arrow.get_field_index("recording")
        for group in range(last - first):
            rows = file.metadata.row_group(group)
            known = rows.column(column).statistics if rows.column(column).is_stats_set else None
            if known is not None and known.has_min_max and known.min == known.max:
                yield str(known.min), rows.num_rows
            else:
                for part in _by_recording(file.read_row_group(group, columns=["recording"])):
                    yield _name(part), len(part)


def iter_recording_tables(path: Path) -> Iterator[tuple[str, pa.Table]]:
    """Name and rows of each recording in the order of a file, streamed by row group. Its column ``recording`` is a
    dictionary or text."""
    with open_parquet(path) as file:
        held: list[pa.Table] = []
        for group in range(file.metadata.num_row_groups):
            for part in _by_recording(file.read_row_group(group)):
                if held and _name(held[0]) != _name(part):
                    yield _name(held[0]), pa.concat_tables(held).combine_chunks()
                    held = []
                held.append(part)
        if held:
            yield _name(held[0]), pa.concat_tables(held).combine_chunks()


def _by_recording(table: pa.Table) -> Iterator[pa.Table]:
    codes = table["recording"].combine_chunks()
    codes = codes if pa.types.is_dictionary(codes.type) else codes.dictionary_encode()
    edges = np.flatnonzero(np.diff(codes.indices.to_numpy(zero_copy_only=False))) + 1
    for start, stop in zip(np.r_[0, edges], np.r_[edges, len(table)], strict=True):
        if stop > start:
            yield table.slice(start, stop - start)


def _name(table: pa.Table) -> str:
    return table["recording"][0].as_py()


def find_frames(frame: np.ndarray, wanted: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
    """Where frames are in a table: rows and whether they are there.

    Parameters
    ----------
    frame: (T,) int64 frame numbers of a recording, increasing. wanted: (n,) frame numbers, in any order.

    Returns
    -------
    (n,) int64 rows of `frame`, 0 where a frame is not in it, and (n,) bool, whether it is.
    """
    wanted = np.asarray(wanted)
    if not len(frame):
        return np.zeros(wanted.shape, np.int64), np.zeros(wanted.shape, bool)
    rows = np.minimum(np.searchsorted(frame, wanted), len(frame) - 1)
    present = np.asarray(frame[rows] == wanted)
    return np.where(present, rows, 0), present


def frame_rows(frame: np.ndarray, wanted: np.ndarray | int, where: str) -> np.ndarray:
    """(n,) int64 rows of `frame` that hold exactly the frames `wanted`; parameters as `find_frames`.

    where: the recording, for the error. Raises `DataError` where one of the frames is not there: it is of another state
    of the data, and the nearest one would be another face.
    """
    rows, present = find_frames(frame, wanted)
    if not present.all():
        missing = np.atleast_1d(wanted)[~np.atleast_1d(present)]
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DataError(
            where, f"no frame {int(missing[0])}{more} in it", "tokens, AUs and maps made from the dataset as it is now"
        )
    return rows
