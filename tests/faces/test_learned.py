"""Pose, anatomy, surface and basis of faces learned from moving points."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.faces.archive import load_face, save_face
from dfe_core.faces.frontal import face_forward, guess_scale, is_mirrored, mirror_map
from dfe_core.faces.layout_choice import layout_fault
from dfe_core.faces.layouts import LAYOUTS, layout_of
from dfe_core.faces.learned import LearnedPoints, basis_of, learn_basis, learned_face
from dfe_core.faces.model import REGIONS
from dfe_core.faces.rigid import onto, pose, stable_set
from dfe_core.faces.triangulation import triangulate
from tests.moving_points import movements68, rotations, take, template68

IBUG = layout_of(68)
FLIP = np.array([-1, 1, 1])


def test_pose_is_found_exactly_and_never_reflects():
    rng = np.random.default_rng(0)
    shape = rng.normal(size=(9, 3))
    turn = rotations(rng.uniform(-3, 3, (20, 3)))
    size = rng.uniform(0.5, 2, 20)
    moved = size[:, None, None] * shape @ turn + rng.normal(size=(20, 1, 3))
    assert np.allclose(pose(moved, shape, scaled=True).apply(moved), shape, atol=1e-9)
    mirrored = pose((shape * FLIP)[None], shape)
    assert np.linalg.det(mirrored.rotation[0]) == pytest.approx(1)


def test_pose_in_two_dimensions_removes_roll_scale_and_shift():
    shape = template68()[:, :2]
    turn = rotations(np.array([[0, 0, 0.7]]))[:, :2, :2]
    moved = 3 * shape @ turn[0] + [100, 40]
    assert np.allclose(pose(moved[None], shape, scaled=True).apply(moved[None]), shape, atol=1e-9)


def test_the_stable_set_leaves_out_what_moves():
    talk = take(0, frames=150)
    stable, shape = stable_set([talk.points], template68())
    moving = np.flatnonzero(np.abs(movements68()).max((0, 2)) > 1e-3)
    assert not set(stable) & set(moving)
    assert (
        np.linalg.norm(onto(talk.points, shape, stable) - onto(talk.neutral[None], shape, stable), axis=2)[
            :, stable
        ].max()
        < 1e-3
    )


def test_the_stable_set_reaches_across_the_face():
    still = np.repeat(template68()[None], 30, axis=0)
    still += np.random.default_rng(0).normal(0, 2e-3, still.shape)
    still[:, 27:36] = template68()[27:36]  # the nose alone is quiet: too small to tell the head's turn by
    stable, _ = stable_set([still], template68())
    assert np.ptp(template68()[stable, 0]) > 0.05


def test_a_face_in_any_place_is_brought_upright():
    shape = template68() * 3 + [1, 2, 3]
    turned = shape @ rotations(np.array([[0.4, -0.9, 2.0]]))[0].T
    rotation, origin = face_forward(turned, IBUG)
    placed = (turned - origin) @ rotation.T
    assert np.allclose(placed[30] - placed[8], shape[30] - shape[8], atol=0.03)
    assert np.allclose(placed[[36, 39, 42, 45]].mean(0), 0, atol=1e-9)


def test_a_face_turned_inside_out_is_noticed():
    shape = template68()
    assert not is_mirrored(shape, IBUG)
    assert is_mirrored(shape * [1, 1, -1], IBUG)
    assert not is_mirrored(shape[:, :2], IBUG)
    assert is_mirrored(shape[:, :2] * [1, -1], IBUG)


@pytest.mark.parametrize("outline", [True, False])
def test_a_shape_contradicts_a_layout_that_it_is_not(outline: bool):
    layout = IBUG if outline else layout_of(51)
    shape = template68()[0 if outline else 17 :]
    rng = np.random.default_rng(0)
    for angles in rng.uniform(-0.6, 0.6, (50, 3)) * (0.8, 1, 5):  # pitch, yaw, and any roll
        turned = shape @ rotations(angles[None])[0].T
        for seen in (turned, turned[:, :2] * [1, -1], turned * [1, 1, -1]):
            assert layout_fault(seen, layout) == ""
    wrong = [layout_fault(rng.permutation(shape)[:, : 2 + i % 2], layout) for i in range(200)]
    assert all(wrong)
    upside_down = shape.copy()
    mouth = slice(-20, None)
    upside_down[mouth, 1] = shape[mouth, 1] + 0.12
    assert "would not be above the" in layout_fault(upside_down, layout)
    swapped = shape.copy()
    for a, b in layout.pairs[: len(layout.pairs) // 2]:
        swapped[[a, b]] = swapped[[b, a]]
    assert "mirror each other" in layout_fault(swapped, layout)


def test_an_unknown_set_finds_its_plane_of_symmetry():
    rng = np.random.default_rng(3)
    half = rng.uniform([0.01, -0.08, -0.02], [0.08, 0.08, 0.03], (22, 3))
    cat = np.concatenate([half, half * FLIP, [[0, 0.01 * i, 0.02] for i in range(4)]])
    askew = cat @ rotations(np.array([[0.05, 0.15, 0.1]]))[0].T + [0.02, 0, 0.1]
    rotation, origin = face_forward(askew, None)
    placed = (askew - origin) @ rotation.T
    mirror, off = mirror_map(placed, None)
    assert off < 1e-3
    assert (mirror[:22] == np.arange(22, 44)).all() and (mirror[44:] == np.arange(44, 48)).all()


@pytest.mark.parametrize(("unit", "factor"), [("m", 1.0), ("cm", 100.0), ("mm", 1000.0)])
def test_units_of_length_are_told_by_the_size_of_a_face(unit: str, factor: float):
    scale = guess_scale(template68() * factor, IBUG, metric=True)
    assert scale.metres == pytest.approx(1 / factor) and unit in scale.why
    unknown = guess_scale(template68() * factor * 37, IBUG, metric=False)
    assert "unknown scale" in unknown.why
    assert np.linalg.norm((template68()[36] - template68()[45]) * factor * 37 * unknown.metres) == pytest.approx(0.09)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_layouts_are_whole(layout):
    used = {*layout.marks.values(), *layout.below, *(i for hole in layout.holes for i in hole)}
    assert used <= set(range(layout.count))
    if layout.pairs is not None:
        flat = [i for pair in layout.pairs for i in pair]
        assert len(flat) == len(set(flat))
        assert len(layout.region_codes) == layout.count
        for name, index in layout.marks.items():
            if name.endswith(" right"):
                twin = {**dict(layout.pairs), **{b: a for a, b in layout.pairs}}[index]
                assert twin == layout.marks[name.replace("right", "left")]


def test_the_surface_is_open_at_mouth_and_eyes_and_faces_outwards():
    template = template68()
    triangles = triangulate(template, IBUG)
    a, b, c = (template[triangles[:, i]] for i in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()
    for hole in IBUG.holes:
        assert not np.isin(triangles, hole).all(1).any()
    upper, lower = (49, 50, 51, 52, 53, 61, 62, 63), (55, 56, 57, 58, 59, 65, 66, 67)
    bridging = np.isin(triangles, upper).any(1) & np.isin(triangles, lower).any(1)
    assert not bridging.any()
    assert set(np.unique(triangles)) == set(range(68))


def test_points_on_a_line_have_no_surface():
    assert triangulate(np.stack([np.arange(6), np.zeros(6), np.zeros(6)], 1)).shape == (0, 3)


def test_a_basis_learns_the_movements_and_no_more():
    rng = np.random.default_rng(0)
    weights = rng.uniform(0, 1, (300, 2))
    moved = np.tensordot(weights, movements68(), 1)
    basis = learn_basis([moved[:100], moved[100:]])
    assert len(basis.share) == 2 and basis.frames == 300
    psi = basis.project(moved)
    assert np.allclose(np.tensordot(psi, basis.fields, 1), moved, atol=1e-7)
    assert np.allclose((psi**2).mean(0), 1, atol=1e-3)  # one standard deviation from neutral


def test_a_mirrored_basis_shows_a_movement_on_the_side_where_it_was_never_seen():
    mirror, _ = mirror_map(template68(), IBUG)
    moved = np.random.default_rng(0).uniform(0, 1, (200, 1, 1)) * movements68()[1]
    other = moved[:, mirror] * FLIP
    plain, both = learn_basis([moved]), learn_basis([moved], mirror)
    assert np.abs(np.tensordot(both.project(other), both.fields, 1) - other).max() < 1e-6
    assert np.abs(np.tensordot(plain.project(other), plain.fields, 1) - other).max() > 1e-3


def test_large_meshes_learn_the_same_basis_from_a_sample_of_frames():
    rng = np.random.default_rng(0)
    fields = rng.normal(0, 1e-3, (3, 600, 3))
    blocks = [np.tensordot(rng.normal(size=(500, 3)) * [3, 2, 1], fields, 1) for _ in range(12)]
    basis = learn_basis(blocks, kept=0.9999)
    assert basis.frames == 6000 and len(basis.share) == 3
    again = np.tensordot(basis.project(blocks[5]), basis.fields, 1)
    assert np.abs(again - blocks[5]).max() < 1e-5


def test_nothing_that_moves_teaches_nothing():
    with pytest.raises(ValueError, match="nothing moves"):
        learn_basis([np.zeros((10, 68, 3))])


def test_a_learned_face_is_a_face_like_any_other(cache):
    moved = np.tensordot(np.random.default_rng(0).uniform(0, 1, (50, 2)), movements68(), 1)
    basis = learn_basis([moved], mirror_map(template68(), IBUG)[0])
    face = learned_face(
        LearnedPoints(template=template68(), layout=IBUG, stable=np.array([27, 28, 29, 39, 42])), basis, "Test"
    )
    loaded = load_face(save_face(face, cache))
    assert loaded.id.startswith("learned-") and loaded.names[0] == "pc_000"
    assert (loaded.stable == face.stable).all()
    assert REGIONS[loaded.regions[8]] == "jaw" and REGIONS[loaded.regions[20]] == "brow"
    assert loaded.sides[45] == 1 and loaded.sides[36] == 2 and loaded.sides[30] == 0
    assert loaded.template[45, 0] > 0  # the left eye lies on the left
    assert np.allclose(loaded.mirror_coefficients @ loaded.mirror_coefficients, np.eye(len(face.names)), atol=1e-6)
    again = basis_of(loaded)
    assert np.allclose(again.project(moved), basis.project(moved), atol=1e-4)
    other = learned_face(LearnedPoints(template=template68() * 1.01, layout=IBUG), basis, "Test")
    assert other.id != face.id
