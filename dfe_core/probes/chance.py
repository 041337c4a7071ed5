"""What chance would score: permuted labels, refitted in every fold, and guesses that look at no face."""

from __future__ import annotations

import numpy as np

from dfe_core.probes import scores
from dfe_core.probes.models import decision, make_model
from dfe_core.probes.refit import logistic_values, ridge_values
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.validation import Fitted, Fold, Predictions, stratified

_SLOW_PERMUTATIONS = 100
_GUESSES = 2000


def permute_labels(target: Target, folds: tuple[Fold, ...], settings: ProbeSettings) -> np.ndarray:
    """(P, n) labels permuted at the level at which they vary.

    Labels constant within groups move between whole groups; labels of which every group has the same ones move within
    groups; others move freely within groups after whole groups of equal size have changed places. Where the folds were
    laid by the labels, nothing moves between folds, so that permuted folds are as balanced as the real ones.
    """
    rng = np.random.default_rng([settings.seed, 7])
    block = np.zeros(target.n, int)
    if stratified(target, settings):
        for index, fold in enumerate(folds):
            block[fold.test] = index
    groups = np.unique(target.groups, return_inverse=True)[1]
    members = [np.flatnonzero(groups == g) for g in range(groups.max() + 1)]
    constant = all(len(np.unique(target.y[m])) == 1 for m in members)
    alike = len({tuple(np.sort(target.y[m])) for m in members}) == 1
    permuted = np.empty((settings.permutations, target.n), target.y.dtype)
    for row in permuted:
        if constant:
            _move_constant(rng, row, target.y, members, block)
        else:
            row[:] = target.y
            if not alike:
                _move_groups(rng, row, members, block)
            for m in members:
                row[m] = rng.permutation(row[m])
    return permuted


def _move_constant(rng: np.random.Generator, row: np.ndarray, y: np.ndarray, members: list, block: np.ndarray) -> None:
    first = np.array([m[0] for m in members])
    label = y[first].copy()
    for one in np.unique(block[first]):
        where = np.flatnonzero(block[first] == one)
        label[where] = rng.permutation(label[where])
    for m, value in zip(members, label, strict=True):
        row[m] = value


def _move_groups(rng: np.random.Generator, row: np.ndarray, members: list, block: np.ndarray) -> None:
    kinds: dict[tuple[int, int], list] = {}
    for m in members:
        kinds.setdefault((int(block[m[0]]), len(m)), []).append(m)
    for same in kinds.values():
        order = rng.permutation(len(same))
        row[np.concatenate(same)] = row[np.concatenate([same[i] for i in order])]


def null_scores(found: Predictions, target: Target, permuted: np.ndarray, model: str,
                settings: ProbeSettings) -> np.ndarray | None:
    """(P,) primary metric under permuted labels, each fold refitted with its own hyper-parameters.

    None where the units are stretches of the same recordings, which cannot be exchanged, and where refitting would
    take hours (sequence probes): to permute fixed predictions is too kind, as predictions of folds are not independent.
    """
    if settings.group == "time" or not found.fits:
        return None
    if model != "linear":
        permuted = permuted[:_SLOW_PERMUTATIONS]
    metric = scores.METRICS[target.task][scores.PRIMARY[target.task]]
    values = np.zeros((len(permuted), *found.values.shape))
    for fit in found.fits:
        values[:, fit.fold.test] = _refitted(fit, permuted[:, fit.fold.train], target, model, settings)
    return np.array([metric(scores.sums(target.task, y, v).sum(0)) for y, v in zip(permuted, values, strict=True)])


def _refitted(fit: Fitted, labels: np.ndarray, target: Target, model: str, settings: ProbeSettings) -> np.ndarray:
    if model == "linear" and target.task == "classify":
        return logistic_values(fit.train, labels, fit.test, len(target.classes), fit.setting["C"])
    if model == "linear":
        return ridge_values(fit.train, labels, fit.test, fit.setting["alpha"])
    return np.stack([_slow(fit, y, target, model, settings) for y in labels])


def _slow(fit: Fitted, y: np.ndarray, target: Target, model: str, settings: ProbeSettings) -> np.ndarray:
    fitted = make_model(model, target.task, fit.setting, settings.seed).fit(fit.train, y)
    return decision(fitted, fit.test, target.task)


def guesses(target: Target, folds: tuple[Fold, ...], settings: ProbeSettings) -> dict[str, dict[str, float]]:
    """Every metric of two guesses that see no face: ``chance`` draws a label from the training part at random (mean
    of many draws), ``majority`` (``mean`` in regression) always answers the training part's most frequent (mean)."""
    rng = np.random.default_rng([settings.seed, 8])
    random = np.zeros((_GUESSES, target.n), target.y.dtype)
    constant = np.zeros(target.n, float)
    for fold in folds:
        known = target.y[fold.train]
        random[:, fold.test] = rng.choice(known, (_GUESSES, len(fold.test)))
        constant[fold.test] = np.bincount(known).argmax() if target.task == "classify" else known.mean()
    names = {"chance": random, "majority" if target.task == "classify" else "mean": constant[None]}
    return {name: _guess_scores(target, drawn) for name, drawn in names.items()}


def _guess_scores(target: Target, drawn: np.ndarray) -> dict[str, float]:
    classes = len(target.classes)
    values = drawn[..., None].astype(float) if not classes else \
        (drawn[..., None].astype(int) == np.arange(classes)).astype(float)
    tables = np.stack([scores.sums(target.task, target.y, v).sum(0) for v in values])
    found = {name: float(metric(tables).mean()) for name, metric in scores.METRICS[target.task].items()}
    return found | ({"AUROC": 0.5} if classes else {})
