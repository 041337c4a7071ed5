"""Weakness of one side: what a grade leaves, what moves along, what is spared, and what the file may say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.simulate.effects import read_effect
from dfe_core.simulate.palsy import HEALTHY, PalsyWorld, Weakness, draw_courses, draw_weakness, weaken

GRADE_IV = Weakness(side="left", brow=0.0, closure=0.6, eye=0.4, mouth=0.5, synkinesis=0.4, droop=0.0)


def shown(weak: Weakness, **meant: float) -> dict[str, float]:
    """What a face with a weakness shows of coefficients that are meant."""
    psi = np.zeros((1, len(ARKIT_NAMES)), np.float32)
    for name, value in meant.items():
        psi[0, ARKIT_NAMES.index(name)] = value
    return dict(zip(ARKIT_NAMES, weaken(psi, ARKIT_NAMES, weak)[0].tolist(), strict=True))


def test_the_weak_side_is_weaker_in_every_zone_and_the_other_is_as_it_was():
    face = shown(GRADE_IV, mouthFrownLeft=0.8, mouthFrownRight=0.8, browOuterUpLeft=1.0, browOuterUpRight=1.0)
    assert (face["mouthFrownLeft"], face["mouthFrownRight"]) == pytest.approx((0.4, 0.8))
    assert (face["browOuterUpLeft"], face["browOuterUpRight"]) == pytest.approx((0.0, 1.0))


def test_what_the_nerve_does_not_serve_stays():
    meant = {"jawOpen": 0.7, "eyeLookUpLeft": 0.6, "jawLeft": 0.5, "tongueOut": 0.4}
    assert {name: shown(GRADE_IV, **meant)[name] for name in meant} == pytest.approx(meant)


def test_a_coefficient_without_sides_shows_the_mean_and_the_mouth_is_pulled_to_the_strong_side():
    face = shown(GRADE_IV, mouthPucker=0.8)
    assert face["mouthPucker"] == pytest.approx(0.6)
    assert face["mouthRight"] > 0.05 and face["mouthLeft"] == 0


def test_synkinesis_goes_both_ways_between_eye_and_mouth_on_the_weak_side_alone():
    smiling = shown(GRADE_IV, mouthSmileLeft=0.8, mouthSmileRight=0.8)
    closing = shown(GRADE_IV, eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
    assert smiling["eyeBlinkLeft"] == pytest.approx(0.32) and smiling["eyeBlinkRight"] == 0
    assert closing["mouthSmileLeft"] == pytest.approx(0.24) and closing["mouthSmileRight"] == 0
    assert (closing["eyeBlinkLeft"], closing["eyeBlinkRight"]) == pytest.approx((0.6, 1.0))


def test_the_mirror_of_a_weakness_is_the_weakness_of_the_other_side():
    rng = np.random.default_rng(0)
    psi = rng.uniform(0, 1, (20, len(ARKIT_NAMES))).astype(np.float32)
    swap = [
        ARKIT_NAMES.index(n.replace("Left", "*").replace("Right", "Left").replace("*", "Right")) for n in ARKIT_NAMES
    ]
    other = Weakness(**{**vars(GRADE_IV), "side": "right", "droop": 0.5})
    mine = Weakness(**{**vars(GRADE_IV), "droop": 0.5})
    np.testing.assert_allclose(weaken(psi[:, swap], ARKIT_NAMES, other)[:, swap], weaken(psi, ARKIT_NAMES, mine), 1e-6)
    assert weaken(psi, ARKIT_NAMES, HEALTHY) is psi


def test_grades_are_balanced_recover_and_never_worsen_and_repeats_share_one():
    world = PalsyWorld(sessions=4, repeats=2, recovery=1.0, central=0.5)
    courses = draw_courses(np.random.default_rng(0), world, 60)
    grade = courses["grade"].to_numpy().reshape(60, 4, 2)
    assert np.bincount(grade[:, 0, 0])[1:].tolist() == [10] * 6
    assert (grade[..., 0] == grade[..., 1]).all() and (np.diff(grade[..., 0], axis=1) <= 0).all()
    assert grade[:, -1].mean() < grade[:, 0].mean() - 1
    healthy = courses["affected_side"] == "none"
    assert (courses.loc[healthy, "grade"] == 1).all() and set(courses.loc[healthy, "palsy"]) == {"none"}
    assert {"left", "right"} < set(courses["affected_side"])


def test_more_is_lost_with_every_grade_and_a_central_palsy_spares_forehead_and_lids():
    world = PalsyWorld(sessions=1, repeats=1)
    courses = draw_courses(np.random.default_rng(1), world, 6).assign(affected_side="left", palsy="peripheral")
    rows = [courses.assign(grade=g).iloc[[0]] for g in range(1, 7)]
    one = [draw_weakness(np.random.default_rng(2), world, row)[0] for row in rows]
    function = [(w.brow + w.mouth) / 2 for w in one]
    assert function == sorted(function, reverse=True) and function[-1] == 0
    assert [w.brow for w in one[3:]] == [0, 0, 0] and [w.droop > 0 for w in one] == [False] * 4 + [True] * 2
    central = draw_weakness(np.random.default_rng(2), world, rows[4].assign(palsy="central"))[0]
    assert (central.brow, central.closure, central.synkinesis) == (1, 1, 0) and central.mouth < 0.3


def test_a_dataset_has_sessions_repeats_grades_and_a_truth_of_what_shows(tmp_path: Path, toy_face):
    data = simulate_dataset("p", toy_face, subjects=6, minutes_per_subject=1.5, effect="palsy", root=tmp_path)
    rows = data.recordings
    assert len(rows) == 36 and rows["recording"].iloc[:3].tolist() == ["s01-1a", "s01-1b", "s01-2a"]
    assert rows["session"].iloc[:3].tolist() == ["1", "1", "2"] and {"grade", "affected_side"} <= set(data.labels)
    worst = rows.sort_values("grade").iloc[-1]
    side, other = ("Left", "Right") if worst["affected_side"] == "left" else ("Right", "Left")
    psi = data.frames(worst["recording"]).psi
    smile, strong = (psi[:, data.names.index(f"mouthSmile{s}")] for s in (side, other))
    assert worst["grade"] >= 5 and np.ptp(smile) < 0.5 * np.ptp(strong)
    truth = data.truth[(data.truth["recording"] == worst["recording"]) & (data.truth["action"] == "AU12")]
    assert (truth["side"] != "both").all() and set(truth["side"]) >= {other.lower()}
    held = data.manifest["simulation"]["palsy"]["weakness"]
    assert {one["recording"] for one in held} == set(rows.loc[rows["affected_side"] != "none", "recording"])


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("grades = [1, 2]", "grades"),
        ("sessions = 0", "sessions 0"),
        ("repeats = 1.5", "repeats 1.5"),
        ("central = 2", "central 2"),
        ("speed = 1", "'speed'"),
        ('recovery = "fast"', "recovery"),
    ],
)
def test_a_file_that_cannot_be_served_is_refused_by_its_entry(tmp_path: Path, table: str, named: str):
    path = tmp_path / "own.toml"
    path.write_text(f"[palsy]\n{table}\n")
    with pytest.raises(DataError, match=named):
        read_effect(path)


def test_own_labels_stand_beside_a_palsy_but_not_under_its_names(tmp_path: Path):
    path = tmp_path / "own.toml"
    label = '[[label]]\nname = "{}"\nunit = "subject"\nlevels = ["a", "b"]\n'
    path.write_text("[palsy]\nsessions = 2\n" + label.format("group"))
    assert [one.name for one in read_effect(path).labels] == ["group"] and read_effect(path).recordings_each == (2, 2)
    path.write_text("[palsy]\n" + label.format("grade"))
    with pytest.raises(DataError, match="'grade' beside"):
        read_effect(path)
