"""Plain tables of events, ``events.csv`` and BIDS ``events.tsv``: a row per event with onset and offset or duration.

Times are seconds (``onset_s``, ``onset``, ``start`` …) or milliseconds (``onset_ms``). A column ``recording``, ``file``
or ``video`` makes one table hold several recordings; without it the file's own name tells which one it is of.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.events.raw import RawEvents, column_among, seconds, text_columns
from dfe_core.expressions.readers.frame_table import TableFile

FORMAT, TITLE = "table", "table of events (CSV, BIDS)"
_ONSET, _OFFSET, _DURATION = ("onset", "start", "begin"), ("offset", "end", "stop"), ("duration",)
_RECORDING = ("recording", "file", "filename", "file_name", "video", "media_file", "clip")
_KIND = ("kind", "trial_type", "event", "event_type", "label", "type", "code", "name", "condition", "behavior")


def sniff(path: Path, table: TableFile | None) -> bool:
    """Whether there is a column of onsets."""
    return table is not None and _time(table.header, _ONSET) is not None


def read(path: Path, table: TableFile | None) -> list[RawEvents]:
    """The rows of each recording. Raises `DataError` where a row names no recording in a table that names them."""
    onset = None if table is None else _time(table.header, _ONSET)
    if table is None or onset is None:
        raise DataError(path, "no column of onsets", "a table with recording, onset_s and offset_s")
    cells = text_columns(table)
    recording = column_among(table.header, _RECORDING)
    ends = _offsets(cells, table, seconds(cells[onset[0]], onset[1]))
    used = {recording, *(column for names in (_ONSET, _OFFSET, _DURATION) for column in _columns(table.header, names))}
    rows = pd.DataFrame({"onset_s": seconds(cells[onset[0]], onset[1]), "offset_s": ends})
    rows = rows.join(cells[[c for c in table.header if c and c not in used]])
    others = [c for c in table.header if c and c not in used]
    kind = column_among(others, _KIND) or ""
    if recording is None:
        return [RawEvents(names=(), table=rows, kind=kind)]
    if (blank := (cells[recording] == "").to_numpy()).any():
        raise DataError(f"{path}, row {int(blank.argmax()) + 2}", f"no {recording}", "a name in every row")
    return [
        RawEvents(names=(_stem(str(name)),), table=part, kind=kind, exact=True)
        for name, part in rows.groupby(cells[recording], sort=False)
    ]


def _stem(name: str) -> str:
    plain = PurePosixPath(name.replace("\\", "/")).name
    return plain.rpartition(".")[0] if plain.rpartition(".")[2].isalnum() and "." in plain[1:] else plain


def _offsets(cells: pd.DataFrame, table: TableFile, onset: pd.Series) -> pd.Series:
    """Ends of the events, from offsets or durations; an event without one ends where it begins."""
    if (offset := _time(table.header, _OFFSET)) is not None:
        return seconds(cells[offset[0]], offset[1]).fillna(onset)
    if (duration := _time(table.header, _DURATION)) is not None:
        return onset + seconds(cells[duration[0]], duration[1]).fillna(0.0)
    return onset


def _time(header: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, float] | None:
    """The column of times under one of these names and how many seconds a unit is."""
    for ending, scale in (("_s", 1.0), (" (s)", 1.0), ("", 1.0), ("_ms", 1e-3), (" (ms)", 1e-3)):
        if (column := column_among(header, [name + ending for name in names])) is not None:
            return column, scale
    return None


def _columns(header: tuple[str, ...], names: tuple[str, ...]) -> list[str]:
    endings = ("", "_s", " (s)", "_ms", " (ms)")
    return [c for c in header if c.lower() in {name + ending for name in names for ending in endings}]
