"""Coverage OF FACS: how well one codeword, or a sparse set of them, says an AU of subjects it was not chosen on.

Codewords are chosen and weighted on the training subjects of each fold, from the aggregates alone; a second pass over
tokens and AUs scores every frame by the choice of the folds that did not see its subject. What is kept is a histogram
of scores per subject, so that intervals by bootstrap over subjects need no further pass.

Letters of the shapes: F folds, S subjects, K codewords, B score bins, C columns, R resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from dfe_core.facs.aggregates import Aggregates
from dfe_core.facs.association import auroc_table
from dfe_core.facs.joined import Joined
from dfe_core.facs.settings import CoverageSettings
from dfe_core.progress import Listener, Progress, silent

BINS = 128
_LEAST_GAIN = 0.02  # share of what is left unexplained that one more codeword must explain
_MOST_INTENSITY = 2.0  # scores above twice the largest level share the last bin


@dataclass(frozen=True, eq=False)
class Choice:
    """Codewords that stand for each column: codewords (n, C, 3) int64, −1 for none, best first, and their weights.

    Row f was chosen without the subjects of fold f; the last row on all subjects.
    """

    codewords: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class Scores:
    """Held-out scores: (S, 2, C, B) frames by score bin with the column absent [0] and present [1], of the one best
    codeword and of the set. folds: (S,), the fold of each subject."""

    one: np.ndarray
    sparse: np.ndarray
    folds: np.ndarray


def choose(aggregates: Aggregates, settings: CoverageSettings) -> Choice:
    """The codewords of every column, for every fold and for all subjects."""
    folds = max(aggregates.folds.values()) + 1
    shape = (folds + 1, len(aggregates.columns), settings.max_codewords)
    codewords, weights = np.full(shape, -1, np.int64), np.zeros(shape)
    for fold in range(folds + 1):
        score = auroc_table(aggregates, aggregates.fold_codes != fold, settings)
        for cells, columns in _cells(aggregates, fold):
            if len(cells):
                _choose_columns(aggregates, cells, columns, score, codewords[fold], weights[fold])
    return Choice(codewords, weights)


def _cells(aggregates: Aggregates, fold: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Columns by the rows of the fold moments that hold training frames in which they were measured."""
    a = aggregates.arrays
    usable = a["fold_measured"] & (a["fold_fold"] != fold)[:, None]
    patterns, code = np.unique(usable, axis=1, return_inverse=True)
    return [(np.flatnonzero(patterns[:, i]), np.flatnonzero(code.ravel() == i)) for i in range(patterns.shape[1])]


def _choose_columns(aggregates: Aggregates, cells: np.ndarray, columns: np.ndarray, score: np.ndarray,
                    codewords: np.ndarray, weights: np.ndarray) -> None:
    a = aggregates.arrays
    frames = a["fold_frames"][cells].sum()
    x, xx = a["fold_x"][cells].sum(0), a["fold_xx"][cells].sum(0)
    y, xy = a["fold_y"][cells].sum(0), a["fold_xy"][cells].sum(0)
    covariance = xx - np.outer(x, x) / frames
    for column in columns:
        if np.isfinite(score[:, column]).any():
            chosen, weight = forward_selection(covariance, xy[:, column] - x * y[column] / frames,
                                               y[column] - y[column] ** 2 / frames,
                                               int(np.nanargmax(score[:, column])), codewords.shape[-1])
            codewords[column, :len(chosen)], weights[column, :len(chosen)] = chosen, weight


def forward_selection(covariance: np.ndarray, cross: np.ndarray, total: float, first: int,
                      most: int) -> tuple[list[int], np.ndarray]:
    """Least squares by adding, from `first` on, the regressor that explains most of what is left.

    covariance: (K, K) and cross: (K,) centred sums of products; total: centred sum of squares of the target. Stops at
    `most`, or when the next would explain less than 2 % of what is left. Returns indices and weights.
    """
    chosen = [first]
    while True:
        inner = covariance[np.ix_(chosen, chosen)]
        inner = inner + 1e-9 * np.trace(inner) * np.eye(len(chosen))
        weights = np.linalg.solve(inner, cross[chosen])
        if len(chosen) == most:
            return chosen, weights
        left = cross - covariance[:, chosen] @ weights
        own = np.diag(covariance)
        spare = own - np.einsum("kc,ck->k", covariance[:, chosen], np.linalg.solve(inner, covariance[chosen]))
        gain = np.divide(left ** 2, spare, out=np.zeros_like(left), where=spare > 1e-6 * np.maximum(own, 1e-12))
        best = int(np.argmax(gain))
        if gain[best] < _LEAST_GAIN * max(total - weights @ cross[chosen], 1e-12) or best in chosen:
            return chosen, weights
        chosen.append(best)


def score_frames(joined: Joined, aggregates: Aggregates, choice: Choice, largest: float,
                 progress: Listener = silent) -> Scores:
    """Score every joined frame by the choice of the fold that its subject was held out of. `largest`: largest level."""
    subjects, columns = aggregates.subjects, len(aggregates.columns)
    rank = {name: i for i, name in enumerate(subjects)}
    scorers = [[_Scorer(choice.codewords[f, :, :n], choice.weights[f, :, :n], aggregates.codewords, largest)
                for n in (1, choice.codewords.shape[-1])] for f in range(len(choice.codewords) - 1)]
    counts = np.zeros((2, len(subjects), 2 * columns * BINS), np.int64)
    of_group = aggregates.groups["subject"].tolist()
    done = 0
    for block in joined.blocks(psi=False):
        subject = of_group[block.group]
        cell = (block.present.astype(np.int64) * columns + np.arange(columns)) * BINS
        use = aggregates.measured[block.group]
        for count, scorer in zip(counts, scorers[aggregates.folds[subject]], strict=True):
            at = (cell + scorer.bins(block.codewords))[:, use]
            count[rank[subject]] += np.bincount(at.ravel(), minlength=count.shape[1])
        done += len(block)
        progress(Progress("scoring held-out subjects", done, aggregates.frames, block.recording))
    one, sparse = counts.reshape(2, len(subjects), 2, columns, BINS)
    return Scores(one, sparse, np.array([aggregates.folds[s] for s in subjects]))


class _Scorer:
    """Weighted sums of codeword intensities as bins; the weights' own range is the range of the bins."""

    def __init__(self, codewords: np.ndarray, weights: np.ndarray, size: int, largest: float) -> None:
        column, place = np.nonzero(codewords >= 0)
        value = weights[column, place] if codewords.shape[1] > 1 else np.ones(len(column))
        self._matrix = csr_matrix((value.astype(np.float32), (codewords[column, place], column)),
                                  (size, len(codewords)))
        reach = np.zeros((2, len(codewords)))
        np.add.at(reach[0], column, np.minimum(value, 0) * largest * _MOST_INTENSITY)
        np.add.at(reach[1], column, np.maximum(value, 0) * largest * _MOST_INTENSITY)
        self._low, self._span = reach[0], np.maximum(reach[1] - reach[0], 1e-9)

    def bins(self, codewords: csr_matrix) -> np.ndarray:
        """(T, K) sparse to (T, C) int64 in 0 … B−1."""
        score = (codewords @ self._matrix).toarray()
        return np.clip((score - self._low) / self._span * (BINS - 1) + 0.5, 0, BINS - 1).astype(np.int64)


def held_out_auroc(counts: np.ndarray, folds: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R, C) AUROC of held-out scores, NaN where no fold has both classes.

    Frames are compared within a fold only, as scores of two folds come from two fits: Σ_f U_f / Σ_f P_f·N_f with U the
    Mann–Whitney statistic, P and N the frames present and absent. counts: (S, 2, C, B); weights: (R, S).
    """
    above = pairs = 0.0
    for fold in np.unique(folds):
        at = folds == fold
        absent, present = np.moveaxis(np.tensordot(weights[:, at], counts[at].astype(np.float64), 1), 1, 0)
        below = np.cumsum(absent, -1) - absent / 2
        above = above + (present * below).sum(-1)
        pairs = pairs + present.sum(-1) * absent.sum(-1)
    return np.divide(above, pairs, out=np.full(np.shape(pairs), np.nan), where=pairs > 0)
