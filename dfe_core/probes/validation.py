"""Nested cross-validation that keeps groups apart: outer folds score, inner folds choose, nothing sees both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, StratifiedGroupKFold

from dfe_core.errors import DataError
from dfe_core.expressions.sealed_test import SEALED_SPLIT
from dfe_core.probes.features.catalogue import Feature
from dfe_core.probes.models import candidates, decision, inner_loss, make_model
from dfe_core.probes.refit import logistic_by_strength, probabilities
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows of one outer fold and, within its training rows, those of the inner folds (rows of the whole)."""

    train: np.ndarray
    test: np.ndarray
    inner: tuple[tuple[np.ndarray, np.ndarray], ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Fitted:
    """What one outer fold learnt: the transformed matrices, the chosen setting, and the model."""

    fold: Fold
    train: np.ndarray
    test: np.ndarray
    transform: TransformerMixin
    setting: dict[str, Any]
    model: BaseEstimator


@dataclass(frozen=True, eq=False)
class Predictions:
    """Out-of-fold predictions: values (n, C) by `models.decision`, NaN of units that no fold tests; fold (n,), −1 of
    these; and each fold's fit."""

    values: np.ndarray
    fold: np.ndarray
    fits: tuple[Fitted, ...]


def make_folds(
    target: Target, settings: ProbeSettings, choose: bool = True, tested: np.ndarray | None = None
) -> tuple[Fold, ...]:
    """The outer and inner folds of a target. Raises `DataError` where a fold cannot be trained or tested on.

    choose: without it there are no inner folds, and the middle one of a model's settings is taken. tested: (n,) the
    units that are tested, in folds of their own, while all others train in every fold; None: all.
    """
    folds = []
    for train, test in _outer(target, settings) if tested is None else _outer_of(target, settings, tested):
        inner = tuple((train[a], train[b]) for a, b in _inner(target, train, settings)) if choose else ()
        folds.append(Fold(train, test, inner))
    for fold in folds:
        absent = set(range(len(target.classes))) - set(target.y[fold.train])
        if absent:
            raise DataError(
                settings.validation,
                f"a fold trains without class {target.classes[min(absent)]!r}",
                "other folds, or more units of this class",
            )
        if set(target.groups[fold.train]) & set(target.groups[fold.test]):
            raise DataError(
                settings.validation,
                f"puts one {settings.group} on both sides of a fold",
                f"folds made of whole {settings.group}s",
            )
    return tuple(folds)


REPEATS, _MANY_UNITS = 5, 200


def repeat_count(target: Target, settings: ProbeSettings, model: str = "linear") -> int:
    """How often the whole validation is repeated with other folds."""
    if settings.validation != "kfold":
        return 1
    if settings.repeats is not None:
        return settings.repeats
    return REPEATS if target.n <= _MANY_UNITS and model == "linear" else 1


def repeated_folds(
    target: Target, settings: ProbeSettings, tested: np.ndarray | None = None
) -> tuple[tuple[Fold, ...], ...]:
    """The folds of every repeat; of the first, those of `make_folds`."""
    return tuple(
        make_folds(target, replace(settings, seed=settings.seed + 1000 * repeat), tested=tested)
        for repeat in range(repeat_count(target, settings))
    )


def stratified(target: Target, settings: ProbeSettings) -> bool:
    """Whether the outer folds were laid by the labels."""
    return settings.validation == "kfold" and target.task == "classify"


def nested(
    feature: Feature | tuple[Feature, ...], target: Target, folds: tuple[Fold, ...], model: str, settings: ProbeSettings
) -> Predictions:
    """Out-of-fold predictions. Transforms, vocabulary and hyper-parameters come from training rows alone.

    feature: one for all folds, or one for each.
    """
    width = max(len(target.classes), 1)
    values, fold_of, fits = np.full((target.n, width), np.nan), np.full(target.n, -1), []
    each = feature if isinstance(feature, tuple) else (feature,) * len(folds)
    for index, (fold, own) in enumerate(zip(folds, each, strict=True)):
        fitted = _fit(own, target, fold, model, settings)
        values[fold.test] = _aligned(fitted.model, fitted.test, target)
        fold_of[fold.test] = index
        fits.append(fitted)
    return Predictions(values, fold_of, tuple(fits))


def _outer_of(target: Target, settings: ProbeSettings, tested: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds of the units that are tested, each trained on all others; fewer where these are of few groups."""
    rows = np.flatnonzero(tested)
    groups = len(np.unique(target.groups[rows]))
    if set(target.groups[rows]) & set(target.groups[~tested]):
        raise DataError(settings.group, "people whom the codebook has seen and has not seen", "--group subject")
    part = replace(
        target,
        units=target.units[rows],
        groups=target.groups[rows],
        y=target.y[rows],
        table=target.table.iloc[rows].reset_index(drop=True),
    )
    everything = np.arange(target.n)
    if settings.validation == SEALED_SPLIT:
        return [(np.setdiff1d(everything, rows), rows)]
    own = replace(settings, folds=max(2, min(settings.folds, groups)))
    return [(np.setdiff1d(everything, rows[test]), rows[test]) for _, test in _outer(part, own)]


def _outer(target: Target, settings: ProbeSettings) -> list[tuple[np.ndarray, np.ndarray]]:
    if settings.validation == "kfold":
        return group_folds(target.y, target.groups, target.task, settings.folds, settings.seed)
    if settings.validation == "leave-one-out":
        return list(LeaveOneGroupOut().split(target.y, target.y, target.groups))
    column = target.table[settings.validation]
    if column.isna().any() or column.nunique() < 2:
        raise DataError(
            settings.validation,
            f"{column.nunique()} folds and {int(column.isna().sum())} units without",
            "a column with two or more folds and a value for every unit",
        )
    own = column.astype(str).to_numpy()
    return list(LeaveOneGroupOut().split(target.y, target.y, own))


def _inner(target: Target, train: np.ndarray, settings: ProbeSettings) -> list[tuple[np.ndarray, np.ndarray]]:
    groups, y = target.groups[train], target.y[train]
    fewest = (
        min(len(np.unique(groups[y == k])) for k in np.unique(y))
        if target.task == "classify"
        else len(np.unique(groups))
    )
    count = min(settings.inner_folds, fewest)
    if count < 2:
        raise DataError(
            settings.validation,
            "a class has one group in the training part of a fold, so that nothing can be chosen inside it",
            "more groups of that class, or other folds",
        )
    return group_folds(y, groups, target.task, count, settings.seed + 1)


def group_folds(
    y: np.ndarray, groups: np.ndarray, task: str, count: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Training and test rows of `count` folds made of whole groups in random order, stratified by class.

    Parameters
    ----------
    y: (n,) classes or values. groups: (n,) what stays together. task: ``classify`` or ``regress``.

    Classes are stratified over groups that are put in order here: until version 1.8, scikit-learn shuffled the class
    counts of groups without their groups (`StratifiedGroupKFold`), which left the folds unbalanced.
    """
    if task != "classify":
        return list(GroupKFold(count, shuffle=True, random_state=seed).split(y, y, groups))
    _, group = np.unique(groups, return_inverse=True)
    order = np.arange(group.max() + 1)
    np.random.RandomState(seed).shuffle(order)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return list(StratifiedGroupKFold(count).split(y, y, place[group]))


def _fit(feature: Feature, target: Target, fold: Fold, model: str, settings: ProbeSettings) -> Fitted:
    choices = candidates(model, target.task)
    losses = np.zeros(len(choices))
    for train, test in fold.inner:
        _, known, unseen = transformed(feature, train, test)
        each = _inner_values(known, target.y[train], unseen, target, model, settings)
        losses += [inner_loss(values, target.y[test], target.task) for values in each]
    best = choices[int(np.argmin(losses))] if fold.inner else choices[len(choices) // 2]
    transform, known, unseen = transformed(feature, fold.train, fold.test)
    fitted = make_model(model, target.task, best, settings.seed).fit(known, target.y[fold.train])
    return Fitted(fold=fold, train=known, test=unseen, transform=transform, setting=best, model=fitted)


def _inner_values(
    known: np.ndarray,
    y: np.ndarray,
    unseen: np.ndarray,
    target: Target,
    model: str,
    settings: ProbeSettings,
) -> list[np.ndarray]:
    """Probabilities, decision or predicted values of every candidate, by which an inner fold judges it: for logistic
    regression by `refit`, ten times faster than scikit-learn's and near enough to choose by."""
    choices = candidates(model, target.task)
    if model == "linear" and target.task == "classify":
        strengths = [setting["C"] for setting in choices]
        return list(map(probabilities, logistic_by_strength(known, y, unseen, len(target.classes), strengths)))
    fitted = [make_model(model, target.task, setting, settings.seed).fit(known, y) for setting in choices]
    return [_aligned(one, unseen, target) for one in fitted]


def transformed(
    feature: Feature, train: np.ndarray, test: np.ndarray
) -> tuple[TransformerMixin, np.ndarray, np.ndarray]:
    """The transform fitted on the training rows, and both parts through it. One column of zeros where nothing is
    left, so that a model can still say what it would without features."""
    (seen, seen_units), (new, new_units) = feature.windows(train), feature.windows(test)
    seen, new = feature.raw[seen], feature.raw[new]
    transform = clone(feature.transform).fit(seen, seen_units)
    known, unseen = transform.transform(seen, seen_units), transform.transform(new, new_units)
    if feature.nuisance is not None:
        known, unseen = _residuals(known, unseen, feature.nuisance[train], feature.nuisance[test])
    if not known.shape[1]:
        return transform, np.zeros((len(train), 1)), np.zeros((len(test), 1))
    return transform, known, unseen


def _residuals(
    known: np.ndarray, unseen: np.ndarray, seen_nuisance: np.ndarray, unseen_nuisance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both parts less what the nuisance columns predict linearly, as learnt from the training part."""
    centre = seen_nuisance.mean(0)
    slope = np.linalg.lstsq(seen_nuisance - centre, known - known.mean(0), rcond=None)[0]
    return known - (seen_nuisance - centre) @ slope, unseen - (unseen_nuisance - centre) @ slope


def _aligned(fitted: BaseEstimator, X: np.ndarray, target: Target) -> np.ndarray:
    """Decision values with a column for every class, also for one that an inner fold has not seen."""
    values = decision(fitted, X, target.task)
    if target.task == "regress" or len(fitted.classes_) == len(target.classes):
        return values
    full = np.full((len(X), len(target.classes)), min(0.0, values.min()))
    full[:, fitted.classes_] = values
    return full
