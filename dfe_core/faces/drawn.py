"""A learned face as a picture that moves: a mesh over the whole picture, whose movement follows the landmarks.

The mesh is a Delaunay triangulation of the landmarks, of the picture's border and of a grid between them, and each of
its triangles is warped affinely (the piecewise-affine warp of Cootes et al. 2001). The border does not move, landmarks
move exactly as the face says, and what lies between moves with the landmarks and border points of its triangle, never
farther than they do: smoother surfaces (thin plates, Clough & Tocher's) overshoot by a fifth to a third, and show heat
where nothing was measured to move. Seen from the front it is the picture; movement in depth is in the colours alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.faces.face_picture import FacePicture, Placed, check_picture
from dfe_core.faces.model import FaceModel

CELLS = 28
"""Of the grid, along the longer edge."""
_CLEAR = 0.45  # of a cell: nearer to a landmark there is no point of the grid


@dataclass(frozen=True, eq=False, kw_only=True)
class DrawnFace(FaceModel):
    """A face model of the mesh over a picture: the landmarks first, then border and grid.

    Attributes
    ----------
    shown : FacePicture
        The picture.
    uv : (W, 2) float32
        Place of each vertex in the picture, as shares of its width and height from the upper left corner.
    spread : (W, V) float32
        Displacement of the landmarks to that of the mesh's vertices.
    """

    shown: FacePicture
    uv: np.ndarray
    spread: np.ndarray

    @property
    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest x and y of the picture, m."""
        return self.template[:, :2].min(0), self.template[:, :2].max(0)


def drawn_as(face: FaceModel, picture: FacePicture) -> DrawnFace:
    """The mesh of a picture over a face. Raises `DataError` where the picture's points are not the face's."""
    placed = check_picture(face, picture, picture.source or face.id)
    pixels, border = _mesh_points(picture)
    from scipy.spatial import Delaunay, cKDTree

    triangles = Delaunay(pixels).simplices.astype(np.int32)
    a, b, c = (pixels[triangles[:, i]] for i in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    triangles = triangles[np.abs(area) > 1e-6]
    area = area[np.abs(area) > 1e-6]
    triangles[area > 0] = triangles[area > 0][:, [0, 2, 1]]  # y points down in pixels
    spread = _spread(pixels, len(picture.points), border)
    nearest = cKDTree(pixels[: len(picture.points)]).query(pixels)[1]
    basis = np.einsum("wv,evd->ewd", spread, face.basis.astype(np.float64)).astype(np.float32)
    return DrawnFace(
        id=face.id,
        title=face.title,
        names=face.names,
        template=_template(pixels, placed),
        triangles=triangles,
        basis=basis,
        mirror=np.arange(len(pixels), dtype=np.int32),
        regions=face.regions[nearest],
        region_names=face.region_names,
        sides=face.sides[nearest],
        materials=np.zeros(len(pixels), np.uint8),
        landmarks=face.landmarks,
        licence=face.licence,
        notes=face.notes,
        shown=picture,
        uv=(pixels / picture.size).astype(np.float32),
        spread=spread.astype(np.float32),
    )


def _template(pixels: np.ndarray, placed: Placed) -> np.ndarray:
    return np.pad(placed.metres(pixels), ((0, 0), (0, 1))).astype(np.float32)


def _mesh_points(picture: FacePicture) -> tuple[np.ndarray, np.ndarray]:
    """(W, 2) px: landmarks, border, grid; and which of them are on the border."""
    from scipy.spatial import cKDTree

    wide, high = picture.size
    cell = max(wide, high) / CELLS
    across, down = (np.linspace(0, length, max(2, round(length / cell)) + 1) for length in (wide, high))
    grid = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
    edge = (grid[:, 0] == 0) | (grid[:, 0] == wide) | (grid[:, 1] == 0) | (grid[:, 1] == high)
    landmarks = np.asarray(picture.points, np.float64)
    free = cKDTree(landmarks).query(grid)[0] > _CLEAR * cell
    points = np.concatenate([landmarks, grid[edge], grid[~edge & free]])
    border = np.zeros(len(points), bool)
    border[len(landmarks) : len(landmarks) + edge.sum()] = True
    return points, border


def _spread(pixels: np.ndarray, landmarks: int, border: np.ndarray) -> np.ndarray:
    """(W, V): each column is how the mesh follows one landmark."""
    from scipy.interpolate import LinearNDInterpolator

    known = np.flatnonzero(border | (np.arange(len(pixels)) < landmarks))
    values = np.zeros((len(known), landmarks))
    values[:landmarks] = np.eye(landmarks)
    out = LinearNDInterpolator(pixels[known], values, fill_value=0.0)(pixels)
    out[:landmarks] = np.eye(landmarks)
    out[border] = 0
    return out
