"""Noldus FaceReader's detailed log: ``Action Unit 01 - Inner Brow Raiser`` as intensity 0–1 or as letters (A–E).

Columns of the left and right side (``… - Left``) are read with their side. ``FIND_FAILED`` and ``FIT_FAILED`` are
frames without a face. The times are ``Video Time``; the lines of metadata above the header are passed over. The column
names are those of public scripts that read such logs.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa

from dfe_core.expressions.readers.clocks import clocks_of, timing_of
from dfe_core.expressions.readers.options import ReadOptions as TimeOptions
from dfe_core.facs.detections import INTENSITY_LETTERS, Detections
from dfe_core.facs.readers.table import AuReadOptions, Header, au_columns, no_column, open_table

FORMAT = "facereader"
TITLE = "FaceReader"
EMITS = tuple(f"AU{n}" for n in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 18, 20, 23, 24, 25, 26, 27, 43))
_AU = re.compile(r"(?:Left |Right )?Action Unit 0*(\d+) - .*?(?:[ -]+\(?(Left|Right)\)?)?$", re.IGNORECASE)
_OFF = ("notactive", "not active", "inactive", "0")


def sniff(path: Path, header: Header) -> str | None:
    known = any(_AU.match(c) for c in header.columns)
    return "columns like Action Unit 01 - Inner Brow Raiser" if known else None


def read(path: Path, options: AuReadOptions) -> list[Detections]:
    """One `Detections`: a log is of one face."""
    table = open_table(path)
    aus = {i: (f"AU{m[1]}", (m[2] or "both").lower()) for i, c in enumerate(table.header) if (m := _AU.match(c))}
    asked = TimeOptions(fps=options.fps, time=options.time)
    clocks = clocks_of(table.header, table.first, asked, path)
    data, dropped = table.read(clocks.numbers, [*aus, *clocks.texts])
    rows = len(data[next(iter(aus))])
    when = timing_of(clocks, data, np.arange(rows), asked, path, table.preamble + 1)
    values = {table.header[i]: _values(data[i]) for i in aus}
    columns = au_columns(path, values, {table.header[i]: pair for i, pair in aus.items()}, 5, "intensity")
    if not columns.aus:
        raise no_column(path, columns.notes)
    pairs = tuple(columns.aus)
    intensity = when.of(columns.matrix(pairs, rows))
    return [
        Detections(
            source=path.name,
            tool="facereader",
            version="",
            estimate=False,
            aus=pairs,
            emits=EMITS,
            frame=when.frame,
            time_s=when.time_s + when.start_s,
            probability=np.full_like(intensity, np.nan),
            intensity=intensity,
            fps=when.fps,
            notes=(
                *table.notes,
                *dropped,
                *when.notes,
                *columns.notes,
                "FaceReader's 0 to 1 (A to E) is rescaled to 0 to 5",
            ),
        )
    ]


def _values(column: pa.Array) -> np.ndarray:
    """(T,) intensity 0–5 of letters, or of numbers 0–1; NaN where no face was found or fitted."""
    texts = [str(v or "").strip() for v in column.to_pylist()]
    letters = {v.upper() for v in texts} & set(INTENSITY_LETTERS)
    out = np.full(len(texts), np.nan)
    for i, text in enumerate(texts):
        if text.lower() in _OFF:
            out[i] = 0.0
        elif letters and text.upper() in INTENSITY_LETTERS:
            out[i] = INTENSITY_LETTERS[text.upper()]
        else:
            try:
                out[i] = 5 * float(text.replace(",", "."))
            except ValueError:
                continue
    return out
