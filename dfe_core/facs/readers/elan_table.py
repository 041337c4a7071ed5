"""ELAN's tab-delimited export, in whatever language its headers are.

The units at the end of the time columns (``- ss.msec``, ``- hh:mm:ss.ms``, ``- msec``) are not translated: the first
column of a unit is the begin, the second the end. A row has the tier in one cell and the annotation in another, or a
column for each tier; tiers and annotations are FACS codes as in an ``.eaf``. Headers as in several public scripts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.events.readers.elan_document import Annotation
from dfe_core.events.readers.elan_export import UNIT, elan_seconds, time_columns
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.coding import parse_code
from dfe_core.facs.readers.elan import event
from dfe_core.facs.readers.manual import coded
from dfe_core.facs.readers.table import AuReadOptions, Header, read_au_header, read_columns

FORMAT = "elan-table"
TITLE = "ELAN (tab-delimited)"


def sniff(path: Path, header: Header) -> str | None:
    known = time_columns(header.columns) is not None
    return "two columns of times in a unit of ELAN's" if known else None


def read(path: Path, options: AuReadOptions) -> list[Detections]:
    """One `Detections` with intervals. Raises `DataError` where no row holds a FACS code."""
    header = read_au_header(path)
    ends = time_columns(header.columns)
    if ends is None:
        raise DataError(path, "no two columns of times of ELAN's", "Begin Time - ss.msec, End Time - ss.msec")
    begin, end, scale = ends
    table = read_columns(header)
    texts = [c for c in header.columns if not UNIT.match(c)]
    rows = [
        row
        for number, cells in enumerate(table.to_dict("records"), 2)
        for row in _events(number, cells, texts, elan_seconds(cells[begin], scale), elan_seconds(cells[end], scale))
    ]
    if not rows:
        raise DataError(path, f"no FACS code in {len(table):,} annotations", "tiers named AU12 …, or codes like R12A")
    return [coded(path, rows)]


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
