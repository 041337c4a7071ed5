"""ELAN's tab-delimited export, in whatever language its headers are.

The units at the end of the time columns (``- ss.msec``, ``- hh:mm:ss.ms``, ``- msec``) are not translated: the first
column of a unit is the begin, the second the end. A row has the tier in its first cell and the annotation in its last,
or a column for each tier. Of an export of several files, a column names the ``.eaf`` of each row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.events.raw import RawEvents, text_columns
from dfe_core.expressions.readers.frame_table import TableFile

FORMAT, TITLE = "elan-table", "ELAN (tab-delimited)"
_UNITS = (("ss.msec", 1.0), ("hh:mm:ss.ms", None), ("msec", 1e-3))
UNIT = re.compile(r".* - (ss\.msec|hh:mm:ss\.ms|hh:mm:ss:ff|msec)$", re.IGNORECASE)
"""A column of times."""


def sniff(path: Path, table: TableFile | None) -> bool:
    """Whether the header has two columns of times in a unit of ELAN's."""
    return table is not None and time_columns(table.header) is not None


def read(path: Path, table: TableFile | None) -> list[RawEvents]:
    """Annotations with their tiers, one result a recording."""
    ends = None if table is None else time_columns(table.header)
    if table is None or ends is None:
        raise DataError(path, "no two columns of times of ELAN's", "Begin Time - ss.msec, End Time - ss.msec")
    cells = text_columns(table)
    onset, offset = (cells[name].map(lambda text: elan_seconds(text, ends[2])) for name in ends[:2])
    texts = [c for c in table.header if not UNIT.match(c)]
    files = next((c for c in texts if cells[c].str.lower().str.endswith(".eaf").all()), None)
    rows = pd.DataFrame(
        [
            ((files and PurePosixPath(cells[files].iloc[i]).stem) or "", onset.iloc[i], offset.iloc[i], tier, text)
            for i in range(len(cells))
            for tier, text in _annotations(cells, i, [c for c in texts if c != files])
        ],
        columns=["recording", "onset_s", "offset_s", "tier", "annotation"],
    )
    return [
        RawEvents(names=(str(name),) if name else (), table=part.drop(columns="recording"), kind="annotation")
        for name, part in rows.groupby("recording", sort=False)
    ]


def _annotations(cells: pd.DataFrame, row: int, texts: list[str]) -> Iterator[tuple[str, str]]:
    """Tier and text of each annotation of a row."""
    if len(texts) > 1 and (cells[texts[0]] != "").all():
        yield cells[texts[0]].iloc[row], cells[texts[-1]].iloc[row]
        return
    yield from ((name, text) for name in texts if (text := cells[name].iloc[row]))


def time_columns(header: Sequence[str]) -> tuple[str, str, float | None] | None:
    """Columns of begin and end, and how many seconds a unit is (None: hours, minutes and seconds); None without."""
    for unit, scale in _UNITS:
        columns = [c for c in header if c.lower().endswith(" - " + unit)]
        if len(columns) >= 2:
            return columns[0], columns[1], scale
    return None


def elan_seconds(text: object, scale: float | None) -> float | None:
    """Seconds of a cell, None where it holds no time. scale: as `time_columns` has it."""
    try:
        if scale is not None:
            return float(str(text).replace(",", ".")) * scale
        hours, minutes, seconds = str(text).split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds.replace(",", "."))
    except ValueError:
        return None
