"""Attackers that name the subject of a five-second window from sittings of the same people: linear, boosting, network.

Letters of the shapes: n windows, D features, S subjects, B draws.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.privacy.erasure import SubjectErased
from dfe_core.privacy.settings import BOOSTING, LINEAR


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
            max_iter=25, max_leaf_nodes=8, min_samples_leaf=5, learning_rate=0.2, max_bins=32, random_state=seed,
            early_stopping=False,
        )  # fmt: skip
    network = MLPClassifier((64,), alpha=1e-2, max_iter=120, early_stopping=False, random_state=seed)
    return make_pipeline(StandardScaler(), network)
