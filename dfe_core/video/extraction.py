"""One video through the landmarker, kept by content: the same video, model and settings are never run again."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.artefact_names import EXTRACTION, MANIFEST, keyed_name
from dfe_core.errors import DataError
from dfe_core.integrity import is_whole
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, atomic_directory, content_key, file_sha256, read_json, write_json
from dfe_core.video.frames import probe, read_frames
from dfe_core.video.landmarker import count_faces, open_landmarker, usual_count
from dfe_core.video.pictures import content_of, is_picture
from dfe_core.video.tracking import Tracker

VERSION = 3
"""Counted up when the same video gives other results."""
LEAST_S = 0.5
"""A face seen for less in all is a slip of the detector and left out."""
_POINTS = 478
_ROUNDED_S = 1e-3
_CUT_OFF = 0.05
_LOOK_S = 0.5  # between the frames in which faces are counted
_COUNTING = 0.15
"""Of the time that an extraction takes, for its progress: decoding once more, and one of 12 to 30 frames."""
_LEAST_SIZE = "a video of a face, a tenth of the picture or wider"


@dataclass(frozen=True, eq=False, kw_only=True)
class Extraction:
    """What was found in a video of T frames, in which faces were seen R times.

    followed: by their landmarks from frame to frame; else a detector has placed them in each frame, less exactly.
    most: faces that were asked for; crowded: share of the pictures looked at that show more. told_s: the length that
    the file says, 0 where it says none.
    names: (52,) of the scores. time_s: (T,) float64 of all frames. row_frame: (R,) int64; row_face: (R,) int64, the
    number of the face; scores (R, 52), matrix (R, 4, 4), confidence (R,), landmarks (R, 478, 3) a memory map, all
    float32 (see `landmarker.Face`).
    """

    names: tuple[str, ...]
    fps: float
    width: int
    height: int
    time_s: np.ndarray
    row_frame: np.ndarray
    row_face: np.ndarray
    scores: np.ndarray
    matrix: np.ndarray
    confidence: np.ndarray
    landmarks: np.ndarray
    followed: bool = True
    most: int = 0
    crowded: float = 0.0
    told_s: float = 0.0

    def faces(self) -> list[np.ndarray]:
        """Rows of each face that was seen for `LEAST_S` or longer, in order of first appearance."""
        rows = [np.flatnonzero(self.row_face == n) for n in np.unique(self.row_face)]
        if len(self.time_s) == 1:
            return rows
        steps = np.diff(self.time_s)
        shown = np.append(steps, np.median(steps))  # of each frame, s: a header's rate may be wrong, or none
        return [r for r in rows if len(r) > 1 and shown[self.row_frame[r]].sum() >= LEAST_S - _ROUNDED_S]

    def missing_s(self) -> float:
        """How much earlier the frames end than the file says; 0 where that is less than 5 %, or than `LEAST_S`."""
        least = max(LEAST_S, _CUT_OFF * self.told_s)
        missing = self.told_s - float(self.time_s[-1] - self.time_s[0])
        return missing if missing > least else 0.0

    def left_out(self) -> int:
        """How many faces were seen too briefly to count."""
        return len(np.unique(self.row_face)) - len(self.faces())


def extract(
    video: Path, model: Path, faces: int = 4, root: Path | None = None, progress: Listener = silent
) -> Extraction:
    """Scores, head pose, landmarks and confidence of every face in every frame.

    Parameters
    ----------
    model: MediaPipe's face_landmarker.task. faces: at most so many at once, of a still the largest; 1: whoever is seen
        is the same person.

    Results lie under ``analyses/extract-<key>/``; a run that was interrupted starts its video over, videos that are
    done are read back. Raises `DataError` for a missing extra, model or video, and a video without any face.
    """
    folder = _folder(video, model, faces, root)
    if not is_whole(folder):
        with atomic_directory(folder) as temporary:
            _run(video, model, faces, temporary, progress)
    return _load(folder, video)


def is_done(video: Path, model: Path, faces: int = 4, root: Path | None = None) -> bool:
    """Whether the results of `extract` are there already."""
    return (_folder(video, model, faces, root) / MANIFEST).is_file()


def _folder(video: Path, model: Path, faces: int, root: Path | None) -> Path:
    if not video.exists():
        raise DataError(video, "no such file", "a video, a picture or a folder of pictures")
    if not model.is_file():
        raise DataError(model, "no such file", "MediaPipe's face_landmarker.task")
    key = content_key([VERSION, content_of(video), file_sha256(model), faces])
    return artefact_path("analyses", keyed_name(EXTRACTION, key), root)


def _run(video: Path, model: Path, faces: int, folder: Path, progress: Listener) -> None:
    info, tracker = probe(video), Tracker()
    still = is_picture(video)
    counting = faces > 1 and not still
    share = _COUNTING if counting else 0.0
    times: list[float] = []

    def reported(counted: int, done: int) -> None:
        total = max(info.frames, done, 1)
        progress(
            Progress(
                task="extract",
                done=round(share * min(counted, total) + (1 - share) * done),
                total=total,
                detail=video.name,
            )
        )

    looked = count_faces(model, _now_and_then(video, reported), faces + 1) if counting else []
    followed = usual_count([min(count, faces) for count in looked]) if counting else 1
    more = sum(count > faces for count in looked)
    small: dict[str, list[Any]] = {"row_frame": [], "row_face": [], "scores": [], "matrix": [], "confidence": []}
    with open_landmarker(model, followed or faces) as landmarker, open(folder / "landmarks.f32", "wb") as sink:
        for frame in read_frames(video):
            times.append(frame.time_s)
            if still:
                found = landmarker.detect_still(frame.picture)
                looked, more = [len(found)], int(len(found) > faces)
                found = found[:faces]
            else:
                found = landmarker.detect(frame.picture, frame.time_s)
            boxes = np.array([f.box for f in found]).reshape(-1, 4)
            owners = [0] * len(found) if faces == 1 else tracker.update(boxes, frame.time_s)
            for face, number in zip(found, owners, strict=True):
                for name, value in (
                    ("row_frame", frame.number),
                    ("row_face", number),
                    ("scores", face.scores),
                    ("matrix", face.matrix),
                    ("confidence", face.confidence),
                ):
                    small[name].append(value)
                sink.write(np.ascontiguousarray(face.landmarks, np.float32).tobytes())
            reported(info.frames, len(times))
        names = landmarker.names
    _save(
        folder,
        video,
        model,
        times,
        small,
        {
            "names": list(names),
            "fps": info.fps,
            "width": info.width,
            "height": info.height,
            "faces": faces,
            "followed": followed is not None,
            "crowded": more / max(1, len(looked)),
            "told_s": 0.0 if still or video.is_dir() else info.frames / info.fps,
            "mediapipe": importlib.metadata.version("mediapipe"),
        },
    )


def _now_and_then(video: Path, reported: Callable[[int, int], None]) -> Iterator[np.ndarray]:
    """A picture every half second."""
    due = 0.0
    for frame in read_frames(video):
        if frame.time_s >= due:
            yield frame.picture
            due = frame.time_s + _LOOK_S
            reported(frame.number + 1, 0)


def _save(
    folder: Path, video: Path, model: Path, times: list[float], small: dict[str, list[Any]], about: dict[str, Any]
) -> None:
    kinds = {"row_frame": np.int64, "row_face": np.int64}
    arrays: dict[str, Any] = {name: np.array(values, kinds.get(name, np.float32)) for name, values in small.items()}
    np.savez_compressed(folder / "faces.npz", time_s=np.array(times, np.float64), **arrays)
    write_json(
        folder / MANIFEST,
        {
            "schema_version": 1,
            "kind": "extraction",
            "video": video.name,
            "video_sha256": content_of(video),
            "model_sha256": file_sha256(model),
            **about,
            "frames": len(times),
            "rows": len(arrays["row_frame"]),
            "files": {name: file_sha256(folder / name) for name in ("faces.npz", "landmarks.f32")},
        },
    )


def _load(folder: Path, video: Path) -> Extraction:
    about = read_json(folder / MANIFEST)
    if not about["rows"]:
        if is_picture(video):
            raise DataError(
                video, "no face found in this picture", "a picture of a face, large enough and not turned away"
            )
        raise DataError(video, f"no face in any of {about['frames']:,} frames", _LEAST_SIZE)
    with np.load(folder / "faces.npz", allow_pickle=False) as held:
        arrays = {name: held[name] for name in held.files}
    landmarks = np.memmap(folder / "landmarks.f32", np.float32, "r", shape=(about["rows"], _POINTS, 3))
    return Extraction(
        names=tuple(about["names"]),
        fps=about["fps"],
        width=about["width"],
        height=about["height"],
        landmarks=landmarks,
        followed=about.get("followed", True),
        most=about["faces"],
        crowded=about.get("crowded", 0.0),
        told_s=about.get("told_s", 0.0),
        **arrays,
    )
