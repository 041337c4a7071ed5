"""The expression of a photo: through the landmarker, or out of a file that holds its coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.preview import preview
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader, holds_points
from dfe_core.expressions.sources import read_recordings
from dfe_core.expressions.timing import NoFrameRate
from dfe_core.faces.model import FaceModel
from dfe_core.faces.names import coefficient_map
from dfe_core.video.extra import INSTALL, available
from dfe_core.video.pictures import ENDINGS, is_picture

_ANY_FPS = 30.0
_MOST_FACES = 16


@dataclass(frozen=True, eq=False, kw_only=True)
class Photo:
    """The expression of a photo.

    psi: (E,) float32. faces: how many were found in the picture, of which the largest counts; 1 of any other file.
    """

    psi: np.ndarray
    faces: int = 1


def photo_expression(path: Path, face: FaceModel, *, landmarker: Path | None = None, root: Path | None = None) -> Photo:
    """The ψ of one face.

    Parameters
    ----------
    path: a picture (with ``dfe[video]``), or a file that `dfe import` reads. Of several faces in a picture the largest
        counts, of several frames of a file the one farthest from rest; of landmarks there must be several, one of them
        at rest, for a face's shape and its expression look alike in one.
    landmarker: MediaPipe's face_landmarker.task; None for the one that is found on this machine.

    Raises `DataError` for what cannot be read, for a picture without a face, and for coefficients of another face.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(path, "no such file", "a picture, or its coefficients as JSON or CSV")
    if is_picture(path):
        return _of_picture(path, face, landmarker, root)
    reader, _ = find_reader(path, points_first=True)
    if holds_points(reader):
        return Photo(psi=_of_landmarks(path, face, root))
    try:
        recording = read_recordings(path, reader, ReadOptions())[0]
    except NoFrameRate:  # one frame has no rate, and needs none
        recording = read_recordings(path, reader, ReadOptions(fps=_ANY_FPS))[0]
    return Photo(psi=_on_face(path, recording.psi[recording.valid], recording.names, face))


def _of_picture(path: Path, face: FaceModel, landmarker: Path | None, root: Path | None) -> Photo:
    if not available():
        raise DataError(path, "a picture, and no landmarker", f"{INSTALL}; or the photo's coefficients as JSON or CSV")
    from dfe_core.video.extraction import extract
    from dfe_core.video.model_file import require_model

    found = extract(path, require_model(landmarker), _MOST_FACES, root)
    return Photo(psi=_on_face(path, found.scores[:1], found.names, face), faces=len(found.scores))


def _of_landmarks(path: Path, face: FaceModel, root: Path | None) -> np.ndarray:
    looked = preview(path, face.id, fit=True, root=root)
    psi = looked.psi[looked.valid]
    if len(psi) < 2:
        raise DataError(
            path, "landmarks of one frame", f"two frames or more, one at rest; or a picture ({', '.join(ENDINGS[:3])})"
        )
    return _farthest(psi, face)


def _on_face(path: Path, values: np.ndarray, names: tuple[str, ...], face: FaceModel) -> np.ndarray:
    matrix, missing = coefficient_map(names, face)
    if len(missing) == len(names):
        raise DataError(path, f"coefficients such as {names[0]}", f"coefficients that {face.id} has by name")
    if not len(values):
        raise DataError(path, "no frame in which a face was found", "one")
    return _farthest(np.asarray(values, np.float64) @ matrix, face)


def _farthest(psi: np.ndarray, face: FaceModel) -> np.ndarray:
    away = np.einsum("te,ef,tf->t", psi, face.gram, psi)
    return np.asarray(psi[int(away.argmax())], np.float32)
