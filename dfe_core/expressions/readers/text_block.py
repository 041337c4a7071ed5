"""Many columns of a text table into one array while they are parsed, a large file in several parts at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv

_LARGE = 1 << 25  # bytes of a part that is worth a thread
_MOST_PARTS = 8
_ROOM = 1.05  # lines may become shorter than the first ones

ByteRange = tuple[int, int]


class _Rows:
    """A (T, B) float32 array that is filled a batch at a time, and grows where it was expected to be shorter."""

    def __init__(self, expected: int, columns: int) -> None:
        self._values = np.empty((expected, columns), np.float32)
        self._count = 0

    def add(self, values: np.ndarray) -> None:
        end = self._count + len(values)
        if end > len(self._values):
            grown = np.empty((int(1.5 * end), self._values.shape[1]), np.float32)
            grown[: self._count] = self.whole()
            self._values = grown
        self._values[self._count : end] = values
        self._count = end

    def whole(self) -> np.ndarray:
        return self._values[: self._count]


def line_ranges(path: Path, longest: int) -> list[ByteRange]:
    """First byte and end of the parts of a file, as many as there are processors; a part ends with a line.

    longest: bytes that a line has at most; the parts end before one that is longer. 0 for one part.
    """
    size = os.path.getsize(path)
    parts = min(pa.cpu_count(), _MOST_PARTS, size // _LARGE) if longest else 1
    cuts = [0]
    with open(path, "rb") as handle:
        for i in range(1, parts):
            handle.seek(max(cuts[-1], i * size // parts))
            cuts.append(handle.tell() + len(handle.readline(longest)))
            handle.seek(cuts[-1] - 1)
            if handle.read(1) != b"\n":
                cuts.pop()
                break
    return [(start, end) for start, end in zip(cuts, [*cuts[1:], size], strict=True) if start < end]


def read_block_rows(
    path: Path,
    ranges: Sequence[ByteRange],
    block: Sequence[str],
    rest: Sequence[str],
    options: Callable[[int], dict[str, Any]],
) -> tuple[np.ndarray, pa.Table]:
    """The columns `block` as (T, B) float32, NaN where empty, and the columns `rest`, of `line_ranges` of a file.

    options: those of `pyarrow.csv.open_csv` by the number of the range. Raises what pyarrow raises where a cell or a
    line is not as they say.
    """

    def read(i: int) -> tuple[_Rows, list[pa.RecordBatch]]:
        start, end = ranges[i]
        taken_in = ranges[-1][1] - start if i == 0 else end - start  # the first takes the others in
        with pa.OSFile(str(path)) as file:
            return _stream(file.get_stream(start, end - start), taken_in, block, rest, options(i))

    with ThreadPoolExecutor(len(ranges)) as pool:
        parts = list(pool.map(read, range(len(ranges))))
    rows = parts[0][0]
    for more, _ in parts[1:]:
        rows.add(more.whole())
    batches = [batch for _, others in parts for batch in others]
    return rows.whole(), pa.Table.from_batches(batches) if batches else pa.table({})


def _stream(
    source: pa.NativeFile, size: int, block: Sequence[str], rest: Sequence[str], options: dict[str, Any]
) -> tuple[_Rows, list[pa.RecordBatch]]:
    """The rows of one range; size: bytes of all that will go into them."""
    rows, others = None, []
    for batch in pcsv.open_csv(source, **options):  # as parsed: each batch fits the cache
        if rows is None:
            blocks = 1 + size / options["read_options"].block_size
            rows = _Rows(int(_ROOM * blocks * (batch.num_rows + 1)), len(block))
        rows.add(batch.select(block).to_tensor(null_to_nan=True, row_major=True).to_numpy())
        others.append(batch.select(rest))
    return rows or _Rows(0, len(block)), others
