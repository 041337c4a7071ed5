"""The largest tables of a study, tokens one by one and frame by frame, written a group of recordings at a time."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from dfe_core.engines import LOCAL, Engine, consecutive_groups
from dfe_core.expressions.recording_table import RecordingSpan, recording_spans
from dfe_core.parquet_join import RowGroups, RowGroupWriter
from dfe_core.spreadsheet import plain_cell, plain_table
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokens.cache import TokenCache, Tokens
from dfe_core.tokens.intervals import iter_recordings

_TOKEN_GROUP, _WIDE_GROUP = 1 << 17, 1 << 14
"""Frames of a group: a row of the wide table has a number for each codeword."""
_TOKEN_SCHEMA = pa.schema(
    [
        ("recording", pa.string()),
        ("frame", pa.int64()),
        ("time_s", pa.float64()),
        ("stage", pa.int64()),
        ("codeword", pa.uint16()),
        ("intensity", pa.float32()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """What all groups have in common. text: whether they are wanted as lines of CSV."""

    tokens: TokenCache
    text: bool


def copy_tokens(tokens: TokenCache, path: Path, format: str, engine: Engine = LOCAL) -> int:
    """Write one row a token that moves something, by recording (in the order of the names), frame and stage: recording,
    frame, time_s, stage, codeword, intensity. Returns the rows."""
    spans = sorted(recording_spans(tokens.file), key=lambda span: span.recording.encode())
    groups = [tuple(spans[cut]) for cut in consecutive_groups([span.count for span in spans], _TOKEN_GROUP)]
    rows = 0
    with ExitStack() as held:
        if format == "csv":
            sink = held.enter_context(path.open("wb"))
            sink.write((",".join(_TOKEN_SCHEMA.names) + "\n").encode())
        else:
            writer = held.enter_context(RowGroupWriter(path))
            writer.like(RowGroups(_parquet_bytes([], _TOKEN_SCHEMA)))
        for count, part in engine.map(token_rows, groups, _Rows(tokens=tokens, text=format == "csv")):
            rows += count
            if format == "csv":
                sink.write(part)
            else:
                writer.add_all(RowGroups(part))
    return rows


def token_rows(spans: tuple[RecordingSpan, ...], rows: _Rows) -> tuple[int, bytes]:
    """How many rows of `copy_tokens` are of these recordings, and the rows as a Parquet file, or as lines."""
    tables = [_token_table(part, rows.text) for part in iter_recordings(rows.tokens, spans)]
    table = pa.concat_tables(tables) if tables else _TOKEN_SCHEMA.empty_table()
    if rows.text:
        return len(table), _token_lines(table)
    return len(table), _parquet_bytes([table] if len(table) else [], _TOKEN_SCHEMA)


def _parquet_bytes(tables: Iterable[pa.Table], schema: pa.Schema) -> bytes:
    """A Parquet file of row groups, one table each, that another file can take over as they are (`parquet_join`)."""
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema) as writer:
        for table in tables:
            writer.write_table(table)
    return sink.getvalue()


def _token_table(tokens: Tokens, text: bool) -> pa.Table:
    row, stage = np.nonzero(tokens.tokens != REST)
    name = plain_cell(tokens.recording) if text else tokens.recording
    columns = [
        pa.array([name] * len(row), pa.string()) if len(row) else pa.array([], pa.string()),
        pa.array(tokens.frame[row]),
        pa.array(tokens.time_s[row]),
        pa.array(stage.astype(np.int64)),
        pa.array(tokens.tokens[row, stage].astype(np.uint16)),
        pa.array(tokens.intensities[row, stage].astype(np.float32)),
    ]
    return pa.table(columns, schema=_TOKEN_SCHEMA)


def _token_lines(table: pa.Table) -> bytes:
    """A table as lines of CSV without their head, as DuckDB writes numbers: as short as they come back from."""
    with tempfile.TemporaryDirectory(prefix="dfe-export-") as folder, duckdb.connect() as connection:
        path = Path(folder, "rows.csv")
        connection.register("part", table)
        connection.execute(f"COPY part TO '{str(path).replace(chr(39), chr(39) * 2)}' (FORMAT csv, HEADER false)")
        return path.read_bytes()


def copy_wide(tokens: TokenCache, path: Path, format: str, engine: Engine = LOCAL) -> int:
    """Write `wide_tables` to a file. Returns the rows."""
    groups, text, rows = _wide_groups(tokens), format == "csv", 0
    with ExitStack() as held:
        sink: Any = None
        for count, part in engine.map(wide_rows, groups, _Rows(tokens=tokens, text=text)):
            if sink is None:
                sink = held.enter_context(path.open("wb") if text else RowGroupWriter(path))
            if not text:
                sink.add_all(RowGroups(part))
            else:  # each part begins with the names of the columns
                sink.write(part[part.index(b"\n") + 1 if rows else 0 :])
            rows += count
    return rows


def wide_tables(tokens: TokenCache) -> Iterator[pd.DataFrame]:
    """Recording by recording one row per frame: recording, frame, time_s, error_mm, and the intensity of each codeword
    in ``codeword_1`` … (float32, summed over the frame's tokens; 0 where it is not used)."""
    for part in iter_recordings(tokens):
        yield _wide(part, tokens.codewords)


def _wide_groups(tokens: TokenCache) -> list[tuple[RecordingSpan, ...]]:
    spans = recording_spans(tokens.file)
    return [tuple(spans[cut]) for cut in consecutive_groups([span.count for span in spans], _WIDE_GROUP)]


def wide_rows(spans: tuple[RecordingSpan, ...], rows: _Rows) -> tuple[int, bytes]:
    """How many rows of `wide_tables` are of these recordings, and the rows as a Parquet file, or as CSV with a head, in
    which no spreadsheet runs a name."""
    found = (_wide(part, rows.tokens.codewords) for part in iter_recordings(rows.tokens, spans))
    tables = (pa.Table.from_pandas(plain_table(one) if rows.text else one, preserve_index=False) for one in found)
    sink, count, writer = io.BytesIO(), 0, None
    for table in tables:
        if writer is None:
            writer = (csv.CSVWriter if rows.text else pq.ParquetWriter)(sink, table.schema)
        writer.write_table(table)
        count += len(table)
    if writer is not None:
        writer.close()
    return count, sink.getvalue()


def _wide(tokens: Tokens, size: int) -> pd.DataFrame:
    rows = np.repeat(np.arange(len(tokens.frame)), tokens.tokens.shape[1])
    summed = np.zeros((len(tokens.frame), size), np.float32)
    np.add.at(summed, (rows, tokens.tokens.ravel()), tokens.intensities.ravel())
    columns = [f"codeword_{k}" for k in range(REST + 1, size)]
    facts = pd.DataFrame(
        {
            "recording": tokens.recording,
            "frame": tokens.frame,
            "time_s": tokens.time_s,
            "error_mm": tokens.error_mm,
        }
    )
    return pd.concat([facts, pd.DataFrame(summed[:, REST + 1 :], columns=columns)], axis=1)
