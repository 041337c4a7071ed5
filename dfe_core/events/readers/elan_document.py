"""ELAN's own files (``.eaf``): tiers of annotations with their times.

Times count in the video: a media offset (``TIME_ORIGIN`` of the MEDIA_DESCRIPTOR, ms) is added, for annotations count
from there. A time slot without a value lies evenly between its neighbours, as ELAN draws it. Annotations that refer to
others have their times. The file is read by defusedxml, so that entities never expand.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from dfe_core.errors import DataError


@dataclass(frozen=True)
class Annotation:
    """One annotation: onset and offset in s, None where they cannot be told, and its text."""

    onset: float | None
    offset: float | None
    text: str


@dataclass(frozen=True, kw_only=True)
class ElanDocument:
    """A file that has been read. tiers: annotations by tier. media: stems of its videos. between: time slots in use
    that had no time and were put between their neighbours. notes: on the media offset."""

    tiers: Mapping[str, list[Annotation]]
    media: tuple[str, ...]
    between: int
    notes: tuple[str, ...]


def read_elan(path: Path) -> ElanDocument:
    """Read an ELAN document. Raises `DataError` for a file that is none, and for one without a time."""
    root = _open(path)
    shift, notes = _origin(root)
    slots, between = _slots(root, path)
    return ElanDocument(tiers=_tiers(root, slots, shift), media=_media(root), between=between, notes=notes)


def slot_note(document: ElanDocument) -> tuple[str, ...]:
    """A note on time slots without a time, none where all have one."""
    if not document.between:
        return ()
    return (f"{document.between} time slots without a time are spaced evenly between their neighbours",)


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


def _media(root: Any) -> tuple[str, ...]:
    urls = [m.get("RELATIVE_MEDIA_URL") or m.get("MEDIA_URL") or "" for m in root.iter("MEDIA_DESCRIPTOR")]
    return tuple(PurePosixPath(url.replace("\\", "/")).stem for url in urls if url)


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


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and abs(value) < 1e12 else None
