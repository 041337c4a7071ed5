"""py-feat: ``AU01`` … as probabilities 0–1, with ``frame``, ``FaceScore`` and ``input``; no timestamps.

One table may hold several inputs (each becomes a recording) and several faces a frame (by ``Identity``, where py-feat 2
writes it, else by where they are).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from dfe_core.expressions.readers.faces import FaceRows, source_stem
from dfe_core.facs.action_units import EMISSIONS
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.table import (
    AuReadOptions,
    AuTable,
    Header,
    Kind,
    detections_of,
    first_of,
    open_au_table,
    read_au_header,
    read_table,
)

FORMAT = "pyfeat"
TITLE = "py-feat"
_AU = re.compile(r"AU\d+$", re.IGNORECASE)


def sniff(path: Path, header: Header) -> str | None:
    known = sum(bool(_AU.match(c)) for c in header.columns) >= 3
    return "columns like AU01, without a suffix" if known else None


def read(path: Path, options: AuReadOptions) -> list[Detections]:
    """One `Detections` an input and face, the most often seen face of an input first."""
    header = read_au_header(path)
    aus, score = [c for c in header.columns if _AU.match(c)], first_of(header, "facescore")
    source = first_of(header, "input")
    table = read_table(path, aus, (score,), options)
    one = _only_source(path, source)
    kind = Kind(spelling={c: c for c in aus}, highest=1, scale="probability")
    return [_one_face(table, face, kind, score, options, face.source or one) for face in table.faces]


def _only_source(path: Path, column: str | None) -> str:
    """The recording that py-feat's ``input`` names in the first row, empty without one."""
    table = open_au_table(path)
    if column is None or table.header.index(column) >= len(table.first):
        return ""
    return source_stem(table.first[table.header.index(column)])


def _one_face(
    table: AuTable, face: FaceRows, kind: Kind, score: str | None, options: AuReadOptions, source: str
) -> Detections:
    columns = kind.read(table, face.rows)
    if score:
        confidence = table.column(score, face.rows)
        unseen = np.isnan(confidence) | (confidence < options.min_confidence)
        columns.values = [np.where(unseen, np.nan, values) for values in columns.values]
    note = "py-feat gives probabilities, not FACS intensities"
    return detections_of(
        table,
        face,
        options,
        {"probability": columns},
        notes=(note,),
        tool="py-feat",
        emits=EMISSIONS["py-feat"].aus,
        recording=source,
    )
