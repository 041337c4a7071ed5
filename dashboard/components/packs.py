"""Geometry and time series for the browser: one small binary container, read by static/core.js.

Layout: ``DFE1``, header length (uint32, little endian), the header as JSON padded to 4 bytes, then the arrays, each
at a multiple of 4 bytes. The header holds `meta` and for each array its name, dtype, shape and offset.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from dashboard.components.palette import DIVERGING, HEAT, SKIN
from dfe_core.faces.eyeball import EYE, IRIS, PUPIL, fit_sphere
from dfe_core.faces.model import REGIONS, FaceModel

PLAIN_EYE = (0.18, 0.45)
"""Angles of pupil and iris where the model does not mark them, radians."""

_CODES = {"float32": "f4", "int32": "i4", "uint32": "u4", "int16": "i2", "uint16": "u2", "uint8": "u1"}
_STEPS = 32767


def pack(meta: dict[str, Any], **arrays: np.ndarray) -> bytes:
    """A pack of named arrays (float32, int32, uint32, int16, uint16 or uint8) and JSON-serialisable `meta`."""
    sections, blocks, offset = [], [], 0
    for name, array in arrays.items():
        data = np.ascontiguousarray(array).tobytes()
        sections.append({"name": name, "dtype": _CODES[str(array.dtype)], "shape": list(array.shape), "offset": offset})
        padding = -len(data) % 4
        blocks += [data, b"\0" * padding]
        offset += len(data) + padding
    header = json.dumps({"meta": meta, "sections": sections}).encode()
    header += b" " * (-len(header) % 4)
    return b"DFE1" + len(header).to_bytes(4, "little") + header + b"".join(blocks)


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The inverse of `pack`: meta and arrays."""
    length = int.from_bytes(data[4:8], "little")
    header = json.loads(data[8:8 + length])
    kinds = {code: np.dtype(name) for name, code in _CODES.items()}
    arrays = {s["name"]: np.frombuffer(data, kinds[s["dtype"]], int(np.prod(s["shape"])), 8 + length + s["offset"])
              .reshape(s["shape"]) for s in header["sections"]}
    return header["meta"], arrays


def quantised(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R, …) float to int16 of the same shape and (R,) float32 scales: ``values ≈ int * scale``.

    The error is at most half a step, 1/65534 of each row's largest value: under 1 µm for a face.
    """
    rows = values.reshape(len(values), -1)
    scale = np.abs(rows).max(1, initial=0).astype(np.float32) / _STEPS
    safe = np.where(scale > 0, scale, 1)
    steps = np.rint(rows / safe[:, None]).astype(np.int16)
    return steps.reshape(values.shape), scale


def face_pack(face: FaceModel, key: str) -> bytes:
    """A face's geometry and basis, with where to look and how to colour it. A face of 4,500 vertices takes 1.6 MB."""
    basis, scale = quantised(face.basis)
    focus, reach = framing(face)
    eyes, edges = eyeballs(face)
    meta = {"key": key, "focus": focus, "reach": reach, "eyes": eyes, "eyeEdges": edges, "names": list(face.names),
            "skin": [c / 255 for c in SKIN]}
    return pack(meta, template=face.template.astype(np.float32), triangles=face.triangles.astype(np.uint32),
                basis=basis, scale=scale, materials=face.materials.astype(np.uint8),
                regions=face.regions.astype(np.uint8), heat=np.asarray(HEAT, np.uint8),
                diverging=np.asarray(DIVERGING, np.uint8))


def codebook_pack(psi: np.ndarray) -> bytes:
    """ψ of every codeword."""
    return pack({}, psi=psi.astype(np.float32))


def framing(face: FaceModel) -> tuple[list[float], float]:
    """Where the camera looks (m) and half the height it must show (m): the expressive part and the head around it."""
    expressive = face.template[face.regions != REGIONS.index("other")]
    points = expressive if len(expressive) else face.template
    low, high = points.min(0), points.max(0)
    height = high[1] - low[1]
    bottom = max(float(face.template[:, 1].min()), float(low[1] - 0.16 * height))
    top = min(float(face.template[:, 1].max()), float(high[1] + 0.55 * height))
    return [0.0, (bottom + top) / 2, float(low[2] + high[2]) / 2], (top - bottom) / 2 * 1.06


def eyeballs(face: FaceModel) -> tuple[list[list[float]] | None, list[float]]:
    """[[x, y, z, radius]] of the left and right eyeball by least squares (None without eyes), and the angles at the
    edge of pupil and iris, seen from the ball's centre (radians)."""
    balls, edges = [], []
    for sign in (1, -1):
        here = np.isin(face.materials, (EYE, IRIS, PUPIL)) & (face.template[:, 0] * sign > 0)
        points = face.template[here].astype(np.float64)
        if len(points) < 12:
            return None, list(PLAIN_EYE)
        centre, radius = fit_sphere(points)
        balls.append([*map(float, centre), radius])
        edges.append([_edge(points - centre, np.isin(face.materials[here], codes)) for codes in ((PUPIL,), (PUPIL, IRIS))])
    found = np.nanmean(edges, axis=0) if not np.isnan(edges).any() else PLAIN_EYE
    return balls, [float(v) for v in found]


def _edge(directions: np.ndarray, inside: np.ndarray) -> float:
    """The largest angle from +z among the points inside, NaN for none."""
    if not inside.any():
        return float("nan")
    rays = directions[inside] / np.linalg.norm(directions[inside], axis=1, keepdims=True)
    return float(np.arccos(np.clip(rays[:, 2], -1, 1)).max())
