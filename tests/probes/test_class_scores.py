"""Confusions and scores of classes: counts by hand, scikit-learn's figures, and what cannot be said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from dfe_core.probes.class_scores import binary_scores, calibration, class_scores, confusion, roc


def predictions(truth: list[str], predicted: list[str], decision: list[float] | None = None) -> pd.DataFrame:
    table = pd.DataFrame({"truth": truth, "predicted": predicted})
    return table if decision is None else table.assign(decision=decision)


def test_confusions_are_counted_with_classes_that_were_never_predicted():
    found = confusion(predictions(list("aabbc"), list("abbba")))
    assert found.to_numpy().tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 0]] and list(found.columns) == ["a", "b", "c"]


def test_scores_of_classes_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth, predicted = rng.choice(list("abc"), 200).tolist(), rng.choice(list("abc"), 200).tolist()
    found = class_scores(predictions(truth, predicted))
    expected = precision_recall_fscore_support(truth, predicted)
    assert np.allclose(found[["precision", "recall", "f1", "units"]].to_numpy().T, expected)


def test_a_class_that_was_never_predicted_has_no_precision():
    found = class_scores(predictions(list("aab"), list("aaa"))).set_index("class")
    assert np.isnan(found.loc["b", "precision"]) and found.loc["b", "recall"] == 0 and found.loc["b", "f1"] == 0


@pytest.mark.parametrize("probable", [True, False], ids=["probability", "distance"])
def test_the_area_is_that_of_the_score_of_the_second_class(probable: bool):
    rng = np.random.default_rng(1)
    truth = rng.random(300) < 0.4
    score = truth * 0.2 + rng.random(300) * 0.8 if probable else truth + rng.normal(size=300)
    second = score > (0.5 if probable else 0)
    decision = np.where(second, score, 1 - score if probable else -score)
    table = predictions(np.where(truth, "b", "a").tolist(), np.where(second, "b", "a").tolist(), decision.tolist())
    name, given, are_probabilities = binary_scores(table)
    assert name == "b" and are_probabilities == probable and np.allclose(given, score)
    assert roc(table)[1] == pytest.approx(roc_auc_score(truth, score))
    assert (calibration(table) is not None) == probable


def test_a_calibrated_model_lies_on_the_line_and_an_overconfident_one_does_not():
    rng = np.random.default_rng(2)
    p = rng.random(20_000)
    truth = rng.random(len(p)) < p
    table = predictions(
        np.where(truth, "b", "a").tolist(), np.where(p > 0.5, "b", "a").tolist(), np.maximum(p, 1 - p).tolist()
    )
    bins, brier = calibration(table)
    assert np.abs(bins["predicted"] - bins["observed"]).max() < 0.03 and brier == pytest.approx(1 / 6, abs=0.01)
    sure = table.assign(decision=0.5 + (table["decision"] - 0.5) ** 0.25 * 0.5 / 0.5**0.25)
    bins, worse = calibration(sure)
    assert np.abs(bins["predicted"] - bins["observed"]).max() > 0.1 and worse > brier


def test_other_than_two_classes_have_no_curve():
    table = predictions(list("abc"), list("abc"), [0.9, 0.8, 0.7])
    assert binary_scores(table) is None and roc(table) is None and calibration(table) is None
    alone = predictions(list("aa"), list("ab"), [0.9, 0.8])
    assert roc(alone) is None
