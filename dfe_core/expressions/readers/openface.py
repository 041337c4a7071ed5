"""OpenFace 2.x FeatureExtraction CSV, older layout and 2.2: 68 landmarks in 3-D (mm, camera space), else in 2-D.

Its AU columns are read by `dfe aus import`. Frames with ``success`` 0 are invalid; a file without that column counts
``confidence`` from 0.5. Several ``face_id`` make a recording each.
"""

from __future__ import annotations

import re
from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.expressions.landmark_recording import PointGeometry, PointTrack, point_track
from dfe_core.expressions.readers.column_names import column_of
from dfe_core.expressions.readers.frame_table import header_of, open_table, read_frame_table
from dfe_core.expressions.readers.landmark_columns import coordinate_columns, points_of, rows_of
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.validity import found_faces

FORMAT = "openface"
TITLE = "OpenFace CSV"
HOLDS_POINTS = True
_EXTRAS = re.compile(r"pose_[TR][xyz]$|gaze_angle_[xy]$|gaze_[01]_[xyz]$|confidence$")
_OWN = re.compile(r"[xX]_\d|AU\d\d_[rc]$")


def sniff(path: Path, head: bytes) -> str | None:
    header = header_of(path, head)
    if not header or not {"success", "confidence"} & set(header) or not any(_OWN.match(c) for c in header):
        return None
    return "OpenFace's column names"


def read(path: Path, options: ReadOptions) -> list[PointTrack]:
    """One track a face.

    Raises `DataError` where there are no landmark columns (OpenFace was run with -aus alone: -2Dfp -3Dfp write them),
    and for times that are no real time when no rate is given.
    """
    file = open_table(path)
    columns, deep = _landmarks(path, file.header)
    seen = {name: i for name in ("success", "confidence") if (i := column_of(file.header, (name,))) is not None}
    extras = {name: i for i, name in enumerate(file.header) if _EXTRAS.match(name)}
    block = [i for point in columns for i in point]
    table = read_frame_table(file, (*seen.values(), *extras.values()), options, block=block, scores=True)
    flat = () if deep else ("No 3-D landmarks: 2-D ones are used, from which turns of the head cannot be removed.",)
    tracks = []
    for face in table.faces:
        valid, told = found_faces({name: table.data[i][face.rows] for name, i in seen.items()})
        track = point_track(
            path,
            points_of(table, face.rows, len(columns)),
            table.timing(face.rows, options),
            "openface",
            PointGeometry(metric=deep, axes="image"),
            valid=valid,
            extras={name: rows_of(table.data[i], face.rows) for name, i in extras.items()},
            notes=(*table.notes, *told, *flat),
        )
        tracks.append(table.named(track, face))
    return tracks


def _landmarks(path: Path, header: tuple[str, ...]) -> tuple[list[list[int]], bool]:
    """Columns of the landmarks, and whether they are the 3-D ones."""
    for letters in ("XYZ", "xy"):
        names = [c if re.match(rf"[{letters}]_\d+$", c) else "" for c in header]
        columns = coordinate_columns([c.lower() for c in names])
        if columns and len(columns[0]) == len(letters):
            return columns, letters == "XYZ"
    raise DataError(
        path,
        "no landmark columns (X_0 … or x_0 …)",
        "OpenFace run with -3Dfp (or -2Dfp); its AUs go to `dfe aus import`, or, alone, in with --face none",
    )
