"""The parts of the coverage analysis against independent computations of the same figures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls
from scipy.sparse import csr_matrix
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import roc_auc_score

from dfe_core.facs.association import binned_auroc, interval
from dfe_core.facs.codeword_au_matching import best_one_or_two
from dfe_core.facs.condition_effects import _percentile
from dfe_core.facs.counts import bin_edges
from dfe_core.facs.displays import run_lengths, two_strongest
from dfe_core.facs.held_out import auroc_of_histograms, forward_selection, mean_over_subjects, ridge_readout
from dfe_core.facs.moments import subject_folds
from dfe_core.facs.rarefaction import rarefy
from dfe_core.facs.surface import MM_EDGES
from dfe_core.facs.variance import ridge, squared_error


def test_auroc_of_binned_intensities_is_sklearns() -> None:
    rng = np.random.default_rng(0)
    said, y = rng.integers(0, 4, 500), rng.random(500) < 0.3
    said[y] = np.minimum(said[y] + rng.integers(0, 2, y.sum()), 3)
    count = np.array([[(said == b).sum() for b in (1, 2, 3)]], float)[..., None]
    positive = np.array([[((said == b) & y).sum() for b in (1, 2, 3)]], float)[..., None]
    area = binned_auroc(count, positive, np.array([y.sum()], float), np.array([500.0]))
    assert area[0, 0] == pytest.approx(roc_auc_score(y, said))


def test_auroc_is_computed_within_each_subject_and_averaged() -> None:
    rng = np.random.default_rng(1)
    score, y, subject = rng.integers(0, 10, 400), rng.random(400) < 0.4, np.repeat([0, 1], 200)
    y[subject == 0] = score[subject == 0] > 4
    score[subject == 1] += 20  # another resting face: the same score means something else
    counts = np.zeros((2, 2, 1, 32), int)
    np.add.at(counts, (subject, y.astype(int), 0, score), 1)
    own = auroc_of_histograms(counts)
    expected = [roc_auc_score(y[subject == s], score[subject == s]) for s in (0, 1)]
    np.testing.assert_allclose(own[:, 0], expected)
    assert mean_over_subjects(own, np.ones((1, 2)))[0, 0] == pytest.approx(np.mean(expected))
    assert mean_over_subjects(own, np.array([[2.0, 0]]))[0, 0] == pytest.approx(1)


def test_a_subject_without_the_au_has_no_say_in_the_mean() -> None:
    auroc = np.array([[0.9, np.nan], [np.nan, np.nan], [0.7, np.nan]])
    mean = mean_over_subjects(auroc, np.ones((1, 3)))
    assert mean[0, 0] == pytest.approx(0.8) and np.isnan(mean[0, 1])


def test_forward_selection_finds_the_sources_and_their_weights() -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2000, 8))
    y = x[:, 2] + 0.5 * x[:, 5] - x[:, 6] + 0.1 * rng.standard_normal(2000)
    x, y = x - x.mean(0), y - y.mean()
    chosen, weights = forward_selection(x.T @ x, x.T @ y, y @ y, 3)
    assert chosen == [2, 5]  # never the sixth, whose absence goes with the target
    np.testing.assert_allclose(weights, LinearRegression().fit(x[:, chosen], y).coef_, rtol=1e-5)
    assert forward_selection(x.T @ x, -np.ones(8), 1.0, 3)[0] == []


def test_the_readout_of_all_codewords_is_ridge_regression() -> None:
    rng = np.random.default_rng(8)
    x = rng.standard_normal((500, 4))
    y = x @ np.array([1.0, -2, 0, 0.5]) + rng.standard_normal(500)
    x, y = x - x.mean(0), y - y.mean()
    covariance = x.T @ x / len(x)
    penalty = 0.3 * np.diag(covariance).mean()
    fit = Ridge(alpha=penalty * len(x), fit_intercept=False).fit(x, y)
    np.testing.assert_allclose(ridge_readout(covariance, (x.T @ y / len(x))[:, None], 0.3)[:, 0], fit.coef_, rtol=1e-6)


def test_the_best_pair_is_that_of_non_negative_least_squares() -> None:
    rng = np.random.default_rng(3)
    templates = rng.standard_normal((6, 20))
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    codewords = np.concatenate([rng.standard_normal((5, 20)), templates[[1]] + 0.7 * templates[[4]], -templates[[2]]])
    codewords /= np.linalg.norm(codewords, axis=1, keepdims=True)
    match = best_one_or_two(codewords @ templates.T, templates @ templates.T)
    for k, codeword in enumerate(codewords):
        best = max(np.sqrt(1 - nnls(templates[[a, b]].T, codeword)[1] ** 2) for a in range(6) for b in range(a))
        assert match.score[k] == pytest.approx(best, abs=1e-6)
    assert {match.first[5], match.second[5]} == {1, 4} and match.first[5] == 1


def test_ridge_from_moments_is_ridge_on_the_frames() -> None:
    rng = np.random.default_rng(4)
    x, gram = rng.standard_normal((300, 3)), np.diag([1.0, 4.0])
    y = x @ rng.standard_normal((3, 2)) + 2 + 0.3 * rng.standard_normal((300, 2))
    z = np.concatenate([np.ones((300, 1)), x, y], 1)
    columns, target = np.array([1, 2, 3]), np.array([4, 5])
    weights = ridge(z.T @ z, columns, target, 0.0)
    fit = LinearRegression().fit(x, y)
    np.testing.assert_allclose(weights[1:], fit.coef_.T, rtol=1e-6)
    left = y - fit.predict(x)
    assert squared_error(z.T @ z, columns, target, weights, gram) == pytest.approx((left**2 @ np.diag(gram)).sum())


def test_rarefaction_is_the_mean_over_random_samples() -> None:
    rng = np.random.default_rng(5)
    count = np.array([50, 20, 5, 1, 0])
    frames = np.repeat(np.arange(5), count)
    total = 100  # 24 frames show nothing
    padded = np.concatenate([frames, np.full(24, -1)])
    drawn = [len(np.setdiff1d(rng.choice(padded, 10, replace=False), [-1])) for _ in range(4000)]
    found = rarefy(count, total, np.array([10, 100, 101]))
    assert found[0] == pytest.approx(np.mean(drawn), rel=0.02)
    assert found[1] == pytest.approx(4) and np.isnan(found[2])


def test_two_strongest_do_not_depend_on_order_and_ignore_the_weak() -> None:
    keys = two_strongest(csr_matrix([[0, 3, 1, 2], [0, 2, 0.01, 3], [0.2, 0, 0, 0], [0, 0, 0, 0]]), 0.1)
    assert keys[0] == keys[1] != keys[2] and keys[2] == 1 and keys[3] == 0


def test_run_lengths() -> None:
    assert run_lengths(np.array([7, 7, 7, 2, 7, 7])).tolist() == [3, 3, 3, 1, 2, 2]
    assert not len(run_lengths(np.array([])))


def test_the_peak_is_what_one_frame_in_a_hundred_exceeds() -> None:
    values = np.random.default_rng(6).gamma(2, 1.5, 20000)
    histogram = np.histogram(values, MM_EDGES)[0]
    assert _percentile(histogram) == pytest.approx(np.quantile(values, 0.99), rel=0.03)


def test_every_level_has_its_bin_and_sums_have_one_more() -> None:
    edges = bin_edges(np.array([0.25, 0.5, 1.0], np.float32))
    assert np.searchsorted(edges, [0.25, 0.5, 1.0, 1.25, 2.0], "right").tolist() == [1, 2, 3, 4, 4]
    assert len(bin_edges(np.linspace(0.01, 1, 64))) <= 9


def test_folds_part_subjects_evenly_and_are_seeded() -> None:
    names = [f"s{i}" for i in range(11)] * 2
    folds = subject_folds(names, 5, 3)
    assert folds == subject_folds(names[::-1], 5, 3) != subject_folds(names, 5, 4)
    assert sorted(np.bincount(list(folds.values()))) == [2, 2, 2, 2, 3]
    assert max(subject_folds(["a", "b"], 5, 0).values()) == 1


def test_an_interval_without_values_is_no_interval() -> None:
    low, high = interval(np.stack([np.full(100, np.nan), np.arange(100.0)], 1))
    assert np.isnan(low[0]) and np.isnan(high[0]) and low[1] == pytest.approx(2.475) and high[1] > 96


def test_an_au_that_hardly_varied_in_training_cannot_blow_up() -> None:
    rng = np.random.default_rng(7)
    x = rng.standard_normal((400, 2))
    x[:, 1] *= 1e-5
    y = x[:, [0]] + 0.1 * rng.standard_normal((400, 1))
    z = np.concatenate([np.ones((400, 1)), x, y], 1)
    weights = ridge(z.T @ z, np.array([1, 2]), np.array([3]), 1e-4)
    assert abs(weights[2, 0]) < 0.1 and weights[1, 0] == pytest.approx(1, abs=0.02)
