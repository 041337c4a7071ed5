"""A face as one small binary for a viewer in the browser: geometry and basis once, then only coefficients per view.

Layout: 4 bytes ``DFE1``, uint32 length of a JSON header (little-endian), the header padded with spaces to a multiple
of 8, then the arrays, each at a multiple of 8 from their start. ``arrays`` in the header: name → dtype (uint8, uint16,
uint32, int16), shape, offset, and for quantised ones scale and bias per leading index: value = stored · scale + bias.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.drawn import DrawnFace
from dfe_core.faces.model import FaceModel
from dfe_core.render.palette import MATERIAL_RGB, heat_map

MAGIC = b"DFE1"


def pack_scene(face: FaceModel) -> bytes:
    """A face's template, triangles, materials, regions, basis, heat map and colours; 1.5 MB for the default face.

    The template is stored to 4 µm, each basis row to 1/32767 of its largest displacement; `unpack_scene` (or forty
    lines of JavaScript) restores metres. Only the vertices that some coefficient moves are in the basis, listed in
    ``moving``. A face with a picture is packed as the mesh over it, with ``uv`` and the file
    ``picture`` itself. Raises `DataError` for a face without a mesh.
    """
    if not face.has_mesh:
        raise DataError(face.id, "has no mesh to draw", "a face with a mesh")
    face = face.drawn
    moving = np.flatnonzero(np.abs(face.basis).max((0, 2)) > 1e-6)
    index = np.uint16 if len(face.template) <= 65536 else np.uint32
    template, template_scale, template_bias = _quantised(face.template.T, np.uint16)
    basis, basis_scale, _ = _quantised(face.basis[:, moving].reshape(face.coefficients, -1), np.int16)
    arrays = {
        "template": (template.T, template_scale, template_bias),
        "triangles": (face.triangles.astype(index), None, None),
        "materials": (face.materials, None, None),
        "regions": (face.regions, None, None),
        "sides": (face.sides, None, None),
        "moving": (moving.astype(index), None, None),
        "basis": (basis.reshape(face.coefficients, len(moving), 3), basis_scale, None),
        "heat": ((heat_map() * 255).round().astype(np.uint8), None, None),
        "material_rgb": ((MATERIAL_RGB * 255).round().astype(np.uint8), None, None),
    }
    pictured = {}
    if isinstance(face, DrawnFace):
        arrays["uv"] = (face.uv, None, None)
        arrays["picture"] = (np.frombuffer(face.shown.image, np.uint8), None, None)
        pictured = {"picture_kind": face.shown.kind}
    return _container(
        {
            "id": face.id,
            "title": face.title,
            "names": list(face.names),
            "units": "m",
            "region_names": list(face.region_names),
            "landmarks": face.landmarks,
            **pictured,
        },
        arrays,
    )


def unpack_scene(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a packed scene, quantised arrays restored to float32. The reference for the viewer's
    decoder. Raises `DataError` for other bytes."""
    if data[:4] != MAGIC:
        raise DataError("scene", f"starts with {data[:4]!r}", f"{MAGIC!r}")
    (size,) = struct.unpack_from("<I", data, 4)
    header, start, out = json.loads(data[8 : 8 + size]), 8 + size, {}
    for name, entry in header["arrays"].items():
        count = int(np.prod(entry["shape"]))
        stored = np.frombuffer(data, np.dtype(entry["dtype"]).newbyteorder("<"), count, start + entry["offset"])
        out[name] = stored.reshape(entry["shape"])
        if "scale" in entry:
            values = out[name].astype(np.float32)
            axes = (1,) * (values.ndim - 1)
            if "bias" in entry:  # per component, the last axis
                out[name] = values * np.array(entry["scale"], np.float32) + np.array(entry["bias"], np.float32)
            else:  # per row, the first axis
                out[name] = values * np.array(entry["scale"], np.float32).reshape(-1, *axes)
    return header, out


def pack_arrays(header: dict[str, Any], **arrays: np.ndarray) -> bytes:
    """Named arrays (float32 or integers), not quantised, in the same layout."""
    return _container(header, {name: (array, None, None) for name, array in arrays.items()})


def _quantised(rows: np.ndarray, dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Rows of floats as integers with a scale per row: unsigned ones with a bias, signed ones about zero."""
    if np.issubdtype(dtype, np.unsignedinteger):
        low, high = rows.min(1), rows.max(1)
        scale = np.maximum((high - low) / np.iinfo(dtype).max, 1e-12)
        return ((rows - low[:, None]) / scale[:, None]).round().astype(dtype), scale, low
    scale = np.maximum(np.abs(rows).max(1, initial=0) / np.iinfo(dtype).max, 1e-12)
    return (rows / scale[:, None]).round().astype(dtype), scale, None


def _container(header: dict[str, Any], arrays: dict[str, tuple]) -> bytes:
    entries, blobs, offset = {}, [], 0
    for name, (array, scale, bias) in arrays.items():
        array = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"))
        entries[name] = {"dtype": array.dtype.name, "shape": list(array.shape), "offset": offset}
        for key, values in (("scale", scale), ("bias", bias)):
            if values is not None:
                entries[name][key] = [float(v) for v in values]
        blob = array.tobytes()
        blobs.append(blob + b"\0" * (-len(blob) % 8))
        offset += len(blobs[-1])
    text = json.dumps(header | {"arrays": entries}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return MAGIC + struct.pack("<I", len(text)) + text + b"".join(blobs)
