"""LibreFace: ``au_1_intensity`` (0–5) and ``au_1`` (0/1), of different AUs, with frame index and time in ms."""

from __future__ import annotations

import re
from pathlib import Path

from dfe_core.facs.action_units import EMISSIONS
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.table import AuReadOptions, Header, Kind, detections, read_au_header, read_table

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
    kinds = {
        name: Kind(
            spelling={c: f"AU{m[1]}" for c in aus if (m := _AU.match(c)) and bool(m[2]) is measured},
            highest=highest,
            scale=scale,
        )
        for name, measured, highest, scale in (
            ("intensity", True, 5, "intensity"),
            ("probability", False, 1, "presence"),
        )
    }
    emits = dict.fromkeys(EMISSIONS["libreface-intensity"].aus + EMISSIONS["libreface-detection"].aus)
    note = "LibreFace's intensities and detections come from two models and cover different AUs"
    return [
        detections(table, face, options, kinds, tool="libreface", emits=tuple(emits), notes=(note,))
        for face in table.faces
    ]
