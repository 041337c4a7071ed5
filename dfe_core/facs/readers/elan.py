"""ELAN annotations (``.eaf``).

A tier whose name is a FACS code (``AU12``, ``AU 12 (left)``, ``12``) holds events of that AU, its annotations' values
giving the intensity (A–E), the side (L, R) or nothing; in any other tier the annotations whose value is a FACS code
(``R12A``, ``1+2``) are events, and a tier without any is left out. `events.readers.elan_document` reads the file.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from dfe_core.errors import DataError
from dfe_core.events.readers.elan_document import Annotation, read_elan, slot_note
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.coding import SIDE_WORDS, parse_code, parse_intensity
from dfe_core.facs.readers.manual import coded
from dfe_core.facs.readers.table import AuReadOptions, Header

FORMAT = "elan"
TITLE = "ELAN"


def sniff(path: Path, header: Header) -> str | None:
    known = header.path.suffix.lower() == ".eaf"
    return "the ending .eaf" if known else None


def read(path: Path, options: AuReadOptions) -> list[Detections]:
    """One `Detections` with intervals. Raises `DataError` for a file that is no ELAN document or holds no FACS code."""
    document = read_elan(path)
    rows: list[dict[str, Any]] = []
    ignored: list[str] = []
    lost = 0
    for name, inside in document.tiers.items():
        known = [row for number, found in enumerate(inside, 1) if (row := event(name, number, found))]
        timed = [row for row in known if row["onset"] is not None and row["offset"] is not None]
        lost += len(known) - len(timed)
        rows += timed
        if not known:
            ignored.append(name)
    if not rows:
        raise DataError(
            path,
            f"no FACS code in any tier ({', '.join(ignored) or 'no tiers'})",
            "tiers named AU12, AU12_L …, or annotations like R12A",
        )
    found = coded(path, rows)
    notes = (*document.notes, *slot_note(document))
    notes += (f"{lost} annotations without a time left out",) if lost else ()
    notes += (f"tiers without FACS codes left out: {', '.join(ignored)}",) if ignored else ()
    return [replace(found, notes=(*found.notes, *notes))]


def event(tier: str, number: int, found: Annotation) -> dict[str, Any] | None:
    """An event as `manual.coded` takes it, None for an annotation that is no FACS code."""
    code, text = parse_code(tier), found.text.strip()
    own = parse_code(text)
    if code is None and own is None:
        return None
    strength, side = parse_intensity(text), text if text.lower() in SIDE_WORDS else ""
    named = code is not None and (own is None or strength is not None)
    return {
        "row": f"{number} of tier {tier}",
        "au": tier if named else text,
        "side": side if named else "",
        "intensity": text if named and strength is not None and not side else "",
        "onset": found.onset,
        "apex": float("nan"),
        "offset": found.offset,
    }
