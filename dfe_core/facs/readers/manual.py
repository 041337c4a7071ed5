"""Manual FACS coding from a table: one event a row with AU, onset, offset, and where given apex, side and intensity.

Times are seconds (``onset`` or ``onset_s``), milliseconds (``onset_ms``) or frames (``onset_frame``; needs the frame
rate). The AU may carry side and intensity (``R12A``) or be a combination (``1+2+5B``). A column ``recording``, ``file``
or ``video`` makes one table hold several recordings.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.facs.detections import Detections, Interval
from dfe_core.facs.readers.coding import SIDE_WORDS, parse_code, parse_intensity
from dfe_core.facs.readers.table import AuReadOptions, Header, column_numbers, first_of, read_au_header, read_columns
from dfe_core.facs.store import MANUAL_TOOL

FORMAT = "manual"
TITLE = "manual FACS coding"
_ROLES = {
    "au": ("au", "action_unit", "action unit", "facs", "code", "aus"),
    "side": ("side", "laterality"),
    "intensity": ("intensity", "level"),
    "recording": ("recording", "file", "video", "filename", "clip"),
}
_MEDIA = (".mp4", ".avi", ".mov", ".mkv", ".wmv", ".webm", ".mpg", ".csv", ".eaf")
_ENDS = {"onset": ("onset", "start", "begin"), "apex": ("apex", "peak"), "offset": ("offset", "end", "stop")}


def sniff(path: Path, header: Header) -> str | None:
    known = first_of(header, *_ROLES["au"]) and all(_time_column(header, k)[0] for k in ("onset", "offset"))
    return "a column for the AU, one for onsets and one for offsets" if known else None


def read(path: Path, options: AuReadOptions) -> list[Detections]:
    """One `Detections` a recording, with intervals. Rows that cannot be used are left out, each with a note."""
    header = read_au_header(path)
    if sniff(path, header) is None:
        raise DataError(path, "columns " + ", ".join(header.columns[:8]), "at least au, onset and offset")
    table = read_columns(header)
    ends = {kind: _seconds(path, table, header, kind, options) for kind in _ENDS}
    rows = _rows(header, table, ends)
    found = []
    for recording in dict.fromkeys(rows["recording"]):
        part = rows[rows["recording"] == recording]
        found.append(coded(path, part.to_dict("records"), str(recording)))
    return found


def _time_column(header: Header, kind: str) -> tuple[str | None, float | None]:
    """The column of `kind` and what it is to be divided by for seconds; None where it counts frames."""
    for word in _ENDS[kind]:
        for suffix, divisor in (("_s", 1), ("", 1), ("_sec", 1), ("_ms", 1000), ("_frame", None), ("frame", None)):
            if name := first_of(header, word + suffix):
                return name, divisor
    return None, None


def _seconds(path: Path, table: pd.DataFrame, header: Header, kind: str, options: AuReadOptions) -> np.ndarray:
    name, divisor = _time_column(header, kind)
    if name is None:
        return np.full(len(table), np.nan)
    if divisor is None and options.fps is None:
        raise DataError(path, f"column {name} counts frames", "times in seconds, or the video's frame rate (--fps)")
    return column_numbers(path, table, name) / (divisor or options.fps)


def _rows(header: Header, table: pd.DataFrame, ends: dict[str, np.ndarray]) -> pd.DataFrame:
    rows = pd.DataFrame({"row": np.arange(len(table)) + 2, **ends})
    for role, names in _ROLES.items():
        column = first_of(header, *names)
        rows[role] = "" if column is None else table[column].astype("string").fillna("").str.strip().astype(object)
    rows["recording"] = rows["recording"].map(lambda v: Path(v).stem if Path(v).suffix.lower() in _MEDIA else v)
    return rows


def coded(path: Path, rows: list[dict], recording: str = "") -> Detections:
    """Rows (row, au, side, onset, apex, offset in s, intensity) as `Detections` of one recording, with intervals.

    Raises `DataError` where no row can be used.
    """
    intervals, faults = [], []
    for row in rows:
        fault = _fault(row)
        if fault:
            faults.append(f"row {row['row']}: {fault}")
        else:
            intervals += _intervals(row)
    if not intervals:
        raise DataError(
            path,
            f"no event that can be used ({faults[0] if faults else 'no rows'})",
            "an AU with onset before offset, in seconds",
        )
    notes = (
        [f"{len(faults)} of {len(rows)} events left out: {'; '.join(faults[:3])}{'; …' * (len(faults) > 3)}"]
        if faults
        else []
    )
    aus = tuple(dict.fromkeys((i.au, i.side) for i in intervals))
    return Detections(
        source=path.name,
        tool=MANUAL_TOOL,
        version="",
        estimate=False,
        aus=aus,
        emits=tuple(dict.fromkeys(i.au for i in intervals)),
        intervals=tuple(sorted(intervals, key=lambda i: i.onset_s)),
        recording=recording,
        notes=(*notes, "an AU that the coder never wrote is taken as not coded, not as absent"),
    )


def _fault(row: dict) -> str | None:
    if parse_code(row["au"]) is None:
        return f"AU {row['au']!r} is no FACS code"
    if row["side"].lower() not in SIDE_WORDS:
        return f"side {row['side']!r} is not left, right or both"
    if parse_intensity(row["intensity"]) is None:
        return f"intensity {row['intensity']!r} is not A to E or 0 to 5"
    if not row["onset"] >= 0 or not row["offset"] > row["onset"]:
        return f"onset {row['onset']:g} s and offset {row['offset']:g} s"
    if not np.isnan(row["apex"]) and not row["onset"] <= row["apex"] <= row["offset"]:
        return f"apex {row['apex']:g} s outside onset and offset"
    return None


def _intervals(row: dict) -> list[Interval]:
    own = parse_intensity(row["intensity"])
    return [
        Interval(
            au=au,
            side=SIDE_WORDS[row["side"].lower()] if row["side"] else side,
            onset_s=row["onset"],
            apex_s=row["apex"],
            offset_s=row["offset"],
            intensity=intensity if own is None or np.isnan(own) else own,
        )
        for au, side, intensity in parse_code(row["au"]) or ()
    ]
