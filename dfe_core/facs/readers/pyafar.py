"""PyAFAR: ``Occ_au_1`` (probability 0–1) and ``Int_au_6`` (intensity 0–5) with ``Frame`` and ``Person_ID``; no times.

Occurrence and intensity are of different AUs; frames without a face are left out by the tool. The columns are those of
its wiki (Output Format, 20 May 2024).
"""

from __future__ import annotations

import re
from pathlib import Path

from dfe_core.expressions.readers.faces import FaceRows
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.table import (
    AuReadOptions,
    AuTable,
    Columns,
    Header,
    au_columns,
    no_column,
    read_au_header,
    read_table,
)

FORMAT = "pyafar"
TITLE = "PyAFAR"
EMITS = tuple(f"AU{n}" for n in (1, 2, 4, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 28))
"""Of the adults' and the infants' models together; its AU3 is of infant coding and no code here."""
_AU = re.compile(r"(Occ|Int)_au_(\d+)$", re.IGNORECASE)


def sniff(path: Path, header: Header) -> str | None:
    known = any(_AU.match(c) for c in header.columns)
    return "columns like Occ_au_1" if known else None


def read(path: Path, options: AuReadOptions) -> list[Detections]:
    """One `Detections` a person. Raises `DataError` without the video's frame rate, which PyAFAR does not write."""
    aus = [c for c in read_au_header(path).columns if _AU.match(c)]
    table = read_table(path, aus, (), options)
    return [_one_face(table, face, aus, options) for face in table.faces]


def _one_face(table: AuTable, face: FaceRows, aus: list[str], options: AuReadOptions) -> Detections:
    when, kinds = table.timing(face.rows, options), {}
    for kind, highest, scale in (("int", 5, "intensity"), ("occ", 1, "probability")):
        spelling = {c: f"AU{m[2]}" for c in aus if (m := _AU.match(c)) and m[1].lower() == kind}
        values = {c: table.column(c, face.rows) for c in spelling}
        kinds[kind] = au_columns(table.path, values, spelling, highest, scale) if spelling else Columns()
    pairs = tuple(dict.fromkeys(kinds["occ"].aus + kinds["int"].aus))
    if not pairs:
        raise no_column(table.path, kinds["occ"].notes + kinds["int"].notes)
    probability, intensity = (when.of(kinds[k].matrix(pairs, len(face.rows))) for k in ("occ", "int"))
    return Detections(
        source=table.path.name,
        tool="pyafar",
        version="",
        estimate=False,
        aus=pairs,
        emits=EMITS,
        frame=when.frame,
        time_s=when.time_s,
        probability=probability,
        intensity=intensity,
        fps=when.fps,
        face=face.name,
        recording=face.source,
        notes=(
            *([f"face {face.name}"] if face.name else []),
            *table.notes,
            *when.notes,
            *kinds["occ"].notes,
            *kinds["int"].notes,
        ),
    )
