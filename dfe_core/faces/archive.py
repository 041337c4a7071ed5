"""A face model on disk: one npz without pickles, written atomically, checked when read."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.face_picture import KINDS, LONGEST_EDGE, MOST_FILE_BYTES, FacePicture
from dfe_core.faces.model import REGIONS, SIDES, FaceModel
from dfe_core.store import artefact_path, atomic_file

SCHEMA = 1
_ARRAYS = {
    "template": np.float32,
    "triangles": np.int32,
    "basis": np.float32,
    "mirror": np.int32,
    "regions": np.uint8,
    "sides": np.uint8,
    "materials": np.uint8,
}


def save_face(face: FaceModel, root: Path | None = None) -> Path:
    """Write ``faces/<id>.npz`` under the cache root, atomically, and return its path.

    A face that is learned again from the same recordings has the same id: the picture that its file holds stays.
    """
    path = artefact_path("faces", face.id + ".npz", root)
    if face.picture is None and path.is_file() and (held := _held_picture(path)) is not None:
        face = replace(face, picture=held)
    return write_face(face, path)


def write_face(face: FaceModel, path: Path) -> Path:
    """Write a face as it is, with its picture or without, atomically."""
    arrays: dict[str, Any] = {name: np.asarray(getattr(face, name), dtype) for name, dtype in _ARRAYS.items()}
    if face.identity_basis is not None:
        arrays["identity_basis"] = np.asarray(face.identity_basis, np.float32)
    if face.stable is not None:
        arrays["stable"] = np.asarray(face.stable, np.int32)
    if face.pose_field is not None:
        arrays["pose_field"] = np.asarray(face.pose_field, np.float32)
    if face.pose_patterns is not None:
        arrays["pose_patterns"] = np.asarray(face.pose_patterns, np.float32)
    pictured = {}
    if (picture := face.picture) is not None:
        arrays["picture"] = np.frombuffer(picture.image, np.uint8)
        arrays["picture_points"] = np.asarray(picture.points, np.float32)
        pictured = {"picture": {"kind": picture.kind, "size": list(picture.size), "source": picture.source}}
    header = {
        "schema": SCHEMA,
        "id": face.id,
        "title": face.title,
        "licence": face.licence,
        "names": list(face.names),
        "identity_names": list(face.identity_names),
        "landmarks": face.landmarks,
        "notes": list(face.notes),
        "pose_columns": list(face.pose_columns),
        **({"own_regions": list(face.own_regions)} if face.own_regions else {}),
        **pictured,
    }
    with atomic_file(path) as temporary, open(temporary, "wb") as handle:
        np.savez(handle, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    return path


def load_face(path: Path, *, pictured: bool = True) -> FaceModel:
    """Read a face written by `save_face`; milliseconds, numpy alone. pictured: with its picture, where it has one.

    Raises `DataError` when the file is missing, not such an archive, of another schema, or inconsistent.
    """
    header, arrays = _read(path)
    try:
        face = FaceModel(
            id=header["id"],
            title=header["title"],
            names=tuple(header["names"]),
            **{name: arrays[name] for name in _ARRAYS},
            landmarks={str(k): int(v) for k, v in header["landmarks"].items()},
            identity_names=tuple(header["identity_names"]),
            identity_basis=arrays.get("identity_basis"),
            licence=header["licence"],
            stable=arrays.get("stable"),
            notes=tuple(map(str, header.get("notes", ()))),
            pose_field=arrays.get("pose_field"),
            pose_patterns=arrays.get("pose_patterns"),
            pose_columns=tuple(map(str, header.get("pose_columns", ()))),
            region_names=(*REGIONS, *map(str, header.get("own_regions", ()))),
            picture=_picture_of(path, header, arrays) if pictured else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(path, f"a face archive without a usable {error}", "a face made by dfe: delete it") from None
    if fault := fault_of(face):
        raise DataError(path, fault, "a face made by dfe: delete it, it will be built again")
    return face


def _held_picture(path: Path) -> FacePicture | None:
    """The picture in the file of a face; None where there is none or it cannot be read."""
    try:
        return _picture_of(path, *_read(path))
    except (DataError, KeyError, TypeError, ValueError):
        return None


def _picture_of(path: Path, header: dict, arrays: dict[str, np.ndarray]) -> FacePicture | None:
    if "picture" not in header:
        return None
    said, image, points = header["picture"], arrays["picture"], arrays["picture_points"]
    size = tuple(map(int, said["size"]))
    sound = (
        said["kind"] in KINDS.values()
        and image.dtype == np.uint8
        and image.ndim == 1
        and image.size <= MOST_FILE_BYTES
        and len(size) == 2
        and 0 < min(size) <= max(size) <= LONGEST_EDGE
        and points.shape == (len(arrays["template"]), 2)
        and np.isfinite(points).all()
    )
    if not sound:
        raise DataError(path, "a damaged picture", f"`dfe picture {header['id']} --remove`, or the picture made again")
    return FacePicture(
        image=image.tobytes(),
        kind=said["kind"],
        size=(size[0], size[1]),
        points=np.asarray(points, np.float32),
        source=str(said.get("source", "")),
    )


def fault_of(face: FaceModel) -> str | None:
    """What is inconsistent in a face, or None: shapes, index ranges, finite numbers."""
    vertices, coefficients, identities = len(face.template), len(face.names), len(face.identity_names)
    shapes = {
        "template": (vertices, 3),
        "triangles": (len(face.triangles), 3),
        "basis": (coefficients, vertices, 3),
        **dict.fromkeys(("mirror", "regions", "sides", "materials"), (vertices,)),
    }
    if face.identity_basis is not None or identities:
        shapes["identity_basis"] = (identities, vertices, 3)
    if face.pose_field is not None:
        shapes["pose_field"] = (9, vertices, 3)
    if face.pose_patterns is not None:
        shapes["pose_patterns"] = (len(face.pose_patterns), vertices, 3)
    for name, shape in shapes.items():
        found = getattr(getattr(face, name), "shape", None)
        if found != shape:
            return f"{name} has shape {found}, not {shape}"
        if not np.isfinite(getattr(face, name)).all():
            return f"{name} holds NaN or infinite numbers"
    limits = {"triangles": vertices, "mirror": vertices, "regions": len(face.region_names), "sides": len(SIDES)}
    for name, limit in limits.items():
        values = getattr(face, name)
        if values.size and not (values.min() >= 0 and values.max() < limit):
            return f"{name} points outside 0 to {limit - 1}"
    if face.stable is not None and not (
        face.stable.ndim == 1 and len(face.stable) and face.stable.min() >= 0 and face.stable.max() < vertices
    ):
        return "the stable vertices point outside the mesh"
    if any(not 0 <= index < vertices for index in face.landmarks.values()):
        return "landmarks point outside the mesh"
    return None


def _read(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    if not path.is_file():
        raise DataError(path, "no such face", "a face made by dfe")
    try:
        with np.load(path, allow_pickle=False) as archive:
            if "header" not in archive:
                raise DataError(
                    path,
                    f"holds {', '.join(sorted(archive.files)[:8]) or 'nothing'}",
                    "a face made by dfe (with a header)",
                )
            header = json.loads(archive["header"].tobytes())
            arrays = {name: archive[name] for name in archive.files if name != "header"}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, UnicodeDecodeError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(path, f"not readable as a face ({error})", "an intact npz made by dfe") from None
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        raise DataError(
            path,
            f"schema {header.get('schema') if isinstance(header, dict) else None}",
            f"schema {SCHEMA}: delete the file, it will be built again",
        )
    for name, dtype in _ARRAYS.items():
        if name in arrays and arrays[name].dtype != dtype:
            raise DataError(path, f"{name} is {arrays[name].dtype}", np.dtype(dtype).name)
    return header, arrays
