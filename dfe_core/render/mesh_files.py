"""A deformed face as a mesh file for other programs: PLY, OBJ, GLB, or plain arrays. Metres, our axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.drawn import DrawnFace
from dfe_core.faces.model import FaceModel
from dfe_core.render.gltf import write_glb
from dfe_core.render.palette import SHARED_SCALE_MM, over_picture, vertex_colours
from dfe_core.store import atomic_file

SUFFIXES = (".ply", ".obj", ".glb", ".npy", ".npz")


def export_mesh(face: FaceModel, psi: np.ndarray, path: Path, identity: np.ndarray | None = None) -> Path:
    """Write the face at (E,) coefficients, in the format of the suffix; exact in float32 but for OBJ's 1 µm.

    ``.ply`` binary with colours, ``.obj`` text, ``.glb`` glTF (the expression in place, no targets), ``.npy`` the
    (V, 3) vertices, ``.npz`` vertices, triangles, psi and names. A face with a picture is the picture in ``.glb`` and
    its landmarks in the others. Raises `DataError` for another suffix and for a face
    without a mesh.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise DataError(path, f"no mesh format {path.suffix!r}", ", ".join(SUFFIXES))
    if not face.has_mesh:
        raise DataError(face.id, "has no mesh to export", "a face with a mesh")
    psi = np.asarray(psi, np.float32)
    vertices = (face.neutral(identity) + face.displacement(psi)).astype(np.float32)
    with atomic_file(path) as temporary:
        if path.suffix == ".npy":
            np.save(temporary, vertices)
        elif path.suffix == ".npz":
            np.savez(temporary, vertices=vertices, triangles=face.triangles, psi=psi, names=np.array(face.names))
        elif path.suffix == ".ply":
            temporary.write_bytes(_ply(vertices, face.triangles, vertex_colours(face, psi, SHARED_SCALE_MM)))
        elif path.suffix == ".obj":
            temporary.write_text(_obj(vertices, face.triangles, face.title), encoding="utf-8")
        else:
            temporary.write_bytes(_glb(face.drawn, psi, vertices))
    return path


def _glb(face: FaceModel, psi: np.ndarray, vertices: np.ndarray) -> bytes:
    if isinstance(face, DrawnFace):
        share = np.linalg.norm(face.displacement(psi), axis=1) * 1e3 / SHARED_SCALE_MM
        colours = (255 * np.clip(over_picture(np.ones((len(share), 3)), share), 0, 1)).round().astype(np.uint8)
        return write_glb(face, vertices=face.vertices(psi), colours=colours)
    return write_glb(face, vertices=vertices, colours=vertex_colours(face, psi, SHARED_SCALE_MM))


def _ply(vertices: np.ndarray, triangles: np.ndarray, colours: np.ndarray) -> bytes:
    header = (
        "ply\nformat binary_little_endian 1.0\ncomment metres; +x left, +y up, +z out of the face\n"
        f"element vertex {len(vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        f"element face {len(triangles)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    points = np.zeros(len(vertices), [("xyz", "<f4", 3), ("rgb", "u1", 3)])
    points["xyz"], points["rgb"] = vertices, colours
    faces = np.zeros(len(triangles), [("count", "u1"), ("index", "<i4", 3)])
    faces["count"], faces["index"] = 3, triangles
    return header.encode("ascii") + points.tobytes() + faces.tobytes()


def _obj(vertices: np.ndarray, triangles: np.ndarray, title: str) -> str:
    rows = [f"# {title}; metres, +x left, +y up, +z out of the face", "o face"]
    rows += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices.tolist()]
    rows += [f"f {a} {b} {c}" for a, b, c in (triangles + 1).tolist()]
    return "\n".join(rows) + "\n"
