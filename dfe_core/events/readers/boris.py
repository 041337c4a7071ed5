"""BORIS: tabular and aggregated exports of events, and projects (``.boris``).

An aggregated export has a row per event with start and stop; a tabular one a row per start and per stop, which are
paired; so does a project, whose state events toggle. The columns are ``behavior``, ``category``, ``modifiers``,
``coded_subject`` and ``comment``. Times of a project count over the files of its first player one after the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.events.raw import RawEvents, column_among, seconds, text_columns
from dfe_core.expressions.readers.frame_table import TableFile

FORMAT, TITLE = "boris", "BORIS"
MAX_BYTES = 256 << 20
_START, _STOP = ("start (s)",), ("stop (s)",)
_STATUS = ("status", "behavior type")
_MEDIA = ("media file name", "media file path", "media file", "media file(s)")
_SAID = {
    "behavior": ("behavior",),
    "category": ("behavioral category",),
    "modifiers": ("modifiers", "modifier #1"),
    "coded_subject": ("subject",),
    "comment": ("comment", "comment start"),
}
_COLUMNS = ("onset_s", "offset_s", *_SAID)
_KEY = ("behavior", "modifiers", "coded_subject")
_NOBODY = "no focal subject"


def sniff(path: Path, table: TableFile | None) -> bool:
    """Whether it is a project by its ending, or a table with BORIS' columns."""
    if path.suffix.lower() == ".boris":
        return True
    if table is None or column_among(table.header, ("behavior",)) is None:
        return False
    aggregated = all(column_among(table.header, names) for names in (_START, _STOP))
    return aggregated or all(column_among(table.header, names) for names in (("time",), _STATUS))


def read(path: Path, table: TableFile | None) -> list[RawEvents]:
    """The events of each recording. Raises `DataError` for a project that is none."""
    return _of_table(table) if table is not None else list(_of_project(path))


def _of_table(table: TableFile) -> list[RawEvents]:
    cells = text_columns(table)
    said = {name: column_among(table.header, names) for name, names in _SAID.items()}
    rows = pd.DataFrame({name: cells[c] if c else "" for name, c in said.items()}, index=cells.index)
    media, observation = column_among(table.header, _MEDIA), column_among(table.header, ("observation id",))
    rows["of"] = [(_name(cells, media, i), _name(cells, observation, i)) for i in range(len(cells))]
    if (start := column_among(table.header, _START)) is not None:
        stop = column_among(table.header, _STOP)
        rows["onset_s"], rows["offset_s"] = seconds(cells[start]), seconds(cells[stop or start])
        return [_raw(names, part, ()) for names, part in rows.groupby("of", sort=False)]
    rows["time"] = seconds(cells[str(column_among(table.header, ("time",)))])
    rows["status"] = cells[str(column_among(table.header, _STATUS))].str.upper()
    return [_raw(names, *_paired(part)) for names, part in rows.groupby("of", sort=False)]


def _name(cells: pd.DataFrame, column: str | None, row: int) -> str:
    return PurePosixPath(cells[column].iloc[row].replace("\\", "/")).stem if column else ""


def _raw(names: Any, rows: pd.DataFrame, notes: tuple[str, ...]) -> RawEvents:
    rows = rows.assign(coded_subject=rows["coded_subject"].where(rows["coded_subject"].str.lower() != _NOBODY, ""))
    kept = [c for c in _COLUMNS if c in ("onset_s", "offset_s", "behavior") or (rows[c] != "").any()]
    return RawEvents(names=tuple(n for n in names if n), table=rows[kept], kind="behavior", notes=notes)


def _paired(rows: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Events of rows of starts, stops and points, and a note on those without a partner, which are left out."""
    events: list[dict[Any, Any]] = []
    open_at: dict[tuple[Any, ...], dict[Any, Any]] = {}
    lost = 0
    for row in rows.sort_values("time", kind="stable").to_dict("records"):
        key = tuple(row[name] for name in _KEY)
        if row["status"] == "STOP":
            begun = open_at.pop(key, None)
            lost += begun is None
            events += [] if begun is None else [{**begun, "onset_s": begun["time"], "offset_s": row["time"]}]
        elif row["status"] == "START":
            lost += key in open_at
            open_at[key] = row
        else:
            events.append({**row, "onset_s": row["time"], "offset_s": row["time"]})
    lost += len(open_at)
    notes = (f"{lost} states without a start or a stop left out",) if lost else ()
    found = pd.DataFrame(events, columns=[*_COLUMNS]).sort_values("onset_s", kind="stable")
    return found, notes


def _of_project(path: Path) -> Iterator[RawEvents]:
    project = _project(path)
    states = {
        str(one.get("code")): "state" in str(one.get("type")).lower()
        for one in project.get("behaviors_conf", {}).values()
    }
    category = {str(one.get("code")): str(one.get("category", "")) for one in project["behaviors_conf"].values()}
    for name, observation in project["observations"].items():
        rows = _project_rows(observation.get("events", ()), states, category)
        found, notes = _paired(rows)
        shift = _number(observation.get("time offset"))
        notes += (f"the observation {name} has a time offset of {shift:g} s: not added",) if shift else ()
        yield from _by_file(str(name), observation, found, notes)


def _project(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MAX_BYTES:
        raise DataError(path, f"{path.stat().st_size >> 20} MB", f"a BORIS project under {MAX_BYTES >> 20} MB")
    try:
        held = json.loads(path.read_text(encoding="utf-8-sig"))
        if isinstance(held["observations"], dict) and isinstance(held["behaviors_conf"], dict):
            return held
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise DataError(path, "no observations and behaviours in it", "a project saved by BORIS")


def _project_rows(events: Any, states: Mapping[str, bool], category: Mapping[str, str]) -> pd.DataFrame:
    """Rows of time, status and what was coded; state events of one key start and stop in turn."""
    rows: list[tuple[float | str, ...]] = []
    running: set[tuple[str, ...]] = set()
    for one in sorted((e for e in events if isinstance(e, list) and len(e) >= 3), key=lambda e: _number(e[0])):
        said = [str(value) for value in (*one[1:5], "", "")]
        key = (said[1], said[2], said[0])
        status = "POINT" if not states.get(said[1]) else "STOP" if key in running else "START"
        running = running ^ {key} if status != "POINT" else running
        rows.append((_number(one[0]), status, said[1], category.get(said[1], ""), said[2], said[0], said[3]))
    columns = ["time", "status", "behavior", "category", "modifiers", "coded_subject", "comment"]
    return pd.DataFrame(rows, columns=columns)


def _by_file(name: str, observation: dict[str, Any], rows: pd.DataFrame, notes: tuple[str, ...]) -> Iterator[RawEvents]:
    """The events of each file of the first player, cut where one ends and the next begins."""
    files = [str(f) for f in (observation.get("file") or {}).get("1", ())]
    lengths = (observation.get("media_info") or {}).get("length", {})
    names = [PurePosixPath(f.replace("\\", "/")).stem for f in files]
    if len(files) < 2 or not all(_number(lengths.get(f)) > 0 for f in files):
        yield _raw((*names[:1], name), rows, notes)
        return
    start = 0.0
    for file, stem in zip(files, names, strict=True):
        end = start + _number(lengths[file])
        part = rows[(rows["onset_s"] < end) & (rows["offset_s"] >= start)]
        part = part.assign(
            onset_s=part["onset_s"].clip(start, end) - start, offset_s=part["offset_s"].clip(start, end) - start
        )
        yield _raw((stem,), part, notes)
        start = end


def _number(value: Any) -> float:
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return 0.0
