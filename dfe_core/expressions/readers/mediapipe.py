"""MediaPipe Face Landmarker: its 52 blendshape scores as JSON, table (CSV, Parquet) or arrays (.npz, .npy).

The first score is ``_neutral``, which is left out; there is no tongueOut. The facial transformation matrix, where the
file has it, gives the head's pose beside ψ. A frame in which no face was found is invalid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.arkit_columns import LEAST, arkit_count, arkit_indices, arkit_recording
from dfe_core.expressions.readers.arrays import ALONE, ARRAY_TIMES, array_timing, read_arrays
from dfe_core.expressions.readers.column_names import FRAMES, TIMES
from dfe_core.expressions.readers.face_tracks import follow_faces
from dfe_core.expressions.readers.faces import LEAST_FRAMES
from dfe_core.expressions.readers.frame_table import header_of, open_table, read_frame_table
from dfe_core.expressions.readers.json_file import RATES, first_key, load_json, rate
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import Timing, column_seconds, from_frames, from_rate, from_times
from dfe_core.expressions.validation import as_float32
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.npz_file import npz_names

FORMAT = "mediapipe"
TITLE = "MediaPipe blendshapes (JSON, CSV, npz)"
EXTRACTOR = "mediapipe"
NAMES = ("_neutral", *ARKIT_NAMES[:-1])
"""The order of MediaPipe's scores."""
POSE_COLUMNS = ("HeadPitch", "HeadYaw", "HeadRoll")
"""Of tables: the head's angles, radians."""
_HOLDERS = ("frames", "results", "data", "detections")
_SCORES = ("face_blendshapes", "faceblendshapes", "blendshapes", "blendshape_scores", "scores")
_MATRICES = (
    "facial_transformation_matrixes",
    "facialtransformationmatrixes",
    "facial_transformation_matrices",
    "transformation_matrixes",
    "transformation_matrices",
    "matrices",
    "matrix",
)
_WANTED = frozenset((ALONE, *_SCORES, *_MATRICES, *ARRAY_TIMES, *RATES))
_MARKS = (b'"_neutral"', b'"face_blendshapes"', b'"faceBlendshapes"')
_MOST_FACES = 32


class _Face(NamedTuple):
    """One face in one frame: scores by name, and its matrix (4, 4) or None."""

    scores: dict[str, Any]
    matrix: np.ndarray | None


def sniff(path: Path, head: bytes) -> str | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start in (b"{", b"["):
        return "MediaPipe's names in its JSON" if any(mark in head for mark in _MARKS) else None
    if head.startswith(b"PK"):
        key = next((k for k in _SCORES if k in npz_names(path)), None)
        return f"its array {key}" if key else None
    header = header_of(path, head)
    neutral = any(name.strip().lower() in ("_neutral", "neutral") for name in header)
    if "FaceScore" in header:  # py-feat's own blendshapes, which are not MediaPipe's
        return None
    return "its columns _neutral and the ARKit names" if neutral and arkit_count(header) >= LEAST else None


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording a face.

    Several faces are told apart by the file's own numbers, else by where their heads are (the matrices). Raises
    `DataError` for several faces with neither, and for neither times nor a rate.
    """
    try:
        with open(path, "rb") as handle:
            head = handle.read(64)
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return _read_json(path, options)
    if head.startswith((b"PK", b"\x93NUMPY")):
        return _read_arrays(path, options)
    return _read_table(path, options)


# ---- tables


def _read_table(path: Path, options: ReadOptions) -> list[Recording]:
    file = open_table(path)
    columns, beside = arkit_indices(file.header, path), _pose_columns(file.header)
    table = read_frame_table(file, (*columns.values(), *beside.values()), options)
    psi, names, found = table.stack(columns.values()), tuple(columns), []
    for face in table.faces:
        pose = {name: as_float32(table.data[i][face.rows]) for name, i in beside.items()}
        timing = table.timing(face.rows, options)
        recording = arkit_recording(path, psi[face.rows], names, timing, FORMAT, pose, table.notes)
        found.append(table.named(recording, face))
    return found


def _pose_columns(header: Sequence[str]) -> dict[str, int]:
    """Columns of the head's angles, radians, by name, as takes of `dfe_core.live` have them; none unless all are
    there."""
    return {name: header.index(name) for name in POSE_COLUMNS} if set(POSE_COLUMNS) <= set(header) else {}


def _named(
    path: Path,
    suffix: str,
    psi: np.ndarray,
    names: tuple[str, ...],
    timing: Timing,
    extras: dict[str, np.ndarray],
    notes: Sequence[str] = (),
) -> Recording:
    recording = arkit_recording(path, psi, names, timing, FORMAT, extras, notes)
    return replace(recording, name=path.stem + suffix)


# ---- arrays


def _read_arrays(path: Path, options: ReadOptions) -> list[Recording]:
    """Scores (T, 52), or (T, F, 52) of F faces, with times and matrices where they are beside them."""
    arrays = read_arrays(path, _WANTED)
    scores = next((arrays[key] for key in (*_SCORES, ALONE) if key in arrays), None)
    if scores is None:
        raise DataError(path, f"the arrays {', '.join(list(arrays)[:6]) or 'none'}", " or ".join(_SCORES))
    if scores.ndim == 2:
        scores = scores[:, None]
    if scores.ndim != 3 or not 1 <= scores.shape[1] <= _MOST_FACES or scores.shape[2] not in (51, 52):
        raise DataError(
            f"{path}, blendshapes",
            f"shape {' x '.join(map(str, scores.shape))}",
            "(frames, 52), or (frames, faces, 52)",
        )
    names = NAMES[-scores.shape[2] :]
    key = next((k for k in ARRAY_TIMES if k in arrays), None)
    if key is not None and arrays[key].size != len(scores):
        raise DataError(f"{path}, {key}", f"{arrays[key].size} times", f"{len(scores)}, one a frame")
    timing = array_timing(arrays, len(scores), options, path)
    matrices = next((arrays[key] for key in _MATRICES if key in arrays), None)
    faces = [options.face_index] if options.face_index is not None else range(scores.shape[1])
    return [_array_face(path, scores, matrices, face, names, timing) for face in faces]


def _array_face(
    path: Path, scores: np.ndarray, matrices: np.ndarray | None, face: int, names: tuple[str, ...], timing: Timing
) -> Recording:
    frames, count, _ = scores.shape
    if not 0 <= face < count:
        raise DataError(path, f"no face number {face}", f"0 to {count - 1}")
    poses: list[np.ndarray | None] = [None] * frames
    if matrices is not None:
        if matrices.size != frames * count * 16:
            raise DataError(
                f"{path}, matrices", f"shape {' x '.join(map(str, matrices.shape))}", f"({frames}, {count}, 4, 4)"
            )
        poses = list(matrices.reshape(frames, count, 4, 4)[:, face])
    columns = arkit_indices(names, path)
    psi = scores[:, face].astype(np.float32)[:, list(columns.values())]
    return _named(path, f"-face{face}" if count > 1 else "", psi, tuple(columns), timing, mediapipe_head_pose(poses))


# ---- JSON


def _read_json(path: Path, options: ReadOptions) -> list[Recording]:
    content = load_json(path)
    frames = _frames(content, path)
    faces = [_faces(frame, f"{path}, frame {i + 1}") for i, frame in enumerate(frames)]
    stated = rate(content, str(path))
    timing = _json_timing(frames, options.fps if stated is None else stated, path)
    most = max(map(len, faces))
    if not most:
        raise DataError(path, "no frame in which a face was found", "blendshapes in some frame")
    if most == 1:
        return [_json_face(path, "", [face[0] if face else None for face in faces], timing)]
    return _several(path, faces, timing, options)


def _several(path: Path, faces: list[list[_Face]], timing: Timing, options: ReadOptions) -> list[Recording]:
    """Each face of a file with several, followed by the place of its head."""
    if any(face.matrix is None for frame in faces for face in frame):
        raise DataError(
            path,
            f"{max(map(len, faces))} faces in a frame and nothing to distinguish them",
            "facial_transformation_matrixes in each frame, or one face a file",
        )
    heads = [[face.matrix[:3, 3] for face in frame if face.matrix is not None] for frame in faces]
    owners = follow_faces([np.array(places).reshape(-1, 3) for places in heads])
    tracks: list[list[_Face | None]] = [[None] * len(faces) for _ in range(1 + max(n for own in owners for n in own))]
    for i, (frame, own) in enumerate(zip(faces, owners, strict=True)):
        for face, number in zip(frame, own, strict=True):
            tracks[number][i] = face
    if options.face_index is not None:
        if not 0 <= options.face_index < len(tracks):
            raise DataError(path, f"no face number {options.face_index}", f"0 to {len(tracks) - 1}")
        kept = [options.face_index]
    else:
        kept = [i for i, track in enumerate(tracks) if sum(f is not None for f in track) >= LEAST_FRAMES] or [0]
    notes = (f"{len(tracks)} faces, distinguished by where their heads are; read: {', '.join(map(str, kept))}.",)
    return [_json_face(path, f"-face{i}", tracks[i], timing, notes) for i in kept]


def _frames(content: Any, path: Path) -> list[Any]:
    if isinstance(content, Mapping) and (holder := first_key(content, _HOLDERS)) is not None:
        content = content[holder]
    elif isinstance(content, Mapping):
        content = [content]
    if not isinstance(content, list) or not content:
        raise DataError(
            path,
            "no list of frames" if not isinstance(content, list) else "an empty list",
            "frames of MediaPipe results",
        )
    return content


def _faces(frame: Any, where: str) -> list[_Face]:
    """The faces of one frame, however its blendshapes are nested."""
    if isinstance(frame, Mapping):
        key, matrix_key = first_key(frame, _SCORES), first_key(frame, _MATRICES)
        entry = frame[key] if key is not None else frame if arkit_count(list(map(str, frame))) >= LEAST else []
        matrices = _matrices(frame[matrix_key], where) if matrix_key is not None else []
    else:
        entry, matrices = frame, []
    scores = _unfold(entry, where)
    if matrices and len(matrices) != len(scores):
        raise DataError(where, f"{len(scores)} faces and {len(matrices)} matrices", "one matrix a face")
    if len(scores) > _MOST_FACES:
        raise DataError(where, f"{len(scores)} faces", f"at most {_MOST_FACES}")
    if not matrices:
        return [_Face(s, None) for s in scores]
    return [_Face(s, m) for s, m in zip(scores, matrices, strict=True)]


def _unfold(entry: Any, where: str) -> list[dict[str, Any]]:
    """Scores by name of each face: a mapping, a list of categories, or a list of either."""
    if entry is None or entry in ([], {}):
        return []
    if isinstance(entry, Mapping):
        inner = entry.get("categories")
        return _unfold(inner, where) if isinstance(inner, list) else [dict(entry)]
    if not isinstance(entry, list) or not isinstance(entry[0], (Mapping, list)):
        raise DataError(where, f"a {type(entry).__name__}", "blendshapes by name")
    if isinstance(entry[0], Mapping) and first_key(entry[0], ("categoryname", "category_name", "displayname", "name")):
        return [_categories(entry, where)]
    if any(isinstance(inner, list) and inner and isinstance(inner[0], list) for inner in entry):
        raise DataError(where, "lists nested too deeply", "a list of categories a face")
    return [scores for inner in entry for scores in _unfold(inner, where)]


def _categories(entries: list[Any], where: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for item in entries:
        name = (
            first_key(item, ("categoryname", "category_name", "displayname", "name"))
            if isinstance(item, Mapping)
            else None
        )
        score = first_key(item, ("score", "value")) if name is not None else None
        if score is None:
            raise DataError(where, f"{str(item)[:40]!r} among its categories", "a name and a score")
        out[str(item[name])] = item[score]
    return out


def _matrices(entry: Any, where: str) -> list[np.ndarray]:
    """Each face's 4 x 4 matrix with the translation in its last column: nested, flat, or as JavaScript has it."""
    if isinstance(entry, Mapping):
        entry = [entry]
    if not isinstance(entry, list) or not entry:
        return []
    if not isinstance(entry[0], (Mapping, list)) or (
        len(entry) == 4 and isinstance(entry[0], list) and len(entry[0]) == 4
    ):
        entry = [entry]
    out = []
    for item in entry:
        try:
            matrix = np.asarray(item.get("data") if isinstance(item, Mapping) else item, np.float64)
        except (ValueError, TypeError, OverflowError):
            matrix = np.empty(0)
        if matrix.size != 16:
            raise DataError(where, f"a matrix of {matrix.size} numbers", "4 x 4")
        matrix = matrix.reshape(4, 4)
        out.append(matrix.T if not matrix[:3, 3].any() and matrix[3, :3].any() else matrix)
    return out


def _json_timing(frames: list[Any], fps: float | None, path: Path) -> Timing:
    first = next((f for f in frames if isinstance(f, Mapping)), {})
    for keys, make in ((TIMES, None), (FRAMES, fps)):
        key = first_key(first, keys)
        if key is None:
            continue
        values = [frame.get(key) if isinstance(frame, Mapping) else None for frame in frames]
        bad = next((i for i, v in enumerate(values) if isinstance(v, bool) or not isinstance(v, (int, float))), None)
        if bad is not None:
            raise DataError(f"{path}, frame {bad + 1}", f"{str(values[bad])[:30]!r} for {key}", "a number")
        if keys is TIMES:
            return from_times(column_seconds(np.array(values, np.float64), key)[0], str(path), 1, "frame")
        return from_frames(np.array(values, np.float64), make, str(path), 1, "frame")
    return from_rate(len(frames), fps, str(path))


def _json_face(
    path: Path, suffix: str, track: list[_Face | None], timing: Timing, notes: Sequence[str] = ()
) -> Recording:
    """One face of a file, NaN (and so invalid) where it was not found."""
    header = list(next(face.scores for face in track if face is not None))
    columns = arkit_indices(header, path)
    psi = np.full((len(track), len(columns)), np.nan, np.float32)
    for i, face in enumerate(track):
        if face is None:
            continue
        try:
            psi[i] = [face.scores[header[c]] for c in columns.values()]
        except KeyError as error:
            raise DataError(f"{path}, frame {i + 1}", f"no {error.args[0]}", "the blendshapes of the first") from None
        except (TypeError, ValueError, OverflowError):
            raise DataError(f"{path}, frame {i + 1}", "a score that is no number", "0 to 1") from None
    extras = mediapipe_head_pose([None if face is None else face.matrix for face in track])
    return _named(path, suffix, psi, tuple(columns), timing, extras, notes)


def mediapipe_head_pose(matrices: Sequence[np.ndarray | None]) -> dict[str, np.ndarray]:
    """Yaw, pitch and roll (radians) and place (m; MediaPipe's unit is the centimetre) of each frame's matrix, NaN
    where there is none; nothing where no frame has one."""
    if all(matrix is None for matrix in matrices):
        return {}
    nothing = np.full((4, 4), np.nan)
    m = np.stack([nothing if matrix is None else matrix for matrix in matrices]).astype(np.float64)
    with np.errstate(invalid="ignore"):
        pose = {
            "HeadYaw": np.arctan2(m[:, 0, 2], m[:, 2, 2]),
            "HeadPitch": np.arcsin(np.clip(-m[:, 1, 2], -1, 1)),
            "HeadRoll": np.arctan2(m[:, 1, 0], m[:, 1, 1]),
            **{f"Head{axis}": m[:, i, 3] / 100 for i, axis in enumerate("XYZ")},
        }
    return {name: values.astype(np.float32) for name, values in pose.items()}
