"""Event-locked curves: the planted response is found where it is, and nothing is found more often than it should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.events.store import exclude, write_events
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import save_face
from dfe_core.groups.cluster_test import ClusterSettings, difference_clusters, group_clusters, shift_clusters
from dfe_core.groups.event_curves import BASELINE, CurveSettings, EventCurves, event_curves
from dfe_core.tokens.cache import TokenCache
from tests.small_world import codeword_psi, write_dataset, write_model, write_tokens

FEW = ClusterSettings(permutations=199)


def test_a_planted_difference_is_one_cluster_at_its_times():
    rng = np.random.default_rng(0)
    difference = rng.normal(size=(14, 3, 30))
    difference[:, 1, 10:16] += 2
    first, *others = difference_clusters(difference, ClusterSettings(permutations=999))
    assert (first.curve, first.start, first.stop) == (1, 10, 16) and first.mass > 0
    assert first.p <= first.p_all <= 0.005
    assert all(one.p_all > 0.05 for one in others)
    assert difference_clusters(-difference, FEW)[0].mass == pytest.approx(-first.mass)


def test_the_mass_is_that_of_the_paired_t_and_small_groups_are_tested_exactly():
    from scipy.stats import ttest_1samp

    difference = np.random.default_rng(1).normal(0.8, 1, (6, 1, 12))
    found = difference_clusters(difference, ClusterSettings(permutations=64))
    t = ttest_1samp(difference[:, 0], 0).statistic
    for one in found:
        assert one.mass == pytest.approx(t[one.start : one.stop].sum(), rel=1e-6)
        assert one.p * 64 == pytest.approx(round(one.p * 64)) and one.p >= 1 / 64
    assert found


def test_two_groups_are_compared_by_who_belongs_to_which():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(12, 2, 20)), rng.normal(size=(15, 2, 20))
    b[:, 0, 5:9] -= 2.5
    first = group_clusters(a, b, ClusterSettings(permutations=499))[0]
    assert (first.curve, first.start, first.stop) == (0, 5, 9) and first.mass < 0 and first.p_all <= 0.01


def test_times_that_few_subjects_have_are_in_no_cluster():
    difference = np.random.default_rng(3).normal(3, 0.1, (9, 1, 10))
    difference[:5, :, 4:] = np.nan
    (found,) = difference_clusters(difference, FEW)
    assert (found.start, found.stop) == (0, 4)


def curves_without_effect(kind: str, seed: int) -> np.ndarray:
    """(16, 4, 25) smooth noise, or a rare codeword that is there in 3 % of the steps."""
    rng = np.random.default_rng(seed)
    if kind == "rare":
        return (rng.random((16, 4, 25)) < 0.03).astype(float)
    noise = rng.normal(size=(16, 4, 29))
    return np.stack([noise[..., i : i + 25] for i in range(5)]).mean(0)


@pytest.mark.parametrize("kind", ["smooth", "rare"])
def test_without_an_effect_p_all_keeps_its_rate(kind: str):
    low = 0
    for seed in range(60):
        found = shift_clusters(curves_without_effect(kind, seed), 10, FEW)
        low += any(one.p_all <= 0.05 for one in found)
    assert low <= 8  # binomial(60, 0.05): 8 or fewer with probability 0.996


def test_curves_in_parts_give_the_same_clusters(monkeypatch):
    from dfe_core.groups import cluster_test

    values = curves_without_effect("smooth", 1)
    values[:, 2, 15:20] += 1
    whole = shift_clusters(values, 10, FEW)
    monkeypatch.setattr(cluster_test, "_CELLS", 16 * 25 * 25)
    parts = shift_clusters(values, 10, FEW)
    assert [(c.curve, c.start, c.stop, c.p, c.p_all) for c in parts] == [
        (c.curve, c.start, c.stop, c.p, c.p_all) for c in whole
    ]
    assert (whole[0].curve, whole[0].start, whole[0].stop) == (2, 5, 10) and whole[0].p_all <= 0.01


SMILE, FRAMES = 5, 300
"""A codeword that answers events of the kind ``joke`` from 1 to 2 s after them; frames of a recording of 30 s."""


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory, toy_face) -> tuple[Dataset, TokenCache]:
    """Twelve people, each with a joke at 10 s and a statement at 20 s."""
    root: Path = tmp_path_factory.mktemp("answers") / "cache"
    save_face(toy_face, root)
    codebook = write_model(root, toy_face, codeword_psi(toy_face))
    rng, held, rows = np.random.default_rng(0), {}, []
    for i in range(12):
        tokens = np.zeros((FRAMES, codebook.stages), np.int64)
        tokens[:, 1] = np.repeat(rng.choice([0, 0, 0, 8, 9], FRAMES // 5), 5)
        tokens[110:120, 0] = SMILE
        held[f"r{i}"] = tokens, np.ones_like(tokens)
        rows += [(f"r{i}", 10.0, 10.0, "joke"), (f"r{i}", 20.0, 20.5, "statement")]
    dataset = write_dataset(root, toy_face, {name: np.zeros((FRAMES, 52)) for name in held}, subjects=12)
    tokens = write_tokens(root, codebook, dataset, held)
    write_events(dataset, "talk", pd.DataFrame(rows, columns=["recording", "onset_s", "offset_s", "kind"]), kind="kind")
    return dataset, tokens


@pytest.fixture(scope="module")
def curves(answered) -> EventCurves:
    return event_curves(*answered, CurveSettings(events="talk", by="kind", permutations=499, resamples=100))


def test_curves_are_what_happens_at_each_time(curves: EventCurves):
    rows = (
        curves.curves[curves.curves["codeword"] == SMILE].set_index(["level", "measure", "time_s"])["mean"].sort_index()
    )
    share, rate = rows["joke", "share"], rows["joke", "rate"]
    assert list(share.index[[0, -1]]) == [-2.0, 4.8] and curves.levels == ("joke", "statement")
    inside = (share.index >= 1.0) & (share.index < 2.0)
    assert share[inside].tolist() == [1.0] * 5 and share[~inside].sum() == 0
    assert rate[1.0] == pytest.approx(60 / 0.2) and rate.drop(1.0).sum() == 0
    assert rows["joke", "intensity"][1.4] == pytest.approx(1.0)
    assert rows["statement", "share"].sum() == 0


def test_the_answer_is_the_first_cluster_against_baseline_and_between_kinds(curves: EventCurves):
    found = curves.clusters[(curves.clusters["measure"] == "share") & (curves.clusters["p_all"] < 0.05)]
    assert set(found["codeword"]) == {SMILE}
    assert set(zip(found["a"], found["b"], strict=True)) == {("joke", BASELINE), ("joke", "statement")}
    for row in found.to_dict("records"):
        assert (row["start_s"], row["end_s"], row["subjects"]) == (1.0, 2.0, 12)
        assert row["difference"] == pytest.approx(1.0)
    assert curves.to_json()["clusters"][0]["codeword"] == SMILE


def test_a_label_of_recordings_compares_people(answered):
    dataset, tokens = answered
    asked = CurveSettings(events="talk", by="condition", where={"kind": ["joke"]}, permutations=199, resamples=100)
    found = event_curves(dataset, tokens, asked)
    assert found.subjects == {"calm": 6, "stress": 6}
    between = found.clusters[found.clusters["b"] == "stress"]
    assert SMILE not in set(between["codeword"])  # both answer alike
    with pytest.raises(dfe.DataError, match="no such column"):
        event_curves(dataset, tokens, CurveSettings(events="talk", by="nothing"))


def test_excluded_frames_are_in_no_curve(answered):
    dataset, tokens = answered
    spans = [(f"r{i}", 11.0, 12.0, "x") for i in range(12)]
    exclude(dataset, pd.DataFrame(spans, columns=["recording", "onset_s", "offset_s", "reason"]))
    now = TokenCache(tokens.path)
    asked = CurveSettings(events="talk", where={"kind": ["joke"]}, measures=("share",), permutations=99, resamples=100)
    found = event_curves(Dataset.open("d", dataset.root), now, asked).curves
    rows = found[found["codeword"] == SMILE].set_index("time_s")["mean"]
    assert rows.fillna(0).sum() == 0 and rows[1.0:1.8].isna().all() and rows.isna().sum() == 5
