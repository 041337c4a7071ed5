"""What the user may tell a reader, and the limits every reader keeps."""

from __future__ import annotations

from dataclasses import dataclass

from dfe_core.errors import DataError

MAX_FILE_BYTES = 4 << 30
"""Larger files are refused before they are opened."""
FPS_RANGE = (1.0, 960.0)
"""Frame rates outside are taken for an error."""
MOST_COUNTS = 1e9
"""Counts a second that a column of times may have (nanoseconds)."""
STILL_FPS = 1.0
"""The nominal rate of a still picture, a recording of one frame."""
ROWS = "row"
"""The name under which ``--time`` means the rows themselves."""


@dataclass(frozen=True)
class TimeColumn:
    """What the user says of times: the column that has them, and how many counts of it make a second (None: its own
    unit decides)."""

    column: str
    rate: float | None = None


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """Hints for a reader; a file's own statement goes before a hint, but for `time`.

    fps: frame rate, Hz, where the file has neither times nor a rate of its own.
    extractor: the tool that made the file, where its format is shared by several.
    face_index: which face of a file that holds several; without it such a file is refused, for whose recording it is
        cannot be told, unless the format names its faces.
    time: the column of times and its unit, where a file's own does not tell or is wrong.
    stills: the rows of a table are pictures, of which each becomes a recording of one frame.
    """

    fps: float | None = None
    extractor: str | None = None
    face_index: int | None = None
    time: TimeColumn | None = None
    stills: bool = False


def parse_time(text: str | None) -> TimeColumn | None:
    """The value of ``--time COLUMN[/RATE]``; RATE is how many counts of the column make a second.

    >>> parse_time("frame/60")
    TimeColumn(column='frame', rate=60.0)

    Raises `DataError` for a rate that is none and for an empty name.
    """
    if text is None:
        return None
    column, slash, rate = text.strip().rpartition("/")
    if not slash:
        column, rate = text.strip(), ""
    try:
        counts = float(rate) if rate else None
    except ValueError:
        column, counts = text.strip(), None
    if not column or (counts is not None and not 0 < counts <= MOST_COUNTS):
        raise DataError(f"--time {text}", "no column and rate", "COLUMN or COLUMN/RATE, as frame/60 or timestamp/1000")
    return TimeColumn(column, counts)
