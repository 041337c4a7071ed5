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

from dfe_core.expressions.readers.clocks import clocks_of
from dfe_core.expressions.readers.faces import FaceRows
from dfe_core.facs.detections import INTENSITY_LETTERS, Detections
from dfe_core.facs.readers.table import AuReadOptions, AuTable, Header, Kind, detections, no_column, open_au_table

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
    table = open_au_table(path)
    aus = {i: (f"AU{m[1]}", (m[2] or "both").lower()) for i, c in enumerate(table.header) if (m := _AU.match(c))}
    if not aus:
        raise no_column(path, ())
    clocks = clocks_of(table.header, table.first, options.times, path)
    data, dropped = table.read(clocks.numbers, [*aus, *clocks.texts])
    face = FaceRows(suffix="", name="", source="", rows=np.arange(len(data[next(iter(aus))])))
    log = AuTable(
        path=path,
        header=table.header,
        preamble=table.preamble,
        data={i: _values(column) if i in aus else column for i, column in data.items()},
        faces=(face,),
        notes=(*table.notes, *dropped),
        clocks=clocks,
    )
    kind = Kind(spelling={table.header[i]: pair for i, pair in aus.items()}, highest=5, scale="intensity")
    note = "FaceReader's 0 to 1 (A to E) is rescaled to 0 to 5"
    return [detections(log, face, options, {"intensity": kind}, tool="facereader", emits=EMITS, notes=(note,))]


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
