"""Any table with the 52 ARKit names as columns, in any order and spelling: CSV, TSV or Parquet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.arkit_columns import LEAST, arkit_count, arkit_indices, arkit_recording
from dfe_core.expressions.readers.clocks import clocks_of, timing_of
from dfe_core.expressions.readers.faces import face_columns, faces_of
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.parquet_table import open_parquet_table, parquet_header
from dfe_core.expressions.readers.text_table import open_text_table, read_header
from dfe_core.expressions.readers.validity import found_faces, told_columns
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.validation import as_float32

FORMAT = "arkit-table"
TITLE = "table of ARKit coefficients"


def sniff(path: Path, head: bytes) -> str | None:
    if head.startswith(b"PAR1"):
        return "its ARKit column names" if arkit_count(parquet_header(path)) >= LEAST else None
    header = read_header(head)
    return "its ARKit column names" if header and arkit_count(header) >= LEAST else None


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording a face. Times are found by `clocks`, faces by `faces`. A column ``success`` (else ``confidence``)
    tells in which frames a face was found.

    Raises `DataError` for neither times nor a rate.
    """
    table = open_parquet_table(path) if _is_parquet(path) else open_text_table(path)
    columns, told = arkit_indices(table.header, path), told_columns(table.header)
    clocks, whose = clocks_of(table.header, table.first, options, path), face_columns(table.header)
    data, dropped = table.read(
        [*columns.values(), *clocks.numbers, *whose.numbers, *told.values()], [*clocks.texts, *whose.texts]
    )
    psi = np.stack([as_float32(data[i]) for i in columns.values()], 1)
    faces, left = faces_of(whose, data, clocks.moments(data), len(psi), options, path)
    first, found = table.preamble + 1, []
    made_by = "py-feat" if "FaceScore" in table.header else "arkit"
    for face in faces:
        rows = face.rows
        timing = timing_of(clocks, data, rows, options, path, first)
        valid, lost = found_faces({what: data[i][rows] for what, i in told.items()})
        values = psi[rows]
        if valid is not None:
            values[~valid] = np.nan
        extras = {"confidence": as_float32(data[told["confidence"]][rows])} if "confidence" in told else {}
        found.append(
            replace(
                arkit_recording(
                    path,
                    values,
                    tuple(columns),
                    timing,
                    options.extractor or made_by,
                    extras,
                    (*table.notes, *dropped, *left, *lost),
                ),
                name=path.stem + face.suffix,
                subject=face.subject,
            )
        )
    return found


def _is_parquet(path: Path) -> bool:
    try:
        with open(path, "rb") as handle:
            return handle.read(4) == b"PAR1"
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
