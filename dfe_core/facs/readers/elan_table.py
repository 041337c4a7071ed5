"""ELAN's tab-delimited export, in whatever language its headers are.

The units at the end of the time columns (``- ss.msec``, ``- hh:mm:ss.ms``, ``- msec``) are not translated: the first
column of a unit is the begin, the second the end. A row has the tier in one cell and the annotation in another, or a
column for each tier; tiers and annotations are FACS codes as in an ``.eaf``. Headers as in several public scripts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.coding import parse_code
from dfe_core.facs.readers.elan import Annotation, event
from dfe_core.facs.readers.manual import coded
from dfe_core.facs.readers.table import AuReadOptions, Header, read_au_header, read_columns

FORMAT = "elan-table"
TITLE = "ELAN (tab-delimited)"
_UNITS = (("ss.msec", 1.0), ("hh:mm:ss.ms", None), ("msec", 1e-3))
_UNIT = re.compile(r".* - (ss\.msec|hh:mm:ss\.ms|hh:mm:ss:ff|msec)$", re.IGNORECASE)


def sniff(path: Path, header: Header) -> str | None:
    known = _ends(header) is not None
    return "two columns of times in a unit of ELAN's" if known else None


def read(path: Path, options: AuReadOptions) -> list[Detections]:
    """One `Detections` with intervals. Raises `DataError` where no row holds a FACS code."""
    header = read_au_header(path)
    ends = _ends(header)
    if ends is None:
        raise DataError(path, "no two columns of times of ELAN's", "Begin Time - ss.msec, End Time - ss.msec")
    begin, end, scale = ends
    table = read_columns(header)
    texts = [c for c in header.columns if not _UNIT.match(c)]
    rows = [
        row
        for number, cells in enumerate(table.to_dict("records"), 2)
        for row in _events(number, cells, texts, _seconds(cells[begin], scale), _seconds(cells[end], scale))
    ]
    if not rows:
        raise DataError(path, f"no FACS code in {len(table):,} annotations", "tiers named AU12 …, or codes like R12A")
    return [coded(path, rows)]


def _ends(header: Header) -> tuple[str, str, float | None] | None:
    for unit, scale in _UNITS:
        found = [c for c in header.columns if c.lower().endswith(" - " + unit)]
        if len(found) >= 2:
            return found[0], found[1], scale
    return None


def _events(
    number: int, cells: Mapping[Any, Any], texts: list[str], onset: float | None, offset: float | None
) -> list[dict]:
    """The events of one row: one a tier that has a column, else that of its cells."""
    given = {c: str(cells[c]).strip() for c in texts if not pd.isna(cells[c]) and str(cells[c]).strip()}
    if onset is None or offset is None:
        return []
    tiers = [(c, text) for c, text in given.items() if parse_code(c)]
    if not tiers and given:
        words = list(given.values())
        tiers = [(next((w for w in words if parse_code(w)), words[0]), words[-1])]
    return [row for tier, text in tiers if (row := event(tier, number, Annotation(onset, offset, text)))]


def _seconds(text: object, scale: float | None) -> float | None:
    try:
        if scale is not None:
            return float(str(text).replace(",", ".")) * scale
        hours, minutes, seconds = str(text).split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds.replace(",", "."))
    except ValueError:
        return None
