"""Transitions: learned timing, steps that are edited, and photos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.faces.model import REGIONS
from dfe_core.motion.photo import photo_expression
from dfe_core.motion.real_transitions import RealTransition
from dfe_core.motion.steps import TransitionStep, moving_tracks, steps_of, with_steps
from dfe_core.motion.timeline import Timeline, Track, from_json, from_toml, play, to_json, to_toml
from dfe_core.motion.transition_timing import PARTS, learn_timing, part_matrices
from dfe_core.motion.transitions import by_parts, described
from dfe_core.simulate.curves import minimum_jerk


def ends(face) -> tuple[np.ndarray, np.ndarray]:
    """Rest, and a face whose brows and mouth move."""
    up = described("a smile and brows up", face.names)
    return np.zeros(face.coefficients), up.astype(np.float64)


def part_of(face, coefficient: str) -> int:
    """The part that a coefficient of the toy face belongs to."""
    at = face.names.index(coefficient)
    return int(part_matrices(face)[:, at, at].argmax())


def late_brows(face, count: int = 40) -> list[RealTransition]:
    """Transitions in which the smile is made in the first half of the time and the brows rise in the second."""
    parts, (rest, up) = part_matrices(face), ends(face)
    time = np.linspace(0, 1, 25)
    late, early = minimum_jerk((2 * time - 1).clip(0, 1)), minimum_jerk((2 * time).clip(0, 1))
    psi = sum(np.outer(late if i == part_of(face, "browInnerUp") else early, part @ up) for i, part in enumerate(parts))
    one = {"time_s": time, "psi": psi, "rest": rest, "rising": True}
    return [RealTransition(subject=f"p{i % 4}", recording=f"r{i}", **one) for i in range(count)]


def test_parts_add_up_to_the_face(toy_face):
    np.testing.assert_allclose(part_matrices(toy_face).sum(0), np.eye(toy_face.coefficients), atol=1e-9)


def test_a_learned_transition_moves_each_part_when_the_recorded_ones_do(toy_face):
    timing = learn_timing(late_brows(toy_face), toy_face)
    start, stop = ends(toy_face)
    shares = timing.shares(toy_face, start, stop, 1.0)
    brows, mouth = (shares[:, part_of(toy_face, name)] for name in ("browInnerUp", "mouthSmileLeft"))
    assert mouth[10] > 0.8 and brows[10] < 0.2  # half of the time
    assert (np.diff(shares, axis=0) >= 0).all() and np.allclose(shares[[0, -1]], [[0] * len(PARTS), [1] * len(PARTS)])
    made = by_parts(np.stack([start, stop]), toy_face, timing, hold_s=0.2)
    time_s, psi = play(made, toy_face.names)
    np.testing.assert_allclose(psi[0], start, atol=1e-6)
    np.testing.assert_allclose(psi[-1], stop, atol=1e-5)
    middle = psi[int(np.argmin(np.abs(time_s - 0.7)))]
    smile, brow = (toy_face.names.index(name) for name in ("mouthSmileLeft", "browInnerUp"))
    assert middle[smile] > 0.8 * stop[smile] and middle[brow] < 0.2 * stop[brow]


def test_a_face_without_regions_moves_as_a_whole_with_the_timing_of_its_recordings(toy_face):
    """As one learned from points whose regions nobody has said: coefficients have no names of ARKit either."""
    plain = replace(
        toy_face,
        names=tuple(f"c{i}" for i in range(toy_face.coefficients)),
        regions=np.full_like(toy_face.regions, REGIONS.index("other")),
    )
    rest, up = ends(toy_face)
    time = np.linspace(0, 1, 25)
    one = {"time_s": time, "psi": np.outer(minimum_jerk((2 * time - 1).clip(0, 1)), up), "rest": rest, "rising": True}
    late = [RealTransition(subject=f"p{i % 4}", recording=f"r{i}", **one) for i in range(40)]
    made = by_parts(np.stack([rest, up]), plain, learn_timing(late, plain), hold_s=0.2)
    assert [made.tracks[track].target for track in moving_tracks(made)] == ["face to face 2"]
    time_s, psi = play(made, plain.names)
    np.testing.assert_allclose(psi[-1], up, atol=1e-5)
    assert (
        np.abs(psi[int(np.argmin(np.abs(time_s - 0.7)))] - rest).max() < 0.1 * np.abs(up).max()
    )  # the first half rests


def test_timing_without_a_person_knows_none_of_their_transitions(toy_face):
    timing = learn_timing(late_brows(toy_face), toy_face)
    assert set(timing.without(["p0"]).subjects) == {"p1", "p2", "p3"}
    with pytest.raises(DataError, match="transitions"):
        learn_timing(late_brows(toy_face, 5), toy_face)


def test_several_faces_are_passed_in_turn(toy_face):
    rest, up = ends(toy_face)
    down = described("jaw open", toy_face.names).astype(np.float64)
    made = by_parts(np.stack([rest, up, down]), toy_face, seconds=[0.5, 1.0], hold_s=0.2)
    time_s, psi = play(made, toy_face.names)
    assert made.duration_s == pytest.approx(0.5 + 1.0 + 3 * 0.2)
    np.testing.assert_allclose(psi[int(np.argmin(np.abs(time_s - 0.8)))], up, atol=1e-5)
    np.testing.assert_allclose(psi[-1], down, atol=1e-5)
    with pytest.raises(DataError):
        by_parts(np.stack([rest, up]), toy_face, seconds=[1.0, 2.0])


def test_edited_steps_are_what_plays_and_survive_the_files(toy_face):
    rest, up = ends(toy_face)
    made = by_parts(np.stack([rest, up]), toy_face, hold_s=0.5)
    tracks = len(moving_tracks(made))
    steps = [TransitionStep(time_s=at, shares=(share,) * tracks) for at, share in ((0.8, 0.9), (1.2, 0.3))]
    changed = with_steps(made, steps)
    assert [round(step.time_s, 3) for step in steps_of(changed)] == [0.8, 1.2]
    for back in (from_json(to_json(changed)), from_toml(to_toml(changed))):
        assert back == changed
        time_s, psi = play(back, toy_face.names)
        np.testing.assert_allclose(psi[int(np.argmin(np.abs(time_s - 0.8)))], 0.9 * up, atol=1e-3)
        np.testing.assert_allclose(psi[int(np.argmin(np.abs(time_s - 1.2)))], 0.3 * up, atol=1e-3)
    with pytest.raises(DataError, match="two steps"):
        with_steps(made, [steps[0], steps[0]])


@pytest.mark.parametrize("course", [((0.5, 0.2), (0.4, 0.5)), ((0.0, 0.2),), ((0.5, 9.0),)])
def test_a_course_out_of_order_is_refused(course):
    track = {"kind": "action", "target": "AU12", "onset_s": 0, "apex_s": 1, "offset_s": 1, "end_s": 1}
    with pytest.raises(DataError, match="course"):
        Timeline(duration_s=1, tracks=(Track(**track, course=course),))


def test_a_photo_comes_as_its_coefficients(toy_face, tmp_path: Path):
    path = tmp_path / "photo.csv"
    values = dict.fromkeys(ARKIT_NAMES, 0.0) | {"jawOpen": 0.6, "mouthSmileLeft": 0.4}
    path.write_text(",".join(["time_s", *values]) + "\n" + ",".join(["0", *map(str, values.values())]) + "\n")
    psi = photo_expression(path, toy_face).psi
    assert psi[toy_face.names.index("jawOpen")] == pytest.approx(0.6)


def test_a_picture_without_the_landmarker_says_what_to_install(toy_face, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("dfe_core.motion.photo.available", lambda: False)
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8")
    with pytest.raises(DataError, match=r"pip install 'dfe\[video\]'"):
        photo_expression(path, toy_face)


def test_words_that_no_rule_knows_describe_no_face(toy_face):
    with pytest.raises(DataError, match="xyzzy"):
        described("smile and xyzzy", toy_face.names)
