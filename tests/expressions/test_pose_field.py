"""The correction for head pose on people whose artefact and behaviour are planted: they nod when they smile."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.learned import pose as learned_pose
from dfe_core.expressions.learned.measures import protected_measures
from dfe_core.expressions.pose_field import (
    functions,
    mean_field,
    moments_of,
    patterns_of,
    person_field,
    quiet_frames,
)
from dfe_core.expressions.pose_leak import stored_pose_leak, subject_leak
from dfe_core.faces import open_face
from dfe_core.faces.layouts import layout_of
from tests.moving_points import FPS, movements68, openface_csv, rotations, template68

FRAMES = 1500
SMILE = np.zeros((68, 3))
SMILE[[48, 54]], SMILE[[49, 53, 60, 64]], SMILE[[40, 41, 46, 47]] = [0, 0.008, -0.002], [0, 0.004, 0], [0, 0.0015, 0]

BROWS = np.zeros((68, 3))
BROWS[17:27, 1] = 0.006


class Person:
    """A person of the planted world, in the face's own place: angles (T, 3), smile (T,), artefact and displacement
    (T, 68, 3), m."""

    def __init__(self, number: int, frames: int = FRAMES) -> None:
        rng = np.random.default_rng(number)
        wander = gaussian_filter1d(rng.normal(size=(frames, 3)), 20, axis=0)
        self.angles = 0.08 * wander / wander.std(0) * [0.7, 1, 0.5]
        self.smile = np.zeros(frames)
        for start in rng.integers(0, frames - 60, frames // 150):
            self.smile[start : start + 50] = np.maximum(self.smile[start : start + 50], np.hanning(50))
        self.angles[:, 0] += 0.15 * gaussian_filter1d(self.smile, 5)
        common = np.random.default_rng(99).normal(0, 0.001, (9, 68, 3))
        self.field = common + rng.normal(0, 0.0004, (9, 68, 3))
        self.field[3:] *= 0.3
        self.artefact = np.tensordot(functions(self.angles, np.zeros(3)), self.field, 1)
        talk = np.maximum(0, gaussian_filter1d(rng.normal(size=frames), 6)) * 4
        brows = np.maximum(0, gaussian_filter1d(rng.normal(size=frames), 12)) * 4
        self.behaviour = (
            self.smile[:, None, None] * SMILE
            + talk[:, None, None] * movements68()[0]
            + brows[:, None, None] * BROWS
            + rng.normal(0, 5e-5, (frames, 68, 3))
        )
        self.displacement = self.behaviour + self.artefact
        self.neutral = template68() * (1 + rng.normal(0, 0.03, 3))

    def in_camera(self) -> np.ndarray:
        """(T, 68, 3) m, turned and 60 cm away."""
        moved = self.neutral + self.displacement
        return moved @ rotations(self.angles).transpose(0, 2, 1) + [0, 0, -0.6]


def corrected(people: list[Person]) -> list[np.ndarray]:
    """Displacement (T, 68, 3) of each person without the field, fitted as an import does."""
    _, measures = protected_measures(layout_of(68), 3)
    flat = [p.displacement.reshape(len(p.angles), -1) for p in people]
    moments = [moments_of(f, p.angles, len(f) / FPS, measures) for f, p in zip(flat, people, strict=True)]
    rest = [f - functions(p.angles, m.centre) @ m.weights for f, p, m in zip(flat, people, moments, strict=True)]
    patterns = patterns_of(sum((r - r.mean(0)).T @ ((r - r.mean(0)) @ measures.T) for r in rest), measures)
    mean = mean_field(moments, flat[0].shape[1])
    fits = [person_field(m, mean, measures, patterns, p.angles) for m, p in zip(moments, people, strict=True)]
    return [(f - fit(p.angles)).reshape(-1, 68, 3) for f, fit, p in zip(flat, fits, people, strict=True)]


def leak_of(values: np.ndarray, person: Person) -> float:
    return subject_leak(values.reshape(len(values), -1), person.angles, np.arange(len(values)) / FPS, None).leak


def slope(values: np.ndarray, person: Person, point: int = 54) -> float:
    """Rise of a corner of the mouth with the planted smile, m, at the same pose."""
    design = np.column_stack([person.smile, functions(person.angles, np.zeros(3)), np.ones(len(values))])
    return np.linalg.lstsq(design, values[:, point, 1] - values[:, 33, 1], rcond=None)[0][0]


def test_the_artefact_goes_and_the_smile_stays_although_heads_nod_with_it():
    people = [Person(i) for i in range(5)]
    for person, found in zip(people, corrected(people), strict=True):
        assert leak_of(found, person) < 0.2 and leak_of(found, person) < 0.6 * leak_of(person.displacement, person)
        assert slope(found, person) == pytest.approx(slope(person.displacement, person), rel=0.04)
        centred = [v - v[person.smile == 0].mean(0) for v in (person.displacement, found, person.behaviour)]
        before, after = (np.square(v - centred[2]).sum() for v in centred[:2])
        assert after < 0.4 * before


def test_protected_measures_are_as_they_were_frame_by_frame():
    people = [Person(i) for i in range(3)]
    _, measures = protected_measures(layout_of(68), 3)
    for person, found in zip(people, corrected(people), strict=True):
        change = (found - person.displacement).reshape(len(found), -1) @ measures.T
        assert np.abs(change - change.mean(0)).max() < 1e-6


def test_frames_with_a_smile_are_not_quiet_and_turned_frames_are():
    person = Person(1)
    _, measures = protected_measures(layout_of(68), 3)
    quiet = quiet_frames(person.displacement.reshape(FRAMES, -1), person.angles, measures)
    assert quiet[person.smile > 0.5].mean() < 0.1 < 0.6 < quiet[person.smile == 0].mean()
    turned = (np.abs(person.angles[:, 1]) > 0.12) & (person.smile == 0)
    assert quiet[turned].mean() > 0.5


def test_a_person_seen_briefly_gets_the_mean_field_and_one_without_pose_none():
    people = [Person(i) for i in range(6)]
    _, measures = protected_measures(layout_of(68), 3)
    moments = [moments_of(p.displacement.reshape(FRAMES, -1), p.angles, 60, measures) for p in people]
    mean, patterns = mean_field(moments, 204), patterns_of(np.zeros((204, len(measures))), measures)
    new = Person(50)
    brief = person_field(
        moments_of(new.displacement[:20].reshape(20, -1), new.angles[:20], 0.8, measures),
        mean,
        measures,
        patterns,
        new.angles,
    )
    assert brief.own == 0 and brief.quiet == 0
    found = new.displacement - brief(new.angles).reshape(FRAMES, 68, 3)
    assert leak_of(found, new) < 0.7 * leak_of(new.displacement, new)
    assert not brief(np.full((3, 3), np.nan)).any()


def test_the_field_is_not_continued_beyond_the_poses_it_was_fitted_on():
    people = [Person(i) for i in range(2)]
    _, measures = protected_measures(layout_of(68), 3)
    moments = moments_of(people[0].displacement.reshape(FRAMES, -1), people[0].angles, 60, measures)
    fit = person_field(
        moments, np.zeros((9, 204)), measures, patterns_of(np.zeros((204, len(measures))), measures), people[0].angles
    )
    assert np.allclose(fit(np.array([[0, 3.0, 0]])), fit(np.array([[0, fit.high[1], 0]])))


def importable(folder, numbers, frames: int = FRAMES) -> list[Person]:
    folder.mkdir(exist_ok=True)
    people = [Person(i, frames) for i in numbers]
    for i, person in zip(numbers, people, strict=True):
        openface_csv(folder / f"p{i}.csv", person.in_camera(), aus=False)
    return people


def test_an_import_takes_the_artefact_off_says_so_and_a_learned_face_passes_it_on(tmp_path):
    importable(tmp_path / "many", range(5))
    plain = import_dataset(
        [tmp_path / "many"], "plain", ImportOptions(face="learn", pose_correction="none"), root=tmp_path
    )
    report = import_dataset([tmp_path / "many"], "corrected", ImportOptions(face="learn"), root=tmp_path)
    before, after = (stored_pose_leak(Dataset.open(name, tmp_path).manifest) for name in ("plain", "corrected"))
    assert before.leak > 0.3 > 0.15 > after.leak
    said = Dataset.open("corrected", tmp_path).manifest["learned"]["pose_correction"]
    assert said["method"] == "field" and said["leak_before"] > 0.3 and "lips apart" in said["protected"]
    assert any("field of head pose" in note for note in report.notes) and report.face != plain.face
    assert any("not taken off" in note for note in plain.notes)
    importable(tmp_path / "new", [7, 8], frames=160)
    again = import_dataset([tmp_path / "new"], "new", ImportOptions(face=report.face), root=tmp_path)
    bare = import_dataset([tmp_path / "new"], "bare", ImportOptions(face=plain.face), root=tmp_path)
    assert again.face == report.face and open_face(report.face, tmp_path).pose_field.shape == (9, 68, 3)
    with_field, without = (stored_pose_leak(Dataset.open(name, tmp_path).manifest) for name in ("new", "bare"))
    assert with_field.leak < without.leak
    assert bare.face == plain.face and open_face(plain.face, tmp_path).pose_field is None


def test_what_cannot_be_corrected_stays_as_it_is_with_the_reason(tmp_path):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(1, 23, 2)) + 0.05 * rng.normal(size=(120, 23, 2))
    header = ",".join(["time_s", *(f"{a}_{i}" for i in range(23) for a in "xy")])
    np.savetxt(
        tmp_path / "cat.csv",
        np.column_stack([np.arange(120) / 25, points.reshape(120, -1)]),
        "%.5f",
        ",",
        header=header,
        comments="",
    )
    report = import_dataset([tmp_path / "cat.csv"], "cat", ImportOptions(face="learn"), root=tmp_path)
    assert any("not taken off: no head pose" in note for note in report.notes)
    with pytest.raises(DataError, match="no such method"):
        import_dataset(
            [tmp_path / "cat.csv"], "cat2", ImportOptions(face="learn", pose_correction="magic"), root=tmp_path
        )


def test_products_of_people_are_summed_in_their_order(monkeypatch):
    """A learned face is named by its numbers, so their last digits may not hang on the order of a set."""
    monkeypatch.setattr(learned_pose, "patterns_of", lambda products, measures: products)
    rng = np.random.default_rng(0)
    people = [f"s{i:02d}" for i in range(12)]
    job = SimpleNamespace(
        face="learn", tracks=[SimpleNamespace(head=SimpleNamespace(subject=s, name=f"{s}-1")) for s in people]
    )
    split = SimpleNamespace(recordings={"train": [f"{s}-1" for s in people]})
    products = {s: rng.normal(size=(6, 2)) * 10.0 ** rng.integers(-8, 8) for s in people}
    wanted = np.zeros((6, 2))
    for subject in people:
        wanted = wanted + products[subject]
    _, found = learned_pose._shared(job, split, dict.fromkeys(people), products, np.zeros((2, 6)), ())
    assert found.tobytes() == wanted.tobytes()
