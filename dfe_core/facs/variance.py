"""Whose variance is it: the displacement that AUs explain, that tokens explain, and that only one of the two does.

Commonality analysis (Newton & Spurrell 1967) of held-out predictions of ψ from AU intensities, from tokens, and from
both. AUs predict by ridge regression. Tokens predict by what they decode to, and ridge regression corrects what that
leaves, from the decoded ψ (tokens) or from it and the AUs (both): with few subjects the correction shrinks to none.
Errors are measured on the mesh, ‖d‖² = ψᵀGψ. Everything is worked out from second moments.

Letters of the shapes: G groups, F folds, S subjects, A AUs, E coefficients, D = 1 + A + 2E, R resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.facs.aggregates import Aggregates
from dfe_core.facs.association import interval, subject_weights
from dfe_core.facs.settings import CoverageSettings

PENALTIES = (1e-4, 1e-2, 1.0, 100.0, 1e4)
"""Ridge penalties tried, per frame; chosen within the training folds."""

_COMMON_SHARE = 0.5

PARTS = ("AUs", "tokens", "AUs and tokens", "beyond FACS", "FACS only", "both alike", "neither", "tokens as decoded")
"""`beyond FACS`: AUs leave it and tokens explain it; `FACS only`: the reverse; `both alike`: either does."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Errors:
    """Held-out squared errors on the mesh: models (S, 3) of AUs, tokens, both; decoded (S,) of tokens without a fit;
    total (S,) about the training mean. aus: (A,) bool, the AUs that the fits used."""

    models: np.ndarray
    decoded: np.ndarray
    total: np.ndarray
    aus: np.ndarray


def held_out_errors(aggregates: Aggregates, gram: np.ndarray) -> Errors | None:
    """Errors of every subject by fits on the other folds' subjects; None with a single fold."""
    folds, aus, size = aggregates.fold_codes, common_aus(aggregates), len(gram)
    decoded = 1 + aggregates.aus + np.arange(size)
    target, left = decoded + size, decoded + 2 * size
    said = 1 + np.flatnonzero(aus)
    sets = [(said, (), target), (decoded, (), left), (np.concatenate([said, decoded]), (len(said),), left)]
    by_subject = _moments_by_subject(aggregates, size)
    subject_fold = np.array([aggregates.folds[s] for s in aggregates.subjects])
    if len(np.unique(folds)) < 2:
        return None
    errors, total, raw = np.zeros((len(by_subject), 3)), np.zeros(len(by_subject)), np.zeros(len(by_subject))
    for fold in np.unique(folds):
        train, test = by_subject[subject_fold != fold], np.flatnonzero(subject_fold == fold)
        inner = subject_fold[subject_fold != fold]
        mean = train.sum(0)[0, target] / train.sum(0)[0, 0]
        total[test] = [squared_error(m, np.empty(0, int), target, mean[None], gram) for m in by_subject[test]]
        raw[test] = [np.sum(gram * m[np.ix_(left, left)]) for m in by_subject[test]]
        for i, (columns, blocks, goal) in enumerate(sets):
            weights = _fit(train, inner, columns, blocks, goal, gram)
            errors[test, i] = [squared_error(m, columns, goal, weights, gram) for m in by_subject[test]]
    return Errors(models=errors, decoded=raw, total=total, aus=aus)


def _moments_by_subject(aggregates: Aggregates, size: int) -> np.ndarray:
    """(S, D + E, D + E) moments of [z, ψ − decoded ψ]: what decoding leaves is a target of its own."""
    moments = aggregates.arrays["moments"]
    own = np.zeros((len(aggregates.subjects), *moments.shape[1:]))
    np.add.at(own, aggregates.subject_codes, moments)
    extend = np.eye(moments.shape[1] + size, moments.shape[1])
    extend[-size:, -size:] = np.eye(size)
    extend[-size:, -2 * size : -size] = -np.eye(size)
    return extend @ own @ extend.T


def common_aus(aggregates: Aggregates) -> np.ndarray:
    """(A,) bool: AUs measured in most frames, which vary there. Where one was not measured it enters as at rest."""
    known = aggregates.arrays["column_frames"].sum(0)[: aggregates.aus] >= _COMMON_SHARE * aggregates.frames
    total = aggregates.arrays["moments"].sum(0)
    index = 1 + np.arange(aggregates.aus)
    spread = total[index, index] / total[0, 0] - (total[0, index] / total[0, 0]) ** 2
    return known & (spread > 1e-9)


def _fit(
    train: np.ndarray,
    folds: np.ndarray,
    columns: np.ndarray,
    blocks: tuple[int, ...],
    target: np.ndarray,
    gram: np.ndarray,
) -> np.ndarray:
    """(1 + n, E) weights, the penalty chosen by the error on each training fold in turn (the middle one with one)."""
    known = np.unique(folds)
    if len(known) < 2:
        return ridge(train.sum(0), columns, target, PENALTIES[1], blocks)
    error = [
        sum(
            squared_error(
                train[folds == f].sum(0),
                columns,
                target,
                ridge(train[folds != f].sum(0), columns, target, penalty, blocks),
                gram,
            )
            for f in known
        )
        for penalty in PENALTIES
    ]
    return ridge(train.sum(0), columns, target, PENALTIES[int(np.argmin(error))], blocks)


def ridge(
    moments: np.ndarray, columns: np.ndarray, target: np.ndarray, penalty: float, blocks: tuple[int, ...] = ()
) -> np.ndarray:
    """(1 + n, E): intercept and weights of ridge regression from the moments Σzzᵀ (D, D) whose z₀ is 1.

    Regressors are scaled to a mean variance of 1 over each block of them (`blocks`: where the second, third … begins),
    not one by one: an AU that hardly varies in training keeps a small say, and cannot blow up where it does vary.
    """
    frames = moments[0, 0]
    mean_x, mean_y = moments[0, columns] / frames, moments[0, target] / frames
    covariance = moments[np.ix_(columns, columns)] / frames - np.outer(mean_x, mean_x)
    cross = moments[np.ix_(columns, target)] / frames - np.outer(mean_x, mean_y)
    scale = _scales(np.diag(covariance), blocks)
    inner = covariance / np.outer(scale, scale) + penalty * np.eye(len(columns))
    weights = np.linalg.solve(inner, cross / scale[:, None]) / scale[:, None] if len(columns) else cross
    return np.concatenate([(mean_y - mean_x @ weights)[None], weights])


def _scales(variance: np.ndarray, blocks: tuple[int, ...]) -> np.ndarray:
    parts = np.split(np.maximum(variance, 0), blocks)
    return np.concatenate([np.full(len(p), np.sqrt(max(p.mean(), 1e-12)) if len(p) else 1.0) for p in parts])


def squared_error(
    moments: np.ndarray, columns: np.ndarray, target: np.ndarray, weights: np.ndarray, gram: np.ndarray
) -> float:
    """Σ over frames of ‖y − Bᵀ[1, x]‖² in the metric `gram`, from moments."""
    at = np.concatenate([[0], columns]).astype(int)
    cross = weights.T @ moments[np.ix_(at, target)]
    residual = moments[np.ix_(target, target)] - cross - cross.T + weights.T @ moments[np.ix_(at, at)] @ weights
    return float(np.sum(gram * residual))


def variance_table(errors: Errors | None, settings: CoverageSettings, seed: int) -> pd.DataFrame:
    """part, share, low, high: every one of `PARTS` as a share of held-out displacement variance, with its 95 % interval
    over subjects; NaN where there are too few subjects."""
    if errors is None or len(errors.total) < settings.min_subjects or errors.total.sum() <= 0:
        return pd.DataFrame({"part": PARTS, "share": np.nan, "low": np.nan, "high": np.nan})
    subjects = len(errors.total)
    share = _shares(errors, np.ones((1, subjects)))[0]
    low, high = interval(_shares(errors, subject_weights(subjects, settings.resamples, seed)))
    return pd.DataFrame({"part": PARTS, "share": share, "low": low, "high": high})


def _shares(errors: Errors, weights: np.ndarray) -> np.ndarray:
    """(R, 8) shares in the order of `PARTS`. A fit that does worse than the mean face explains nothing."""
    total = weights @ errors.total
    aus, tokens, both = np.maximum(1 - (weights @ errors.models) / total[:, None], 0).T
    decoded = 1 - (weights @ errors.decoded) / total
    return np.stack([aus, tokens, both, both - aus, both - tokens, aus + tokens - both, 1 - both, decoded], 1)
