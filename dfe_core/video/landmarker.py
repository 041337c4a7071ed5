"""MediaPipe's Face Landmarker (Tasks API) frame by frame, with the score of its face detector as confidence."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
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
        detections = [(_box(d), d.categories[0].score) for d in self._detector.detect(image).detections]
        return distinct([self._face(found, i, width, height, detections) for i in range(len(found.face_landmarks))])

    def _face(self, found: Any, i: int, width: int, height: int, detections: list[tuple[np.ndarray, float]]) -> Face:
        scores = found.face_blendshapes[i]
        self.names = self.names or tuple(category.category_name for category in scores)
        points = np.array([(p.x, p.y, p.z) for p in found.face_landmarks[i]], np.float32) * [width, height, width]
        box = np.concatenate([points[:, :2].min(0), points[:, :2].max(0)]).astype(np.float32)
        return Face(
            scores=np.array([category.score for category in scores], np.float32),
            landmarks=points.astype(np.float32),
            matrix=np.asarray(found.facial_transformation_matrixes[i], np.float32),
            confidence=max((score for other, score in detections if _shared(box, other) > 0.3), default=0.0),
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
    options = vision.FaceLandmarkerOptions(
        base_options=python.BaseOptions(model_asset_path=str(model)),
        running_mode=vision.RunningMode.VIDEO,
        num_faces=faces,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    scoring = vision.FaceDetectorOptions(
        base_options=python.BaseOptions(model_asset_buffer=detector), min_detection_confidence=_LEAST_SCORE
    )
    try:
        landmarker = vision.FaceLandmarker.create_from_options(options)
    except (RuntimeError, ValueError, OSError) as error:
        raise DataError(
            model,
            f"not usable as a Face Landmarker ({str(error).splitlines()[0][:120]})",
            f"face_landmarker.task ({MODEL_URL})",
        ) from None
    with landmarker, vision.FaceDetector.create_from_options(scoring) as found:
        yield Landmarker(mediapipe, landmarker, found)


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
