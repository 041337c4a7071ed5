"""Many label vectors, one matrix: logistic and ridge regression refitted to all of them at once.

A permutation test that refits the model for every permutation is what it should be and slow one fit at a time. Both
losses are convex; scikit-learn's are minimised here for P label vectors together, with a bound on the curvature that
is the same for all (Böhning 1992, Ann. Inst. Stat. Math. 44) and Nesterov's momentum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

_STEPS, _TOLERANCE = 100, 5e-4


def logistic_values(
    train: np.ndarray,
    labels: np.ndarray,
    test: np.ndarray,
    classes: int,
    strength: float,
    counts: np.ndarray | None = None,
) -> np.ndarray:
    """(P, t, C) linear predictors on `test` (t, d) of logistic regressions on `train` (n, d) with labels (P, n).

    counts: (P, n) how often each row is there (bootstrap weights); None: once.

    Minimises what ``LogisticRegression(C=strength, class_weight="balanced")`` does: for two classes the binary loss,
    for more the multinomial one, the intercept without penalty.
    """
    return _fitted(*_reduced(train.astype(np.float32), test.astype(np.float32)), labels, classes, strength, counts)


def logistic_by_strength(
    train: np.ndarray, y: np.ndarray, test: np.ndarray, classes: int, strengths: Sequence[float]
) -> np.ndarray:
    """(S, t, C) as `logistic_values` of one label vector y (n,), for each of S strengths; the basis of the rows, which
    for wide features takes longest, is found once."""
    seen, unseen = _reduced(train.astype(np.float32), test.astype(np.float32))
    return np.stack([_fitted(seen, unseen, y[None], classes, strength, None)[0] for strength in strengths])


def _fitted(
    seen: np.ndarray,
    unseen: np.ndarray,
    labels: np.ndarray,
    classes: int,
    strength: float,
    counts: np.ndarray | None,
) -> np.ndarray:
    """`logistic_values` of rows in their own basis with a column of ones."""
    counts = np.ones(labels.shape) if counts is None else counts
    weight = (_balanced(labels, classes, counts) * counts).T[..., None].astype(np.float32)
    onehot = (labels.T[..., None] == np.arange(classes)).astype(np.float32)
    target = onehot[..., 1:] if classes == 2 else onehot
    penalty = np.full((seen.shape[1], 1), 1 / strength, np.float32)
    penalty[-1] = 0
    curve = weight.max() * (0.25 if classes == 2 else 0.5)
    step = np.linalg.inv(curve * (seen.T @ seen).astype(np.float64) + np.diag(penalty[:, 0] + 1e-6)).astype(np.float32)

    def gradient(beta: np.ndarray) -> np.ndarray:
        found = _probability((seen @ beta).reshape(target.shape), classes)
        return seen.T @ ((target - found) * weight).reshape(len(seen), -1) - penalty * beta

    beta = _climbed(gradient, step, (seen.shape[1], target.shape[1] * target.shape[2]))
    values = (unseen @ beta).reshape(len(unseen), *target.shape[1:]).transpose(1, 0, 2).astype(float)
    return np.concatenate([-values, values], -1) if classes == 2 else values


def probabilities(values: np.ndarray) -> np.ndarray:
    """(t, C) linear predictors of `logistic_values` to (t, C) probabilities."""
    if values.shape[-1] == 2:
        one = 1 / (1 + np.exp(-np.clip(values[..., 1], -50, 50)))
        return np.stack([1 - one, one], -1)
    return _probability(values, values.shape[-1])


def _climbed(gradient: Callable[[np.ndarray], np.ndarray], step: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Where the gradient vanishes: fixed steps with Nesterov's momentum, from zero."""
    beta = ahead = np.zeros(shape, np.float32)
    momentum = 1.0
    for _ in range(_STEPS):
        new = ahead + step @ gradient(ahead)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + np.float32((momentum - 1) / following) * (new - beta)
        moved, size = np.abs(new - beta).max(), np.abs(new).max()
        beta, momentum = new, following
        if moved < _TOLERANCE * max(size, 1e-3):
            break
    return beta


def weighted_ridge_values(
    train: np.ndarray, y: np.ndarray, test: np.ndarray, alphas: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """(P, t, A) predictions of ridge regressions with labels y (n,) and A penalties (A,), or one for each of P (P, 1),
    rows there as often as counts (P, n) says."""
    total = np.maximum(counts.sum(1, keepdims=True), 1e-12)
    mean, centre = counts @ train / total, counts @ y / total[:, 0]
    root = np.sqrt(counts)[..., None]
    known = (train - mean[:, None]) * root
    strength, basis = np.linalg.eigh(known @ known.transpose(0, 2, 1))
    left = basis.transpose(0, 2, 1) @ ((y - centre[:, None]) * root[..., 0])[..., None]
    penalty = alphas[:, None] if np.ndim(alphas) == 2 else np.asarray(alphas, float)
    dual = basis @ (left / (np.maximum(strength, 0)[..., None] + penalty))
    return (test - mean[:, None]) @ (known.transpose(0, 2, 1) @ dual) + centre[:, None, None]


def reselected_ridge_values(
    train: np.ndarray,
    y: np.ndarray,
    test: np.ndarray,
    alphas: np.ndarray,
    inner: list[tuple[np.ndarray, np.ndarray]],
    counts: np.ndarray,
) -> np.ndarray:
    """(P, t, 1) as `weighted_ridge_values`, the penalty of each of P chosen among (A,) by inner folds (rows of `train`)
    under its own counts (P, n): squared error, as the probe itself chooses."""
    loss = np.zeros((len(counts), len(alphas)))
    for seen, unseen in inner:
        values = weighted_ridge_values(train[seen], y[seen], train[unseen], alphas, counts[:, seen])
        loss += ((values - y[unseen, None]) ** 2 * counts[:, unseen, None]).sum(1)
    return weighted_ridge_values(train, y, test, alphas[loss.argmin(1)][:, None], counts)


def ridge_values(train: np.ndarray, labels: np.ndarray, test: np.ndarray, alpha: float) -> np.ndarray:
    """(P, t, 1) predictions of ridge regressions with labels (P, n), as ``Ridge(alpha)``: one matrix for all."""
    mean = train.mean(0)
    seen, unseen = train - mean, test - mean
    hat = unseen @ seen.T @ np.linalg.inv(seen @ seen.T + alpha * np.eye(len(seen)))
    centre = labels.mean(1, keepdims=True)
    return ((labels - centre) @ hat.T + centre)[..., None]


def _reduced(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in the basis of the training rows (exact for a quadratic penalty), with a column of ones."""
    _, strength, basis = np.linalg.svd(train, full_matrices=False)
    basis = basis[strength > strength.max(initial=0) * 1e-6]
    first, second = (np.column_stack([part @ basis.T, np.ones(len(part), part.dtype)]) for part in (train, test))
    return first, second


def _balanced(labels: np.ndarray, classes: int, rows: np.ndarray) -> np.ndarray:
    """(P, n) weights by which every class that is there weighs alike, a row counted as often as rows (P, n) says."""
    counts = ((labels[..., None] == np.arange(classes)) * rows[..., None]).sum(1)
    present = np.maximum((counts > 0).sum(1, keepdims=True), 1)
    weights = rows.sum(1, keepdims=True) / (present * np.maximum(counts, 1e-9))
    return np.take_along_axis(weights, labels, 1)


def _probability(values: np.ndarray, classes: int) -> np.ndarray:
    if classes == 2:
        return 1 / (1 + np.exp(-np.clip(values, -50, 50)))
    values = np.exp(values - values.max(-1, keepdims=True))
    return values / values.sum(-1, keepdims=True)
