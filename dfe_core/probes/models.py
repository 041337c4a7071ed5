"""The models of a probe and the hyper-parameters among which the inner folds choose."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import SVC, SVR

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Inverse regularisation of the linear models. Features are standardised, and there are more of them than units."""


def candidates(model: str, task: str) -> tuple[dict[str, Any], ...]:
    """The settings that `model` may take."""
    if model == "boosting":
        return tuple({"max_iter": n, "learning_rate": r} for n, r in ((50, 0.05), (100, 0.1)))
    if model == "linear" and task == "regress":
        return tuple({"alpha": 1 / c} for c in STRENGTHS)
    return tuple({"C": c} for c in STRENGTHS)


def make_model(model: str, task: str, setting: dict[str, Any], seed: int) -> BaseEstimator:
    """An unfitted scikit-learn estimator. Classes weigh alike, whatever their size."""
    if model == "boosting":
        kind = HistGradientBoostingClassifier if task == "classify" else HistGradientBoostingRegressor
        extra = {"class_weight": "balanced"} if task == "classify" else {}
        return kind(max_leaf_nodes=8, min_samples_leaf=5, random_state=seed, early_stopping=False, **setting, **extra)
    if task == "regress":
        return Ridge(**setting) if model == "linear" else SVR(kernel="linear", cache_size=50, **setting)
    if model == "linear":
        return LogisticRegression(class_weight="balanced", max_iter=2000, tol=1e-5, **setting)
    return SVC(kernel="linear", class_weight="balanced", decision_function_shape="ovr", **setting)


def decision(fitted: BaseEstimator, X: np.ndarray, task: str) -> np.ndarray:
    """(n, classes) scores, higher for the likelier class, or (n, 1) predicted values."""
    if task == "regress":
        return fitted.predict(X)[:, None]
    if hasattr(fitted, "predict_proba") and not isinstance(fitted, SVC):
        return fitted.predict_proba(X)
    score = fitted.decision_function(X)
    return np.stack([-score, score], 1) if score.ndim == 1 else score


def inner_loss(values: np.ndarray, y: np.ndarray, task: str) -> float:
    """What the inner folds minimise: squared error; log loss of probabilities with classes weighed alike, or the share
    of wrong answers averaged over classes where a model gives none."""
    if task == "regress":
        return float(np.mean((values[:, 0] - y) ** 2))
    probabilities = np.all(values >= 0) and np.allclose(values.sum(1), 1)
    each = (
        -np.log(np.clip(values[np.arange(len(y)), y], 1e-12, None))
        if probabilities
        else (values.argmax(1) != y).astype(float)
    )
    return float(np.mean([each[y == k].mean() for k in np.unique(y)]))
