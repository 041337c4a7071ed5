"""Any table with the 52 ARKit names as columns, in any order and spelling: CSV, TSV or Parquet."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dfe_core.expressions.readers.arkit_columns import LEAST, arkit_count, arkit_indices, arkit_recording
from dfe_core.expressions.readers.frame_table import header_of, open_table, read_frame_table
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.validity import found_faces, told_columns
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.validation import as_float32

FORMAT = "arkit-table"
TITLE = "table of ARKit coefficients"


def sniff(path: Path, head: bytes) -> str | None:
    return "its ARKit column names" if arkit_count(header_of(path, head)) >= LEAST else None


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording a face. Times are found by `clocks`, faces by `faces`. A column ``success`` (else ``confidence``)
    tells in which frames a face was found.

    Raises `DataError` for neither times nor a rate.
    """
    file = open_table(path)
    columns, told = arkit_indices(file.header, path), told_columns(file.header)
    table, found = read_frame_table(file, (*columns.values(), *told.values()), options), []
    psi = table.stack(columns.values())
    made_by = "py-feat" if "FaceScore" in table.header else "arkit"
    for face in table.faces:
        rows = face.rows
        valid, lost = found_faces({what: table.data[i][rows] for what, i in told.items()})
        values = psi[rows]
        if valid is not None:
            values[~valid] = np.nan
        recording = arkit_recording(
            path,
            values,
            tuple(columns),
            table.timing(rows, options),
            options.extractor or made_by,
            {"confidence": as_float32(table.data[told["confidence"]][rows])} if "confidence" in told else {},
            (*table.notes, *lost),
            presumed=options.extractor is None and made_by == "arkit",
        )
        found.append(table.named(recording, face))
    return found
