"""Face landmarks as JSON: MediaPipe's Face Landmarker and face mesh, and what trackers in a browser log in pixels.

A frame is a mapping with ``face_landmarks`` (or ``faceLandmarks``, ``multi_face_landmarks``, ``landmarks``,
``keypoints``, ``scaledMesh``, ``positions`` …), or the faces themselves. A face is a list of points, ``{x, y, z}``,
``{_x, _y}``, ``[x, y, z]`` or ``[x, y]``: 468 or 478 are MediaPipe's, any other number (face-api's 68, clmtrackr's 71)
is taken as it is. Coordinates are pixels, or shares of the image. Frames come as a list, under ``frames`` or
``results``, or one a line; their times are numbers or ISO dates. Blendshape scores are the ``mediapipe`` reader's.
WebGazer's logs (468 points in pixels at ISO times, printed over many lines) were read for this. Where points have a
visibility, presence, score or confidence, it becomes their weight in a fit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.landmark_recording import IMAGE, PointTrack, point_track, with_weights
from dfe_core.expressions.readers.json_file import load_json, rate
from dfe_core.expressions.readers.landmark_columns import LEAST_POINTS, WEIGHTS
from dfe_core.expressions.readers.options import ROWS, ReadOptions, TimeColumn
from dfe_core.expressions.timing import Timing, column_seconds, from_rate, from_times

FORMAT = "mediapipe-landmarks"
TITLE = "face landmarks (JSON)"
HOLDS_POINTS = True
KEYS = tuple(
    """
    face_landmarks faceLandmarks multi_face_landmarks multiFaceLandmarks landmarks faces keypoints scaledMesh mesh
    positions _positions points
    """.split()
)
COUNTS = (468, 478)
"""Points of MediaPipe's mesh, without and with the irises."""
_FRAMES = ("frames", "results", "data", "landmarks_data", "samples")
_TIMES = ("timestamp_ms", "timestampMs", "timestamp", "time_s", "time", "t")
_KNOWN = re.compile(rb'"(' + "|".join(KEYS).encode() + rb')"\s*:\s*[\[{].{0,400}?("_?x"\s*:|\[\s*-?\d)', re.DOTALL)
_LATEST = 1e300  # larger whole numbers are no floats
_BARE = re.compile(rb"\s*\[\s*\[\s*\[\s*-?\d")
_BODY = re.compile(r"shoulder|elbow|wrist|hip|knee|ankle|thumb", re.IGNORECASE)
_SIZES = (("width", "height"), ("image_width", "image_height"), ("imageWidth", "imageHeight"))
TALL = 1.43
"""Bridge of the nose to chin over the distance of the outer eye corners, in MediaPipe's own canonical face."""
_ASPECTS = {"16:9": 16 / 9, "3:2": 1.5, "4:3": 4 / 3, "1:1": 1.0, "3:4": 0.75, "2:3": 2 / 3, "9:16": 9 / 16}
_BRIDGE, _CHIN, _OUTER = 168, 152, (33, 263)


def sniff(path: Path, head: bytes) -> str | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] not in (b"{", b"["):
        return None
    if (known := _KNOWN.search(start)) is not None:
        return f"its {known[1].decode()}"
    return "lists of points" if _BARE.match(start) else None


def read(path: Path, options: ReadOptions) -> list[PointTrack]:
    """One track: the first face of every frame, or `options.face_index`. Frames without that face are invalid.

    Raises `DataError` for no landmarks, another number of points, and for neither times nor a rate.
    """
    content = _load(path)
    frames = _frames(content, path)
    wanted = options.face_index or 0
    faces = [_faces(frame, path, i) for i, frame in enumerate(frames)]
    most = max(map(len, faces), default=0)
    if not most:
        raise DataError(path, "no face in any frame", " or ".join(KEYS[:2]) + ", a list of points")
    if wanted >= most:
        raise DataError(path, f"no face number {wanted}", f"0 to {most - 1}")
    taken = [f[wanted] if wanted < len(f) else None for f in faces]
    points, valid = _stack(taken, path)
    points, told = _in_pixels(points, valid, content)
    own = "mediapipe" if points.shape[1] in COUNTS else "landmarks"
    notes = (
        f"{points.shape[1]} {'MediaPipe ' if own == 'mediapipe' else ''}landmarks in {points.shape[2]}-D.",
        *told,
        *((f"Up to {most} faces a frame: number {wanted} of each is taken.",) if most > 1 else ()),
    )
    timing = _timing(frames, content, options, path)
    track = point_track(path, points, timing, options.extractor or own, IMAGE, valid=valid, notes=notes)
    return [with_weights(track, _point_weights(taken, points.shape[1]), timing)]


def _load(path: Path) -> Any:
    try:
        return load_json(path)
    except DataError:
        if not isinstance(lines := _lines(path), list):
            raise
        return lines


def _lines(path: Path) -> list[Any] | None:
    """One JSON value a line, None where it is not so."""
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None


def _frames(content: Any, path: Path) -> list[Any]:
    if isinstance(content, Mapping):
        key = next((k for k in _FRAMES if isinstance(content.get(k), list)), None)
        content = content[key] if key else [content]
    if not isinstance(content, list) or not content:
        raise DataError(path, f"JSON that is a {type(content).__name__}", "a list of frames")
    return content


def _faces(frame: Any, path: Path, number: int) -> list[Any]:
    """The faces of one frame, each a list of points."""
    found = frame if isinstance(frame, list) else _under_key(frame)
    if not found:
        return []
    if not isinstance(found, list):
        raise DataError(f"{path}, frame {number}", f"landmarks that are a {type(found).__name__}", "a list of faces")
    if _is_point(found[0]):
        return [found]
    return [face if isinstance(face, list) else _under_key(face) for face in found]


def _under_key(holder: Any) -> Any:
    """What a frame or a face holds under one of `KEYS`, at most three deep; None where there is nothing."""
    for _ in range(3):
        if not isinstance(holder, Mapping):
            return holder
        holder = next((holder[key] for key in ("landmark", *KEYS) if key in holder), None)
    return holder


def _is_point(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "x" in value or "_x" in value
    return isinstance(value, list) and bool(value) and isinstance(value[0], (int, float))


def _coordinates(point: Any) -> list[float]:
    """Two or three numbers of a point. Raises `KeyError`, `TypeError` or `ValueError` for what is none."""
    if isinstance(point, Mapping):
        x = "x" if "x" in point else "_x"
        deep = [point["z"]] if x == "x" and isinstance(point.get("z"), (int, float)) else []
        return [float(point[x]), float(point[x.replace("x", "y")]), *map(float, deep)]
    return [float(value) for value in point[:3]]


def _stack(faces: list[Any], path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(T, V, 2 or 3) float64, zero where there is no face, and (T,) whether there is one."""
    first = next(face for face in faces if face)
    count = len(first)
    _check_points(first, path)
    try:
        dimensions = len(_coordinates(first[0]))
        points, valid = np.zeros((len(faces), count, dimensions)), np.array([bool(face) for face in faces])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(path, f"a point that is none ({error!s:.40})", "x and y, or x, y and z") from None
    for i, face in enumerate(faces):
        if not face:
            continue
        try:
            points[i] = [_coordinates(point) for point in face]
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            raise DataError(
                f"{path}, frame {i}",
                f"a face that is not {count} points of {dimensions} numbers",
                "the same points in every frame",
            ) from None
    return points, valid


def _point_weights(faces: list[Any], count: int) -> np.ndarray | None:
    """(T, V) how sure the tool is of each point, 1 where a point does not say; None where none does."""
    first = next(face for face in faces if face)[0]
    key = next((word for word in WEIGHTS if isinstance(first, Mapping) and word in first), None)
    if key is None:
        return None
    weights = np.ones((len(faces), count))
    for i, face in enumerate(faces):
        if face:
            found = [point.get(key) for point in face]
            weights[i] = [1.0 if not isinstance(value, (int, float)) else value for value in found]
    return weights


def _check_points(face: Any, path: Path) -> None:
    """Raise `DataError` for too few points, and for points of a body or hand by their names."""
    if not isinstance(face, list) or len(face) < LEAST_POINTS:
        found = f"{len(face)} points" if isinstance(face, list) else f"a face that is a {type(face).__name__}"
        raise DataError(path, f"{found} a face", f"{LEAST_POINTS} or more landmarks")
    names = [str(p.get("name", "")) for p in face if isinstance(p, Mapping)]
    if other := next((name for name in names if _BODY.search(name)), None):
        raise DataError(path, f"points of a body (one is called {other!r})", "landmarks of a face")


def _in_pixels(points: np.ndarray, valid: np.ndarray, content: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Undo the normalisation by the image's width and height, in units of its width."""
    if np.abs(np.nan_to_num(points[valid])).max(initial=0) > 8:
        return points, ("Coordinates are pixels.",)
    width, height = _size(content)
    if width:
        return points * [1, height / width, 1][: points.shape[2]], (
            f"Coordinates are shares of an image of {width:g} x {height:g}.",
        )
    if points.shape[1] not in COUNTS or points.shape[2] < 3:
        return points, (
            "Coordinates are shares of an image of unknown size: taken as square, say its width and height.",
        )
    aspect, name = _aspect(points[valid])
    return points * [1, 1 / aspect, 1], (
        f"Coordinates are shares of an image of unknown size: taken as {name}, as the face's own proportions show.",
    )


def _size(content: Any) -> tuple[float, float]:
    for holder in (content, content[0] if isinstance(content, list) and content else None):
        for names in _SIZES:
            if isinstance(holder, Mapping) and all(
                isinstance(holder.get(n), (int, float)) and holder[n] > 0 for n in names
            ):
                return float(holder[names[0]]), float(holder[names[1]])
    return 0.0, 0.0


def _aspect(points: np.ndarray) -> tuple[float, str]:
    """Width over height of the image, the usual one under which the face is as tall as MediaPipe's canonical face."""
    wide = np.linalg.norm((points[:, _OUTER[0]] - points[:, _OUTER[1]])[:, [0, 2]], axis=1)
    tall = np.abs(points[:, _CHIN, 1] - points[:, _BRIDGE, 1])
    seen = float(np.median(tall / np.maximum(wide, 1e-9))) / TALL
    name = min(_ASPECTS, key=lambda n: abs(np.log(max(seen, 1e-6) / _ASPECTS[n])))
    return _ASPECTS[name], name


def _timing(frames: list[Any], content: Any, options: ReadOptions, path: Path) -> Timing:
    if options.time is not None:
        return _stated_timing(frames, options.time, path)
    key = next((k for k in _TIMES if all(isinstance(f, Mapping) and _moment(f.get(k)) is not None for f in frames)), "")
    if key and len(frames) > 1:
        when = np.array([_moment(f[key]) for f in frames], np.float64)
        dated = isinstance(frames[0][key], str)
        seconds = when - when[0] if dated else column_seconds(when, key.replace("Ms", "_ms"))[0]
        return from_times(seconds, str(path), 0, "frame")
    return from_rate(len(frames), rate(content, str(path)) or options.fps, str(path))


def _stated_timing(frames: list[Any], stated: TimeColumn, path: Path) -> Timing:
    """Times by the key that the user names, and its counts a second. Raises `DataError` where a frame lacks it."""
    if stated.column.lower() == ROWS:
        return from_rate(len(frames), stated.rate, str(path))
    when = [_moment(f.get(stated.column)) if isinstance(f, Mapping) else None for f in frames]
    if None in when:
        raise DataError(f"{path}, --time {stated.column}", "frames without it", f"a key of every frame, or {ROWS}/RATE")
    values = np.array(when, np.float64)
    seconds = column_seconds(values, stated.column)[0] if stated.rate is None else values / stated.rate
    return from_times(seconds, str(path), 0, "frame")


def _moment(value: Any) -> float | None:
    """A time as a number, or an ISO date as seconds; None for what is neither."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.strip().replace("Z", "+00:00")).timestamp()
        except (ValueError, OverflowError):
            return None
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LATEST
    return float(value) if known else None
