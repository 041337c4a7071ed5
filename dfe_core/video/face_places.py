"""Where faces are in videos, from the files that a tool wrote of them: points in pixels, as of OpenFace and py-feat."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.readers.frame_table import header_of, open_table, read_frame_table
from dfe_core.expressions.readers.landmark_columns import coordinate_columns, points_of
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.validity import found_faces, told_columns
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import file_sha256
from dfe_core.video.ffmpeg import run_ffmpeg
from dfe_core.video.links import Box, Link, link, links

FOREHEAD = 0.5
"""Share of the height from brows to chin by which a box of the 68 points grows upwards: they end at the brows."""
OUTSIDE = 0.25
"""Share of the picture by which points may lie outside of it: a face that leaves it is followed for a while."""
_PIXELS = re.compile(r"[xy]_\d+")
_HEAD = 1 << 16
_PATIENCE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class PlacedFaces:
    """Recordings whose face has its place in its video now, and files that were not used, with the reason."""

    found: tuple[str, ...]
    passed_over: tuple[tuple[Path, str], ...]


def place_faces(dataset: Dataset, sources: Sequence[str | Path], progress: Listener = silent) -> PlacedFaces:
    """Read where the faces of a dataset are in its videos, and write it into the links.

    Parameters
    ----------
    sources: files that the dataset was imported from, or folders of them; known by their SHA-256, whatever their names.

    Returns
    -------
    Which recordings have a place now, and the files of those that have none.

    Raises `DataError` for a source that is not there, and where no file is one of the dataset's.
    """
    known, made_from = links(dataset), _recordings_of_files(dataset.manifest)
    placed: dict[str, Link] = {}
    passed_over: list[tuple[Path, str]] = []
    files = [path for source in sources for path in _tables(Path(source))]
    sizes = {source.get("bytes") for source in dataset.manifest.get("sources") or ()}
    own = [  # what has another size is not hashed: a folder may hold the videos as well
        (path, names) for path in files if path.stat().st_size in sizes and (names := made_from.get(file_sha256(path)))
    ]
    if not own:
        raise DataError(dataset.name, f"none of its files among {len(files)}", "the files that it was imported from")
    for done, (path, names) in enumerate(own):
        progress(Progress(task="faces", done=done, total=len(own), detail=path.name))
        try:
            placed |= _placed(path, names, known)
        except DataError as error:
            passed_over.append((path, error.found))
    progress(Progress(task="faces", done=len(own), total=len(own)))
    if placed:
        link(dataset, {**known, **placed})
    return PlacedFaces(found=tuple(placed), passed_over=tuple(passed_over))


def _recordings_of_files(manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """SHA-256 of the files of a dataset to their recordings, in the order of their faces."""
    return {source["sha256"]: tuple(source["recordings"]) for source in manifest.get("sources") or ()}


def _tables(source: Path) -> Iterator[Path]:
    if source.is_dir():
        yield from sorted(path for path in source.rglob("*") if path.is_file() and not path.name.startswith("."))
    elif source.is_file():
        yield source
    else:
        raise DataError(source, "no such file or folder", "files that the dataset was imported from")


def _placed(path: Path, names: Sequence[str], known: Mapping[str, Link]) -> dict[str, Link]:
    """Links of the recordings of one file with the places of their faces."""
    boxes = face_boxes(path)
    if len(boxes) != len(names):
        raise DataError(path, f"{len(boxes)} faces for {len(names)} recordings", "one each")
    linked = {name: pair for name, pair in zip(names, boxes, strict=True) if name in known}
    if not linked:
        raise DataError(path, "its recording has no video", "a video linked to it")
    found = {}
    for name, (usual, every) in linked.items():
        size = picture_size(known[name].video)
        if size is None:
            raise DataError(path, f"its video {known[name].video.name} cannot be read", "a video")
        found[name] = replace(known[name], box=_shares(usual, size, path), reach=_shares(every, size, path))
    return found


def face_boxes(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of every face of a file, where it nearly always is and where it is in any valid frame: left, top, right and
    bottom, pixels. Raises `DataError` for a file without points in pixels (``x_0``, ``y_0`` …)."""
    with path.open("rb") as file:
        header = header_of(path, file.read(_HEAD)) or ()
    columns = coordinate_columns([name.strip() if _PIXELS.fullmatch(name.strip()) else "" for name in header])
    if not columns:
        raise DataError(path, "no points in pixels", "columns x_0, y_0 …, as OpenFace's and py-feat's files have them")
    seen = told_columns(header)
    block = [column for point in columns for column in point]
    table = read_frame_table(open_table(path), seen.values(), ReadOptions(), block=block)
    made = []
    for face in table.faces:
        valid, _ = found_faces({name: table.data[i][face.rows] for name, i in seen.items()})
        points = points_of(table, face.rows, len(columns))
        there = np.isfinite(points).all((1, 2)) & (True if valid is None else valid)
        if not there.any():
            raise DataError(path, "a face that is in no frame", "frames with points")
        low, high = points[there].min(1), points[there].max(1)
        low[:, 1] -= FOREHEAD * (high[:, 1] - low[:, 1])
        usual = (*np.quantile(low, 0.05, axis=0), *np.quantile(high, 0.95, axis=0))
        made.append((np.array(usual, float), np.array((*low.min(0), *high.max(0)), float)))
    return made


def picture_size(video: Path) -> tuple[int, int] | None:
    """Width and height of the pictures of a video, as they are shown; None where it cannot be read."""
    one = run_ffmpeg(video, (), ("-frames:v", "1", "-f", "image2pipe", "-c:v", "ppm", "pipe:1"), _PATIENCE_S)
    head = (one or b"")[:40].split(maxsplit=3)
    return (int(head[1]), int(head[2])) if len(head) == 4 and head[0] == b"P6" else None


def _shares(box: np.ndarray, size: tuple[int, int], path: Path) -> Box:
    """A box of pixels as shares of the picture. Raises `DataError` where it is of another picture."""
    shares = box / np.tile(np.array(size, float), 2)
    if (shares[[2, 3]] > 1 + OUTSIDE).any() or shares[0] < -OUTSIDE or shares[1] < -1:
        raise DataError(path, "points outside of the picture of {} × {} pixels".format(*size), "points of this video")
    left, top, right, bottom = (round(float(v), 4) for v in np.clip(shares, 0, 1))
    return left, top, right, bottom
