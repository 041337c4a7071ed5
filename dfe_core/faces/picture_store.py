"""The picture of a learned face put into its file, and taken out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dfe_core.artefact_names import FACES
from dfe_core.audit import recorded
from dfe_core.errors import DataError
from dfe_core.faces.archive import load_face, write_face
from dfe_core.faces.face_picture import FacePicture, Placed, check_may_have_picture, check_picture
from dfe_core.faces.model import FaceModel
from dfe_core.locks import claim
from dfe_core.store import artefact_path

_PATIENCE_S = 20.0


def attach_picture(face_id: str, picture: FacePicture, where: str | Path, root: Path | None = None) -> Placed:
    """Let a learned face be drawn as a picture from now on.

    Parameters
    ----------
    face_id
        Of a face in the cache that was learned from landmarks.
    picture
        As `dfe_core.faces.face_picture.open_picture_file` reads it; it takes the place of another one.
    where
        The file of its points, for errors.
    root
        The artefact folder (default: ``$DFE_CACHE``).

    Returns
    -------
    Placed
        Where the picture lies on the face, and how well its points fit.

    Raises
    ------
    DataError
        For a face that is not there or has no landmarks, and for points that are not its landmarks.
    """
    path = _path_of(face_id, root)
    with recorded("picture", [f"{FACES}/{face_id}"], root=root), claim(path, _PATIENCE_S):
        face = load_face(path, pictured=False)
        placed = check_picture(face, picture, where)
        write_face(replace(face, picture=picture), path)
    return placed


def detach_picture(face_id: str, root: Path | None = None) -> FacePicture | None:
    """Let a face be drawn as its own surface again.

    Parameters
    ----------
    face_id
        Of a face in the cache.
    root
        The artefact folder (default: ``$DFE_CACHE``).

    Returns
    -------
    FacePicture or None
        The picture that it had, for `attach_picture` to put back; None where it cannot be read.

    Raises
    ------
    DataError
        For a face that is not there or has no picture.
    """
    path = _path_of(face_id, root)
    with recorded("remove a picture", [f"{FACES}/{face_id}"], root=root), claim(path, _PATIENCE_S):
        face, held = load_face(path, pictured=False), _picture(path)
        write_face(face, path)
    return held


def _picture(path: Path) -> FacePicture | None:
    try:
        face: FaceModel = load_face(path)
    except DataError:  # damaged: it is taken out all the same
        return None
    if face.picture is None:
        raise DataError(face.id, "drawn as its own surface", "a face with a picture")
    return face.picture


def _path_of(face_id: str, root: Path | None) -> Path:
    path = artefact_path(FACES, f"{face_id}.npz", root)
    if not path.is_file():
        raise DataError(face_id, "no such face", "a face learned from landmarks (`dfe list` has them)")
    check_may_have_picture(load_face(path, pictured=False))
    return path
