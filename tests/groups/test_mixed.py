"""Mixed models of recordings within subjects: known answers of balanced designs, unbalanced sessions, error rates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dfe_core.errors import DataError
from dfe_core.groups.comparison import compare_groups
from dfe_core.groups.design import make_design
from dfe_core.groups.mixed import Repeated, mixed_effects
from tests.groups.test_comparison import PLANTED, between, make_study, settings


def repeated(values: np.ndarray, subject: np.ndarray, level: np.ndarray, within: bool = False) -> Repeated:
    rows = pd.DataFrame({"recording": range(len(values)), "subject": subject, "by": np.array(["a", "b"])[level]})
    design = make_design(rows, "by", "recording")
    return Repeated(design=design, values=values[:, None], covariates=np.empty((len(values), 0)), within=within)


def test_a_balanced_design_gives_the_t_test_of_subject_means():
    rng = np.random.default_rng(0)
    subject = np.repeat(np.arange(20), 4)
    values = rng.normal(size=80) + 2 * rng.normal(size=20)[subject]
    means = values.reshape(20, 4).mean(1)
    known = stats.ttest_ind(means[1::2], means[::2])
    difference, low, high, p = mixed_effects(repeated(values, subject, subject % 2), 0, 1, np.array([True]))[0]
    assert difference == pytest.approx(means[1::2].mean() - means[::2].mean())
    assert p == pytest.approx(known.pvalue, rel=1e-3)
    assert (low, high) == pytest.approx(known.confidence_interval(), rel=1e-3)


def test_within_subjects_the_effect_may_differ_between_people():
    rng = np.random.default_rng(1)
    subject, level = np.repeat(np.arange(16), 6), np.tile([0, 0, 0, 1, 1, 1], 16)
    effect = rng.normal(0.5, 1.0, 16)  # people differ in their effect: recordings alone would make p far too small
    values = 0.3 * rng.normal(size=96) + rng.normal(size=16)[subject] + effect[subject] * level
    each = values.reshape(16, 2, 3).mean(2)
    known = stats.ttest_rel(each[:, 1], each[:, 0])
    difference, _, _, p = mixed_effects(repeated(values, subject, level, True), 0, 1, np.array([True]))[0]
    assert difference == pytest.approx(each[:, 1].mean() - each[:, 0].mean(), rel=0.02)
    assert p == pytest.approx(known.pvalue, rel=0.3)


def test_p_keeps_its_rate_where_sessions_are_unbalanced():
    rng, found = np.random.default_rng(2), []
    subject = np.repeat(np.arange(12), rng.integers(1, 6, 12))
    for _ in range(40):
        values = rng.normal(size=len(subject)) + 1.5 * rng.normal(size=12)[subject]
        found.append(mixed_effects(repeated(values, subject, subject % 2), 0, 1, np.array([True]))[0, 3])
    assert np.mean(np.array(found) < 0.05) < 0.14 and np.mean(np.array(found) < 0.5) == pytest.approx(0.5, abs=0.2)


def test_a_comparison_holds_mixed_models_beside_its_tests(tmp_path: Path, toy_face):
    table = compare_groups(*make_study(tmp_path, toy_face, *between()), settings(mixed=True, permutations=199)).table
    tested = table[table["status"] == "tested"]
    assert tested["mixed_p"].notna().mean() > 0.9 and table[table["status"] != "tested"]["mixed_p"].isna().all()
    best = table.set_index(["codeword", "measure"]).loc[(PLANTED, "rate")]
    assert best["mixed_q"] < 0.05 and best["mixed_low"] > 0
    assert best["mixed_difference"] == pytest.approx(best["difference"], rel=0.01)


def test_one_recording_a_subject_needs_no_mixed_model(tmp_path: Path, toy_face):
    labels, rate = between()
    one = labels["recording"].str.endswith("1").to_numpy()
    study = make_study(tmp_path, toy_face, labels[one].reset_index(drop=True), rate[one])
    with pytest.raises(DataError, match="one recording of every subject"):
        compare_groups(*study, settings(mixed=True, permutations=199))
