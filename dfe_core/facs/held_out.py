"""Coverage OF FACS: how well one codeword, a small set of them, or all of them together tell an AU inside a person on
whom nothing of it was fitted.

Codewords are chosen and weighted on the training subjects of each fold, within subjects (every subject's mean is taken
out), from the aggregates alone. A second pass over tokens and AUs scores every frame by the choice of the fold that did
not see its subject; AUROCs are computed in each subject and averaged. What is kept is a histogram of scores per
subject.

Letters of the shapes: F folds, S subjects, K codewords, B score bins, C columns, A of them AUs, R resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from dfe_core.engines import LOCAL, Engine, report_part
from dfe_core.expressions.recording_table import RecordingSpan
from dfe_core.facs.aggregates import Aggregates
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.token_au_stream import Joined
from dfe_core.progress import Listener, silent

READOUTS = ("one", "set", "all")
"""The best codeword; at most `CoverageSettings.max_codewords`, weights not negative; ridge regression on all."""

BINS = 512
_LEAST_GAIN = 0.02  # share of what is left unexplained that one more codeword must explain
_SEEN_VARIANCE = 1e-6  # of the largest: a codeword that varies less within subjects cannot be chosen


@dataclass(frozen=True, eq=False, kw_only=True)
class Choice:
    """What stands for each column. Row f was fitted without the subjects of fold f; the last row on all subjects.

    codewords: (F + 1, C, 3) int64, −1 for none, best first. weights: (F + 1, C, 3), not negative. readout:
    (F + 1, K, C), weights of all codewords. centre, spread: (F + 1, 3, C), mean and standard deviation of each of
    `READOUTS` over the training frames.
    """

    codewords: np.ndarray
    weights: np.ndarray
    readout: np.ndarray
    centre: np.ndarray
    spread: np.ndarray

    def matrix(self, fold: int, readout: str) -> np.ndarray:
        """(K, C) weights of one of `READOUTS` as fitted without `fold`."""
        if readout == "all":
            return self.readout[fold]
        return _dense(self.codewords[fold], self.weights[fold], len(self.readout[fold]), one=readout == "one")


def select_codewords(aggregates: Aggregates, settings: CoverageSettings) -> Choice:
    """Codewords and weights of every column, for every fold and for all subjects.

    The target is the AU's intensity above the subject's baseline (presence for columns of the truth). x and y are
    centred within subjects; moments of x are those of all frames, moments with y those of the frames in which the
    column was measured, each per frame.
    """
    folds, columns = max(aggregates.folds.values()) + 1, len(aggregates.columns)
    shape = (folds + 1, columns, settings.max_codewords)
    codewords, weights = np.full(shape, -1, np.int64), np.zeros(shape)
    readout = np.zeros((folds + 1, aggregates.codewords, columns))
    centre, spread = np.zeros((2, folds + 1, len(READOUTS), columns))
    for fold in range(folds + 1):
        mean, covariance, cross, total = _within(aggregates, fold)
        readout[fold] = ridge_readout(covariance, cross, settings.readout_ridge)
        for column in range(columns):
            chosen, weight = forward_selection(covariance, cross[:, column], total[column], settings.max_codewords)
            codewords[fold, column, : len(chosen)], weights[fold, column, : len(chosen)] = chosen, weight
        matrices = [
            _dense(codewords[fold], weights[fold], len(mean), one=True),
            _dense(codewords[fold], weights[fold], len(mean), one=False),
            readout[fold],
        ]
        centre[fold] = [mean @ m for m in matrices]
        spread[fold] = [np.sqrt(np.maximum(np.einsum("kc,kl,lc->c", m, covariance, m), 1e-18)) for m in matrices]
    return Choice(codewords=codewords, weights=weights, readout=readout, centre=centre, spread=spread)


def _within(aggregates: Aggregates, fold: int) -> tuple[np.ndarray, ...]:
    """Without `fold`: mean of x (K,); within subjects, covariance (K, K), cross-covariance (K, C), variance (C,)."""
    a, columns = aggregates.arrays, len(aggregates.columns)
    use = a["fold_fold"] != fold
    frames = max(a["fold_frames"][use].sum(), 1)
    target = np.concatenate([columns + np.arange(aggregates.aus), np.arange(aggregates.aus, columns)])
    known = np.maximum(a["within_frames"][use].sum(0)[target], 1)
    return (
        a["fold_x"][use].sum(0) / frames,
        a["within_xx"][use].sum(0) / frames,
        a["within_xy"][use].sum(0)[:, target] / known,
        a["within_yy"][use].sum(0)[target] / known,
    )


def ridge_readout(covariance: np.ndarray, cross: np.ndarray, penalty: float) -> np.ndarray:
    """(K, C) weights of ridge regression from (K, K) and (K, C) moments; `penalty` times the mean variance of the
    codewords that vary is added to the diagonal."""
    variance = np.diag(covariance)
    scale = variance[variance > 0].mean() if (variance > 0).any() else 1.0
    return np.linalg.solve(covariance + (penalty * scale + 1e-12) * np.eye(len(covariance)), cross)


def forward_selection(
    covariance: np.ndarray, cross: np.ndarray, total: float, most: int
) -> tuple[list[int], np.ndarray]:
    """Least squares with positive weights, by adding the regressor that explains most until `most` are in.

    An AU is not told by a codeword that is absent, so a regressor that lowers the score is never taken.

    covariance: (K, K) and cross: (K,) centred moments; total: variance of the target. Stops early when the next would
    explain less than 2 % of what is left. Returns indices, the best first, and weights; empty where no regressor goes
    with the target.
    """
    variance = np.diag(covariance)
    usable = variance > _SEEN_VARIANCE * max(variance.max(initial=0), 1e-30)
    chosen: list[int] = []
    weights, explained = np.zeros(0), 0.0
    while len(chosen) < most:
        candidates = [k for k in np.flatnonzero(usable).tolist() if k not in chosen]
        if not candidates:
            break
        gain, fits = _with_each(covariance, cross, chosen, np.array(candidates))
        best = int(np.argmax(gain))
        left = max(total - explained, 1e-30)
        if gain[best] <= explained or (chosen and gain[best] - explained < _LEAST_GAIN * left):
            break
        chosen, weights, explained = [*chosen, candidates[best]], fits[best], float(gain[best])
    return chosen, weights


def _with_each(
    covariance: np.ndarray, cross: np.ndarray, chosen: list[int], candidates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Variance that `chosen` and each candidate explain together (0 where a weight is not positive), and weights."""
    index = np.concatenate([np.tile(chosen, (len(candidates), 1)).astype(int), candidates[:, None]], 1)
    inner = covariance[index[:, :, None], index[:, None, :]]
    size = inner.shape[1]
    inner = inner + 1e-9 * np.trace(inner, axis1=1, axis2=2)[:, None, None] * np.eye(size)
    weights = np.linalg.solve(inner, cross[index][..., None])[..., 0]
    return np.where((weights > 0).all(1), (weights * cross[index]).sum(1), 0), weights


def _dense(codewords: np.ndarray, weights: np.ndarray, size: int, *, one: bool) -> np.ndarray:
    """(C, 3) codewords and weights as a (K, C) matrix; `one`: the best codeword alone, with weight 1."""
    matrix = np.zeros((size, len(codewords)))
    column, place = np.nonzero(codewords[:, :1] >= 0 if one else codewords >= 0)
    matrix[codewords[column, place], column] = 1.0 if one else weights[column, place]
    return matrix


@dataclass(frozen=True, eq=False, kw_only=True)
class Scores:
    """Held-out AUROCs within subjects: auroc (3, S, C) by `READOUTS`, NaN where a subject shows too little of the
    column or of its absence; positives, negatives (S, C): frames with and without it."""

    auroc: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class _Scoring:
    """What all groups of recordings have in common. columns: C. folds: of every subject."""

    joined: Joined
    choice: Choice
    columns: int
    folds: dict[str, int]


def score_frames(
    joined: Joined,
    aggregates: Aggregates,
    choice: Choice,
    settings: CoverageSettings,
    progress: Listener = silent,
    engine: Engine = LOCAL,
) -> Scores:
    """Score every joined frame by the choice of the fold that its subject was held out of."""
    subjects, columns = aggregates.subjects, len(aggregates.columns)
    rank = {name: i for i, name in enumerate(subjects)}
    counts = np.zeros((len(READOUTS), len(subjects), 2 * columns * BINS), np.int32)
    groups = joined.cut()
    sizes = [sum(span.count for span in spans) for spans in groups]
    scoring = _Scoring(joined=joined, choice=choice, columns=columns, folds=aggregates.folds)
    task = "scoring held-out subjects"
    for found in engine.map(score_group, groups, scoring, sizes=sizes, task=task, progress=progress):
        for subject, count in found.items():
            counts[:, rank[subject]] += count
    counts = counts.reshape(len(READOUTS), len(subjects), 2, columns, BINS)
    negatives, positives = counts[0].sum(-1).transpose(1, 0, 2)
    enough = np.minimum(positives, negatives) >= settings.min_frames
    auroc = np.stack([np.where(enough, auroc_of_histograms(c), np.nan) for c in counts])
    return Scores(auroc=auroc, positives=positives, negatives=negatives)


def score_group(spans: tuple[RecordingSpan, ...], scoring: _Scoring) -> dict[str, np.ndarray]:
    """Of each subject in these recordings, (3, 2·C·B) int32 frames by readout, presence, column and bin."""
    joined, columns = scoring.joined.fresh(), scoring.columns
    scorers: dict[int, list[_Scorer]] = {}
    counts: dict[str, np.ndarray] = {}
    done = 0
    for block in joined.blocks(psi=False, spans=spans):
        subject = list(joined.groups.keys)[block.group][0]
        fold = scoring.folds[subject]
        if fold not in scorers:
            scorers[fold] = [_Scorer(scoring.choice, fold, i) for i in range(len(READOUTS))]
        held = counts.setdefault(subject, np.zeros((len(READOUTS), 2 * columns * BINS), np.int32))
        cell = (block.present.astype(np.int64) * columns + np.arange(columns)) * BINS
        for count, scorer in zip(held, scorers[fold], strict=True):
            at = (cell + scorer.bins(block.codewords))[:, block.measured]
            count += np.bincount(at.ravel(), minlength=len(count)).astype(np.int32)
        done += len(block)
        report_part(done, block.recording)
    return counts


class _Scorer:
    """Weighted sums of codeword intensities as bins, finest around the middle of the training scores."""

    def __init__(self, choice: Choice, fold: int, readout: int) -> None:
        matrix = choice.matrix(fold, READOUTS[readout])
        matrix = matrix.astype(np.float32)
        self._matrix = matrix if READOUTS[readout] == "all" else csr_matrix(matrix)
        self._centre, self._spread = choice.centre[fold, readout], choice.spread[fold, readout]

    def bins(self, codewords: csr_matrix) -> np.ndarray:
        """(T, K) sparse to (T, C) int64 in 0 … B−1, increasing with the score."""
        score = codewords @ self._matrix
        z = ((score.toarray() if hasattr(score, "toarray") else score) - self._centre) / self._spread
        return np.clip((z / (1 + np.abs(z)) + 1) / 2 * BINS, 0, BINS - 1).astype(np.int64)


def auroc_of_histograms(counts: np.ndarray) -> np.ndarray:
    """(…, 2, C, B) frames by score bin, absent [0] and present [1], to the (…, C) AUROC; ties count half (the
    Mann–Whitney statistic over the product of both counts). NaN where a class is empty."""
    absent, present = np.moveaxis(counts, -3, 0).astype(np.float64)
    below = np.cumsum(absent, -1) - absent / 2
    pairs = present.sum(-1) * absent.sum(-1)
    return np.divide((present * below).sum(-1), pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0)


def mean_over_subjects(auroc: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(S, C) AUROCs and (R, S) weights to (R, C): the weighted mean over the subjects that have one; NaN where none."""
    known = np.isfinite(auroc)
    total = weights @ known.astype(np.float64)
    return np.divide(weights @ np.where(known, auroc, 0), total, out=np.full(total.shape, np.nan), where=total > 0)
