"""Parquet tables, with the same face as a text table: a header, and columns as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dfe_core.errors import DataError
from dfe_core.limits import check_unfolded

BROKEN = (OSError, pa.ArrowException, UnicodeDecodeError)
"""What pyarrow raises for damaged files."""


@dataclass(frozen=True, kw_only=True)
class ParquetTable:
    """A Parquet file whose footer has been read. header: (C,) names of its top-level columns."""

    path: Path
    header: tuple[str, ...]
    preamble: int = 0
    notes: tuple[str, ...] = ()
    first: tuple[str, ...] = ()

    def read(self, numbers: Sequence[int], texts: Sequence[int] = ()) -> tuple[dict[int, Any], tuple[str, ...]]:
        """Columns by index, as `TextTable.read` gives them. Raises `DataError` for a column that holds no numbers."""
        wanted = [self.header[i] for i in (*numbers, *texts)]
        try:
            table = pq.read_table(self.path, columns=wanted, memory_map=True)
        except BROKEN as error:
            raise DataError(self.path, f"broken Parquet ({str(error).splitlines()[0][:120]})", "a whole file") from None
        if not table.num_rows:
            raise DataError(self.path, "no rows", "one row per frame")
        out: dict[int, np.ndarray] = {i: self._numbers(table, self.header[i]) for i in numbers}
        for i in texts:
            out[i] = pc.cast(table[self.header[i]], pa.string()).combine_chunks()
        return out, ()

    def _numbers(self, table: pa.Table, name: str) -> np.ndarray:
        column = table[name]
        if pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type):
            scale = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[column.type.unit]
            return pc.cast(pc.cast(column, pa.int64()), pa.float64()).to_numpy() * scale
        try:
            return pc.cast(column, pa.float64(), safe=False).to_numpy().astype(np.float64, copy=False)
        except pa.ArrowException:
            raise DataError(f"{self.path}, column {name}", f"values of type {column.type}", "numbers") from None


def open_parquet_table(path: Path) -> ParquetTable:
    """Read the footer. Raises `DataError` for a broken file and one that promises more than fits."""
    try:
        metadata = pq.read_metadata(path)
        header = tuple(metadata.schema.to_arrow_schema().names)
    except BROKEN as error:
        raise DataError(path, f"broken Parquet ({str(error).splitlines()[0][:120]})", "a whole file") from None
    check_unfolded(metadata.num_rows * len(header) * 8, path.stat().st_size, path)
    if len(set(header)) < len(header):
        raise DataError(path, "two columns of the same name", "each name once")
    return ParquetTable(path=path, header=header)


def parquet_header(path: Path) -> tuple[str, ...]:
    """Column names, none where the file is broken; never raises."""
    try:
        return tuple(pq.read_schema(path).names)
    except BROKEN:
        return ()
