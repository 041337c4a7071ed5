"""ELAN annotations (``.eaf``), through pympi-ling.

A tier whose name is a FACS code (``AU12``, ``AU12_L``, ``12``) holds events of that AU, its annotations' values giving
the intensity (A–E), the side (L, R) or nothing; in any other tier the annotations whose value is a FACS code
(``R12A``, ``1+2``) are events, and a tier without any is left out. The file is first read by defusedxml, so that
entities never expand.
"""

from __future__ import annotations

from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.coding import SIDE_WORDS, parse_code, parse_intensity
from dfe_core.facs.readers.manual import coded
from dfe_core.facs.readers.table import Header, ReadOptions

NAME = "ELAN"


def recognises(header: Header) -> bool:
    """The suffix .eaf."""
    return header.path.suffix.lower() == ".eaf"


def read(path: Path, options: ReadOptions) -> list[Detections]:
    """One `Detections` with intervals. Raises `DataError` for a file that is no ELAN document or holds no FACS code."""
    document = _open(path)
    rows, ignored = [], []
    for tier in document.tiers:
        events = _tier_rows(document, tier)
        rows += events
        if not events:
            ignored.append(tier)
    if not rows:
        raise DataError(path, f"no FACS code in any tier ({', '.join(ignored) or 'no tiers'})",
                        "tiers named AU12, AU12_L …, or annotations like R12A")
    found = coded(path, rows)
    notes = found.notes if not ignored else (*found.notes, f"tiers without FACS codes left out: {', '.join(ignored)}")
    return [Detections(**{**{f: getattr(found, f) for f in found.__dataclass_fields__}, "notes": notes})]


def _open(path: Path):
    import pympi
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, parse
    try:
        root = parse(path, forbid_dtd=True).getroot()
        if root.tag != "ANNOTATION_DOCUMENT":
            raise DataError(path, f"an XML document of type {root.tag}", "an ELAN annotation document")
        return pympi.Eaf(str(path), suppress_version_warning=True)
    except (DefusedXmlException, ParseError, UnicodeError) as error:
        raise DataError(path, f"not a safe XML file ({type(error).__name__})", "an ELAN .eaf file") from None
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise DataError(path, f"an ELAN document that lacks {error}", "a file saved by ELAN") from None


def _tier_rows(document, tier: str) -> list[dict]:
    code, rows = parse_code(tier), []
    for number, (start, end, value, *_) in enumerate(document.get_annotation_data_for_tier(tier), 1):
        text = (value or "").strip()
        own = parse_code(text)
        if start is None or end is None or (code is None and own is None):
            continue
        strength, side = parse_intensity(text), text if text.lower() in SIDE_WORDS else ""
        named = code is not None and (own is None or strength is not None)
        rows.append({"row": f"{number} of tier {tier}", "au": tier if named else text, "side": side if named else "",
                     "intensity": text if named and strength is not None and not side else "",
                     "onset": start / 1000, "apex": float("nan"), "offset": end / 1000})
    return rows
