"""Annotation documents of ELAN (``.eaf``, EAF 3.0), written and read back.

A tier has the intervals of a codeword, or of a region; values are of a controlled vocabulary of the codebook, each
with the number of its codeword in the entry's id. A tier below it (symbolic association) has the peak intensities.
Times are whole milliseconds of the video. The order of elements is that of the schema (EAFv3.0.xsd,
www.mpi.nl/tools/elan).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.exchange.interval_track import (
    CodewordLabel,
    IntervalTrack,
    TextInterval,
    TextTier,
    Tier,
    codeword_tiers,
)
from dfe_core.intervals.table import BENEATH

ENDING = ".eaf"
AUTHOR = "dfe"
DATE = "1970-01-01T00:00:00+00:00"
"""The schema wants a date; the same intervals give the same bytes."""
COLUMNS = ("tier", "codeword", "onset_ms", "offset_ms", "peak")
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_VOCABULARY, _CODEWORD, _INTENSITY = "codewords", "codeword", "intensity"
_ENTRY = "codeword-"
_ANNOTATION, _SOURCE = "annotation", "source"
_LANGUAGE = {
    "LANG_DEF": "http://cdb.iso.org/lg/CDB-00130975-001",
    "LANG_ID": "und",
    "LANG_LABEL": "undetermined (und)",
}
_CONSTRAINTS = {
    "Time_Subdivision": "Time subdivision of parent annotation's time interval, no time gaps allowed within this "
    "interval",
    "Symbolic_Subdivision": "Symbolic subdivision of a parent annotation. Annotations refering to the same parent are "
    "ordered",
    "Symbolic_Association": "1-1 association with a parent annotation",
    "Included_In": "Time alignable annotations within the parent annotation's time interval, gaps are allowed",
}
_MIME = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".avi": "video/x-msvideo",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".mpg": "video/mpeg",
    ".mpeg": "video/mpeg",
}


def eaf_document(
    track: IntervalTrack,
    labels: Mapping[int, CodewordLabel],
    *,
    folder: Path | None,
    by: str = "codeword",
    annotator: str = AUTHOR,
) -> bytes:
    """An annotation document of one recording.

    Parameters
    ----------
    folder: where the file will be; the video is named relative to it, so that both can be moved together. None: beside
        the video.
    by: ``codeword`` or ``region``.
    annotator: what the tiers name as who annotated.
    """
    tiers = codeword_tiers(track, labels, by, annotator, _ENTRY)
    root = _document(track, folder, tiers, _Kinds(own=_CODEWORD, beneath=_INTENSITY, vocabulary=_VOCABULARY))
    _vocabulary(root, labels.values())
    return _bytes(root)


def text_document(track: IntervalTrack, tiers: Sequence[TextTier], *, folder: Path | None) -> bytes:
    """An annotation document of tiers of free text, with the source of each annotation in a tier beneath it.

    folder: as in `eaf_document`.
    """
    return _bytes(_document(track, folder, tiers, _Kinds(own=_ANNOTATION, beneath=_SOURCE)))


@dataclass(frozen=True, kw_only=True)
class _Kinds:
    """Linguistic types of tiers and of those beneath them, and the vocabulary of the former."""

    own: str
    beneath: str
    vocabulary: str = ""


def _document(
    track: IntervalTrack, folder: Path | None, tiers: Sequence[TextTier], kinds: _Kinds
) -> ElementTree.Element:
    """A document up to where its vocabulary comes."""
    root = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": AUTHOR,
            "DATE": DATE,
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": _INSTANCE,
            "xsi:noNamespaceSchemaLocation": _SCHEMA,
        },
    )
    count = sum(len(tier.rows) for tier in tiers)
    _header(root, track, folder, 2 * count)
    order = ElementTree.SubElement(root, "TIME_ORDER")
    _tiers(root, tiers, kinds, track.subject, order)
    _types(root, kinds)
    ElementTree.SubElement(root, "LANGUAGE", _LANGUAGE)
    for stereotype, description in _CONSTRAINTS.items():
        ElementTree.SubElement(root, "CONSTRAINT", {"DESCRIPTION": description, "STEREOTYPE": stereotype})
    return root


def _bytes(root: ElementTree.Element) -> bytes:
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def read_eaf(path: Path) -> pd.DataFrame:
    """The intervals of a document of `eaf_document`, as `COLUMNS`: tier, codeword, onset and offset in ms, and the
    peak intensity (float32, NaN where its annotation was taken away), in the order of tiers and time.

    Raises `DataError` for a file that is no such document, and for an annotation whose codeword it does not know.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, parse

    try:
        root = parse(path, forbid_dtd=True).getroot()
    except (DefusedXmlException, ParseError, OSError, ValueError) as error:
        raise DataError(path, f"not readable ({type(error).__name__})", "an .eaf file that dfe exported") from None
    times = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE", "-1")) for slot in root.iter("TIME_SLOT")}
    peaks = {
        found.get("ANNOTATION_REF"): float(found.findtext("ANNOTATION_VALUE") or "nan")
        for tier in root.iter("TIER")
        if tier.get("LINGUISTIC_TYPE_REF") == _INTENSITY
        for found in tier.iter("REF_ANNOTATION")
    }
    rows = [
        (
            tier.get("TIER_ID"),
            _codeword(found.get("CVE_REF"), path),
            times[found.get("TIME_SLOT_REF1")],
            times[found.get("TIME_SLOT_REF2")],
            peaks.get(found.get("ANNOTATION_ID"), float("nan")),
        )
        for tier in root.iter("TIER")
        if tier.get("LINGUISTIC_TYPE_REF") == _CODEWORD
        for found in tier.iter("ALIGNABLE_ANNOTATION")
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"codeword": "int64", "peak": "float32"})


def tier_table(tiers: Iterable[Tier]) -> pd.DataFrame:
    """What `read_eaf` gives back of tiers, at the resolution of the format."""
    rows = [(tier.name, row.codeword, row.onset_ms, row.offset_ms, row.peak) for tier in tiers for row in tier.rows]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"codeword": "int64", "peak": "float32"})


def _header(root: ElementTree.Element, track: IntervalTrack, folder: Path | None, last: int) -> None:
    header = ElementTree.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if track.video is not None and (relative := track.video_from(folder)) is not None:
        ElementTree.SubElement(
            header,
            "MEDIA_DESCRIPTOR",
            {
                # Only the file's name: where it is on this machine is nobody's business, and ELAN looks beside the
                # document and at the relative address where the first is not there.
                "MEDIA_URL": f"file:///{track.video.name}",
                "MIME_TYPE": _MIME.get(track.video.suffix.lower(), "video/*"),
                "RELATIVE_MEDIA_URL": relative if relative.startswith("..") else f"./{relative}",
            },
        )
    urn = uuid.uuid5(uuid.NAMESPACE_URL, f"{AUTHOR}/{track.recording}")
    for name, value in (("URN", f"urn:nl-mpi-tools-elan-eaf:{urn}"), ("lastUsedAnnotationId", str(last))):
        ElementTree.SubElement(header, "PROPERTY", {"NAME": name}).text = value


def _tiers(
    root: ElementTree.Element, tiers: Sequence[TextTier], kinds: _Kinds, subject: str, order: ElementTree.Element
) -> None:
    """The tiers, each with the one beneath it, and their time slots in the order of time."""
    slots: list[tuple[int, str]] = []
    number = 0
    for tier in tiers:
        who = {"ANNOTATOR": tier.annotator, "PARTICIPANT": subject}
        above = ElementTree.SubElement(root, "TIER", {**who, "LINGUISTIC_TYPE_REF": kinds.own, "TIER_ID": tier.name})
        name = f"{tier.name}{BENEATH}{kinds.beneath}"
        child = {"LINGUISTIC_TYPE_REF": kinds.beneath, "PARENT_REF": tier.name, "TIER_ID": name}
        below = ElementTree.SubElement(root, "TIER", {**who, **child})
        for row in tier.rows:
            number += 1
            slots += [(row.onset_ms, f"{2 * number - 1}"), (row.offset_ms, f"{2 * number}")]
            _annotation(above, below, number, row)
    names = {number: f"ts{i}" for i, (_, number) in enumerate(sorted(slots, key=lambda s: (s[0], int(s[1]))), 1)}
    for found in root.iter("ALIGNABLE_ANNOTATION"):
        for key in ("TIME_SLOT_REF1", "TIME_SLOT_REF2"):
            found.set(key, names[found.get(key, "")])
    for i, (time, _) in enumerate(sorted(slots, key=lambda s: (s[0], int(s[1]))), 1):
        ElementTree.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{i}", "TIME_VALUE": str(time)})


def _annotation(above: ElementTree.Element, below: ElementTree.Element, number: int, row: TextInterval) -> None:
    name = f"a{2 * number - 1}"
    aligned = ElementTree.SubElement(
        ElementTree.SubElement(above, "ANNOTATION"),
        "ALIGNABLE_ANNOTATION",
        {
            "ANNOTATION_ID": name,
            **({"CVE_REF": row.entry} if row.entry else {}),
            "TIME_SLOT_REF1": f"{2 * number - 1}",
            "TIME_SLOT_REF2": f"{2 * number}",
        },
    )
    ElementTree.SubElement(aligned, "ANNOTATION_VALUE").text = row.text
    refers = ElementTree.SubElement(
        ElementTree.SubElement(below, "ANNOTATION"),
        "REF_ANNOTATION",
        {"ANNOTATION_ID": f"a{2 * number}", "ANNOTATION_REF": name},
    )
    ElementTree.SubElement(refers, "ANNOTATION_VALUE").text = row.beneath


def _types(root: ElementTree.Element, kinds: _Kinds) -> None:
    common = {"GRAPHIC_REFERENCES": "false"}
    ElementTree.SubElement(
        root,
        "LINGUISTIC_TYPE",
        {
            **({"CONTROLLED_VOCABULARY_REF": kinds.vocabulary} if kinds.vocabulary else {}),
            **common,
            "LINGUISTIC_TYPE_ID": kinds.own,
            "TIME_ALIGNABLE": "true",
        },
    )
    ElementTree.SubElement(
        root,
        "LINGUISTIC_TYPE",
        {
            "CONSTRAINTS": "Symbolic_Association",
            **common,
            "LINGUISTIC_TYPE_ID": kinds.beneath,
            "TIME_ALIGNABLE": "false",
        },
    )


def _vocabulary(root: ElementTree.Element, labels: Iterable[CodewordLabel]) -> None:
    vocabulary = ElementTree.SubElement(root, "CONTROLLED_VOCABULARY", {"CV_ID": _VOCABULARY})
    language = {"LANG_REF": _LANGUAGE["LANG_ID"]}
    ElementTree.SubElement(vocabulary, "DESCRIPTION", language).text = "Codewords of the codebook"
    for label in labels:
        entry = ElementTree.SubElement(vocabulary, "CV_ENTRY_ML", {"CVE_ID": f"{_ENTRY}{label.codeword}"})
        where = f"{label.region}, {label.side}"
        ElementTree.SubElement(entry, "CVE_VALUE", {"DESCRIPTION": where, **language}).text = label.text


def _codeword(entry: str | None, path: Path) -> int:
    number = (entry or "").removeprefix(_ENTRY)
    if not number.isdigit():
        raise DataError(path, f"an annotation of the entry {entry!r}", "one of a codeword, in a file that dfe exported")
    return int(number)
