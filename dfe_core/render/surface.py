"""A face's surface as it is drawn: refined once by Loop subdivision where its triangles would show, with normals.

Subdivision is linear in the vertices, so a sparse matrix made once carries every later pose and every colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, identity

from dfe_core.faces.drawn import DrawnFace
from dfe_core.faces.eyeball import MOUTH, SKIN
from dfe_core.faces.model import FaceModel

COARSE = 8000  # a face with fewer vertices shows its triangles at the size of a page


@dataclass(frozen=True, eq=False)
class Surface:
    """How to draw a face: `refine` (W, V) takes a face's vertices, or any values on them, to those drawn.

    triangles (G, 3) int64 of the drawn mesh; spread (W, 3G) sums what triangle corners hold into vertices.
    """

    refine: csr_matrix
    triangles: np.ndarray
    spread: csr_matrix

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """(W, 3) drawn vertices to (W, 3) unit normals, each triangle weighted by its area."""
        a, b, c = (vertices[self.triangles[:, i]] for i in range(3))
        summed = self.spread @ np.cross(b - a, c - a)
        return summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-20)


def surface_of(face: FaceModel) -> Surface:
    """The surface to draw for a face: refined once when it is coarse; the mesh over a picture is fine enough."""
    triangles = face.triangles.astype(np.int64)
    refine: csr_matrix = identity(len(face.template), format="csr")
    if len(face.template) < COARSE and not isinstance(face, DrawnFace):
        refine, triangles = _faithful(*loop_subdivision(triangles, len(face.template)))
    corners = triangles.T.ravel()
    faces = np.tile(np.arange(len(triangles)), 3)
    spread = coo_matrix((np.ones(len(corners)), (corners, faces)), (refine.shape[0], len(triangles))).tocsr()
    return Surface(refine, triangles, spread)


def material_shares(face: FaceModel) -> np.ndarray:
    """(V, 2) how much of each vertex is eye, and how much inside of the mouth: half of it is the skin beside, which
    lies in the shadow of the lips."""
    mouth = face.materials == MOUTH
    shares = np.stack([~mouth & (face.materials != SKIN), mouth], 1).astype(float)
    beside = face.triangles[mouth[face.triangles].any(1)]
    shares[beside, 1] = np.maximum(shares[beside, 1], 0.5)
    return shares


def _faithful(matrix: csr_matrix, triangles: np.ndarray) -> tuple[csr_matrix, np.ndarray]:
    """Push back what subdivision pulls in (Maillot & Stam 2001), twice: the vertices that were there stay within a
    fraction of a millimetre of their places, and what is drawn is what is measured."""
    count = matrix.shape[1]
    eye = identity(count, format="csr")
    pull = eye - matrix[:count]
    return (matrix @ (eye + pull + pull @ pull)).tocsr(), triangles


def loop_subdivision(triangles: np.ndarray, count: int) -> tuple[csr_matrix, np.ndarray]:
    """One step of Loop's scheme (Loop 1987, weights of Warren) as a matrix.

    (F, 3) triangles over `count` vertices to the (W, count) matrix that makes the finer vertices (old ones first,
    then one per edge) and the (4F, 3) finer triangles. Boundaries become quadratic B-spline curves.
    """
    sides = np.concatenate([triangles[:, [1, 2]], triangles[:, [2, 0]], triangles[:, [0, 1]]])
    edges, which, uses = np.unique(np.sort(sides, 1), axis=0, return_inverse=True, return_counts=True)
    which = which.ravel()
    interior = uses == 2
    opposite = triangles.T.ravel()
    rows, columns, weights = [], [], []

    def add(row: np.ndarray, column: np.ndarray, weight: np.ndarray | float) -> None:
        rows.append(row)
        columns.append(column)
        weights.append(np.broadcast_to(weight, row.shape))

    number = count + np.arange(len(edges))
    for end in range(2):
        add(number, edges[:, end], np.where(interior, 3 / 8, 1 / 2))
    inner = interior[which]
    add(number[which[inner]], opposite[inner], 1 / 8)
    _old_vertices(edges, interior, count, add)
    size = count + len(edges)
    matrix = coo_matrix((np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), (size, count))
    opposite_a, opposite_b, opposite_c = number[which].reshape(3, -1)
    a, b, c = triangles.T
    finer = [
        (a, opposite_c, opposite_b),
        (b, opposite_a, opposite_c),
        (c, opposite_b, opposite_a),
        (opposite_a, opposite_b, opposite_c),
    ]
    return matrix.tocsr(), np.concatenate([np.stack(t, 1) for t in finer])


def _old_vertices(edges: np.ndarray, interior: np.ndarray, count: int, add) -> None:
    """Rows of the vertices that were there: moved towards their neighbours, on a boundary only along it."""
    boundary = np.zeros(count, bool)
    boundary[edges[~interior]] = True
    valence = np.bincount(edges.ravel(), minlength=count)
    beta = np.where(valence == 3, 3 / 16, 3 / (8 * np.maximum(valence, 1)))
    add(np.arange(count), np.arange(count), np.where(boundary, 3 / 4, 1 - valence * beta))
    for here, there in ((0, 1), (1, 0)):
        own, other = edges[:, here], edges[:, there]
        free = ~boundary[own]
        add(own[free], other[free], beta[own[free]])
        rim = ~interior
        add(own[rim], other[rim], 1 / 8)
