"""The landmarks that were marked in a picture: a table or JSON of points, or one frame of a recording."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.errors import DataError

MOST_BYTES = 8 << 20
"""Of a file of marked points; recordings may be larger."""
_EXPECTED = "a table with the columns x and y (and point, from 0), a JSON list of [x, y], or a recording of landmarks"
_SURELY_RECORDING = 6  # columns of coordinates


def read_marked_points(path: str | Path, frame: int | None = None) -> np.ndarray:
    """Read where landmarks are in a picture.

    Parameters
    ----------
    path
        A table (CSV, TSV) with a header that has ``x`` and ``y``, in pixels from the upper left corner, one row per
        landmark in the order of the recordings, or in any order with their numbers in a column ``point``; JSON of
        ``[x, y]`` pairs, alone or as ``points``; or a recording of 2-D landmarks in pixels, as `dfe import` reads it.
    frame
        Of a recording: the frame, from 0, that the picture shows.

    Returns
    -------
    (V, 2) float64
        Pixels, x to the right, y down.

    Raises
    ------
    DataError
        For what is none of these; it names file and row, what was found and what was expected.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(path, "no such file", _EXPECTED)
    if frame is not None or _is_recording(path):
        return _of_recording(path, frame)
    text = points_text(path, _EXPECTED)
    return _of_json(path, text) if path.suffix.lower() == ".json" else _of_table(path, text)


def points_text(path: Path, expected: str) -> str:
    """What a file about points holds. Raises `DataError` where it is no text, or too large to be one."""
    if path.stat().st_size > MOST_BYTES:
        raise DataError(
            path, f"{path.stat().st_size >> 20} MB", f"at most {MOST_BYTES >> 20} MB, or --frame N of a recording"
        )
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(path, "no text", expected) from None


def points_table(path: Path, text: str) -> tuple[list[str], list[list[str]]]:
    """The names of the columns, in small letters, and the rows of a table about points."""
    rows = list(csv.reader(io.StringIO(text), delimiter=_delimiter(path, text)))
    return ([name.strip().lower() for name in rows[0]], rows[1:]) if rows else ([], [])


def _is_recording(path: Path) -> bool:
    """Whether a table has a header of many coordinates."""
    from dfe_core.expressions.readers.landmark_columns import coordinate_columns

    if path.suffix.lower() not in (".csv", ".tsv", ".txt"):
        return path.suffix.lower() in (".npy", ".npz", ".parquet")
    with open(path, encoding="utf-8-sig", errors="replace") as handle:
        first = handle.readline(1 << 16)
    header = next(csv.reader([first], delimiter=_delimiter(path, first)), [])
    return sum(map(len, coordinate_columns([name.strip() for name in header]))) >= _SURELY_RECORDING


def _of_recording(path: Path, frame: int | None) -> np.ndarray:
    from dfe_core.expressions.landmark_recording import PointTrack
    from dfe_core.expressions.readers.options import ReadOptions
    from dfe_core.expressions.readers.registry import find_reader
    from dfe_core.expressions.sources import read_recordings

    reader, _ = find_reader(path, points_first=True)
    found = read_recordings(path, reader, ReadOptions(fps=25.0))
    tracks = [one for one in found if isinstance(one, PointTrack)]
    if len(tracks) != 1:
        raise DataError(path, f"{len(tracks)} faces of landmarks", "one")
    track = tracks[0]
    if track.dimensions != 2:
        raise DataError(path, "landmarks in 3-D, which are no places in a picture", "2-D landmarks in pixels")
    count = len(track.psi)
    if frame is None and count > 1:
        raise DataError(path, f"{count:,} frames of landmarks", "the one that the picture shows, --frame N")
    row = frame or 0
    if not 0 <= row < count:
        raise DataError(path, f"frame {row}", f"0 to {count - 1}")
    if not track.valid[row]:
        raise DataError(f"{path}, frame {row}", "a frame without a face", "one in which all landmarks were found")
    return track.raw[row].astype(np.float64)


def _delimiter(path: Path, text: str) -> str:
    """Tabs of a TSV; semicolons where Excel writes them."""
    first = text.partition("\n")[0]
    return "\t" if path.suffix.lower() == ".tsv" else ";" if ";" in first and "," not in first else ","


def _of_table(path: Path, text: str) -> np.ndarray:
    header, rows = points_table(path, text)
    if not {"x", "y"} <= set(header):
        raise DataError(path, f"the columns {', '.join(header[:8]) or 'none'}", _EXPECTED)
    numbered = "point" in header
    found: dict[int, tuple[float, float]] = {}
    for line, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        where = f"{path}, row {line}"
        if len(row) < len(header):
            raise DataError(where, f"{len(row)} cells", f"{len(header)}, as the header has")
        number = _whole(row[header.index("point")], where) if numbered else len(found)
        if number in found:
            raise DataError(where, f"point {number} a second time", "each point once")
        found[number] = _pair([row[header.index("x")], row[header.index("y")]], where)
    if missing := sorted(set(range(len(found))) - set(found)):
        raise DataError(path, f"no point {missing[0]} among {len(found)}", "points numbered from 0 on, each once")
    if not found:
        raise DataError(path, "no points", _EXPECTED)
    return np.array([found[i] for i in range(len(found))])


def _of_json(path: Path, text: str) -> np.ndarray:
    try:
        held: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(path, f"no JSON ({str(error)[:60]})", _EXPECTED) from None
    points = held.get("points") if isinstance(held, dict) else held
    if not isinstance(points, list) or not points:
        raise DataError(path, "no list of points", _EXPECTED)
    return np.array([_pair(point, f"{path}, point {i}") for i, point in enumerate(points)])


def _pair(values: Any, where: str) -> tuple[float, float]:
    try:
        x, y = (float(value) for value in values)
    except (TypeError, ValueError):
        raise DataError(where, repr(values)[:60], "two numbers, x and y in pixels") from None
    if not (math.isfinite(x) and math.isfinite(y)):
        raise DataError(where, f"({x}, {y})", "two finite numbers, x and y in pixels")
    return x, y


def _whole(text: str, where: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit() and len(text.strip()) < 7):
        raise DataError(where, repr(text)[:40], "the number of a point, from 0")
    return int(text)
