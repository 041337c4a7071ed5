"""PyAFAR: ``Occ_au_1`` (probability 0–1) and ``Int_au_6`` (intensity 0–5) with ``Frame`` and ``Person_ID``; no times.

Occurrence and intensity are of different AUs; frames without a face are left out by the tool. The columns are those of
its wiki (Output Format, 20 May 2024).
"""

from __future__ import annotations

import re
from pathlib import Path

from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.table import AuReadOptions, Header, Kind, detections, read_au_header, read_table

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
    kinds = {
        name: Kind(
            spelling={c: f"AU{m[2]}" for c in aus if (m := _AU.match(c)) and m[1].lower() == key},
            highest=highest,
            scale=name,
        )
        for name, key, highest in (("probability", "occ", 1), ("intensity", "int", 5))
    }
    return [detections(table, face, options, kinds, tool="pyafar", emits=EMITS) for face in table.faces]
