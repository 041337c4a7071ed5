"""Learning in sequence: what is kept, what is forgotten, and that nobody trains on whom it is asked about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.probes.continual import (
    ContinualSettings,
    Units,
    continual_figures,
    learn_in_sequence,
    probe_continually,
)
from dfe_core.probes.continual_learners import Arrival, LearnerName, LogisticLearner, MixtureLearner
from dfe_core.probes.settings import ProbeSettings
from tests.conftest import make_toy_face
from tests.probe_world import make_probe_world

PROBE = ProbeSettings(model="m", dataset="d", label="kind", features=("bow",), folds=3)
SETTINGS = ContinualSettings(probe=PROBE, order="kind", shuffles=0)


def planted(apart: float = 2.0, people: int = 12, columns: int = 6, seed: int = 0) -> Units:
    """Three classes in every person, `apart` standard deviations from each other in columns of their own."""
    rng = np.random.default_rng(seed)
    y = np.tile(np.arange(3), people * 2)
    groups = np.repeat([f"p{i:02d}" for i in range(people)], 6)
    values = rng.normal(size=(len(y), columns))
    values[np.arange(len(y)), y] += apart
    return Units(values, y, groups, y.copy())


def final(name: LearnerName, units: Units, settings: ContinualSettings = SETTINGS) -> float:
    recalls, _ = learn_in_sequence(name, units, np.ones((1, len(units.y))), settings)
    return float(continual_figures(recalls)["final"][0])


def test_the_mixture_knows_all_classes_and_the_latest_part_alone_only_the_last():
    units = planted()
    assert final(LearnerName.MIXTURE, units) > 0.75
    assert abs(final(LearnerName.MIXTURE, units) - final(LearnerName.RETRAINED, units)) < 0.1
    assert final(LearnerName.LATEST, units) == pytest.approx(1 / 3)


def test_figures_of_a_matrix_worked_out_by_hand():
    recalls = np.full((1, 3, 3, 1), np.nan)
    recalls[0, :, :, 0] = [[0.9, 0.1, 0.0], [0.6, 0.8, 0.0], [0.7, 0.5, 1.0]]
    found = continual_figures(recalls)
    assert found["final"][0] == pytest.approx((0.7 + 0.5 + 1.0) / 3)
    assert found["backward transfer"][0] == pytest.approx(((0.7 - 0.9) + (0.5 - 0.8)) / 2)
    assert found["forgetting"][0] == pytest.approx(((0.9 - 0.7) + (0.8 - 0.5)) / 2)


def test_labels_that_follow_nothing_score_at_chance():
    found = [
        final(name, planted(apart=0.0, seed=s))
        for s in range(4)
        for name in (LearnerName.MIXTURE, LearnerName.RETRAINED)
    ]
    assert abs(np.mean(found) - 1 / 3) < 0.08


def test_a_weight_is_as_good_as_copies_of_a_unit():
    units = planted(people=5)
    weights = np.ones((2, len(units.y)))
    twice = np.flatnonzero(units.groups == "p01")
    weights[1, twice] = 3
    rows = np.concatenate([np.arange(len(units.y)), twice, twice])
    weighted, copied = MixtureLearner(3), MixtureLearner(3)
    weighted.learn(Arrival(units.columns, units.y, units.groups, weights))
    # components are found on undrawn units, so copies may part them otherwise: one component each here
    copied.learn(Arrival(units.columns[rows], units.y[rows], units.groups[rows], np.ones((1, len(rows)))))
    if weighted.components == copied.components == 3:
        assert np.allclose(weighted.scores(units.columns)[1], copied.scores(units.columns)[0])
    assert not np.allclose(weighted.scores(units.columns)[0], weighted.scores(units.columns)[1])


def test_the_mixture_is_the_same_whether_a_class_arrives_in_one_part_or_the_others_come_between():
    units = planted(people=4)
    one, other = MixtureLearner(3), MixtureLearner(3)
    parts = [
        Arrival(units.columns[own], units.y[own], units.groups[own], np.ones((1, len(own))))
        for own in (np.flatnonzero(units.y == k) for k in range(3))
    ]
    for part in parts:
        one.learn(part)
    for part in reversed(parts):
        other.learn(part)
    assert np.allclose(one.scores(units.columns), other.scores(units.columns))
    assert one.kept_units == 0


def test_replay_keeps_as_many_of_every_class_and_all_before_have_the_same_chance():
    columns = np.arange(40.0)[:, None]
    counts = np.zeros(40)
    for seed in range(60):
        learner = LogisticLearner(2, seed, memory=4)
        for start in (0, 20):
            own = np.arange(start, start + 20)
            alone = np.full(20, "one")  # nothing to choose a regularisation by, which saves the time
            learner.learn(Arrival(columns[own], own % 2, alone, np.ones((1, 20))))
        assert learner.kept_units == 8
        counts[learner._kept.columns[:, 0].astype(int)] += 1
    assert 0.7 < counts[:20].sum() / counts[20:].sum() < 1.4


def test_who_is_asked_about_never_trains():
    """Every person has a column of their own that tells the class: of no use for other people."""
    rng = np.random.default_rng(1)
    people = 9
    y = np.tile([0, 1], people * 3)
    person = np.repeat(np.arange(people), 6)
    columns = np.zeros((len(y), people))
    columns[np.arange(len(y)), person] = np.where(y, 5.0, -5.0) * rng.choice([-1, 1], people)[person]
    units = Units(columns, y, person.astype(str), y.copy())
    assert final(LearnerName.RETRAINED, units) < 0.7
    assert final(LearnerName.MIXTURE, units) < 0.7


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("continual")
    return make_probe_world(root, make_toy_face(ARKIT_NAMES), subjects=8, minutes=0.5, aus=False)


def test_probe_of_a_dataset(world, tmp_path):
    rows = world.dataset.recordings
    labels = tmp_path / "labels.csv"
    place = rows["subject"].rank(method="dense").astype(int) % 2
    pd.DataFrame(
        {"recording": rows["recording"], "kind": rows["condition"], "place": np.where(place, "north", "south")}
    ).to_csv(labels, index=False)
    probe = replace(PROBE, labels=str(labels), unit="recording", folds=2)
    found = probe_continually(ContinualSettings(probe=probe, order="place:south,north", shuffles=1), world.root)
    assert found.arrivals == ("south", "north")
    assert not found.by_class
    assert set(found.scores["learner"]) == set(map(str, LearnerName))
    assert (found.scores["low"] <= found.scores["score"]).all()
    assert (found.scores["score"] <= found.scores["high"]).all()
    assert found.to_json()["simulated"] is True
    for order, expected in (("nowhere", "no column"), ("place:south", "each value")):
        with pytest.raises(DataError, match=expected):
            probe_continually(ContinualSettings(probe=probe, order=order), world.root)
    fitted = replace(probe, features=("bow-tfidf",))
    with pytest.raises(DataError, match="fitted over all units"):
        probe_continually(ContinualSettings(probe=fitted, order="place"), world.root)


def test_settings_that_mean_nothing_are_refused(tmp_path: Path):
    with pytest.raises(DataError, match="one row"):
        ContinualSettings(probe=replace(PROBE, features=("bow", "psi")), order="kind")
    with pytest.raises(DataError, match="memory"):
        ContinualSettings(probe=PROBE, order="kind", memory=0)
