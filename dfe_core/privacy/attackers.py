"""Attackers that name the subject of a five-second window from sittings of the same people.

Letters of the shapes: n windows, D features, S subjects, B draws.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.privacy.erasure import SubjectErased
from dfe_core.privacy.settings import BOOSTING, LINEAR, TREES

_TREES = 300


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Mean over subjects of the share of their windows that are named rightly, with its 95 % interval, subjects drawn
    with replacement; change, change_low, change_high: against the same attacker without attenuation, paired."""

    leak: float
    low: float
    high: float
    change: float
    change_low: float
    change_high: float


def recall_by_subject(
    features: np.ndarray, who: np.ndarray, block: np.ndarray, attacker: str, *, rank: int | None = None, seed: int = 0
) -> np.ndarray:
    """(S,) share of each subject's windows that the attacker names rightly in blocks that it has not seen.

    rank: directions that `erasure` takes out, fitted to the other blocks with the attacker; 0: all, None: none.
    """
    from sklearn.exceptions import ConvergenceWarning

    if len(np.unique(who)) < 2 or len(np.unique(block)) < 2:
        raise DataError("identity leak", "one subject, or one sitting", "two or more of both")
    predicted = np.full(len(who), -1)
    for fold in np.unique(block):
        test = block == fold
        known, unseen = features[~test], features[test]
        if len(np.unique(who[~test])) < 2:
            continue
        if rank is not None:
            erased = SubjectErased(rank).fit(np.column_stack([known, who[~test]]))
            known, unseen = (erased.transform(np.column_stack([x, np.zeros(len(x))])) for x in (known, unseen))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the network is stopped early on purpose
            predicted[test] = _attacker(attacker, seed).fit(known, who[~test]).predict(unseen)
    return np.bincount(who, predicted == who) / np.bincount(who)


def leak_of(recall: np.ndarray, plain: np.ndarray, resamples: int, seed: int) -> Leak:
    """The interval of (S,) recalls, and of what they differ by from (S,) `plain` ones."""
    draws = np.random.default_rng([seed, 5]).integers(0, len(recall), (resamples, len(recall)))
    low, high = np.quantile(recall[draws].mean(1), [0.025, 0.975])
    change_low, change_high = np.quantile((recall - plain)[draws].mean(1), [0.025, 0.975])
    return Leak(
        leak=float(recall.mean()),
        low=float(low),
        high=float(high),
        change=float((recall - plain).mean()),
        change_low=float(change_low),
        change_high=float(change_high),
    )


def _attacker(name: str, seed: int) -> Any:
    """An unfitted scikit-learn classifier."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if name == LINEAR:
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    if name == BOOSTING:
        return HistGradientBoostingClassifier(
            max_iter=25,
            max_leaf_nodes=8,
            min_samples_leaf=5,
            learning_rate=0.2,
            max_bins=32,
            l2_regularization=1.0,  # without it leaves of a few windows of many people diverge
            early_stopping=False,
            random_state=seed,
        )
    if name == TREES:
        return _RandomTrees(seed)
    network = MLPClassifier((64,), alpha=1e-2, max_iter=120, early_stopping=False, random_state=seed)
    return make_pipeline(StandardScaler(), network)


class _RandomTrees:
    """Extremely randomised trees (Geurts et al. 2006), grown one after the other when people are named: every node has
    a number a person, and hundreds of trees of hundreds of people at once would not fit in memory."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, features: np.ndarray, who: np.ndarray) -> _RandomTrees:
        self.features, self.who = np.ascontiguousarray(features, np.float32), who
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        from sklearn.tree import ExtraTreeClassifier

        asked = np.ascontiguousarray(features, np.float32)
        people = np.unique(self.who)
        votes = np.zeros((len(asked), len(people)))
        for seed in np.random.default_rng([self.seed, 11]).integers(0, 2**31, _TREES):
            votes += ExtraTreeClassifier(random_state=int(seed)).fit(self.features, self.who).predict_proba(asked)
        return people[votes.argmax(1)]
