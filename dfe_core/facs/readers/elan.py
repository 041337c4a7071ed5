"""ELAN annotations (``.eaf``).

A tier whose name is a FACS code (``AU12``, ``AU 12 (left)``, ``12``) holds events of that AU, its annotations' values
giving the intensity (A–E), the side (L, R) or nothing; in any other tier the annotations whose value is a FACS code
(``R12A``, ``1+2``) are events, and a tier without any is left out. Annotations that refer to others have their times.

Times count in the video: a media offset (``TIME_ORIGIN`` of the MEDIA_DESCRIPTOR, ms) is added, for annotations count
from there. A time slot without a value lies evenly between its neighbours, as ELAN draws it. The file is read by
defusedxml, so that entities never expand.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dfe_core.errors import DataError
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.coding import SIDE_WORDS, parse_code, parse_intensity
from dfe_core.facs.readers.manual import coded
from dfe_core.facs.readers.table import AuReadOptions, Header

FORMAT = "elan"
TITLE = "ELAN"


@dataclass(frozen=True)
class Annotation:
    """One annotation: onset and offset in s, None where they cannot be told, and its text."""

    onset: float | None
    offset: float | None
    text: str


def sniff(path: Path, header: Header) -> str | None:
    known = header.path.suffix.lower() == ".eaf"
    return "the ending .eaf" if known else None


def read(path: Path, options: AuReadOptions) -> list[Detections]:
    """One `Detections` with intervals. Raises `DataError` for a file that is no ELAN document or holds no FACS code."""
    root = _open(path)
    shift, notes = _origin(root)
    slots, between = _slots(root, path)
    tiers = _tiers(root, slots, shift)
    rows: list[dict[str, Any]] = []
    ignored: list[str] = []
    lost = 0
    for name, inside in tiers.items():
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
    notes += (f"{between} time slots without a time are spaced evenly between their neighbours",) if between else ()
    notes += (f"{lost} annotations without a time left out",) if lost else ()
    notes += (f"tiers without FACS codes left out: {', '.join(ignored)}",) if ignored else ()
    return [replace(found, notes=(*found.notes, *notes))]


def _open(path: Path) -> Any:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, parse

    try:
        root = parse(path, forbid_dtd=True).getroot()
    except (DefusedXmlException, ParseError, UnicodeError, ValueError, LookupError) as error:
        raise DataError(path, f"not a safe XML file ({type(error).__name__})", "an ELAN .eaf file") from None
    if root.tag != "ANNOTATION_DOCUMENT":
        raise DataError(path, f"an XML document of type {root.tag}", "an ELAN annotation document")
    if root.find("TIME_ORDER") is None:
        raise DataError(path, "an ELAN document that lacks TIME_ORDER", "a file saved by ELAN")
    return root


def _origin(root: Any) -> tuple[float, tuple[str, ...]]:
    """The media offset in s, and a note on it."""
    told = [
        value for media in root.iter("MEDIA_DESCRIPTOR") if (value := _number(media.get("TIME_ORIGIN"))) is not None
    ]
    if not any(told):
        return 0.0, ()
    other = ", that of the first video" if len(set(told)) > 1 else ""
    return told[0] / 1000, (
        f"the video has an offset of {told[0] / 1000:g} s (TIME_ORIGIN{other}): added to every time",
    )


def _slots(root: Any, path: Path) -> tuple[dict[str, float | None], int]:
    """Seconds of each time slot, and how many of those in use lacked a value and were put between their neighbours."""
    used = {
        found.get(key) for found in root.iter("ALIGNABLE_ANNOTATION") for key in ("TIME_SLOT_REF1", "TIME_SLOT_REF2")
    }
    names, values = [], []
    for slot in root.find("TIME_ORDER").iter("TIME_SLOT"):
        names.append(slot.get("TIME_SLOT_ID", ""))
        value = _number(slot.get("TIME_VALUE"))
        values.append(None if value is None else value / 1000)
    if not any(v is not None for v in values):
        raise DataError(path, "no time slot with a time", "an ELAN document with annotations")
    known = [(i, value) for i, value in enumerate(values) if value is not None]
    filled = 0
    for (before, start), (after, stop) in itertools.pairwise(known):
        for i in range(before + 1, after):
            values[i] = start + (stop - start) * (i - before) / (after - before)
            filled += names[i] in used
    return dict(zip(names, values, strict=True)), filled


def _tiers(root: Any, slots: dict[str, float | None], shift: float) -> dict[str, list[Annotation]]:
    """The annotations of each tier, those that refer to another with its times."""
    times: dict[str, tuple[float | None, float | None]] = {}
    refers: dict[str, str] = {}
    for found in root.iter("ALIGNABLE_ANNOTATION"):
        ends = (slots.get(found.get(key, "")) for key in ("TIME_SLOT_REF1", "TIME_SLOT_REF2"))
        onset, offset = (None if t is None else t + shift for t in ends)
        times[found.get("ANNOTATION_ID", "")] = onset, offset
    for found in root.iter("REF_ANNOTATION"):
        refers[found.get("ANNOTATION_ID", "")] = found.get("ANNOTATION_REF", "")
    tiers: dict[str, list[Annotation]] = {}
    for tier in root.iter("TIER"):
        name = tier.get("TIER_ID", "")
        tiers.setdefault(name, [])
        for found in (*tier.iter("ALIGNABLE_ANNOTATION"), *tier.iter("REF_ANNOTATION")):
            key, steps = found.get("ANNOTATION_ID", ""), 0
            while key not in times and key in refers and steps < 100:
                key, steps = refers[key], steps + 1
            value = found.find("ANNOTATION_VALUE")
            text = (value.text or "") if value is not None else ""
            tiers[name].append(Annotation(*times.get(key, (None, None)), text))
    return tiers


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


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and abs(value) < 1e12 else None
