"""What chance would score: permuted labels, refitted in every fold, and guesses that look at no face."""

from __future__ import annotations

from math import ceil

import numpy as np

from dfe_core.expressions.label_scales import LabelScale
from dfe_core.probes import scores
from dfe_core.probes.models import decision, make_model
from dfe_core.probes.refit import logistic_values, ridge_values
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.validation import Fitted, Fold, Predictions, stratified
from dfe_core.store import content_key

_LEAST = 199
_FLOOR, _SLOW_FLOOR = 0.02, 0.04
"""Smallest p, corrected by Holm over all rows, that the permutations of linear and of other models allow."""
_EXCEEDANCES = 10
"""Of a slow model's permuted scores above the real one, after which no further permutation can matter."""
_GUESSES, _LEAST_GUESSES, _GUESSED = 2000, 50, 20_000_000
"""Draws of the guesses: of more units fewer, for their mean is as steady, and so many labels take 0.5 GB."""
_REFITTED = 4_000_000
"""Labels that are refitted together."""


def permutation_count(settings: ProbeSettings, rows: int, model: str = "linear") -> int:
    """How many permutations a row is tested with, where `rows` are corrected together, those of all labels: enough for
    significance to be reached by every row, or as many as the settings say."""
    if settings.permutations is not None:
        return settings.permutations
    rows *= max(len(settings.together), 1)
    return max(_LEAST, ceil(rows / (_FLOOR if model == "linear" else _SLOW_FLOOR)) - 1)


def p_value(score: float, null: np.ndarray | None) -> float | None:
    """Share of permuted labels that score as high, the real ones counted as one of them (Phipson & Smyth 2010); where
    the permutations were stopped at `_EXCEEDANCES`, exceedances over permutations (Besag & Clifford 1991, Biometrika
    78)."""
    if null is None:
        return None
    above = int(np.sum(null >= score - 1e-12))
    return above / len(null) if getattr(null, "stopped", False) else (1 + above) / (1 + len(null))


class StoppedNull(np.ndarray):
    """(l,) permuted scores, cut short at the last of `_EXCEEDANCES` scores above the real one."""

    stopped = True


def permute_labels(target: Target, folds: tuple[Fold, ...], settings: ProbeSettings, count: int) -> np.ndarray:
    """(count, n) labels permuted at the level at which they vary.

    Labels constant within groups move between whole groups; labels of which every group has the same ones move within
    groups; others move freely within groups after whole groups of equal size have changed places. Where the folds were
    laid by the labels, nothing moves between folds, so that permuted folds are as balanced as the real ones.
    """
    rng = np.random.default_rng([settings.seed, 7])
    block, members, constant, alike = _exchange(target, folds, settings)
    permuted = np.empty((count, target.n), target.y.dtype)
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


def _exchange(
    target: Target, folds: tuple[Fold, ...], settings: ProbeSettings
) -> tuple[np.ndarray, list[np.ndarray], bool, bool]:
    """What may be exchanged: block (n,) of each unit, the members of each group, whether labels are constant within
    groups, and whether every group has the same ones."""
    block = np.full(target.n, len(folds))
    if not stratified(target, settings):
        block[np.concatenate([fold.test for fold in folds])] = 0
    else:
        for index, fold in enumerate(folds):
            block[fold.test] = index
    groups = np.unique(target.groups, return_inverse=True)[1]
    members = [np.flatnonzero(groups == g) for g in range(groups.max() + 1)]
    constant = all(len(np.unique(target.y[m])) == 1 for m in members)
    alike = len({tuple(np.sort(target.y[m])) for m in members}) == 1
    return block, members, constant, alike


def permutation_key(target: Target, folds: tuple[Fold, ...], settings: ProbeSettings) -> str:
    """Equal for labels that `permute_labels` moves alike: the same units, groups, blocks and seed."""
    block, members, constant, alike = _exchange(target, folds, settings)
    units = [str(unit) for unit in target.units]
    return content_key(
        [units, block.tolist(), [m.tolist() for m in members], constant, alike and not constant, settings.seed]
    )


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


def null_scores(
    found: Predictions, target: Target, permuted: np.ndarray, model: str, settings: ProbeSettings
) -> np.ndarray | None:
    """(P,) primary metric under permuted labels, each fold refitted with its own hyper-parameters; of a model that is
    not linear fewer, and a `StoppedNull` where the row is far from significant.

    None where the units are stretches of the same recordings, which cannot be exchanged, and where refitting would
    take hours (sequence probes): to permute fixed predictions is too kind, as predictions of folds are not independent.
    """
    if settings.group == "time" or not found.fits:
        return None
    if model != "linear":
        return _sequential(found, target, permuted, model, settings)
    return _permuted_scores(found, target, permuted, model, settings)


def _sequential(
    found: Predictions, target: Target, permuted: np.ndarray, model: str, settings: ProbeSettings
) -> np.ndarray:
    """Permuted scores one after another, until `_EXCEEDANCES` of them reach the real one."""
    real, null, above = scores.primary(target.task, target.y, found.values), [], 0
    for row in permuted[: permutation_count(settings, len(settings.features) * len(settings.models), model)]:
        null.append(_permuted_scores(found, target, row[None], model, settings)[0])
        above += null[-1] >= real - 1e-12
        if above == _EXCEEDANCES:
            return np.array(null).view(StoppedNull)
    return np.array(null)


def _permuted_scores(
    found: Predictions, target: Target, permuted: np.ndarray, model: str, settings: ProbeSettings
) -> np.ndarray:
    metric = scores.METRICS[target.task][scores.PRIMARY[target.task]]
    found_scores = []
    for part in np.array_split(permuted, max(1, -(-permuted.size // _REFITTED))):
        values = np.full((len(part), *found.values.shape), np.nan)
        for fit in found.fits:
            values[:, fit.fold.test] = _refitted(fit, part[:, fit.fold.train], target, model, settings)
        each = zip(part, values, strict=True)
        found_scores += [metric(scores.sums(target.task, y, v).sum(0)) for y, v in each]
    return np.array(found_scores)


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
    draws = int(np.clip(_GUESSED // target.n, _LEAST_GUESSES, _GUESSES))
    random = np.zeros((draws, target.n), target.y.dtype)
    constant = np.zeros(target.n, float)
    for fold in folds:
        known = target.y[fold.train]
        random[:, fold.test] = rng.choice(known, (draws, len(fold.test)))
        constant[fold.test] = np.bincount(known).argmax() if target.task == "classify" else known.mean()
    names = {"chance": random, "majority" if target.task == "classify" else "mean": constant[None]}
    tested = np.sort(np.concatenate([fold.test for fold in folds]))
    return {name: _guess_scores(target, drawn[:, tested], tested) for name, drawn in names.items()}


def _guess_scores(target: Target, drawn: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    classes = len(target.classes)

    def values(row: np.ndarray) -> np.ndarray:
        return row[:, None].astype(float) if not classes else (row[:, None].astype(int) == np.arange(classes)) * 1.0

    tables = np.stack([scores.sums(target.task, target.y[rows], values(row)).sum(0) for row in drawn])
    found = {name: float(metric(tables).mean()) for name, metric in scores.METRICS[target.task].items()}
    if target.scale == LabelScale.ORDINAL:
        found[scores.QUADRATIC_KAPPA] = float(
            np.mean([scores.quadratic_kappa(target.y[rows], values(row), np.ones(len(rows))) for row in drawn])
        )
    return found | ({"AUROC": 0.5} if classes else {})
