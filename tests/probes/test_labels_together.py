"""Several labels at once: a result each, one correction over all, permutations that move people and not labels."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.probes.chance import permutation_count
from dfe_core.probes.labels_together import LabelFamily, kept_together, predict_labels
from dfe_core.probes.methods_text import family_sentence
from dfe_core.probes.paired_tests import holm
from dfe_core.probes.result import list_results
from dfe_core.probes.settings import ProbeSettings
from dfe_core.reports.probe_labels import write_labels_report
from tests.conftest import make_toy_face
from tests.probe_world import ProbeWorld, make_probe_world

LABELS = ("smiling", "again", "noise", "item", "kind", "single")
FEW = {
    "repeats": 1,
    "resamples": 100,
    "permutations": 99,
    "swaps": 99,
    "folds": 3,
    "inner_folds": 2,
    "features": ("psi",),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> ProbeWorld:
    root = tmp_path_factory.mktemp("labels")
    return make_probe_world(root, make_toy_face(ARKIT_NAMES), "none", subjects=16, minutes=0.2, aus=False, fps=5.0)


@pytest.fixture(scope="module")
def settings(world: ProbeWorld, tmp_path_factory) -> ProbeSettings:
    """Six labels: one of the faces and its copy, noise, a Likert item of the faces, classes, and one value."""
    dataset, rng = Dataset.open("d", world.root), np.random.default_rng(1)
    rows = dataset.recordings
    smile = pd.Series([float(dataset.frames(r).psi[:, 23].mean()) for r in rows["recording"]])
    people = smile.groupby(rows["subject"]).mean()
    table = pd.DataFrame({"subject": people.index, "smiling": people.to_numpy() + 0.25})
    table["again"], table["noise"] = table["smiling"], rng.random(len(table))
    table["item"] = people.rank().mul(7 / len(people)).apply(np.ceil).to_numpy()
    table["kind"], table["single"] = rng.choice(["x", "y"], len(table)), "same"
    path = tmp_path_factory.mktemp("tables") / "labels.csv"
    table.to_csv(path, index=False)
    return ProbeSettings(model="m", dataset="d", label="smiling", labels=str(path), **FEW)


@pytest.fixture(scope="module")
def family(world: ProbeWorld, settings: ProbeSettings) -> LabelFamily:
    return predict_labels(settings, LABELS, world.root)


def test_every_label_has_a_result_and_what_cannot_be_predicted_says_why(family, world, settings):
    assert [result.settings.label for result in family.results] == [*LABELS[:5]]
    assert "two or more classes" in str(family.refused["single"])
    scales = family.table.set_index("label")["scale"]
    assert (scales["smiling"], scales["item"], scales["kind"]) == ("quantity", "ordinal", "nominal")
    with pytest.raises(DataError, match="two or more classes"):
        predict_labels(settings, ["single"], world.root)
    with pytest.raises(DataError, match="each label once"):
        predict_labels(settings, ["item", "item"], world.root)


def test_p_values_are_corrected_over_the_rows_of_all_labels(family):
    table = family.table
    assert table["p_holm"].tolist() == holm(table["p"].tolist())
    assert (table["q"] >= table["p"]).all() and (table["q"] <= table["p_holm"] + 1e-12).all()
    assert (table["p_joint"] >= table["p"]).all()
    least = {result.settings.label: 1 / (1 + len(result.nulls["permutation"].unique())) for result in family.results}
    low = np.isclose(table["p"], table["label"].map(least))
    assert table["p_at_floor"].tolist() == low.tolist()


def test_a_p_that_no_permutation_reached_is_said_as_a_bound():
    row = {"label": "mood", "features": "bow", "metric": "macro-F1", "score": 0.9, "p_holm": 0.01, "p_at_floor": True}
    assert "p ≤ 0.01)" in family_sentence([row], {})
    assert "p = 0.01)" in family_sentence([row | {"p_at_floor": False}], {})


def test_a_copy_of_a_label_moves_with_it_and_costs_nothing_jointly(family, world, settings):
    nulls = {result.settings.label: result.nulls["score"].to_numpy() for result in family.results}
    np.testing.assert_array_equal(nulls["smiling"], nulls["again"])
    keys = {result.settings.label: result.summary["permutation_key"] for result in family.results}
    assert keys["smiling"] == keys["noise"] == keys["item"] != keys["kind"]
    table = predict_labels(settings, ["smiling", "again"], world.root).table
    assert table["p_joint"].tolist() == table["p"].tolist() and (table["p_holm"] == 2 * table["p"]).all()


def test_there_are_permutations_enough_for_the_rows_of_all_labels():
    alone = ProbeSettings(model="m", dataset="d", label="a")
    assert permutation_count(alone, 3) == 199
    assert permutation_count(replace(alone, together=tuple("abcdef")), 3) == 899


def test_results_kept_are_found_as_a_family_and_the_report_holds_all(family, world, tmp_path):
    kept = kept_together(list_results(world.root), family.results[2])
    assert [result.settings.label for result in kept] == [*LABELS[:5]]
    few = replace(family, results=family.results[2:4])
    write_labels_report(few, tmp_path / "a")
    page = (tmp_path / "a" / "report.html").read_text()
    assert few.headline.split(".")[0] in page and "single was not predicted" in page
    told = json.loads((tmp_path / "a" / "result.json").read_text())
    assert told["table"] == json.loads(json.dumps(few.to_json()["table"])) and "max-T" in told["methods"]
    assert "one of 6 labels" in (tmp_path / "a" / "item" / "methods.txt").read_text()
