"""Folds of a probe: whole groups, stratified by class, in an order that the seed decides."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from packaging.version import Version
from sklearn.model_selection import StratifiedGroupKFold

from dfe_core.probes.validation import group_folds


@pytest.mark.parametrize("seed", range(10))
def test_every_fold_has_its_share_of_each_class(seed: int):
    y = np.repeat([0, 0, 0, 1, 1, 1], 4)
    groups = np.repeat(np.array(["a", "b", "c", "d", "e", "f"], object), 4)
    folds = group_folds(y, groups, "classify", 3, seed)
    assert [sorted(set(y[test])) for _, test in folds] == [[0, 1]] * 3
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(y)))


def test_another_seed_gives_other_folds_and_the_same_one_the_same():
    y, groups = np.arange(40) % 2, np.arange(40)
    first, again, other = (group_folds(y, groups, "classify", 5, seed) for seed in (0, 0, 1))
    assert [t.tolist() for _, t in first] == [t.tolist() for _, t in again] != [t.tolist() for _, t in other]


@pytest.mark.skipif(Version(sklearn.__version__) < Version("1.8"), reason="its shuffle leaves folds unstratified")
@pytest.mark.parametrize("seed", range(20))
def test_folds_are_those_of_scikit_learn(seed: int):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 17, 300)
    y = (groups + rng.integers(0, 2, 300)) % 3
    theirs = StratifiedGroupKFold(4, shuffle=True, random_state=seed).split(y, y, groups)
    for (train, test), (their_train, their_test) in zip(
        group_folds(y, groups, "classify", 4, seed), theirs, strict=True
    ):
        assert np.array_equal(train, their_train) and np.array_equal(test, their_test)
