"""Any table of landmarks, 2-D or 3-D, of any number of points: columns x_0 y_0 (z_0) …, one row a frame.

py-feat's 68 points, a 48-point cat, 478 MediaPipe points: the layout is told by their number, and a number that means
nothing known is taken as it is. 2-D points are taken for an image (y down). A column of likelihood, confidence or
visibility for every point becomes its weight in a fit.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.landmark_recording import IMAGE, PointTrack, point_track, with_weights
from dfe_core.expressions.readers.frame_table import header_of, open_table, read_frame_table
from dfe_core.expressions.readers.landmark_columns import coordinate_columns, point_names, points_of, weight_columns
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
    file = open_table(path)
    header = [c.lower() for c in file.header]
    columns = coordinate_columns(header)
    if not columns:
        raise DataError(path, f"no coordinates in {len(file.header)} columns", "x_0, y_0, x_1, y_1 … without gaps")
    trust = weight_columns(header, columns)
    table = read_frame_table(file, trust, options, block=[i for point in columns for i in point], scores=True)
    notes = (*table.notes, f"{len(columns)} landmarks in {len(columns[0])}-D.")
    made_by = options.extractor or ("py-feat" if "FaceScore" in table.header else FORMAT)
    tracks = []
    for face in table.faces:
        points, timing = points_of(table, face.rows, len(columns)), table.timing(face.rows, options)
        track = point_track(path, points, timing, made_by, IMAGE, notes=notes)
        track = replace(track, point_names=point_names(header, columns))
        weights = np.stack([table.data[i][face.rows] for i in trust], 1) if trust else None
        tracks.append(table.named(with_weights(track, weights, timing), face))
    return tracks
