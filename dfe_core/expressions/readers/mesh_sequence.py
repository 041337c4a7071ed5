"""Sequences of points: .npy and .npz of (T, V, 3) or (T, V, 2), and folders of .obj or .ply, one file a frame.

VOCASET, CoMA and Multiface are such folders or arrays. An array of so many points as a known set of landmarks has is
taken for landmarks, others of more than `MESH_POINTS` for a mesh. Beside the points an npz may hold ``faces`` (or
``triangles``), ``time_s``, ``fps`` and ``valid``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.landmark_recording import MOST_POINTS, PointGeometry, PointTrack, point_track
from dfe_core.expressions.readers.arrays import ALONE, array_timing, read_arrays
from dfe_core.expressions.readers.column_names import TIMES
from dfe_core.expressions.readers.json_file import RATES
from dfe_core.expressions.readers.mesh_files import read_mesh
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.timing import Timing, from_rate
from dfe_core.faces.layouts import layout_of
from dfe_core.limits import MAX_ARRAY_BYTES
from dfe_core.npz_file import npy_shape, npz_names

FORMAT = "mesh-sequence"
TITLE = "sequence of meshes or landmarks (.npy, .npz, a folder of .obj or .ply)"
HOLDS_POINTS = True
POINTS = ("landmarks", "points", "vertices", "verts", "v", "keypoints", "lmks", "meshes", "mesh", "positions", "xyz")
FACES = ("faces", "triangles", "f", "tri", "cells")
MESH_POINTS = 512
MESH_ENDINGS = (".obj", ".ply")
_VALID = ("valid", "success", "mask")
_WANTED = frozenset((ALONE, *POINTS, *FACES, *_VALID, *TIMES, *RATES))
_STEADY = 0.04  # relative spread of a face's size over time below which its unit is one of length


def sniff(path: Path, head: bytes) -> str | None:
    if path.is_dir():
        return "a folder of meshes" if mesh_files(path) else None
    if head.startswith(b"\x93NUMPY"):
        shape = npy_shape(head)
        return "an array of frames of points" if shape and _is_points(shape) else None
    if head.startswith(b"PK") and path.suffix.lower() == ".npz":
        named = next((name for name in POINTS if name in npz_names(path)), None)
        return f"its array {named}" if named else None
    return None


def read(path: Path, options: ReadOptions) -> list[PointTrack]:
    """One track. A folder is read in the order of the numbers in its files' names.

    Raises `DataError` for no array of points, a folder of meshes that differ, and for neither times nor a rate.
    """
    if path.is_dir():
        return [_folder(path, options)]
    arrays = read_arrays(path, _WANTED)
    points, named = _points(arrays, path)
    triangles = _triangles(arrays, points.shape[1], path)
    valid = next(
        (arrays[k].astype(bool).ravel() for k in _VALID if k in arrays and arrays[k].size == len(points)), None
    )
    return [_track(path, points, array_timing(arrays, len(points), options, path), triangles, valid, options, named)]


def _is_points(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[2] in (2, 3) and 5 <= shape[1] <= MOST_POINTS


def _points(arrays: Mapping[str, np.ndarray], path: Path) -> tuple[np.ndarray, str]:
    """(T, V, D) float32 and the array's name; (T, V·3) is folded where V is a known number of landmarks."""
    for name in (ALONE, *POINTS):
        if name not in arrays:
            continue
        array = arrays[name]
        if array.ndim == 2 and array.shape[1] % 3 == 0 and layout_of(array.shape[1] // 3):
            array = array.reshape(len(array), -1, 3)
        if array.ndim == 4 and array.shape[1] == 1:
            array = array[:, 0]
        if not _is_points(array.shape):
            raise DataError(
                f"{path}{', array ' + name if name else ''}",
                f"shape {array.shape}",
                "(frames, points, 3) or (frames, points, 2)",
            )
        return array.astype(np.float32), name
    raise DataError(
        path, f"arrays {', '.join(sorted(arrays)) or 'of other names'}", f"one called {' or '.join(POINTS[:4])}"
    )


def _triangles(arrays: Mapping[str, np.ndarray], vertices: int, path: Path) -> np.ndarray | None:
    name = next((k for k in FACES if k in arrays), None)
    if name is None:
        return None
    faces = arrays[name]
    if (
        faces.ndim != 2
        or faces.shape[1] not in (3, 4)
        or faces.dtype.kind not in "iuf"
        or not len(faces)
        or not 0 <= faces.min() <= faces.max() < vertices
    ):
        raise DataError(
            f"{path}, array {name}",
            f"shape {faces.shape}, or vertices that are not there",
            f"(faces, 3) of 0 to {vertices - 1}",
        )
    faces = faces.astype(np.int32)
    return faces if faces.shape[1] == 3 else np.concatenate([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]])


def mesh_files(folder: Path) -> list[Path]:
    """The meshes in a folder, in the order of the numbers in their names."""
    return sorted(
        (p for p in folder.iterdir() if p.suffix.lower() in MESH_ENDINGS and not p.name.startswith(".")),
        key=lambda p: [int(t) if t.isdigit() else t.lower() for t in re.split(r"(\d+)", p.name)],
    )


def _folder(path: Path, options: ReadOptions) -> PointTrack:
    files = mesh_files(path)
    if not files:
        raise DataError(path, "no meshes in this folder", "files .obj or .ply, one a frame")
    first, triangles = read_mesh(files[0])
    if first.nbytes * len(files) > MAX_ARRAY_BYTES:
        raise DataError(
            path,
            f"{len(files):,} meshes of {len(first):,} vertices",
            f"at most {MAX_ARRAY_BYTES >> 30} GB of them: split the folder",
        )
    points = np.empty((len(files), *first.shape), np.float32)
    for i, file in enumerate(files):
        vertices, _ = read_mesh(file, with_faces=False)
        if vertices.shape != first.shape:
            raise DataError(file, f"{len(vertices):,} vertices", f"{len(first):,} as in {files[0].name}")
        points[i] = vertices
    return _track(
        path, points, from_rate(len(files), options.fps, str(path)), triangles, None, options, f"{len(files):,} files"
    )


def _track(
    path: Path,
    points: np.ndarray,
    timing: Timing,
    triangles: np.ndarray | None,
    valid: np.ndarray | None,
    options: ReadOptions,
    named: str,
) -> PointTrack:
    layout = layout_of(points.shape[1])
    mesh = triangles is not None or (layout is None and points.shape[1] > MESH_POINTS)
    flat = points.shape[2] == 2
    metric = not flat and (mesh or _steady(points))
    notes = [
        f"{points.shape[1]:,} {'vertices' if mesh else 'landmarks'} in {points.shape[2]}-D"
        + (f" ({layout.name})" if layout and not mesh else "")
        + (f", {named}" if named else "")
        + "."
    ]
    if mesh and triangles is None:
        notes.append(
            "No faces beside the points: a surface is laid over those in front. An array `faces` gives the true one."
        )
    return point_track(
        path,
        points,
        timing,
        options.extractor or ("mesh" if mesh else "landmarks"),
        PointGeometry(
            space="mesh" if mesh else "landmarks",
            metric=metric,
            axes="image" if flat else "face",
            triangles=triangles,
        ),
        valid=valid,
        notes=notes,
    )


def _steady(points: np.ndarray) -> bool:
    """Whether a face keeps its size over time, as it does where coordinates are lengths and not what an image shows."""
    some = points[:: max(1, len(points) // 500)].astype(np.float64)
    some = some[np.isfinite(some).all((1, 2))]
    size = np.linalg.norm(some - np.median(some, axis=1, keepdims=True), axis=2)
    size = np.median(size, axis=1) if len(some) else np.zeros(1)
    return bool(size.std() <= _STEADY * max(size.mean(), 1e-12))
