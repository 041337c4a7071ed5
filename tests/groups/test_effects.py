"""Effect sizes and permutation tests on values worked out by other means."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from dfe_core.groups import effects, permutation


def column(*values: float) -> np.ndarray:
    return np.array(values, float)[:, None]


def test_hedges_g_of_a_worked_example():
    a, b = column(1, 2, 3, 4), column(3, 4, 5, 6, 7)
    pooled = np.sqrt((3 * np.var([1, 2, 3, 4], ddof=1) + 4 * np.var([3, 4, 5, 6, 7], ddof=1)) / 7)
    assert effects.hedges_g(a, b)[0] == pytest.approx((5 - 2.5) / pooled * (1 - 3 / 27))
    assert effects.hedges_g(b, a)[0] == pytest.approx(-effects.hedges_g(a, b)[0])
    assert np.isnan(effects.hedges_g(column(1, 1), column(1, 1))[0])


def test_rank_biserial_is_mann_whitneys_u_rescaled():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, (9, 3)).astype(float), rng.integers(1, 7, (12, 3)).astype(float)
    u = np.array([stats.mannwhitneyu(b[:, f], a[:, f]).statistic for f in range(3)])
    np.testing.assert_allclose(effects.rank_biserial(a, b), 2 * u / (9 * 12) - 1)
    assert effects.rank_biserial(column(1, 2), column(3, 4))[0] == 1


def test_values_that_are_missing_are_left_out():
    a, b = column(1, 2, np.nan, 4), column(3, np.nan, 5, 6)
    assert effects.hedges_g(a, b)[0] == pytest.approx(effects.hedges_g(column(1, 2, 4), column(3, 5, 6))[0])
    assert effects.rank_biserial(a, b)[0] == pytest.approx(effects.rank_biserial(column(1, 2, 4), column(3, 5, 6))[0])


def test_paired_effects_of_a_worked_example():
    a, b = column(1, 2, 3, 4), column(2, 4, 3, 3)  # differences 1, 2, 0, −1: ranks of |d| without 0: 1 and −1 share
    ranks = stats.rankdata([1, 2, 0, 1])
    assert effects.paired_rank_biserial(a, b)[0] == pytest.approx(
        (ranks[0] + ranks[1] - ranks[3]) / (ranks[0] + ranks[1] + ranks[3])
    )
    spread = np.sqrt((np.var([1, 2, 3, 4], ddof=1) + np.var([2, 4, 3, 3], ddof=1)) / 2)
    assert effects.paired_g(a, b)[0] == pytest.approx(0.5 / spread * (1 - 3 / 11))


def test_intervals_cover_the_true_effect_about_as_often_as_they_say():
    rng, hits = np.random.default_rng(0), []
    for seed in range(4):  # 4 × 100 features of one truth
        a, b = rng.normal(0, 1, (30, 100)), rng.normal(0.8, 1, (30, 100))
        (low, high), (r_low, r_high) = effects.bootstrap_intervals(a, b, paired=False, resamples=500, seed=seed)
        hits.append((low <= 0.8) & (high >= 0.8))
        truth = 2 * stats.norm.cdf(0.8 / np.sqrt(2)) - 1
        assert ((r_low <= truth) & (truth <= r_high)).mean() > 0.85
    assert 0.89 <= np.mean(hits) <= 0.99


def test_small_samples_are_permuted_in_every_way():
    a, b = column(1, 2, 3), column(4, 5, 6, 9)
    values, t = np.concatenate([a, b])[:, 0], []
    for chosen in combinations(range(7), 4):
        inside = np.isin(np.arange(7), chosen)
        t.append(abs(stats.ttest_ind(values[inside], values[~inside], equal_var=False).statistic))
    observed = abs(stats.ttest_ind(b[:, 0], a[:, 0], equal_var=False).statistic)
    expected = np.mean(np.array(t) >= observed - 1e-9)
    assert permutation.two_groups(a, b, permutations=1000, seed=0)[0] == pytest.approx(expected)


def test_a_paired_permutation_is_exact_for_few_pairs():
    a, b = column(0, 0, 0, 0, 0), column(1, 2, 3, 4, 5)
    assert permutation.paired(a, b, permutations=1000, seed=0)[0] == pytest.approx(2 / 32)


@pytest.mark.parametrize("scale", [1.0, 1e-6])
def test_p_is_uniform_where_nothing_differs_even_with_unequal_spread(scale: float):
    rng = np.random.default_rng(1)
    a, b = scale * rng.normal(0, 1, (12, 800)), scale * rng.normal(0, 4, (24, 800))
    p = permutation.two_groups(a, b, permutations=499, seed=0)
    assert 0.025 < (p <= 0.05).mean() < 0.08
    assert 0.44 < (p <= 0.5).mean() < 0.56


def test_p_of_pairs_and_of_several_groups_is_uniform_where_nothing_differs():
    rng = np.random.default_rng(2)
    subject = np.repeat(np.arange(10), 3)
    own = rng.normal(0, 5, (10, 400))[subject]  # subjects differ far more than conditions
    values, level = own + rng.normal(size=(30, 400)), np.tile(np.arange(3), 10)
    _, p = permutation.several_groups(values, level, subject, permutations=199, seed=0)
    assert 0.02 < (p <= 0.05).mean() < 0.09
    p = permutation.paired(values[level == 0], values[level == 1], permutations=1024, seed=0)
    assert 0.02 < (p <= 0.05).mean() < 0.09


def test_a_difference_within_subjects_is_seen_through_their_differences():
    rng = np.random.default_rng(3)
    subject, level = np.repeat(np.arange(12), 3), np.tile(np.arange(3), 12)
    values = rng.normal(0, 20, (12, 1))[subject] + rng.normal(0, 1, (36, 1)) + np.array([0, 0, 3.0])[level][:, None]
    explained, p = permutation.several_groups(values, level, subject, permutations=499, seed=0)
    assert p[0] < 0.01 and explained[0] > 0.4
    _, between = permutation.several_groups(values, level, None, permutations=499, seed=0)
    assert between[0] > 0.2


def test_a_difference_that_a_covariate_explains_is_not_found_and_one_beside_it_is():
    rng = np.random.default_rng(3)
    age = np.r_[rng.normal(30, 5, 30), rng.normal(45, 5, 30)]
    by_age, own = 0.1 * age, 0.1 * age + np.repeat([0.0, 1.5], 30)
    values = np.stack([by_age, own], 1) + rng.normal(size=(60, 2)) * 0.5
    a, b = values[:30], values[30:]
    plain = permutation.two_groups(a, b, permutations=999, seed=0)
    difference, p = permutation.adjusted(a, b, age[:, None], permutations=999, seed=0)
    assert (plain < 0.01).all() and p[0] > 0.05 and p[1] < 0.01
    model = np.column_stack([np.ones(60), age, np.repeat([0.0, 1.0], 30)])
    assert difference == pytest.approx(np.linalg.lstsq(model, values, rcond=None)[0][2])


def test_adjusted_p_keeps_its_rate_and_leaves_out_what_is_not_defined():
    rng = np.random.default_rng(5)
    values, z = rng.normal(size=(30, 300)), rng.normal(size=(30, 2))
    values[:7, :50] = np.nan
    _, p = permutation.adjusted(values[:15], values[15:], z, permutations=199, seed=1)
    assert 0.02 < (p < 0.05).mean() < 0.09
    _, none = permutation.adjusted(
        values[:15], values[15:], np.repeat([0.0, 1.0], 15)[:, None], permutations=99, seed=1
    )
    assert np.isnan(none).all(), "a covariate that is the group"
