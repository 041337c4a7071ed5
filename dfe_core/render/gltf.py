"""A face as glTF 2.0 binary (GLB): morph targets by name, and an animation of their weights."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.drawn import DrawnFace
from dfe_core.faces.model import FaceModel
from dfe_core.render.palette import vertex_colours
from dfe_core.store import atomic_file

_COMPONENT = {"f4": 5126, "u4": 5125, "u2": 5123, "u1": 5121}
_KIND = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
_UNLIT = "KHR_materials_unlit"
ARRAY_BUFFER, INDEX_BUFFER = 34962, 34963


def export_animation(
    face: FaceModel, psi: np.ndarray, times_s: np.ndarray, path: Path, identity: np.ndarray | None = None
) -> Path:
    """Write (T, E) coefficients at (T,) seconds as ``.glb``: each coefficient a morph target, their course an
    animation. A face with a picture goes out as the picture, a texture without lights.

    Targets that no frame uses are left out. Raises `DataError` for another suffix, for times that do not increase
    and for a face without a mesh.
    """
    psi, times_s = np.asarray(psi, np.float32), np.asarray(times_s, np.float32)
    if Path(path).suffix != ".glb":
        raise DataError(path, "not a glTF binary", "a path that ends in .glb")
    if psi.ndim != 2 or psi.shape != (len(times_s), face.coefficients) or not len(psi):
        raise DataError(
            path, f"coefficients of shape {psi.shape} at {len(times_s)} times", f"(T, {face.coefficients}) at T times"
        )
    if times_s[0] < 0 or (np.diff(times_s) <= 0).any():
        raise DataError(path, "times that do not increase", "seconds from 0 on, each later than the last")
    face = face.drawn
    used = np.flatnonzero(np.abs(psi).max(0) > 0)
    targets = {face.names[i]: face.basis[i] for i in used}
    vertices = face.neutral(identity)
    with atomic_file(Path(path)) as temporary:
        temporary.write_bytes(write_glb(face, vertices, None, targets, times_s, psi[:, used]))
    return Path(path)


@dataclass(kw_only=True)
class _Buffer:
    """The binary chunk under construction, with the views and accessors into it."""

    parts: list[bytes] = field(default_factory=list)
    length: int = 0
    views: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)

    def add(self, array: np.ndarray, target: int | None = None, normalised: bool = False) -> int:
        """Append an array; the index of its accessor."""
        array = np.ascontiguousarray(array)
        data = array.tobytes()
        view = {"buffer": 0, "byteOffset": self.length, "byteLength": len(data)}
        self.views.append(view | ({"target": target} if target else {}))
        padded = data + b"\0" * (-len(data) % 4)
        self.parts.append(padded)
        self.length += len(padded)
        width = 1 if array.ndim == 1 else array.shape[1]
        accessor = {
            "bufferView": len(self.views) - 1,
            "componentType": _COMPONENT[array.dtype.str[1:]],
            "count": len(array),
            "type": _KIND[width],
        }
        if normalised:
            accessor["normalized"] = True
        if array.dtype.kind == "f":
            flat = array.reshape(len(array), -1)
            accessor |= {"min": flat.min(0).tolist(), "max": flat.max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def add_bytes(self, data: bytes) -> int:
        """Append a file; the index of its view."""
        self.views.append({"buffer": 0, "byteOffset": self.length, "byteLength": len(data)})
        self.parts.append(data + b"\0" * (-len(data) % 4))
        self.length += len(self.parts[-1])
        return len(self.views) - 1


def write_glb(
    face: FaceModel,
    vertices: np.ndarray,
    colours: np.ndarray | None = None,
    targets: dict[str, np.ndarray] | None = None,
    times_s: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> bytes:
    """The bytes of a GLB file.

    Parameters
    ----------
    vertices: (V, 3) m. colours: (V, 3) uint8 sRGB, default the face's resting look. targets: (V, 3) displacement by
        name. times_s, weights: (T,) seconds and (T, targets) course of the animation.
    """
    buffer, targets = _Buffer(), targets or {}
    shown = face.shown if isinstance(face, DrawnFace) else None
    if colours is None:
        rest = vertex_colours(face, np.zeros(face.coefficients), 1.0)
        colours = rest if shown is None else np.full_like(rest, 255)
    linear = np.where(colours <= 0.04045 * 255, colours / 255 / 12.92, ((colours / 255 + 0.055) / 1.055) ** 2.4)
    rgba = np.concatenate([linear, np.ones((len(linear), 1))], 1)
    primitive: dict[str, Any] = {
        "attributes": {
            "POSITION": buffer.add(vertices.astype("<f4"), ARRAY_BUFFER),
            "NORMAL": buffer.add(_normals(vertices, face.triangles), ARRAY_BUFFER),
            "COLOR_0": buffer.add((rgba * 65535).round().astype("<u2"), ARRAY_BUFFER, normalised=True),
        },
        "indices": buffer.add(face.triangles.astype("<u4").ravel(), INDEX_BUFFER),
        "material": 0,
    }
    if isinstance(face, DrawnFace):
        primitive["attributes"]["TEXCOORD_0"] = buffer.add(face.uv.astype("<f4"), ARRAY_BUFFER)
    mesh: dict[str, Any] = {"name": face.title, "primitives": [primitive]}
    if targets:
        primitive["targets"] = [{"POSITION": buffer.add(t.astype("<f4"), ARRAY_BUFFER)} for t in targets.values()]
        mesh |= {"weights": [0.0] * len(targets), "extras": {"targetNames": list(targets)}}
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "dfe", "copyright": face.licence},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": face.title}],
        "meshes": [mesh],
        "materials": [{"name": "skin", "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.7}}],
    }
    if shown is not None:
        document |= {
            "extensionsUsed": [_UNLIT],
            "images": [{"bufferView": buffer.add_bytes(shown.image), "mimeType": shown.kind}],
            "textures": [{"source": 0}],
        }
        document["materials"][0] = {
            "name": "picture",
            "doubleSided": True,
            "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicFactor": 0.0, "roughnessFactor": 1.0},
            "extensions": {_UNLIT: {}},
        }
    if times_s is not None and weights is not None and targets:
        sampler = {
            "input": buffer.add(times_s.astype("<f4")),
            "output": buffer.add(weights.astype("<f4").ravel()),
            "interpolation": "LINEAR",
        }
        channel = {"sampler": 0, "target": {"node": 0, "path": "weights"}}
        document["animations"] = [{"name": "expression", "samplers": [sampler], "channels": [channel]}]
    document |= {"buffers": [{"byteLength": buffer.length}], "bufferViews": buffer.views, "accessors": buffer.accessors}
    return _container(document, b"".join(buffer.parts))


def _normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    points = vertices[triangles].astype(np.float64)
    faces = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])
    summed = np.stack(
        [np.bincount(triangles.T.ravel(), np.tile(faces[:, axis], 3), len(vertices)) for axis in range(3)], 1
    )
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    return np.where(length > 0, summed / np.maximum(length, 1e-30), [0.0, 0.0, 1.0]).astype("<f4")


def _container(document: dict[str, Any], binary: bytes) -> bytes:
    """glTF 2.0, section 4.4: a header, a JSON chunk padded with spaces, a binary chunk padded with zeros."""
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
