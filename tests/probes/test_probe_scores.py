"""Scores against scikit-learn and by hand, refits against scikit-learn, corrections against known values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from dfe_core.probes import scores
from dfe_core.probes.chance import StoppedNull, p_value, permutation_count
from dfe_core.probes.intervals import group_weights
from dfe_core.probes.paired_tests import compare, holm
from dfe_core.probes.refit import logistic_values, reselected_ridge_values, ridge_values, weighted_ridge_values
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.validation import Predictions


def draw(classes: int, n: int = 60, seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, classes, n), rng.normal(size=(n, classes))


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_classification_scores_are_those_of_scikit_learn(classes):
    y, values = draw(classes)
    confusion = scores.sums("classify", y, values).sum(0)
    predicted = values.argmax(1)
    assert scores.macro_f1(confusion) == pytest.approx(f1_score(y, predicted, average="macro"))
    assert scores.uar(confusion) == pytest.approx(balanced_accuracy_score(y, predicted))
    assert scores.accuracy(confusion) == pytest.approx((y == predicted).mean())


def test_auroc_is_that_of_scikit_learn_and_knows_ties():
    y, values = draw(2)
    values = np.round(values, 1)
    one = scores.weighted_auroc(y, values, np.ones((1, len(y))))[0]
    assert one == pytest.approx(roc_auc_score(y, values[:, 1] - values[:, 0]))
    doubled = scores.weighted_auroc(y, values, np.where(y == 1, 2.0, 1.0)[None])[0]
    assert doubled == pytest.approx(one)


def test_regression_scores_by_their_definitions():
    rng = np.random.default_rng(0)
    y = rng.normal(size=50)
    p = 0.6 * y + 0.2 + rng.normal(size=50) * 0.3
    moments = scores.sums("regress", y, p[:, None]).sum(0)
    cov = np.mean((y - y.mean()) * (p - p.mean()))
    assert scores.ccc(moments) == pytest.approx(2 * cov / (y.var() + p.var() + (y.mean() - p.mean()) ** 2))
    assert scores.pearson(moments) == pytest.approx(np.corrcoef(y, p)[0, 1])
    assert scores.mae(moments) == pytest.approx(np.abs(y - p).mean())


def test_degenerate_predictions_score_zero_and_never_nan():
    y = np.linspace(0, 1, 9)
    moments = scores.sums("regress", y, np.full((9, 1), 0.5)).sum(0)
    assert scores.ccc(moments) == 0 and scores.pearson(moments) == 0
    assert scores.macro_f1(np.zeros((2, 2))) == 0


def test_bootstrap_weights_are_of_groups_and_as_many_as_there_are():
    weights = group_weights(np.repeat(np.arange(20), 3), 400, 0)
    assert (weights[:, ::3] == weights[:, 2::3]).all() and (weights.sum(1) == 60).all()
    assert weights[:, 0].mean() == pytest.approx(1, abs=0.15)


def test_weighted_refits_are_those_of_rows_that_are_there_so_often():
    rng = np.random.default_rng(3)
    train, test, y = rng.normal(size=(40, 6)), rng.normal(size=(9, 6)), np.arange(40) % 2
    counts = rng.multinomial(40, np.full(40, 1 / 40), 2).astype(float)
    values = logistic_values(train, np.repeat(y[None], 2, 0), test, 2, 0.1, counts)
    continuous = weighted_ridge_values(train, train[:, 0] + y, test, np.array([3.0]), counts)
    for row, count, line in zip(values, counts.astype(int), continuous, strict=True):
        drawn = np.repeat(np.arange(40), count)
        theirs = LogisticRegression(C=0.1, class_weight="balanced", tol=1e-8).fit(train[drawn], y[drawn])
        np.testing.assert_allclose(row[:, 1], theirs.decision_function(test), atol=0.02)
        ridge = Ridge(alpha=3.0).fit(train[drawn], (train[:, 0] + y)[drawn])
        np.testing.assert_allclose(line[:, 0], ridge.predict(test), atol=1e-8)


@pytest.mark.parametrize(
    ("classes", "shape", "strength"), [(2, (40, 8), 1.0), (2, (30, 80), 0.01), (3, (45, 20), 0.1), (4, (60, 5), 1.0)]
)
def test_many_logistic_refits_are_those_of_scikit_learn(classes, shape, strength):
    rng = np.random.default_rng(1)
    train, test = rng.normal(size=shape), rng.normal(size=(12, shape[1]))
    labels = np.stack([rng.permutation(np.arange(shape[0]) % classes) for _ in range(3)])
    labels[2, :5] = 0
    ours = logistic_values(train, labels, test, classes, strength)
    for y, values in zip(labels, ours, strict=True):
        theirs = LogisticRegression(C=strength, class_weight="balanced", tol=1e-8, max_iter=5000).fit(train, y)
        expected = theirs.predict_log_proba(test)
        gap = (values - values[:, :1]) if classes > 2 else values[:, 1:]
        wanted = (expected - expected[:, :1]) if classes > 2 else expected[:, 1:] - expected[:, :1]
        np.testing.assert_allclose(gap, wanted, atol=0.02 * np.abs(wanted).max())


def test_the_penalty_of_each_draw_is_the_one_its_own_inner_folds_choose():
    rng = np.random.default_rng(4)
    train, test, y = rng.normal(size=(36, 8)), rng.normal(size=(5, 8)), rng.normal(size=36)
    counts, alphas = rng.multinomial(36, np.full(36, 1 / 36), 3).astype(float), np.array([0.1, 10.0, 1000.0])
    inner = [(np.flatnonzero(np.arange(36) % 3 != k), np.flatnonzero(np.arange(36) % 3 == k)) for k in range(3)]
    ours = reselected_ridge_values(train, y, test, alphas, inner, counts)
    for values, count in zip(ours, counts, strict=True):
        loss = [
            sum(
                np.sum(count[b] * (Ridge(alpha=a).fit(train[s], y[s], count[s]).predict(train[b]) - y[b]) ** 2)
                for s, b in inner
            )
            for a in alphas
        ]
        best = Ridge(alpha=alphas[int(np.argmin(loss))]).fit(train, y, count)
        np.testing.assert_allclose(values[:, 0], best.predict(test), atol=1e-6)


def test_many_ridge_refits_are_those_of_scikit_learn():
    rng = np.random.default_rng(2)
    train, test, labels = rng.normal(size=(30, 50)), rng.normal(size=(7, 50)), rng.normal(size=(4, 30))
    ours = ridge_values(train, labels, test, 3.0)
    for y, values in zip(labels, ours, strict=True):
        np.testing.assert_allclose(values[:, 0], Ridge(alpha=3.0).fit(train, y).predict(test), atol=1e-8)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@pytest.mark.parametrize("rows", [1, 3, 11, 40])
def test_significance_can_be_reached_however_many_rows_are_corrected(rows):
    for model in ("linear", "boosting"):
        settings = ProbeSettings(model="m", dataset="d", label="x")
        least = p_value(1.0, np.zeros(permutation_count(settings, rows, model)))
        assert holm([least] * rows)[0] < 0.05
    assert permutation_count(ProbeSettings(model="m", dataset="d", label="x", permutations=50), rows) == 50


def test_a_stopped_permutation_test_gives_exceedances_over_permutations():
    """Besag & Clifford: ten of forty reached the score, and the rest need not be drawn."""
    null = np.r_[np.zeros(30), np.ones(10)]
    assert p_value(0.5, null.view(StoppedNull)) == pytest.approx(0.25)
    assert p_value(0.5, null) == pytest.approx(11 / 41)


def test_a_clear_difference_is_found_however_many_pairs_are_corrected():
    """Eleven rows, 55 pairs: one that is right, ten that guess; permuted scores as there are by default."""
    rng = np.random.default_rng(0)
    y, n = np.tile([0, 1], 30), 60
    target = Target(
        task="classify",
        unit="recording",
        units=np.arange(n).astype(str),
        groups=np.repeat(np.arange(30), 2).astype(str),
        y=y,
        classes=("a", "b"),
        member=np.arange(n),
        table=pd.DataFrame({"unit": np.arange(n)}),
    )
    fold = np.arange(n) // 2 % 5
    values = {"right": np.eye(2)[y], **{f"guess {i}": rng.normal(size=(n, 2)) for i in range(10)}}
    rows = {name: (Predictions(v, fold, ()),) for name, v in values.items()}
    nulls = {name: 0.5 + 0.07 * rng.normal(size=549) for name in rows}
    found = compare(rows, target, ProbeSettings(model="m", dataset="d", label="x"), nulls)
    assert len(found) == 55 and all(p["p_holm"] < 0.05 for p in found if p["a"] == "right")
    assert all(p["p_holm"] > 0.05 for p in found if p["a"] != "right")


@pytest.mark.parametrize("classes", [2, 3])
def test_the_area_of_many_units_is_that_of_every_pair(classes: int, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(classes)
    y, weights = rng.integers(0, classes, 300), rng.integers(0, 4, (5, 300)).astype(float)
    values = np.round(rng.normal(size=(300, classes)), 1)  # with ties
    expected = scores.weighted_auroc(y, values, weights)
    monkeypatch.setattr(scores, "_MOST_PAIRS", 0)
    assert scores.weighted_auroc(y, values, weights) == pytest.approx(expected, abs=1e-12)
