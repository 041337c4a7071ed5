"""Whole probes on simulated people: what is planted is found, what is not there is not, and nothing leaks."""

from __future__ import annotations

import json
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from dfe_core.errors import DataError
from dfe_core.facs.derive import truth_aus
from dfe_core.probes import intervals
from dfe_core.probes.rows import require_distinct
from dfe_core.probes.run import run_probe
from dfe_core.probes.settings import ProbeSettings
from dfe_core.store import json_text
from tests.conftest import make_toy_face
from tests.probe_world import make_probe_world, planted_codewords

FEW = {"repeats": 1, "resamples": 100, "permutations": 60, "swaps": 300}


@pytest.fixture(scope="module")
def face():
    from dfe_core.faces.arkit import ARKIT_NAMES

    return make_toy_face(ARKIT_NAMES)


@pytest.fixture(scope="module")
def default(face, tmp_path_factory):
    world = make_probe_world(tmp_path_factory.mktemp("default"), face, "stress", subjects=40)
    truth_aus(world.dataset, root=world.root)
    return world


@pytest.fixture(scope="module")
def result(default):
    return run_probe(
        ProbeSettings(model="m", dataset="d", label="condition", features=("bow", "au", "psi", "au:truth"), **FEW),
        default.root,
    )


def score(result, name: str) -> dict:
    return next(row for row in result.to_json()["rows"] if row["features"] == name)


def test_a_planted_effect_is_found_as_well_as_the_oracle_finds_it(result):
    bow, oracle = score(result, "bow"), score(result, "au:truth")
    assert bow["p_vs_chance"] < 0.05 and bow["score"] > 0.6
    assert bow["score"] >= oracle["ci95"][0]


def test_the_codewords_that_decide_are_the_planted_ones(result):
    planted = planted_codewords({"AU4", "AU24", "AU45", "AU12", "mouthSideways"})
    top = [one["codeword"] for one in result.to_json()["top_codewords"][:5]]
    assert top[0] in planted and len(planted & set(top)) >= 3  # by chance: one of five
    smile = result.codewords[result.codewords["codeword"].isin(planted_codewords({"AU12"}))]
    assert (smile["weight"] < 0).all()


def test_the_json_has_the_keys_of_the_contract_and_is_json(result):
    value = json.loads(json_text(result.to_json()))
    assert {
        "label",
        "task",
        "unit",
        "n",
        "subjects",
        "classes",
        "folds",
        "seed",
        "rows",
        "chance",
        "paired",
        "top_codewords",
    } <= set(value)
    assert {"features", "model", "metric", "score", "ci95", "p_vs_chance"} <= set(value["rows"][0])
    assert {"a", "b", "difference", "p"} <= set(value["paired"][0])
    assert {"codeword", "weight", "stability"} <= set(value["top_codewords"][0])
    assert value["n"] == 80 and value["subjects"] == 40 and value["chance"] == pytest.approx(0.5, abs=0.03)


def test_the_same_probe_is_kept_and_another_one_is_not_it(result, default):
    again = run_probe(result.settings, default.root)
    assert again.to_json() == json.loads(json_text(result.to_json()))
    pd.testing.assert_frame_equal(again.codewords, result.codewords)
    kept = len(list((default.root / "analyses").glob("probe-*/predictions.parquet")))
    run_probe(ProbeSettings(model="m", dataset="d", label="condition", features=("bow",), seed=1, **FEW), default.root)
    assert len(list((default.root / "analyses").glob("probe-*/predictions.parquet"))) == kept + 1


def test_an_effect_outside_facs_is_found_by_tokens_above_aus(face, tmp_path):
    world = make_probe_world(tmp_path, face, "outside", subjects=60)
    found = run_probe(ProbeSettings(model="m", dataset="d", label="condition", features=("bow", "au"), **FEW), tmp_path)
    assert score(found, "bow")["score"] > score(found, "au")["ci95"][1]
    assert found.to_json()["paired"][0]["p"] < 0.05
    top = {one["codeword"] for one in found.to_json()["top_codewords"][:3]}
    assert top == planted_codewords({"mouthSideways", "upperLipShrug"}) and world.codebook.size == 50


def test_a_label_that_is_only_who_someone_is_scores_at_chance(default, tmp_path):
    """Two recordings of a person are far more alike than two people: folds that split a person would score high."""
    rows = default.dataset.recordings
    rng = np.random.default_rng(5)
    of_subject = {s: rng.permutation(np.arange(40) % 2)[i] for i, s in enumerate(sorted(set(rows["subject"])))}
    labels, table = tmp_path / "labels.csv", tmp_path / "identity.csv"
    rows[["recording"]].assign(side=["ab"[of_subject[s]] for s in rows["subject"]]).to_csv(labels, index=False)
    who = rng.normal(size=(40, 30))[rows["subject"].rank(method="dense").astype(int) - 1]
    noise = rng.normal(size=who.shape) * 0.01
    pd.DataFrame(who + noise).add_prefix("f").assign(recording=rows["recording"]).to_csv(table, index=False)
    settings = ProbeSettings(
        model="m",
        dataset="d",
        label="side",
        features=("who", "bow"),
        unit="recording",
        labels=str(labels),
        tables={"who": str(table)},
        **FEW,
    )
    found = run_probe(settings, default.root)
    assert score(found, "who")["score"] < 0.65 and score(found, "who")["p_vs_chance"] > 0.05
    leaky = rows[["recording"]].assign(side=labels_of(labels), apart=rows["recording"])
    leaky.to_csv(labels, index=False)
    split = ProbeSettings(
        model="m",
        dataset="d",
        label="side",
        features=("who",),
        unit="recording",
        labels=str(labels),
        group="apart",
        tables={"who": str(table)},
        **FEW,
    )
    assert score(run_probe(split, default.root), "who")["score"] > 0.9


def labels_of(path):
    return pd.read_csv(path)["side"]


def test_regression_finds_a_planted_quantity(face, tmp_path):
    make_probe_world(tmp_path, face, "default", subjects=40, minutes=0.5, seed=3, aus=False)
    found = run_probe(
        ProbeSettings(model="m", dataset="d", label="arousal", features=("bow-intensity",), **FEW), tmp_path
    ).to_json()
    assert found["task"] == "regress" and found["classes"] == [] and found["rows"][0]["metric"] == "CCC"
    assert found["rows"][0]["score"] > 0.1 and found["rows"][0]["p_vs_chance"] < 0.05


def test_every_kind_of_feature_gives_a_score_with_an_interval(default):
    names = (
        *("bow-counts", "bow-intensity", "bow-stages", "bow-onsets", "bow-pairs"),
        *("au-sided", "psi-pca", "psi-kmeans", "bow+au"),
    )
    found = run_probe(
        ProbeSettings(model="m", dataset="d", label="condition", features=names, folds=3, inner_folds=2, **FEW),
        default.root,
    )
    for name in names:
        row = score(found, name)
        assert 0 <= row["ci95"][0] <= row["score"] <= row["ci95"][1] <= 1, name


@pytest.mark.parametrize("model", ["svm", "boosting"])
@pytest.mark.parametrize("label", ["condition", "arousal"])
def test_other_models_give_a_score(default, model, label, tmp_path, monkeypatch):
    monkeypatch.setattr(intervals, "_SLOW_DRAWS", 5)
    few = default.dataset.recordings.iloc[:24][["recording", "condition", "arousal"]]
    few.to_csv(tmp_path / "few.csv", index=False)
    settings = ProbeSettings(
        model="m",
        dataset="d",
        label=label,
        labels=str(tmp_path / "few.csv"),
        drop_missing=True,
        features=("au",),
        models=(model,),
        folds=2,
        inner_folds=2,
        resamples=100,
        permutations=19,
        swaps=99,
    )
    row = run_probe(settings, default.root).to_json()["rows"][0]
    assert row["model"] == model and np.isfinite(row["score"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"features": ("bag",)}, "bag: no such feature"),
        ({"features": ("au:nobody",)}, "no AUs of this name"),
        ({"dataset": "none"}, "not encoded yet"),
        ({"model": "none"}, "no trained model"),
    ],
)
def test_what_is_not_there_is_named(default, changes, says):
    with pytest.raises(DataError) as refusal:
        run_probe(ProbeSettings(**({"model": "m", "dataset": "d", "label": "condition"} | changes)), default.root)
    assert says in str(refusal.value) or "no such dataset" in str(refusal.value)


def test_constant_features_and_recordings_under_two_names_are_refused(default, tmp_path):
    rows = default.dataset.recordings
    table = tmp_path / "flat.csv"
    settings = {
        "model": "m",
        "dataset": "d",
        "label": "condition",
        "features": ("mine",),
        "tables": {"mine": str(table)},
        **FEW,
    }
    rows[["recording"]].assign(f=1.0).to_csv(table, index=False)
    with pytest.raises(DataError, match="constant over all 80 units"):
        run_probe(ProbeSettings(**settings), default.root)
    values = np.random.default_rng(0).random(80)
    values[2] = values[0]
    rows[["recording"]].assign(f=values, g=values * 2).to_csv(table, index=False)
    with pytest.raises(DataError, match="under two names"):
        run_probe(ProbeSettings(**settings), default.root)
    rows[["recording"]].iloc[1:].assign(f=values[1:]).to_csv(table, index=False)
    with pytest.raises(DataError, match="no row for 1 recordings"):
        run_probe(ProbeSettings(**settings), default.root)


@pytest.mark.parametrize(("most", "refused"), [(9, True), (1, False)])
def test_the_same_counts_of_two_people_are_one_recording_where_they_are_many_and_chance_where_they_are_few(
    most: int, refused: bool
):
    counts = np.full((3, 8), most)
    counts[2] += 3
    target = SimpleNamespace(n=3, groups=np.array(["a", "b", "c"]), units=("r1", "r2", "r3"))
    feature = SimpleNamespace(member=np.arange(3), raw=sparse.csr_matrix(counts.astype(float)))
    expected = pytest.raises(DataError, match="r1 and r2: the same rows of bow") if refused else nullcontext()
    with expected:
        require_distinct("bow", feature, target)


def test_a_feature_table_with_a_hole_and_columns_that_are_not_there_are_refused(default, tmp_path):
    names = default.dataset.recordings[["recording"]]
    names.assign(f=[np.nan, *range(1, len(names))]).to_csv(tmp_path / "hole.csv", index=False)
    with pytest.raises(DataError, match="no number in column f for recording"):
        run_probe(
            ProbeSettings(
                model="m",
                dataset="d",
                label="condition",
                features=("x",),
                tables={"x": str(tmp_path / "hole.csv")},
                **FEW,
            ),
            default.root,
        )
    for what in ("confounds", "regress_out"):
        with pytest.raises(DataError, match=f"nothing: no such column among the {what}"):
            run_probe(
                ProbeSettings(
                    model="m", dataset="d", label="condition", features=("bow",), **{what: ("nothing",)}, **FEW
                ),
                default.root,
            )
