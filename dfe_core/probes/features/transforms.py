"""Transforms that learn from other units and are therefore fitted inside each fold, as scikit-learn estimators.

Each turns the windows of units (rows) into terms; `Blocks` averages the windows of a unit and standardises over units.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import MiniBatchKMeans
from sklearn.feature_extraction.text import TfidfTransformer

_FIT_FRAMES = 20_000


class BagOfWords(TransformerMixin, BaseEstimator):
    """Vocabulary and TF-IDF of counts.

    The vocabulary is what occurs in at least `least` of the training rows, and of that the `most` most widespread.
    TF-IDF as scikit-learn's, of unit length, its root taken; without it, log(1 + count).
    """

    def __init__(self, tfidf: bool = True, least: int = 2, most: int = 2000) -> None:
        self.tfidf, self.least, self.most = tfidf, least, most

    def fit(self, X, y=None):
        """X: (n, D) counts or rates, not negative; dense or sparse."""
        spread = np.asarray((X > 0).sum(0)).ravel()
        order = np.argsort(-spread, kind="stable")[: self.most]
        self.columns_ = np.sort(order[spread[order] >= min(self.least, X.shape[0])])
        if self.tfidf and len(self.columns_):
            self.weights_ = TfidfTransformer(sublinear_tf=False).fit(X[:, self.columns_])
        return self

    def transform(self, X) -> np.ndarray:
        """(n, V) float64 of the vocabulary."""
        if not len(self.columns_):
            return np.zeros((X.shape[0], 0))
        part = X[:, self.columns_]
        if self.tfidf:
            return np.sqrt(self.weights_.transform(part).toarray())
        return np.log1p(part.toarray() if sparse.issparse(part) else part)


class Measured(TransformerMixin, BaseEstimator):
    """Columns as they are, those left out that were never measured in the training part or never vary; NaN stays."""

    def fit(self, X, y=None):
        """X: (n, D), NaN where not measured."""
        self.columns_ = np.flatnonzero((~np.isnan(X)).any(0) & (np.nanstd(np.nan_to_num(X), 0) > 1e-12))
        return self

    def transform(self, X) -> np.ndarray:
        """(n, V) float64."""
        return np.asarray(X[:, self.columns_], np.float64)


class PcaStatistics(TransformerMixin, BaseEstimator):
    """Mean and s.d. of the principal components of ψ, from each unit's moments: exact, without its frames.

    X is (n, 1 + E + E²): frames, total and square of `material.psi_moments`, flat.
    """

    def __init__(self, components: int = 20) -> None:
        self.components = components

    def fit(self, X, y=None):
        """Components of the frames of all training units together."""
        frames, total, square = self._parts(X)
        n = frames.sum()
        mean = total.sum(0) / n
        values, vectors = np.linalg.eigh(square.sum(0) / n - np.outer(mean, mean))
        order = np.argsort(-values)[: min(self.components, int((values > values.max() * 1e-9).sum()))]
        self.mean_, self.vectors_ = mean, vectors[:, order]
        self.columns_ = np.zeros(2 * len(order), int)
        return self

    def transform(self, X) -> np.ndarray:
        """(n, 2 C): means, then s.d."""
        return self._statistics(X)

    def _parts(self, X) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        width = int(round((np.sqrt(1 + 4 * (X.shape[1] - 1)) - 1) / 2))
        return X[:, 0], X[:, 1 : 1 + width], X[:, 1 + width :].reshape(len(X), width, width)

    def _statistics(self, X) -> np.ndarray:
        frames, total, square = self._parts(X)
        count = np.maximum(frames, 1)[:, None]
        mean = total / count
        spread = (
            np.einsum("ec,nef,fc->nc", self.vectors_, square, self.vectors_, optimize=True) / count
            - (mean @ self.vectors_) ** 2
        )
        return np.hstack([(mean - self.mean_) @ self.vectors_, np.sqrt(np.maximum(spread, 0))])


class KMeansBag(TransformerMixin, BaseEstimator):
    """Bag of words over k-means clusters of ψ: what counting alone gives, without the codebook.

    X is (n, M · E), frames of ψ flat, NaN where a unit has fewer than M. Clusters are fitted on the training units.
    """

    def __init__(self, width: int = 52, clusters: int = 64, seed: int = 0) -> None:
        self.width, self.clusters, self.seed = width, clusters, seed

    def fit(self, X, y=None):
        """Clusters, then vocabulary and TF-IDF of their counts."""
        frames = X.reshape(-1, self.width)
        frames = frames[~np.isnan(frames[:, 0])]
        frames = frames[:: max(1, len(frames) // _FIT_FRAMES)]
        clusters = min(self.clusters, len(frames))
        self.kmeans_ = MiniBatchKMeans(clusters, random_state=self.seed, n_init=1, batch_size=2048, max_iter=5).fit(
            frames
        )
        self.bag_ = BagOfWords().fit(self._counts(X))
        self.columns_ = np.zeros(len(self.bag_.columns_), int)
        return self

    def transform(self, X) -> np.ndarray:
        """(n, V)."""
        return self.bag_.transform(self._counts(X))

    def _counts(self, X) -> np.ndarray:
        frames = X.reshape(-1, self.width)
        known = np.flatnonzero(~np.isnan(frames[:, 0]))
        unit = known // (X.shape[1] // self.width)
        size = self.kmeans_.n_clusters
        cell = unit * size + self.kmeans_.predict(frames[known])
        return np.bincount(cell, minlength=len(X) * size).reshape(len(X), size).astype(float)


class Blocks(TransformerMixin, BaseEstimator):
    """Several blocks of columns side by side, each through a transform of its own; the terms of a unit's windows
    averaged, then standardised over the training units.

    blocks: (start, stop, transformer) of the columns of X. A block is scaled by 1/√(its width) where there is more
    than one, so that a wide block does not drown a narrow one.
    """

    def __init__(self, blocks: tuple = ()) -> None:
        self.blocks = blocks

    def fit(self, X, units=None):
        """Fit on the windows X (S, D) of training units, units (S,) from 0 (default: a window each).

        `origins_` (V,) is the raw column that each output stems from.
        """
        self.fitted_ = [(a, b, clone(t).fit(_dense(X[:, a:b], t))) for a, b, t in self.blocks]
        self.origins_ = np.concatenate([a + t.columns_ for a, _, t in self.fitted_]).astype(int)
        terms = self._terms(X, units)
        with np.errstate(invalid="ignore"):
            self.mean_, scale = np.nanmean(terms, 0), np.nanstd(terms, 0)
        self.scale_ = np.where(scale > 1e-12, scale, np.inf)
        return self

    def transform(self, X, units=None) -> np.ndarray:
        """(n, V) float64; what was not measured in a unit is 0, the training mean."""
        terms = np.nan_to_num((self._terms(X, units) - self.mean_) / self.scale_)
        return terms if len(self.fitted_) == 1 else terms * self._weights()

    def _terms(self, X, units: np.ndarray | None) -> np.ndarray:
        each = np.hstack([t.transform(_dense(X[:, a:b], t)) for a, b, t in self.fitted_])
        return each if units is None else unit_means(each, np.asarray(units))

    def _weights(self) -> np.ndarray:
        widths = [len(t.columns_) for _, _, t in self.fitted_]
        return np.concatenate([np.full(w, 10 / np.sqrt(max(w, 1))) for w in widths])


def unit_means(each: np.ndarray, units: np.ndarray) -> np.ndarray:
    """(S, V) terms of windows to (n, V) means over the windows of a unit in which each was measured, NaN in none."""
    count = int(units.max()) + 1 if len(units) else 0
    if count == len(units):  # a window each
        found = np.empty_like(each)
        found[units] = each
        return found
    gather = sparse.csr_matrix((np.ones(len(units)), (units, np.arange(len(units)))), (count, len(units)))
    known = gather @ (~np.isnan(each)).astype(float)
    return np.divide(gather @ np.nan_to_num(each), known, out=np.full(known.shape, np.nan), where=known > 0)


def _dense(X, transform):
    return X.toarray() if sparse.issparse(X) and not isinstance(transform, BagOfWords) else X
