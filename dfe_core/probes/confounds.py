"""What else the features know: who, which session, which sex; and what is left of a score without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.probes import scores
from dfe_core.probes.features.catalogue import Feature, build_feature, without_nuisance
from dfe_core.probes.features.material import Sources
from dfe_core.probes.limits import Judged
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target, labelled_spans, nuisance_task
from dfe_core.probes.validation import Fold, Predictions, make_folds, nested

COLUMNS = ["column", "features", "kind", "metric", "score", "chance", "without", "fall", "state", "groups"]


class _NotJudged(Exception):
    """Why a column cannot be a target of its own; groups: of its rarest value."""

    def __init__(self, state: Judged, groups: int | None = None) -> None:
        super().__init__(state)
        self.state, self.groups = state, groups


def confound_table(
    features: Mapping[str, Feature | tuple[Feature, ...]],
    sources: Sources,
    target: Target,
    folds: tuple[Fold, ...],
    settings: ProbeSettings,
    rows: list[dict[str, Any]],
) -> pd.DataFrame:
    """One row a confound and feature row.

    kind ``predicted``: how well the features predict the column (UAR, or CCC of a number), with chance. kind
    ``regressed out``: the label's score, the same without what the columns predict linearly, and the fall. A column
    that cannot be judged has no numbers: state says why (`Judged`), groups of how many its rarest value is.
    """
    found = [
        _predicted(column, name, sources, target, settings)
        for column in settings.confounds
        for name in settings.features
    ]
    if settings.regress_out:
        nuisance = nuisance_columns(target, settings.regress_out)
        scored = {row["features"]: row["score"] for row in rows if row["model"] == settings.models[0]}
        found += [
            _without(name, without_nuisance(feature, nuisance), target, folds, settings, scored[name])
            for name, feature in features.items()
        ]
    return pd.DataFrame(found, columns=COLUMNS).astype(
        {"column": str, "features": str, "kind": str, "metric": str, "state": str, "groups": "Int64"}
    )


def nuisance_columns(target: Target, columns: tuple[str, ...]) -> np.ndarray:
    """(n, q) float64: numbers as they are, other columns one indicator a value.

    Raises `DataError` for a column that is not there, has no value for some unit, or varies within units.
    """
    parts = []
    for column in columns:
        if column not in target.table:
            raise DataError(column, "no such column to regress out", "one of " + ", ".join(target.table.columns))
        values = target.table[column]
        if values.isna().any():
            raise DataError(column, f"no value for {int(values.isna().sum())} units", "a value for every unit")
        parts.append(
            values.to_numpy(float)[:, None]
            if nuisance_task(values) == "regress"
            else pd.get_dummies(values.astype(str)).to_numpy(float)
        )
    return np.hstack(parts)


def _without(
    name: str,
    feature: Feature | tuple[Feature, ...],
    target: Target,
    folds: tuple[Fold, ...],
    settings: ProbeSettings,
    score: float,
) -> dict[str, Any]:
    found = nested(feature, target, folds, settings.models[0], settings)
    without = _primary(found, target)
    return {
        "column": " + ".join(settings.regress_out),
        "features": name,
        "kind": "regressed out",
        "metric": scores.PRIMARY[target.task],
        "score": score,
        "chance": None,
        "without": without,
        "fall": score - without,
        "state": Judged.JUDGED.value,
        "groups": None,
    }


def _predicted(column: str, name: str, sources: Sources, target: Target, settings: ProbeSettings) -> dict[str, Any]:
    row = {
        "column": column,
        "features": name,
        "kind": "predicted",
        "metric": "UAR",
        "score": None,
        "chance": None,
        "without": None,
        "fall": None,
        "state": Judged.JUDGED.value,
        "groups": None,
    }
    try:
        other, own = _confound_target(column, sources, target, settings)
        folds = make_folds(other, own, choose=_fewest(other) > 2)
        found = nested(build_feature(name, sources, other, own), other, folds, settings.models[0], own)
    except _NotJudged as why:
        return row | {"state": why.state.value, "groups": why.groups}
    except DataError:
        return row | {"state": Judged.NOT_EVALUABLE.value}
    if other.task == "regress":
        return row | {"metric": "CCC", "score": _primary(found, other), "chance": 0.0}
    table = scores.sums("classify", other.y, found.values).sum(0)
    return row | {"score": float(scores.uar(table)), "chance": 1 / len(other.classes)}


def _fewest(target: Target) -> int:
    """Groups of the rarest class."""
    if target.task == "regress":
        return target.subjects
    return min(len(np.unique(target.groups[target.y == k])) for k in range(len(target.classes)))


def _primary(found: Predictions, target: Target) -> float:
    return float(
        scores.METRICS[target.task][scores.PRIMARY[target.task]](
            scores.sums(target.task, target.y, found.values).sum(0)
        )
    )


def _confound_target(
    column: str, sources: Sources, target: Target, settings: ProbeSettings
) -> tuple[Target, ProbeSettings]:
    """The column as a target of its own. Who someone is can only be told across recordings of the same people, so that
    folds keep recordings apart in place of subjects."""
    spans = labelled_spans(sources.dataset, sources.spans, settings)
    if column not in spans or spans[column].isna().any():
        raise _NotJudged(Judged.NO_VALUES)
    names = spans["recording"].astype(str)
    names = names + "@" + spans["segment"].astype(str) if target.unit == "segment" else names
    member = pd.factorize(names)[0]
    rows = spans.assign(unit=names).drop_duplicates("unit").reset_index(drop=True)
    identity = (
        rows.groupby(settings.group)[column].nunique().eq(1).all()
        and rows.groupby(column)[settings.group].nunique().eq(1).all()
    )
    group = "recording" if identity else settings.group
    values = rows[column]
    task = "classify" if identity else nuisance_task(values)
    classes = tuple(sorted(values.astype(str).unique())) if task == "classify" else ()
    y = (
        values.astype(str).map({c: i for i, c in enumerate(classes)}).to_numpy(int)
        if classes
        else values.to_numpy(float)
    )
    groups = rows[group].astype(str).to_numpy()
    other = Target(
        task=task,
        unit="recording",
        units=rows["unit"].to_numpy(),
        groups=groups,
        y=y,
        classes=classes,
        member=member,
        table=rows,
    )
    fewest = _fewest(other)
    if len(np.unique(y)) < 2:
        raise _NotJudged(Judged.ONE_VALUE)
    if fewest < 2:
        raise _NotJudged(Judged.FEW_GROUPS, fewest)
    return other, replace(settings, validation="kfold", folds=max(2, min(settings.folds, fewest)), group=group)
