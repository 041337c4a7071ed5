"""MediaPipe's face landmarks: JSON of Face Landmarker results (Python and JavaScript, and the older face mesh).

A frame is a mapping with ``face_landmarks`` (or ``faceLandmarks``, ``multi_face_landmarks``, ``landmarks``): faces of
468 or 478 points ``{x, y, z}`` or ``[x, y, z]``, normalised by the image. Frames come as a list, under ``frames`` or
``results``, or one a line. Its blendshape scores are the ``mediapipe`` reader's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.landmark_recording import IMAGE, PointTrack, point_track
from dfe_core.expressions.readers.json_file import load_json, rate
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.timing import Timing, column_seconds, from_rate, from_times

FORMAT = "mediapipe-landmarks"
TITLE = "MediaPipe face landmarks (JSON)"
HOLDS_POINTS = True
KEYS = ("face_landmarks", "faceLandmarks", "multi_face_landmarks", "multiFaceLandmarks", "landmarks")
COUNTS = (468, 478)
_FRAMES = ("frames", "results", "data")
_TIMES = ("timestamp_ms", "timestampMs", "timestamp", "time_s", "time")
_SIZES = (("width", "height"), ("image_width", "image_height"), ("imageWidth", "imageHeight"))
TALL = 1.43
"""Bridge of the nose to chin over the distance of the outer eye corners, in MediaPipe's own canonical face."""
_ASPECTS = {"16:9": 16 / 9, "3:2": 1.5, "4:3": 4 / 3, "1:1": 1.0, "3:4": 0.75, "2:3": 2 / 3, "9:16": 9 / 16}
_BRIDGE, _CHIN, _OUTER = 168, 152, (33, 263)


def sniff(path: Path, head: bytes) -> str | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start not in (b"{", b"["):
        return None
    found = next((key for key in KEYS if f'"{key}"'.encode() in head), None)
    return f"its {found}" if (found and b'"x"' in head) or (found and b"[[[" in head.replace(b" ", b"")) else None


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
        raise DataError(path, "no face in any frame", " or ".join(KEYS[:2]))
    if wanted >= most:
        raise DataError(path, f"no face number {wanted}", f"0 to {most - 1}")
    points, valid = _stack([f[wanted] if wanted < len(f) else None for f in faces], path)
    points, told = _in_pixels(points, valid, content)
    notes = (
        f"{points.shape[1]} MediaPipe landmarks.",
        *told,
        *((f"Up to {most} faces a frame: number {wanted} of each is taken.",) if most > 1 else ()),
    )
    return [
        point_track(
            path,
            points,
            _timing(frames, content, options, path),
            options.extractor or "mediapipe",
            IMAGE,
            valid=valid,
            notes=notes,
        )
    ]


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
    if not isinstance(frame, Mapping):
        return []
    found = next((frame[k] for k in KEYS if k in frame), None)
    if not found:
        return []
    if not isinstance(found, list):
        raise DataError(f"{path}, frame {number}", f"landmarks that are a {type(found).__name__}", "a list of faces")
    found = [
        face.get("landmark", face.get("landmarks")) if isinstance(face, Mapping) and "x" not in face else face
        for face in found
    ]
    single = isinstance(found[0], Mapping) or (
        isinstance(found[0], list) and found[0] and isinstance(found[0][0], (int, float))
    )
    return [found] if single else found


def _stack(faces: list[Any], path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(T, V, 3) float64, zero where there is no face, and (T,) whether there is one."""
    count = next(len(face) for face in faces if face)
    if count not in COUNTS:
        raise DataError(path, f"{count} points a face", " or ".join(map(str, COUNTS)))
    points, valid = np.zeros((len(faces), count, 3)), np.array([bool(face) for face in faces])
    for i, face in enumerate(faces):
        if not face:
            continue
        try:
            points[i] = [(p["x"], p["y"], p["z"]) if isinstance(p, Mapping) else p[:3] for p in face]
        except (KeyError, TypeError, ValueError, IndexError):
            raise DataError(
                f"{path}, frame {i}",
                f"a face that is not {count} points of x, y and z",
                "the same points in every frame",
            ) from None
    return points, valid


def _in_pixels(points: np.ndarray, valid: np.ndarray, content: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Undo the normalisation by the image's width and height, in units of its width."""
    if np.abs(np.nan_to_num(points[valid])).max(initial=0) > 8:
        return points, ("Coordinates are pixels.",)
    width, height = _size(content)
    if width:
        return points * [1, height / width, 1], (f"Coordinates are shares of an image of {width:g} x {height:g}.",)
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
    key = next(
        (k for k in _TIMES if all(isinstance(f, Mapping) and isinstance(f.get(k), (int, float)) for f in frames)), None
    )
    if key is not None and len(frames) > 1:
        seconds, _ = column_seconds(np.array([f[key] for f in frames], np.float64), key.replace("Ms", "_ms"))
        return from_times(seconds, str(path), 0, "frame")
    return from_rate(len(frames), rate(content, str(path)) or options.fps, str(path))
