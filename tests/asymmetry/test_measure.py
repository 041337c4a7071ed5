"""Known answers of the measures: units, sides, mirror, rest, what moves along and what is not there."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.asymmetry.composites import composites_of, grade_of
from dfe_core.asymmetry.measure import MeasuredSides, asymmetry_index, measure_sides
from dfe_core.asymmetry.movements import NAMES, ruler_of
from dfe_core.errors import DataError
from dfe_core.faces.coefficients import coefficient_face
from tests.asymmetry.two_sided_face import FULL_MM, everywhere, performed, two_sided_face

FACE = two_sided_face()
RULER = ruler_of(FACE)


def measured(psi: np.ndarray, fps: float = 30.0) -> MeasuredSides:
    return measure_sides(FACE, RULER, psi, np.ones(len(psi), bool), fps)


def index_of(found: MeasuredSides, name: str) -> float:
    return float(asymmetry_index(*found.apexes[name].median_mm))


def test_half_a_side_is_an_index_of_a_half_and_lengths_are_mm():
    found = measured(performed(FACE, everywhere(1.0), everywhere(0.5)))
    for name in NAMES:
        left, right = found.apexes[name].median_mm
        assert len(found.apexes[name].row) == 3
        assert left == pytest.approx(FULL_MM, rel=0.02) and right == pytest.approx(FULL_MM / 2, rel=0.02)
        assert index_of(found, name) == pytest.approx(0.5, abs=1e-3)
    assert composites_of(found).weaker == "right" and composites_of(found).mean_share == pytest.approx(0.5, abs=1e-3)


def test_equal_sides_have_an_index_of_nothing_and_full_scores():
    found = measured(performed(FACE, everywhere(0.8), everywhere(0.8)))
    assert [index_of(found, name) for name in NAMES] == pytest.approx([0.0] * len(NAMES), abs=1e-6)
    sums = composites_of(found)
    assert (sums.sunnybrook, sums.eface, sums.grade) == pytest.approx((100.0, 100.0, 1.0))


def test_the_mirror_swaps_the_sides():
    psi = performed(FACE, everywhere(1.0), {**everywhere(0.3), "brow": 0.9})
    one, other = measured(psi), measured(psi.reshape(len(psi), -1, 2)[:, :, ::-1].reshape(psi.shape))
    for name in NAMES:
        assert one.apexes[name].median_mm == pytest.approx(other.apexes[name].median_mm[::-1])
        assert index_of(one, name) == pytest.approx(-index_of(other, name))
    a, b = composites_of(one), composites_of(other)
    assert (a.weaker, b.weaker) == ("right", "left") and a.share == pytest.approx(b.share)


def test_a_movement_is_counted_from_the_resting_face_and_rest_is_reported():
    still = {"smile left": -0.3, "lid right": 0.2}
    psi = performed(FACE, everywhere(0.5), everywhere(0.5)) + np.array([still.get(n, 0.0) for n in FACE.names])
    found = measured(psi.astype(np.float32))
    rest = dict(zip(NAMES, found.rest_mm.tolist(), strict=True))
    assert rest["smile"] == pytest.approx([-3.0, 0.0], abs=1e-4) and rest["lid"] == pytest.approx([0.0, 2.0], abs=1e-4)
    assert index_of(found, "smile") == pytest.approx(0.0, abs=1e-3)
    sums = composites_of(found)
    assert sums.sunnybrook_resting == 10.0  # the eye and the corner, five points each
    assert sums.eface_static < 100 == pytest.approx(sums.eface_dynamic, abs=0.1)


def test_a_wink_and_a_smile_on_one_side_are_no_apexes_among_movements_of_both():
    psi = performed(FACE, everywhere(0.8), everywhere(0.8))
    alone = performed(FACE, {"smile": 0.8, "lid": 0.8}, {}, repeats=1)
    found = measured(np.concatenate([alone, psi, alone]))
    assert [index_of(found, name) for name in ("smile", "lid")] == pytest.approx([0.0, 0.0], abs=1e-6)


def test_a_paralysed_side_is_measured_at_the_apexes_of_the_other():
    sums = composites_of(measured(performed(FACE, {}, everywhere(0.9))))
    assert sums.weaker == "left" and set(sums.share) == set(NAMES) and sums.grade == 6.0
    assert sums.sunnybrook == pytest.approx(20.0)


def test_an_eye_that_closes_with_the_smile_is_synkinesis_of_the_weaker_side():
    psi = performed(FACE, everywhere(1.0), everywhere(0.6))
    psi[:, FACE.names.index("lid right")] += 0.5 * psi[:, FACE.names.index("smile right")]
    sums = composites_of(measured(psi))
    assert sums.synkinesis_mm["smile"] == pytest.approx(0.5 * 0.6 * FULL_MM, rel=0.03)
    assert sums.synkinesis_mm["brow"] == pytest.approx(0.0, abs=1e-6) and sums.sunnybrook_synkinesis > 1


def test_a_pucker_that_no_side_can_do_alone_is_not_averaged_over():
    sums = composites_of(measured(performed(FACE, everywhere(1.0), {**everywhere(0.2), "pucker": 1.0})))
    assert sums.share["pucker"] == pytest.approx(1.0) and sums.mean_share == pytest.approx(0.2, abs=0.01)


def test_nothing_is_said_of_a_face_that_does_not_move():
    rng = np.random.default_rng(0)
    found = measured((0.01 * rng.standard_normal((300, FACE.coefficients))).astype(np.float32))
    assert all(np.isnan(index_of(found, name)) for name in NAMES)
    sums = composites_of(found)
    assert not sums.share and np.isnan([sums.mean_share, sums.sunnybrook, sums.eface, sums.grade]).all()
    assert sums.weaker == ""


def test_lost_frames_hold_no_apex():
    psi = performed(FACE, everywhere(0.5), everywhere(0.5))
    psi[30:60] = 1.0
    valid = np.ones(len(psi), bool)
    valid[25:65] = False
    found = measure_sides(FACE, RULER, psi, valid, 30.0)
    assert valid[found.apexes["brow"].row].all() and found.apexes["brow"].median_mm[0] < 0.6 * FULL_MM
    with pytest.raises(DataError, match="no valid frame"):
        measure_sides(FACE, RULER, psi, np.zeros(len(psi), bool), 30.0)


def test_a_frame_that_a_tracker_lost_is_no_apex_and_is_counted():
    psi = performed(FACE, everywhere(0.5), everywhere(0.4))
    whole = measured(psi)
    broken = psi.copy()
    broken[len(psi) // 2] = 100.0  # a metre
    found = measured(broken)
    assert (whole.broken_frames, found.broken_frames) == (0, 1)
    assert found.rest_mm == pytest.approx(whole.rest_mm, abs=1e-6)
    for name in NAMES:
        assert found.apexes[name].median_mm == pytest.approx(whole.apexes[name].median_mm, rel=0.1)
    with pytest.raises(DataError, match="no valid frame"):
        measured(np.full_like(psi, 100.0))


def test_grades_follow_the_shares_of_house_and_brackmann():
    assert [grade_of(share) for share in (1.0, 0.8, 0.6, 0.4, 0.2, 0.0)] == [1, 2, 3, 4, 5, 6]


def test_coefficients_without_a_mesh_have_no_sides_to_measure():
    with pytest.raises(DataError, match="without a mesh"):
        ruler_of(coefficient_face("flame-50+jaw"))
