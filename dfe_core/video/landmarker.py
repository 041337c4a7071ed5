"""MediaPipe's Face Landmarker (Tasks API) frame by frame, with the score of its face detector as confidence.

The task follows faces by their landmarks only while it sees as many as it was made for. With fewer it places them in
every frame by its detector, which is less exact: scores then depend on how large the face is. So a video is run for as
many faces as it nearly always shows, where that is a number, and each face of a still is cut out and run a few times.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.video.extra import load
from dfe_core.video.library_log import without_library_log

MODEL_URL = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task"
)
MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
"""Of the release that dfe is tested with."""
DETECTOR = "face_detector.tflite"
"""A member of the model bundle."""
_LEAST_SCORE = 0.1
_SAME = 0.5  # of the union of two boxes; people side by side share less
_MATCH = 0.3  # of the landmarks of a face and the detector's box of it
_ASIDE, _MARGINS, _STEPS, _STEP_MS = 16, (1.4, 2.0), 6, 40
"""Of a still: the surest faces that are looked at, the cuts that are tried, in sides of the detector's box, how often
each is run, at which interval."""
_FEW, _NEARLY_ALWAYS = 4, 0.8  # pictures in which faces are counted, and their share
_MAX_MODEL_BYTES = 256 << 20


@dataclass(frozen=True, eq=False, kw_only=True)
class Face:
    """One face in one frame.

    scores: (52,) float32 in the order of `Landmarker.names`. landmarks: (478, 3) float32 pixels (x right, y down, z
    away, all in units of the picture's width). matrix: (4, 4) float32, canonical face to camera, cm. confidence: 0 to
    1, the detector's score at this face, 0 where it alone would not have found it. box: (4,) left, top, right, bottom
    of the landmarks, pixels.
    """

    scores: np.ndarray
    landmarks: np.ndarray
    matrix: np.ndarray
    confidence: float
    box: np.ndarray


class Landmarker:
    """The running tasks; `open_landmarker` makes and closes it."""

    def __init__(self, mediapipe: Any, landmarker: Any, detector: Any) -> None:
        self._mp, self._landmarker, self._detector = mediapipe, landmarker, detector
        self._last_ms = -1
        self.names: tuple[str, ...] = ()

    def detect(self, picture: np.ndarray, time_s: float) -> list[Face]:
        """Faces of a (H, W, 3) uint8 RGB picture; times must not fall from call to call."""
        image = self._mp.Image(image_format=self._mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        self._last_ms = max(self._last_ms + 1, round(1e3 * time_s))  # the task wants whole, rising milliseconds
        found = self._landmarker.detect_for_video(image, self._last_ms)
        if not found.face_landmarks:
            return []
        height, width = picture.shape[:2]
        detections = self._detections(image)
        return distinct([self._face(found, i, width, height, detections) for i in range(len(found.face_landmarks))])

    def detect_still(self, picture: np.ndarray) -> list[Face]:
        """Faces of a (H, W, 3) uint8 RGB picture that is no frame of a video, the largest first.

        Each that the detector finds is cut out, and followed there as in a video of that one picture. The head's pose
        is that towards the camera at the place of the face.
        """
        image = self._mp.Image(image_format=self._mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        surest = sorted(self._detections(image), key=lambda found: -found[1])[:_ASIDE]
        faces = [face for box, score in surest if (face := self._in_cut(picture, box, score)) is not None]
        return sorted(distinct(faces), key=lambda face: -float(np.prod(face.box[2:] - face.box[:2])))

    def _in_cut(self, picture: np.ndarray, box: np.ndarray, score: float) -> Face | None:
        """The face of a detector's box; None where the landmarker sees none there."""
        for margin in _MARGINS:
            face = self._followed(picture, box, margin)
            if face is None:
                continue
            middle = (face.box[:2] + face.box[2:]) / 2
            if (middle >= box[:2]).all() and (middle <= box[2:]).all():
                return replace(face, confidence=score)
        return None

    def _followed(self, picture: np.ndarray, box: np.ndarray, margin: float) -> Face | None:
        """The surest face of a cut, of so many sides of the box; it may be that of a neighbour."""
        side, centre = margin * float((box[2:] - box[:2]).max()), (box[:2] + box[2:]) / 2
        height, width = picture.shape[:2]
        left, top = (int(edge) for edge in np.maximum(centre - side / 2, 0))
        right, bottom = (int(edge) for edge in np.minimum(centre + side / 2, (width, height)))
        cut = picture[top:bottom, left:right]
        self._follow(np.zeros_like(cut))  # so that the face before is lost
        found = [self._follow(cut) for _ in range(_STEPS)][-1]
        if not found.face_landmarks:
            return None
        inside = self._face(found, 0, cut.shape[1], cut.shape[0], [])
        corner, shift = np.array([left, top, 0], np.float32), np.array([left, top, left, top], np.float32)
        return replace(inside, landmarks=inside.landmarks + corner, box=inside.box + shift)

    def _follow(self, picture: np.ndarray) -> Any:
        image = self._mp.Image(image_format=self._mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        self._last_ms += _STEP_MS
        return self._landmarker.detect_for_video(image, self._last_ms)

    def _detections(self, image: Any) -> list[tuple[np.ndarray, float]]:
        return [(_box(d), d.categories[0].score) for d in self._detector.detect(image).detections]

    def _face(self, found: Any, i: int, width: int, height: int, detections: list[tuple[np.ndarray, float]]) -> Face:
        scores = found.face_blendshapes[i]
        self.names = self.names or tuple(category.category_name for category in scores)
        points = np.array([(p.x, p.y, p.z) for p in found.face_landmarks[i]], np.float32) * [width, height, width]
        box = np.concatenate([points[:, :2].min(0), points[:, :2].max(0)]).astype(np.float32)
        return Face(
            scores=np.array([category.score for category in scores], np.float32),
            landmarks=points.astype(np.float32),
            matrix=np.asarray(found.facial_transformation_matrixes[i], np.float32),
            confidence=max((score for other, score in detections if _shared(box, other) > _MATCH), default=0.0),
            box=box,
        )


@contextlib.contextmanager
def open_landmarker(model: Path, faces: int) -> Iterator[Landmarker]:
    """The landmarker of a model bundle, following up to so many faces at once.

    Raises `DataError` for a missing extra, and a file that is no such bundle.
    """
    detector = _detector_model(model)
    with without_library_log():
        yield from _open(model, faces, detector)


def _open(model: Path, faces: int, detector: bytes) -> Iterator[Landmarker]:
    mediapipe = load("mediapipe")
    vision, python = load("mediapipe.tasks.python.vision"), load("mediapipe.tasks.python")
    scoring = vision.FaceDetectorOptions(
        base_options=python.BaseOptions(model_asset_buffer=detector), min_detection_confidence=_LEAST_SCORE
    )
    landmarker = _task(model, faces, vision.RunningMode.VIDEO)
    with landmarker, vision.FaceDetector.create_from_options(scoring) as found:
        yield Landmarker(mediapipe, landmarker, found)


def _task(model: Path, faces: int, mode: Any) -> Any:
    """MediaPipe's own object. Raises `DataError` where the bundle cannot be used."""
    vision, python = load("mediapipe.tasks.python.vision"), load("mediapipe.tasks.python")
    options = vision.FaceLandmarkerOptions(
        base_options=python.BaseOptions(model_asset_path=str(model)),
        running_mode=mode,
        num_faces=faces,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    try:
        return vision.FaceLandmarker.create_from_options(options)
    except (RuntimeError, ValueError, OSError) as error:
        raise DataError(
            model,
            f"not usable as a Face Landmarker ({str(error).splitlines()[0][:120]})",
            f"face_landmarker.task ({MODEL_URL})",
        ) from None


def count_faces(model: Path, pictures: Iterable[np.ndarray], most: int) -> list[int]:
    """How many faces each picture shows, at most so many; (H, W, 3) uint8 RGB. Raises `DataError` as
    `open_landmarker`."""
    _detector_model(model)
    mediapipe, mode = load("mediapipe"), load("mediapipe.tasks.python.vision").RunningMode.IMAGE
    counts = []
    with without_library_log(), _task(model, most, mode) as landmarker:
        for picture in pictures:
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
            counts.append(len(landmarker.detect(image).face_landmarks))
    return counts


def usual_count(counts: Sequence[int]) -> int | None:
    """The number of faces of pictures, where it is one, or nearly all that show any show it; None where it changes.

    A number that a single picture of many shows is a slip of the detector. One face that is away at times is followed
    all the same, for nothing is looked for beside it.
    """
    seen = sorted(count for count in counts if count)
    if not seen:
        return 1
    top = seen[-1] if len(seen) < _FEW else seen[-2]
    return top if top == 1 or sum(count >= top for count in seen) >= _NEARLY_ALWAYS * len(seen) else None


def distinct(faces: list[Face]) -> list[Face]:
    """Without those that the task found twice: of two that share most of their boxes, the surer one is kept."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: -f.confidence):
        if all(_shared(face.box, other.box) <= _SAME for other in kept):
            kept.append(face)
    return [face for face in faces if any(face is other for other in kept)]


def _detector_model(model: Path) -> bytes:
    """The detector inside the bundle. Raises `DataError` where the file is no bundle of the Face Landmarker."""
    if not model.is_file():
        raise DataError(model, "no such file", f"MediaPipe's face_landmarker.task, from {MODEL_URL}")
    try:
        with zipfile.ZipFile(model) as bundle:
            member = bundle.getinfo(DETECTOR)
            if member.file_size > _MAX_MODEL_BYTES:
                raise DataError(model, f"a detector of {member.file_size >> 20} MB", "MediaPipe's face_landmarker.task")
            return bundle.read(member)
    except (zipfile.BadZipFile, KeyError, OSError, NotImplementedError, RuntimeError):
        raise DataError(model, "not a Face Landmarker bundle", f"face_landmarker.task, from {MODEL_URL}") from None


def _box(detection: Any) -> np.ndarray:
    box = detection.bounding_box
    return np.array([box.origin_x, box.origin_y, box.origin_x + box.width, box.origin_y + box.height], np.float32)


def _shared(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    size = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
    return float(size / max((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - size, 1e-9))
