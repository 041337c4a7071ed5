"""What the readers of landmark tables share: which columns are coordinates."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from dfe_core.expressions.readers.frame_table import FrameTable

LEAST_POINTS = 5
LEAST_NAMED = 8
"""Points with names: fewer may be anything that has an x and a y."""
_NAMED = re.compile(r"(?P<name>[^\d\W].*?)[_. ](?P<axis>[xyz])")
_NO_POINT = re.compile(r"gaze|pose|rect|head|rot|quat|euler|angle|degree|vec|au\d|cursor|mouse|acc|gyro")
WEIGHTS = ("weight", "visibility", "likelihood", "confidence", "conf", "score", "presence", "c", "v")
"""What tools call how sure they are of a point: DeepLabCut's likelihood, OpenPose's confidence (c), MediaPipe's
visibility and presence."""
_COLUMN = (
    re.compile(r"(?P<axis>[xyz])_?(?P<index>\d{1,5})$"),
    re.compile(r"landmark\[(?P<index>\d{1,5})\]\.(?P<axis>[xyz])$"),
    re.compile(r"(?:landmark|lm_mp|lm|point|p|kp)?_?(?P<index>\d{1,5})[_.]?(?P<axis>[xyz])$"),
)


def coordinate_columns(header: Sequence[str]) -> list[list[int]]:
    """Columns of the coordinates of every point, ``[[x, y(, z)], …]`` in the order of the points; [] where the header
    has none that are complete.

    Read are ``x_0 y_0 z_0``, ``x0``, ``landmark_0_x``, ``0_x`` and the like; letter case matters to the caller alone.
    """
    found: dict[tuple[str, int], int] = {}
    for column, name in enumerate(header):
        match = next((m for pattern in _COLUMN if (m := pattern.match(name))), None)
        if match:
            found.setdefault((match["axis"], int(match["index"])), column)
    for axes in ("xyz", "xy"):
        indices = sorted({i for a, i in found if a == "x"})
        if (
            len(indices) >= LEAST_POINTS
            and indices[-1] - indices[0] == len(indices) - 1
            and all((a, i) in found for a in axes for i in indices)
        ):
            return [[found[a, i] for a in axes] for i in indices]
    return _named_points(header)


def weight_columns(header: Sequence[str], columns: Sequence[Sequence[int]]) -> list[int]:
    """For every point of `coordinate_columns` the column of its weight (``likelihood_0`` beside ``x_0``,
    ``nose_confidence`` beside ``nose_x``); [] where a point has none of the name that the first one has."""
    place = {name: i for i, name in enumerate(header)}
    for word in WEIGHTS:
        found = [place.get(_in_place_of_axis(header[point[0]], word)) for point in columns]
        if known := [i for i in found if i is not None]:
            return known if len(known) == len(columns) else []
    return []


def point_names(header: Sequence[str], columns: Sequence[Sequence[int]]) -> tuple[str, ...]:
    """The names of the points of `coordinate_columns` (``Mouth_left``); empty where they have numbers."""
    matches = [_NAMED.fullmatch(header[point[0]].lower()) for point in columns]
    numbered = any(pattern.match(header[columns[0][0]]) for pattern in _COLUMN)
    return () if numbered or None in matches else tuple(match["name"] for match in matches if match)


def _in_place_of_axis(name: str, word: str) -> str:
    """The name of an x column with `word` for the axis."""
    patterns = (*(pattern.match(name) for pattern in _COLUMN), _NAMED.fullmatch(name))
    match = next(m for m in patterns if m)
    return name[: match.start("axis")] + word + name[match.end("axis") :]


def _named_points(header: Sequence[str]) -> list[list[int]]:
    """Columns of points that have names (``Mouth_left_x``, ``Mouth_left_y``), in their order; [] for too few."""
    found: dict[str, dict[str, int]] = {}
    for column, name in enumerate(header):
        match = _NAMED.fullmatch(name.lower())
        if match and not _NO_POINT.search(match["name"]):
            found.setdefault(match["name"], {}).setdefault(match["axis"], column)
    for axes in ("xyz", "xy"):
        points = [[at[a] for a in axes] for at in found.values() if all(a in at for a in axes)]
        if len(points) >= LEAST_NAMED and len(points) == len(found):
            return points
    return []


def points_of(table: FrameTable, rows: np.ndarray, points: int) -> np.ndarray:
    """(T, V, D) float32 of the block of a table, whose columns are those of `coordinate_columns` in their order."""
    assert table.block is not None
    return rows_of(table.block, rows).reshape(len(rows), points, -1)


def rows_of(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The rows of one face, without a copy where they are all."""
    return values if len(rows) == len(values) else values[rows]
