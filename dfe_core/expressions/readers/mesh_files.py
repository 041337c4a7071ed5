"""Vertices and triangles of one OBJ or PLY file; colours, normals and texture are passed over."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError

MAX_MESH_BYTES = 256 << 20
MOST_VERTICES = 1_000_000
_PLY_TYPES = {
    "char": "i1",
    "int8": "i1",
    "uchar": "u1",
    "uint8": "u1",
    "short": "i2",
    "int16": "i2",
    "ushort": "u2",
    "uint16": "u2",
    "int": "i4",
    "int32": "i4",
    "uint": "u4",
    "uint32": "u4",
    "float": "f4",
    "float32": "f4",
    "double": "f8",
    "float64": "f8",
}
_ORDER = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}


def read_mesh(path: Path, with_faces: bool = True) -> tuple[np.ndarray, np.ndarray | None]:
    """(V, 3) float32 vertices and (F, 3) int32 triangles, polygons cut into fans; None for a file without faces.

    Raises `DataError` for what is no such file, for one that is cut off, and for faces of vertices that are not there.
    """
    try:
        if path.stat().st_size > MAX_MESH_BYTES:
            raise DataError(path, f"{path.stat().st_size >> 20} MB", f"a mesh under {MAX_MESH_BYTES >> 20} MB")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
    vertices, triangles = (_ply if data[:3] == b"ply" else _obj)(path, data, with_faces)
    if triangles is not None and triangles.size and not 0 <= triangles.min() <= triangles.max() < len(vertices):
        raise DataError(path, f"a face of vertex {int(triangles.max())}", f"0 to {len(vertices) - 1}")
    return vertices, triangles


def _obj(path: Path, data: bytes, with_faces: bool) -> tuple[np.ndarray, np.ndarray | None]:
    if b"\0" in data[:4096]:
        raise DataError(path, "binary data", "an OBJ or PLY file")
    lines = data.splitlines()
    rows = [line[2:].split()[:3] for line in lines if line[:2] in (b"v ", b"v\t")]
    if not rows:
        raise DataError(path, "no vertices", "lines like `v 0.1 0.2 0.3`")
    try:
        vertices = np.array(rows, np.float32)
    except ValueError:
        bad = next(i for i, line in enumerate(lines) if line[:2] in (b"v ", b"v\t") and not _numbers(line[2:]))
        raise DataError(
            f"{path}, line {bad + 1}", repr(lines[bad][:40].decode("ascii", "replace")), "v and three numbers"
        ) from None
    if vertices.ndim != 2 or vertices.shape[1] != 3:
        raise DataError(path, "vertices of fewer than three numbers", "v x y z")
    if not with_faces:
        return vertices, None
    polygons = []
    for number, line in enumerate(lines, 1):
        if line[:2] in (b"f ", b"f\t"):
            try:
                corners = [int(corner.split(b"/")[0]) for corner in line[2:].split()]
            except ValueError:
                raise DataError(
                    f"{path}, line {number}", repr(line[:40].decode("ascii", "replace")), "f and vertex numbers"
                ) from None
            polygons.append([c - 1 if c > 0 else len(vertices) + c for c in corners])
    return vertices, _fans(polygons, path)


def _numbers(text: bytes) -> bool:
    try:
        return len([float(part) for part in text.split()[:3]]) == 3
    except ValueError:
        return False


def _fans(polygons: list[list[int]], path: Path) -> np.ndarray | None:
    fans = [[p[0], p[i], p[i + 1]] for p in polygons for i in range(1, len(p) - 1)]
    try:
        return np.clip(np.array(fans, np.int64), -(1 << 30), 1 << 30).astype(np.int32) if fans else None
    except OverflowError:
        raise DataError(path, "a face of a vertex whose number no integer holds", "numbers of vertices") from None


@dataclass
class _Element:
    """An element of a PLY header: its properties as (name, dtype), or (name, count dtype, item dtype) for a list."""

    name: str
    count: int
    properties: list[tuple[str, ...]]


def _ply(path: Path, data: bytes, with_faces: bool) -> tuple[np.ndarray, np.ndarray | None]:
    order, elements, body = _ply_header(path, data)
    vertices, triangles = None, None
    for element in elements:
        if element.name == "vertex":
            vertices, body = _ply_vertices(path, element, order, body)
            if not with_faces:
                break
        elif element.name == "face":
            triangles, body = _ply_faces(path, element, order, body)
        else:
            break
    if vertices is None or not len(vertices):
        raise DataError(path, "no vertices", "a PLY whose first element is its vertices")
    return vertices, triangles


def _ply_header(path: Path, data: bytes) -> tuple[str, list[_Element], bytes]:
    end = re.search(rb"\bend_header[ \t]*\r?\n", data[: 1 << 16])
    if end is None:
        raise DataError(path, "a PLY header without its end", "a whole file")
    order, elements = None, []
    for line in data[: end.start()].decode("ascii", "replace").splitlines()[1:]:
        words = line.split()
        try:
            if words[:1] == ["format"]:
                order = _ORDER[words[1]]
            elif words[:1] == ["element"]:
                elements.append(_Element(words[1], int(words[2]), []))
            elif words[:2] == ["property", "list"]:
                elements[-1].properties.append((words[4], _PLY_TYPES[words[2]], _PLY_TYPES[words[3]]))
            elif words[:1] == ["property"]:
                elements[-1].properties.append((words[2], _PLY_TYPES[words[1]]))
        except (KeyError, IndexError, ValueError):
            raise DataError(path, f"header line {line[:60]!r}", "a PLY header") from None
    if order is None or any(not 0 <= e.count <= 4 * MOST_VERTICES for e in elements):
        raise DataError(path, "a PLY header without a format, or with impossible counts", "a PLY of a face")
    return order, elements, data[end.end() :]


def _ply_vertices(path: Path, element: _Element, order: str, body: bytes) -> tuple[np.ndarray, bytes]:
    names = [p[0] for p in element.properties]
    if any(len(p) != 2 for p in element.properties) or not {"x", "y", "z"} <= set(names):
        raise DataError(path, f"vertices of {', '.join(names) or 'nothing'}", "x, y and z")
    columns = [names.index(axis) for axis in "xyz"]
    if not order:
        lines = body.split(b"\n", element.count)
        try:
            rows = [[float(word) for word in np.array(line.split())[columns]] for line in lines[: element.count]]
            vertices = np.array(rows, np.float32).reshape(-1, 3)
        except (ValueError, IndexError):
            raise DataError(path, "a vertex line without its numbers", f"{len(names)} numbers a line") from None
        rest = lines[element.count] if len(lines) > element.count else b""
    else:
        kind = np.dtype([(f"{i}", order + p[1]) for i, p in enumerate(element.properties)])
        size = kind.itemsize * element.count
        if len(body) < size:
            raise DataError(path, f"{len(body):,} bytes of vertices", f"{size:,}: a whole file")
        table = np.frombuffer(body, kind, element.count)
        vertices, rest = np.stack([table[str(c)] for c in columns], 1).astype(np.float32), body[size:]
    if len(vertices) < element.count:
        raise DataError(path, f"{len(vertices):,} of {element.count:,} vertices", "a whole file")
    return vertices, rest


def _ply_faces(path: Path, element: _Element, order: str, body: bytes) -> tuple[np.ndarray | None, bytes]:
    if len(element.properties) != 1 or len(element.properties[0]) != 3:
        raise DataError(path, "faces that are not lists of vertices", "property list … vertex_indices")
    if not order:
        lines = body.split(b"\n", element.count)
        try:
            polygons = [[int(word) for word in line.split()] for line in lines[: element.count]]
            return _fans([p[1 : 1 + p[0]] for p in polygons if p], path), lines[element.count] if len(
                lines
            ) > element.count else b""
        except (ValueError, IndexError):
            raise DataError(path, "a face line without its numbers", "vertex numbers") from None
    count, item = (np.dtype(order + kind) for kind in element.properties[0][1:])
    polygons, at = [], 0
    for _ in range(element.count):
        if at + count.itemsize > len(body):
            raise DataError(path, f"{len(polygons):,} of {element.count:,} faces", "a whole file")
        corners = int(np.frombuffer(body, count, 1, at)[0])
        at += count.itemsize
        if not 0 <= corners <= 64 or at + corners * item.itemsize > len(body):
            raise DataError(path, f"a face of {corners} corners", "3 to 64 of them, in a whole file")
        polygons.append(np.frombuffer(body, item, corners, at).astype(np.int64).tolist())
        at += corners * item.itemsize
    return _fans(polygons, path), body[at:]
