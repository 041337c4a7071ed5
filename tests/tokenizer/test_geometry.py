"""Codeword geometry against hand-made displacement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dfe_core.faces.model import REGIONS
from dfe_core.tokenizer.geometry import codeword_geometry, gini, region_columns

COLUMNS = ["codeword", "region", "second_region", "side", "symmetry", "locality", "peak_mm", "mean_mm", "gini"]


def unit(face, **weights):
    psi = np.zeros(face.coefficients, np.float32)
    for name, value in weights.items():
        psi[face.names.index(name)] = value
    return psi


def test_columns_are_exactly_those_of_the_contract(toy_face):
    table = codeword_geometry(np.zeros((3, toy_face.coefficients)), toy_face)
    assert list(table.columns) == COLUMNS + region_columns()
    assert "mm_upper_lip_left" in table and len(region_columns()) == 2 * len(REGIONS)


def test_sides_follow_the_faces_own_left_and_swap_in_the_mirror(toy_face):
    left = unit(toy_face, mouthSmileLeft=1)
    right = unit(toy_face, mouthSmileRight=1)
    table = codeword_geometry(np.stack([np.zeros_like(left), left, right, left + right, left + 0.9 * right]), toy_face)
    assert table["side"].tolist() == ["rest", "left", "right", "symmetric", "symmetric"]
    assert table["symmetry"][3] == pytest.approx(1, abs=1e-5)
    assert table["symmetry"][1] < 0.7
    for region in REGIONS:
        stem = f"mm_{region.replace(' ', '_')}_"
        np.testing.assert_allclose(table[stem + "left"][1], table[stem + "right"][2], rtol=1e-4, equal_nan=True)


def test_a_sideways_movement_is_on_the_side_it_goes_to(toy_face):
    basis = toy_face.basis.copy()
    jaw = toy_face.names.index("jawLeft")
    basis[jaw] = 0
    basis[jaw, :, 0] = 0.003
    face = replace(toy_face, basis=basis)
    table = codeword_geometry(np.stack([unit(face, jawLeft=1), unit(face, jawLeft=-1)]), face)
    assert table["side"].tolist() == ["left", "right"]
    np.testing.assert_allclose(table["symmetry"], -1, atol=1e-5)
    np.testing.assert_allclose(table["gini"], 0, atol=1e-5)
    np.testing.assert_allclose(table["peak_mm"], 3, rtol=1e-5)


def test_region_locality_and_sizes_match_a_loop_over_vertices(toy_face):
    rng = np.random.default_rng(0)
    psi = rng.normal(size=(70, toy_face.coefficients)).astype(np.float32)
    table = codeword_geometry(psi, toy_face)
    for k in (0, 63, 64, 69):
        size = np.linalg.norm(np.tensordot(psi[k], toy_face.basis, 1), axis=1)
        shares = {
            r: sum(size[v] ** 2 for v in range(len(size)) if toy_face.regions[v] == i) for i, r in enumerate(REGIONS)
        }
        means = {r: shares[r] / max((toy_face.regions == i).sum(), 1) for i, r in enumerate(REGIONS)}
        assert [table["region"][k], table["second_region"][k]] == sorted(means, key=means.get)[:-3:-1]
        assert table["locality"][k] == pytest.approx(sum(sorted(shares.values())[-2:]) / sum(shares.values()), rel=1e-4)
        assert table["peak_mm"][k] == pytest.approx(size.max() * 1e3, rel=1e-4)
        assert table["mean_mm"][k] == pytest.approx(size.mean() * 1e3, rel=1e-4)


def test_gaze_belongs_to_the_eye_and_a_small_region_is_not_outvoted(toy_face):
    regions, materials = np.full_like(toy_face.regions, REGIONS.index("lower lip")), toy_face.materials.copy()
    regions[:3], regions[100:140], materials[100:140] = REGIONS.index("mouth corner"), REGIONS.index("other"), 3
    basis = np.zeros_like(toy_face.basis)
    basis[0, 100:140] = 0.002
    basis[1, :3], basis[1, 3:30] = 0.004, 0.003
    table = codeword_geometry(np.eye(2, 52), replace(toy_face, regions=regions, materials=materials, basis=basis))
    assert table["region"].tolist() == ["eye", "mouth corner"] and table["second_region"][1] == "lower lip"


def test_regions_without_vertices_are_nan_and_rest_is_zero(toy_face):
    table = codeword_geometry(np.zeros((1, toy_face.coefficients)), toy_face)
    assert np.isnan(table["mm_other_left"][0]) and table["mm_brow_left"][0] == 0
    assert table.loc[0, ["region", "side"]].tolist() == ["none", "rest"]
    assert table.loc[0, ["peak_mm", "locality", "gini"]].tolist() == [0, 0, 0]


def test_gini_of_one_vertex_of_n_is_one_minus_one_over_n():
    np.testing.assert_allclose(gini(np.array([[1.0, 1, 1, 1], [0, 0, 0, 5], [0, 0, 0, 0]])), [0, 0.75, 0])


def test_a_face_without_a_mesh_tells_sides_by_names_and_nothing_in_mm(toy_face):
    empty = np.empty((0, 3), np.float32)
    bare = replace(toy_face, template=empty, basis=np.empty((toy_face.coefficients, 0, 3), np.float32))
    psi = np.stack([np.zeros(52), unit(bare, eyeBlinkLeft=1), unit(bare, eyeBlinkLeft=1, eyeBlinkRight=1)])
    table = codeword_geometry(psi, bare)
    assert table["side"].tolist() == ["rest", "left", "symmetric"]
    assert table["symmetry"].tolist() == [1, 0, 1]
    assert table["region"].tolist() == ["none", "unknown", "unknown"] and table["peak_mm"].isna().all()
    nameless = replace(bare, names=tuple(f"exp{i}" for i in range(52)))
    assert codeword_geometry(psi, nameless)["side"].tolist() == ["rest", "unknown", "unknown"]
