"""The directions of a bag in which people differ, taken out by a linear projection that is fitted inside a fold.

LEACE (Belrose et al. 2023, arXiv 2306.03819): the smallest change of the features, in their own covariance, after which
no linear predictor does better than a constant on the data that it was fitted to. Letters of the shapes: n windows, D
features, S subjects.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

_SHRINK, _ZERO = 1e-2, 1e-8


class SubjectErased(TransformerMixin, BaseEstimator):
    """Features standardised and without the `rank` directions in which subjects differ most (0: all).

    The last column of X is the number of the window's subject; it is read when fitted, and never given out.
    """

    def __init__(self, rank: int = 0) -> None:
        self.rank = rank

    def fit(self, X, y=None):
        """X: (n, D + 1)."""
        features, who = np.asarray(X[:, :-1], np.float64), np.unique(X[:, -1], return_inverse=True)[1]
        self.mean_, scale = features.mean(0), features.std(0)
        self.columns_ = np.flatnonzero(scale > 1e-12)
        self.scale_ = scale[self.columns_]
        self.remover_ = erasing_matrix(self._standard(X), who, self.rank)
        return self

    def transform(self, X) -> np.ndarray:
        """(n, V) float64."""
        standard = self._standard(X)
        return standard - standard @ self.remover_

    def _standard(self, X) -> np.ndarray:
        return (np.asarray(X, np.float64)[:, self.columns_] - self.mean_[self.columns_]) / self.scale_


def erasing_matrix(features: np.ndarray, who: np.ndarray, rank: int = 0) -> np.ndarray:
    """(D, D) R: ``x - x @ R`` has nothing left, linearly, of who (n,) the centred features (n, D) are of.

    rank: take out only so many directions, those that separate people most; 0: all.
    """
    count = len(features)
    total = features.T @ features / max(count, 1)
    total += _SHRINK * np.trace(total) / len(total) * np.eye(len(total))
    values, vectors = np.linalg.eigh(total)
    root = np.sqrt(np.maximum(values, _ZERO))
    whiten, colour = (vectors / root) @ vectors.T, (vectors * root) @ vectors.T
    onehot = (who[:, None] == np.arange(int(who.max()) + 1)).astype(np.float64)
    share = onehot.mean(0)
    cross = features.T @ (onehot - share) / max(count, 1) / np.sqrt(np.maximum(share, 1e-12))
    left, strength, _ = np.linalg.svd(whiten @ cross, full_matrices=False)
    used = strength > 1e-9 * strength.max(initial=0)
    left = left[:, used][:, : rank or None]
    return whiten @ left @ left.T @ colour
