"""Scores, as pure functions of sums that add up over groups: resampling groups is a product of matrices.

Classification sums are a confusion matrix (true, predicted); regression sums are n, Σy, Σp, Σy², Σp², Σyp, Σ|y − p|.
Degenerate input scores 0 for what is a rate or a correlation, never NaN; the absent classes of a resample are left out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

PRIMARY = {"classify": "macro-F1", "regress": "CCC"}


def sums(task: str, y: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(n,) truth and (n, C) decision values to (n, …) sums of single units; zero where there is no prediction (NaN)."""
    known = predicted(values)
    if task == "classify":
        classes = values.shape[1]
        table = np.zeros((len(y), classes, classes))
        table[np.arange(len(y)), y, values.argmax(1)] = known
        return table
    p = np.where(known, values[:, 0], 0.0)
    table = np.stack([np.ones(len(y)), y, p, y * y, p * p, y * p, np.abs(y - p)], 1)
    return table * known[:, None]


def predicted(values: np.ndarray) -> np.ndarray:
    """(n,) whether there is a prediction of (n, C) decision values."""
    return ~np.isnan(values[:, 0])


def by_group(table: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(n, …) sums of units to (G, …) sums of groups."""
    names, index = np.unique(groups, return_inverse=True)
    total = np.zeros((len(names), *table.shape[1:]))
    np.add.at(total, index, table)
    return total


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """(…, k, k) to (…): mean over classes of 2 TP / (2 TP + FP + FN). A class neither there nor predicted is left
    out."""
    hit = np.diagonal(confusion, axis1=-2, axis2=-1)
    both = confusion.sum(-1) + confusion.sum(-2)
    return _class_mean(2 * hit, both)


def uar(confusion: np.ndarray) -> np.ndarray:
    """(…, k, k) to (…): unweighted average recall over the classes that are there."""
    return _class_mean(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(-1))


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """(…, k, k) to (…): share of units on the diagonal."""
    return _over(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum((-2, -1)))


def ccc(moments: np.ndarray) -> np.ndarray:
    """(…, 7) to (…): concordance, 2 cov / (var y + var p + (mean y − mean p)²); Lin 1989."""
    mean_y, mean_p, var_y, var_p, cov = _moments(moments)
    return _over(2 * cov, var_y + var_p + (mean_y - mean_p) ** 2)


def pearson(moments: np.ndarray) -> np.ndarray:
    """(…, 7) to (…): correlation; 0 where either does not vary."""
    _, _, var_y, var_p, cov = _moments(moments)
    return _over(cov, np.sqrt(np.maximum(var_y * var_p, 0)))


def mae(moments: np.ndarray) -> np.ndarray:
    """(…, 7) to (…): mean absolute error, in the label's own unit."""
    return _over(moments[..., 6], moments[..., 0])


METRICS: dict[str, dict[str, Callable[[np.ndarray], np.ndarray]]] = {
    "classify": {"macro-F1": macro_f1, "UAR": uar, "accuracy": accuracy},
    "regress": {"CCC": ccc, "Pearson": pearson, "MAE": mae},
}
"""UF1 and UAR of micro-expression challenges (MEGC) are macro-F1 and UAR of the pooled confusion matrix."""


QUADRATIC_KAPPA = "quadratic kappa"
"""Of ordered scales, beside the metrics of numbers."""


_MOST_PAIRS = 1 << 20
"""Of a positive and a negative unit, up to which an area under the curve looks at each."""


def on_scale(y: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(…, n, 1) predictions to the nearest of the values that the (n,) truth has; NaN stays."""
    levels = np.unique(y).astype(float)
    between = (levels[1:] + levels[:-1]) / 2
    return np.where(np.isnan(values), np.nan, levels[np.searchsorted(between, np.nan_to_num(values))])


def quadratic_kappa(y: np.ndarray, values: np.ndarray, weights: np.ndarray) -> float:
    """Cohen's kappa with quadratic weights (1968) of (n,) truth and (n, 1) predictions, rounded to the scale.

    It is the concordance of the rounded predictions. weights: (n,) of the units.
    """
    return float(ccc(np.tensordot(weights, sums("regress", y, on_scale(y, values)), 1)))


def weighted_auroc(y: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(B,) area under the ROC curve under (B, n) weights of the units: the mean over classes of one against the rest,
    ties half. 0.5 where a class or its rest is absent."""
    classes = range(1, 2) if values.shape[1] == 2 else range(values.shape[1])
    each, known = [], predicted(values)
    for k in classes:
        positive, negative = np.flatnonzero((y == k) & known), np.flatnonzero((y != k) & known)
        score = values[:, 1] - values[:, 0] if values.shape[1] == 2 else values[:, k]
        a, b = weights[:, positive], weights[:, negative]
        pairs = a.sum(1) * b.sum(1)
        if len(positive) * len(negative) > _MOST_PAIRS:
            won = _pairs_won(score[positive], score[negative], a, b)
        else:
            above = np.sign(score[positive, None] - score[None, negative]) * 0.5 + 0.5
            won = ((a @ above) * b).sum(1)
        each.append(np.where(pairs > 0, won / np.maximum(pairs, 1e-12), 0.5))
    return np.mean(each, 0)


def _pairs_won(positive: np.ndarray, negative: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(B,) weight of the pairs in which the positive score is above the negative one, ties half, without the pairs.

    positive (p,) and negative (n,) scores; a (B, p) and b (B, n) their weights.
    """
    order = np.argsort(negative, kind="stable")
    below = np.concatenate([np.zeros((len(b), 1)), np.cumsum(b[:, order], 1)], 1)
    low, high = (np.searchsorted(negative[order], positive, side) for side in ("left", "right"))
    return (a * (below[:, low] + below[:, high])).sum(1) / 2


def primary(task: str, y: np.ndarray, values: np.ndarray) -> float:
    """`PRIMARY` of (n,) truth and (n, C) decision values."""
    return float(METRICS[task][PRIMARY[task]](sums(task, y, values).sum(0)))


def _class_mean(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    there = whole > 0
    return _over(np.where(there, part / np.where(there, whole, 1), 0).sum(-1), there.sum(-1))


def _moments(m: np.ndarray) -> tuple[np.ndarray, ...]:
    n = np.maximum(m[..., 0], 1)
    mean_y, mean_p = m[..., 1] / n, m[..., 2] / n
    return (
        mean_y,
        mean_p,
        np.maximum(m[..., 3] / n - mean_y**2, 0),
        np.maximum(m[..., 4] / n - mean_p**2, 0),
        m[..., 5] / n - mean_y * mean_p,
    )


def _over(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = np.asarray(a, float), np.asarray(b, float)
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b > 1e-12)
