"""Probes of several modalities: each alone, all together early or late, all but one, on people held out.

Early: features side by side in one model. Late: the mean of the log odds of a model of each modality. Everything is
fitted inside the folds.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from dfe_core.errors import DataError

EARLY, LATE = "early", "late"
_Row = tuple[tuple[str, ...], str, np.ndarray]
_SURE = (2.5, 97.5)


def modality_table(
    features: Mapping[str, np.ndarray],
    labels: np.ndarray,
    subjects: np.ndarray,
    *,
    folds: int = 5,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """AUROC of two classes by which modalities are used.

    Parameters
    ----------
    features: modality to (n, d). labels: (n,) of two classes. subjects: (n,): nobody is on both sides of a fold.
    folds, resamples (of the bootstrap over subjects), seed.

    Returns
    -------
    One row for each modality alone, all of them early and late, and all but one late: used, fusion (empty for one),
    auroc, low, high (95 %), gain over the best single modality, gain_low, gain_high. Chance is 0.5.

    Raises `DataError` for fewer than two modalities, other than two classes, or fewer subjects than folds.
    """
    classes = np.unique(labels)
    if len(features) < 2 or len(classes) != 2 or len(np.unique(subjects)) < folds:
        found = f"{len(features)} modalities, {len(classes)} classes, {len(np.unique(subjects))} subjects"
        raise DataError("modalities", found, f"two or more modalities, two classes, {folds} subjects or more")
    truth, names = labels == classes[1], list(features)
    alone = {name: _held_out(features[name], truth, subjects, folds, seed) for name in names}
    rows: list[_Row] = [((name,), "", alone[name]) for name in names]
    together = np.concatenate([features[name] for name in names], 1)
    rows.append((tuple(names), EARLY, _held_out(together, truth, subjects, folds, seed)))
    rows.append((tuple(names), LATE, np.mean([alone[name] for name in names], 0)))
    if len(names) > 2:
        for out in names:
            kept = tuple(name for name in names if name != out)
            rows.append((kept, LATE, np.mean([alone[name] for name in kept], 0)))
    best = max(names, key=lambda name: _auroc(truth, alone[name]))
    return _scored(rows, alone[best], truth, subjects, resamples, seed)


def _held_out(values: np.ndarray, truth: np.ndarray, subjects: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """(n,) log odds from models that have not seen the subject."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    odds = np.zeros(len(truth))
    for train, test in split.split(values, truth, subjects):
        model = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(C=0.1))
        odds[test] = model.fit(values[train], truth[train]).decision_function(values[test])
    return odds


def _auroc(truth: np.ndarray, odds: np.ndarray) -> float:
    """Mann and Whitney's statistic as a share; NaN without both classes."""
    positive = int(truth.sum())
    if not 0 < positive < len(truth):
        return float("nan")
    ranks = rankdata(odds)[truth].sum() - positive * (positive + 1) / 2
    return float(ranks / (positive * (len(truth) - positive)))


def _scored(
    rows: list[_Row],
    best: np.ndarray,
    truth: np.ndarray,
    subjects: np.ndarray,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    rng, (people, member) = np.random.default_rng([seed, 67]), np.unique(subjects, return_inverse=True)
    drawn = rng.integers(0, len(people), (resamples, len(people)))
    weights = np.stack([np.bincount(draw, minlength=len(people)) for draw in drawn])[:, member].astype(float)
    single = _weighted_auroc(truth, best, weights)
    found = []
    for used, fusion, odds in rows:
        boot = _weighted_auroc(truth, odds, weights)
        low, high = np.nanpercentile(boot, _SURE)
        gain_low, gain_high = np.nanpercentile(boot - single, _SURE)
        score = _auroc(truth, odds)
        gain = score - _auroc(truth, best)
        found.append((" + ".join(used), fusion, score, low, high, gain, gain_low, gain_high))
    return pd.DataFrame(found, columns=["used", "fusion", "auroc", "low", "high", "gain", "gain_low", "gain_high"])


def _weighted_auroc(truth: np.ndarray, odds: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(resamples,) `_auroc` where unit i occurs weights[:, i] times; NaN without both classes."""
    order = np.argsort(odds, kind="stable")
    ordered, positive = odds[order], weights[:, order] * truth[order]
    negative = weights[:, order] - positive
    below = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(negative, 1)], 1)
    first, past = (np.searchsorted(ordered, ordered, side) for side in ("left", "right"))
    pairs = positive.sum(1) * negative.sum(1)
    wins = (positive * (below[:, first] + below[:, past]) / 2).sum(1)
    return np.divide(wins, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
