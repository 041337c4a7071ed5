"""Any table of landmarks, 2-D or 3-D, of any number of points: columns x_0 y_0 (z_0) …, one row a frame.

py-feat's 68 points, a 48-point cat, 478 MediaPipe points: the layout is told by their number, and a number that means
nothing known is taken as it is. 2-D points are taken for an image (y down).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.expressions.landmark_recording import IMAGE, PointTrack, point_track
from dfe_core.expressions.readers.clocks import clocks_of, timing_of
from dfe_core.expressions.readers.faces import check_scores, face_columns, faces_of
from dfe_core.expressions.readers.landmark_columns import (
    coordinate_columns,
    header_of,
    open_points,
    read_points,
    rows_of,
)
from dfe_core.expressions.readers.options import ReadOptions

FORMAT = "landmarks"
TITLE = "table of landmarks"
HOLDS_POINTS = True


def sniff(path: Path, head: bytes) -> str | None:
    header = header_of(path, head)
    columns = coordinate_columns([c.lower() for c in header]) if header else []
    return f"columns of {len(columns)} landmarks" if columns else None


def read(path: Path, options: ReadOptions) -> list[PointTrack]:
    """One track a face. Raises `DataError` where no set of coordinate columns is complete."""
    table = open_points(path)
    columns = coordinate_columns([c.lower() for c in table.header])
    if not columns:
        raise DataError(path, f"no coordinates in {len(table.header)} columns", "x_0, y_0, x_1, y_1 … without gaps")
    clocks, whose = clocks_of(table.header, table.first, options, path), face_columns(table.header)
    points, data, dropped = read_points(
        table, columns, sorted({*clocks.numbers, *whose.numbers}), [*clocks.texts, *whose.texts]
    )
    check_scores(whose, data, path)
    faces, left = faces_of(whose, data, clocks.moments(data), len(points), options, path)
    notes = (*table.notes, *dropped, *left, f"{len(columns)} landmarks in {points.shape[2]}-D.")
    extractor = options.extractor or ("py-feat" if "FaceScore" in table.header else "landmarks")
    first = table.preamble + 1
    return [
        replace(
            point_track(
                path,
                rows_of(points, face.rows),
                timing_of(clocks, data, face.rows, options, path, first),
                extractor,
                IMAGE,
                notes=notes,
            ),
            name=path.stem + face.suffix,
            subject=face.subject,
        )
        for face in faces
    ]
