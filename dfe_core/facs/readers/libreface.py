"""LibreFace: ``au_1_intensity`` (0–5) and ``au_1`` (0/1), of different AUs, with frame index and time in ms."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from dfe_core.expressions.readers.faces import FaceRows
from dfe_core.facs.action_units import EMISSIONS
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

FORMAT = "libreface"
TITLE = "LibreFace"
_AU = re.compile(r"au_(\d+)(_intensity)?$", re.IGNORECASE)


def sniff(path: Path, header: Header) -> str | None:
    known = any(_AU.match(c) for c in header.columns)
    return "columns like au_1 or au_1_intensity" if known else None


def read(path: Path, options: AuReadOptions) -> list[Detections]:
    """One `Detections` a face: LibreFace follows one, a table of several holds a column that numbers them."""
    aus = [c for c in read_au_header(path).columns if _AU.match(c)]
    table = read_table(path, aus, (), options)
    return [_one_face(table, face, aus, options) for face in table.faces]


def _one_face(table: AuTable, face: FaceRows, aus: list[str], options: AuReadOptions) -> Detections:
    when, kinds = table.timing(face.rows, options), {}
    for measured, highest, scale in ((True, 5, "intensity"), (False, 1, "presence")):
        spelling = {c: f"AU{m[1]}" for c in aus if (m := _AU.match(c)) and bool(m[2]) is measured}
        values = {c: table.column(c, face.rows) for c in spelling}
        kinds[measured] = au_columns(table.path, values, spelling, highest, scale) if spelling else Columns()
    pairs = tuple(dict.fromkeys(kinds[True].aus + kinds[False].aus))
    if not pairs:
        raise no_column(table.path, kinds[True].notes + kinds[False].notes)
    intensity, presence = (when.of(kinds[k].matrix(pairs, len(face.rows))) for k in (True, False))
    emits = dict.fromkeys(EMISSIONS["libreface-intensity"].aus + EMISSIONS["libreface-detection"].aus)
    return Detections(
        source=table.path.name,
        tool="libreface",
        version="",
        estimate=False,
        aus=pairs,
        emits=tuple(emits),
        frame=when.frame,
        time_s=when.time_s,
        probability=presence.astype(np.float32),
        intensity=intensity,
        fps=when.fps,
        face=face.name,
        recording=face.source,
        notes=(
            *table.notes,
            *when.notes,
            *kinds[True].notes,
            *kinds[False].notes,
            "LibreFace's intensities and detections come from two models and cover different AUs",
        ),
    )
