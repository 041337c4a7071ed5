"""A face for other scenes: the refined surface in millimetres, with the colours of all pictures on its vertices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.faces.drawn import DrawnFace
from dfe_core.faces.eyeball import MOUTH, SKIN
from dfe_core.faces.model import FaceModel
from dfe_core.render.palette import MATERIAL_RGB, SHARED_SCALE_MM, over_picture, tinted
from dfe_core.render.surface import material_shares, surface_of

LINES = 8
"""At most so many lines of equal displacement."""

FINER = 3
"""Times that the mesh over a picture is halved where colours lie on its vertices."""

STEPS_MM = (0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class SceneMesh:
    """An expression on the refined surface: points and rest (W, 3) mm, float32; triangles (G, 3) int32; rgb and
    rest_rgb (W, 3) uint8; moved_mm (W,) float32, how far each vertex goes; skin (W,) float32, its share of skin."""

    points: np.ndarray
    rest: np.ndarray
    triangles: np.ndarray
    rgb: np.ndarray
    rest_rgb: np.ndarray
    moved_mm: np.ndarray
    skin: np.ndarray


def scene_mesh(face: FaceModel, psi: np.ndarray) -> SceneMesh:
    """The surface of a face at (E,) coefficients, and at rest; of a face with a picture, the picture in the colours of
    a mesh so fine that its lines are seen."""
    if isinstance(face.drawn, DrawnFace):
        return _picture_mesh(face.drawn, np.asarray(psi, np.float32))
    surface, moved = surface_of(face), face.displacement(np.asarray(psi, np.float32))
    size = surface.refine @ (1e3 * np.linalg.norm(moved, axis=1))
    shares = surface.refine @ material_shares(face)
    paint = _paint(face, surface.refine, shares)
    skin, mouth = np.clip(1 - shares.sum(1), 0, 1), shares[:, 1]
    colours = [tinted(paint, mm / SHARED_SCALE_MM, skin, mouth) for mm in (size, np.zeros_like(size))]
    return SceneMesh(
        points=(1e3 * (surface.refine @ (face.template + moved))).round(3).astype(np.float32),
        rest=(1e3 * (surface.refine @ face.template)).round(3).astype(np.float32),
        triangles=surface.triangles.astype(np.int32),
        rgb=(255 * np.clip(colours[0], 0, 1)).round().astype(np.uint8),
        rest_rgb=(255 * np.clip(colours[1], 0, 1)).round().astype(np.uint8),
        moved_mm=np.clip(size, 0, None).astype(np.float32),
        skin=skin.astype(np.float32),
    )


def _picture_mesh(face: DrawnFace, psi: np.ndarray) -> SceneMesh:
    values = np.c_[face.template, face.displacement(psi), face.uv].astype(np.float64)
    triangles = face.triangles
    for _ in range(FINER):
        values, triangles = _halved(values, triangles)
    rest, moved, uv = values[:, :3], values[:, 3:6], values[:, 6:]
    size = 1e3 * np.linalg.norm(moved, axis=1)
    pixels = face.shown.pixels
    high, wide = pixels.shape[:2]
    row, column = (np.clip((uv[:, i] * n).astype(int), 0, n - 1) for i, n in ((1, high), (0, wide)))
    own = pixels[row, column] / 255
    colours = [over_picture(own, mm / SHARED_SCALE_MM) for mm in (size, np.zeros_like(size))]
    return SceneMesh(
        points=(1e3 * (rest + moved)).round(3).astype(np.float32),
        rest=(1e3 * rest).round(3).astype(np.float32),
        triangles=triangles.astype(np.int32),
        rgb=(255 * np.clip(colours[0], 0, 1)).round().astype(np.uint8),
        rest_rgb=(255 * np.clip(colours[1], 0, 1)).round().astype(np.uint8),
        moved_mm=size.astype(np.float32),
        skin=np.ones(len(size), np.float32),
    )


def _halved(values: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every edge cut in its middle: values of the vertices, old ones first, and four triangles in the place of each."""
    sides = np.sort(np.concatenate([triangles[:, [1, 2]], triangles[:, [2, 0]], triangles[:, [0, 1]]]), 1)
    edges, which = np.unique(sides, axis=0, return_inverse=True)
    x, y, z = (len(values) + which.ravel()).reshape(3, -1)
    a, b, c = triangles.T
    finer = np.concatenate([np.stack(t, 1) for t in ((a, z, y), (b, x, z), (c, y, x), (x, y, z))])
    return np.concatenate([values, values[edges].mean(1)]), finer


def lines_of_equal_mm(most_mm: float) -> np.ndarray:
    """(n,) displacements, mm, at which lines are drawn over a movement that goes so far: even steps, at most `LINES`
    for movements of up to 8 cm."""
    step = next((step for step in STEPS_MM if most_mm / step <= LINES), STEPS_MM[-1])
    return np.arange(1, int(most_mm / step + 1e-6) + 1) * step


def _paint(face: FaceModel, refine, shares: np.ndarray) -> np.ndarray:
    """(W, 3) what is no skin, each part by its share: eyes in their own colours, the mouth's inside in one."""
    eyes = np.isin(face.materials, (SKIN, MOUTH), invert=True)
    own = np.where(eyes[:, None], MATERIAL_RGB[face.materials], 0.0)
    return refine @ own + shares[:, 1:] * MATERIAL_RGB[MOUTH]
