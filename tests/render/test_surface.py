"""The refined surface: smooth, faithful, and linear in what it refines."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.faces.model import FaceModel
from dfe_core.render.surface import loop_subdivision, surface_of


def icosahedron() -> tuple[np.ndarray, np.ndarray]:
    g = (1 + 5**0.5) / 2
    points = np.array(
        [
            (-1, g, 0),
            (1, g, 0),
            (-1, -g, 0),
            (1, -g, 0),
            (0, -1, g),
            (0, 1, g),
            (0, -1, -g),
            (0, 1, -g),
            (g, 0, -1),
            (g, 0, 1),
            (-g, 0, -1),
            (-g, 0, 1),
        ],
        float,
    )
    faces = np.array(
        [
            (0, 11, 5),
            (0, 5, 1),
            (0, 1, 7),
            (0, 7, 10),
            (0, 10, 11),
            (1, 5, 9),
            (5, 11, 4),
            (11, 10, 2),
            (10, 7, 6),
            (7, 1, 8),
            (3, 9, 4),
            (3, 4, 2),
            (3, 2, 6),
            (3, 6, 8),
            (3, 8, 9),
            (4, 9, 5),
            (2, 4, 11),
            (6, 2, 10),
            (8, 6, 7),
            (9, 8, 1),
        ]
    )
    return points / np.linalg.norm(points[0]), faces


def test_a_closed_surface_stays_closed_and_grows_rounder() -> None:
    points, faces = icosahedron()
    matrix, finer = loop_subdivision(faces, len(points))
    assert matrix.shape == (42, 12)
    assert finer.shape == (80, 3)
    assert np.allclose(matrix.sum(1), 1)  # affine: shifts and scales pass through
    edges = np.sort(np.concatenate([finer[:, [0, 1]], finer[:, [1, 2]], finer[:, [2, 0]]]), 1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    radii = np.linalg.norm(matrix @ points, axis=1)
    assert radii.max() / radii.min() < 1.08  # the icosahedron's own faces lie at 0.79


def test_winding_is_kept() -> None:
    points, faces = icosahedron()
    matrix, finer = loop_subdivision(faces, len(points))
    a, b, c = (matrix @ points)[finer].transpose(1, 0, 2)
    assert (np.einsum("fi,fi->f", np.cross(b - a, c - a), a + b + c) > 0).all()


def test_loops_own_weights_inside_and_spline_weights_on_a_boundary() -> None:
    centre, ring = 0, 1 + np.arange(6)
    fan = np.stack([np.full(6, centre), ring, np.roll(ring, -1)], 1)
    matrix, _ = loop_subdivision(fan, 7)
    rows = matrix.toarray()
    assert rows[0, 0] == pytest.approx(10 / 16)
    assert rows[0, 1:] == pytest.approx(np.full(6, 1 / 16))
    assert sorted(rows[1][rows[1] > 0]) == pytest.approx([1 / 8, 1 / 8, 3 / 4])
    edge_rows = rows[7:]
    spokes = edge_rows[edge_rows[:, 0] == 3 / 8]
    assert len(spokes) == 6
    assert np.allclose(np.sort(spokes, 1)[:, -4:], [1 / 8, 1 / 8, 3 / 8, 3 / 8])
    assert len(edge_rows[(edge_rows[:, 0] == 1 / 8)]) == 0  # a rim edge is the middle of its ends
    assert (np.sort(edge_rows[edge_rows[:, 0] == 0], 1)[:, -2:] == 0.5).all()


def test_the_default_face_is_refined_and_its_own_vertices_stay_where_they_are_measured(anny: FaceModel) -> None:
    surface = surface_of(anny)
    assert surface.refine.shape[0] > 3 * len(anny.template)
    jaw = anny.vertices(np.eye(52)[anny.names.index("jawOpen")])
    off = np.linalg.norm((surface.refine @ jaw)[: len(jaw)] - jaw, axis=1)[anny.materials == 0]
    assert np.median(off) < 5e-5
    assert np.quantile(off, 0.99) < 5e-4


def test_normals_are_unit_and_point_out_of_the_face(face: FaceModel) -> None:
    surface = surface_of(face)
    normals = surface.normals(surface.refine @ face.template)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-6)
    assert normals[face.landmarks["nose tip"], 2] > 0.7
    assert normals[face.landmarks["cheek left"], 0] > 0.2
