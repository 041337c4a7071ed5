"""A table that is made part by part and written as pandas would write the whole, without the whole in memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

GROUP_ROWS = 1 << 20
"""Rows of a row group, as pyarrow cuts a table that it is given at once."""
_BATCH_ROWS = 1 << 16
_PANDAS = b"pandas"


class TableSpool:
    """Rows that wait in a file without a name.

    Parameters
    ----------
    empty
        The table as it is where no row comes: it may be of other types.
    """

    def __init__(self, empty: pd.DataFrame) -> None:
        self._empty, self._like = empty, empty
        self._file = tempfile.TemporaryFile()
        self._waiting: list[pa.Table] = []
        self._sink: pa.ipc.RecordBatchStreamWriter | None = None
        self._waiting_rows = self._rows = 0

    def add(self, part: pd.DataFrame | pa.Table) -> None:
        """Append rows, of the columns and types of the first ones that came; of a table pandas' notes count too."""
        if not len(part):
            return
        if not self._rows:
            self._like = part.head(1) if isinstance(part, pd.DataFrame) else part.slice(0, 1).to_pandas()
        if isinstance(part, pd.DataFrame):
            part = pa.Table.from_pandas(part, preserve_index=False)
        self._waiting.append(part.replace_schema_metadata())
        self._waiting_rows += len(part)
        self._rows += len(part)
        if self._waiting_rows >= _BATCH_ROWS:
            self._spill()

    def write(self, path: Path, *, index: bool = False) -> None:
        """Write all rows as Parquet, the same bytes as ``to_parquet`` of one table.

        Parameters
        ----------
        path
            Of the file.
        index
            Whether pandas is told that rows are numbered from 0.
        """
        if not self._rows:
            self._empty.to_parquet(path, index=None if index else False)
            return
        self._spill()
        if self._sink is not None:
            self._sink.close()
        self._file.seek(0)
        with pq.ParquetWriter(path, self._schema(index), compression="snappy") as writer:
            for group in self._groups():
                writer.write_table(group.cast(writer.schema))
        self._file.close()

    def _spill(self) -> None:
        if self._waiting:
            table = pa.concat_tables(self._waiting).combine_chunks()
            if self._sink is None:
                self._sink = pa.ipc.new_stream(self._file, table.schema)
            self._sink.write_table(table)
            self._waiting, self._waiting_rows = [], 0

    def _schema(self, index: bool) -> pa.Schema:
        schema = pa.Table.from_pandas(self._like.reset_index(drop=True), preserve_index=None if index else False).schema
        if not index:
            return schema
        notes = json.loads(schema.metadata[_PANDAS])
        notes["index_columns"][0]["stop"] = self._rows
        return schema.with_metadata({**schema.metadata, _PANDAS: json.dumps(notes).encode()})

    def _groups(self) -> Iterator[pa.Table]:
        """The rows that wait, in tables of `GROUP_ROWS`."""
        held: list[pa.RecordBatch] = []
        rows = 0
        with pa.ipc.open_stream(self._file) as stream:
            for batch in stream:
                while rows + len(batch) >= GROUP_ROWS:
                    room = GROUP_ROWS - rows
                    yield pa.Table.from_batches([*held, batch.slice(0, room)]).combine_chunks()
                    held, rows, batch = [], 0, batch.slice(room)
                held.append(batch)
                rows += len(batch)
        if rows:
            yield pa.Table.from_batches(held).combine_chunks()
