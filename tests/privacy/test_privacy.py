"""Identity that was planted: attackers find it, attenuation takes out what it should, and groups hide people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import save_face
from dfe_core.privacy.adversarial import FRAMES, fit_hiding_map, windows_of_frames
from dfe_core.privacy.anonymous import anonymous_bags, mdav_groups
from dfe_core.privacy.attackers import leak_of, recall_by_subject
from dfe_core.privacy.erasure import SubjectErased, erasing_matrix
from dfe_core.privacy.habits import habits_of, without_habits
from dfe_core.privacy.result import write_attenuated
from dfe_core.privacy.settings import PrivacySettings
from dfe_core.workspace.anonymous_export import export_anonymous
from dfe_core.workspace.study import Study
from tests.small_world import make_world, write_dataset

PEOPLE, BLOCKS, EACH = 8, 3, 10


def planted(tell: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, 12) whose mean tells the subject, who (n,), block (n,)."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(PEOPLE), BLOCKS * EACH)
    block = np.tile(np.repeat(np.arange(BLOCKS), EACH), PEOPLE)
    return tell * rng.normal(size=(PEOPLE, 12))[who] + rng.normal(size=(len(who), 12)), who, block


def test_an_attacker_finds_planted_people_and_nobody_in_noise():
    found = [recall_by_subject(*planted(tell), "linear").mean() for tell in (0, 3)]
    assert found[0] < 0.25 and found[1] > 0.95


def test_a_projection_leaves_nothing_linear_and_a_stronger_attacker_finds_what_is_left():
    features, who, block = planted(2)
    squares = np.random.default_rng(1).normal(size=(len(who), 4)) * (1 + 3 * (who % 2))[:, None]
    features = np.hstack([features, squares])
    plain = recall_by_subject(features, who, block, "linear")
    erased = recall_by_subject(features, who, block, "linear", rank=0)
    assert plain.mean() > 0.85 and erased.mean() < 0.25
    boosted = recall_by_subject(features, who, block, "boosting", rank=0)
    assert boosted.mean() > 0.17 > erased.mean() - 0.06
    leak = leak_of(erased, plain, 300, 0)
    assert leak.change_high < 0 and leak.low <= leak.leak <= leak.high


def test_boosting_and_trees_are_as_strong_as_a_line_with_many_people_and_few_windows():
    rng = np.random.default_rng(0)
    who, block = np.repeat(np.arange(40), 12), np.tile(np.repeat([0, 1], 6), 40)
    features = np.clip(1.5 * rng.normal(size=(40, 12))[who] + rng.normal(size=(len(who), 12)) - 0.5, 0, None)
    linear, boosted, trees = (
        recall_by_subject(features, who, block, attacker).mean() for attacker in ("linear", "boosting", "trees")
    )
    assert boosted > 0.8 * linear and trees > 0.9 * linear


def test_erasing_is_the_smallest_change_and_keeps_what_is_independent_of_people():
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(2), 300)
    features = rng.normal(size=(600, 5))
    features[:, 0] += 4 * who
    features -= features.mean(0)
    left = features - features @ erasing_matrix(features, who)
    means = np.stack([left[who == k].mean(0) for k in range(2)])
    assert np.abs(means[:, 0]).max() < 0.1
    assert np.corrcoef(left[:, 3], features[:, 3])[0, 1] > 0.97


def test_a_projection_never_reads_the_subjects_of_new_people():
    features, who, _ = planted(2)
    erased = SubjectErased(0).fit(np.column_stack([features, who]))
    one, other = (erased.transform(np.column_stack([features[:5], np.full(5, k)])) for k in (0, 7))
    np.testing.assert_array_equal(one, other)


def test_rest_and_spread_are_a_persons_own():
    rng = np.random.default_rng(0)
    time_s = np.arange(600) / 30
    moves = np.clip(np.sin(time_s)[:, None] - 0.5, 0, None) * [1.0, 0.5]
    people = {"a": 0.1 + moves, "b": 0.3 + 2 * moves}
    own, every = habits_of((name, psi + 1e-4 * rng.normal(size=psi.shape), time_s) for name, psi in people.items())
    np.testing.assert_allclose(own["a"].rest, 0.1, atol=5e-3)
    np.testing.assert_allclose(own["b"].rest, 0.3, atol=5e-3)
    rested = without_habits(people["b"], own["b"], every, "rest")
    assert np.abs(np.median(rested, 0)).max() < 0.01
    scaled = [without_habits(people[name], own[name], every, "scale") for name in people]
    np.testing.assert_allclose(scaled[0].mean(0), scaled[1].mean(0), atol=1e-2)
    np.testing.assert_allclose(scaled[0].std(0), scaled[1].std(0), rtol=0.02)


def test_a_recording_shorter_than_a_window_has_none_and_stops_nothing():
    assert windows_of_frames(np.zeros((40, 4)), 30.0, 5.0).shape == (0, FRAMES, 4)


def test_a_map_trained_against_an_adversary_takes_out_the_offset_that_tells_people():
    rng = np.random.default_rng(0)
    own = rng.normal(size=(4, 1)) * [[2.0, 0, 0, 0]]
    parts = []
    for person in range(4):
        psi = rng.normal(size=(40 * 10, 4)) * [0.3, 1, 1, 1] + own[person]
        parts.append((f"p{person}", windows_of_frames(psi, 2.0, 5.0)))
    assert parts[0][1].shape == (40, FRAMES, 4)
    change = fit_hiding_map(parts, np.eye(4), strength=3.0, steps=100, seed=0)
    means = np.stack([change(values.reshape(-1, 4)).mean(0) for _, values in parts])
    before = np.stack([values.reshape(-1, 4).mean(0) for _, values in parts])
    assert means[:, 0].std() < 0.6 * before[:, 0].std()
    free = parts[0][1].reshape(-1, 4)
    assert np.corrcoef(change(free)[:, 1], free[:, 1])[0, 1] > 0.9


@pytest.mark.parametrize(("count", "k"), [(2, 2), (5, 2), (17, 3), (40, 5), (9, 5)])
def test_groups_have_k_to_2k_less_one_people(count: int, k: int):
    sizes = np.bincount(mdav_groups(np.random.default_rng(0).normal(size=(count, 3)), k))
    assert sizes.min() >= k and sizes.max() < 2 * k and sizes.sum() == count


def test_groups_are_of_people_alike():
    points = np.array([[0, 0], [10, 10], [0.1, 0], [10, 10.1], [0, 0.1], [10.1, 10]])
    found = mdav_groups(points, 3)
    assert len({*found[[0, 2, 4]]}) == 1 and len({*found[[1, 3, 5]]}) == 1 and found[0] != found[1]


def test_anonymous_bags_link_at_most_one_in_k_and_never_mix_labels():
    rng = np.random.default_rng(0)
    people = [f"s{i:02d}" for i in range(24)]
    own = rng.uniform(size=(24, 6))
    bags, known = (pd.DataFrame(own + 0.01 * rng.normal(size=own.shape), index=people) for _ in range(2))
    cells = pd.DataFrame({"group": ["patient"] * 11 + ["control"] * 11 + ["rare"] * 2}, index=people)
    found = anonymous_bags(bags, 4, cells, known)
    assert found.linked_before.share == 1 and found.linked_after.share <= found.bound == 0.25
    assert found.linked_after.low <= found.linked_after.share <= found.linked_after.high
    assert found.left_out == {"group rare": 2} and found.people == 22 == found.table["people"].sum()
    assert set(found.table["group"]) == {"patient", "control"}
    assert found.table["people"].min() >= 4 and 0 < found.information_loss < 1
    patients = bags.loc[people[:11]]
    shown = found.table[found.table["group"] == "patient"]
    mean = np.average(shown[list(bags.columns)], axis=0, weights=shown["people"])
    np.testing.assert_allclose(mean, patients.mean(), rtol=1e-6)
    assert anonymous_bags(bags, 2).information_loss < found.information_loss


def test_fewer_people_than_k_are_refused():
    bags = pd.DataFrame(np.eye(3), index=list("abc"))
    for k in (1, 4):
        with pytest.raises(DataError):
            anonymous_bags(bags, k)
    with pytest.raises(DataError):
        PrivacySettings(model="m", dataset="d", ways=("mask",))


def test_a_dataset_written_without_rest_has_no_resting_face_and_says_so(tmp_path, toy_face):
    save_face(toy_face, tmp_path)
    rng = np.random.default_rng(0)
    psi = {f"r{i}": 0.2 * (i % 2) + 0.01 * rng.random((80, toy_face.coefficients)) for i in range(4)}
    dataset = write_dataset(tmp_path, toy_face, psi, subjects=2)
    settings = PrivacySettings(model="m", dataset="d")
    assert write_attenuated(dataset, "rest", "d2", settings, tmp_path) == 4 * 80
    written = Dataset.open("d2", tmp_path)
    assert max(np.abs(np.median(part.psi, 0)).max() for part in written.iter_frames()) < 0.01
    assert list(written.recordings["subject"]) == list(dataset.recordings["subject"])
    assert any("people can still be identified" in note for note in written.manifest["notes"])
    with pytest.raises(DataError):
        write_attenuated(dataset, "projection", "d3", settings, tmp_path)


def test_an_anonymous_file_names_nobody(tmp_path, toy_face):
    world = make_world(tmp_path, toy_face, frames=60)
    save_face(toy_face, tmp_path)
    found = export_anonymous(Study("m", "d", root=tmp_path), tmp_path / "bags.csv", 2)
    text = (tmp_path / "bags.csv").read_text() + (tmp_path / "bags.csv.privacy.json").read_text()
    assert found.people == 3 and len(found.table) == 1 and found.bound == 0.5
    assert not [name for name in world.dataset.recordings["subject"] if f"{name}," in text or f'"{name}"' in text]
    bag = Study("m", "d", root=tmp_path).bag().drop(columns=0)
    np.testing.assert_allclose(found.table[list(bag.columns)].iloc[0], bag.mean(), rtol=1e-6)
