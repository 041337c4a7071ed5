"""What is predicted, of which units, and who must not lie on both sides of a fold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import RECORDING_COLUMNS, Dataset
from dfe_core.expressions.duplicates import Duplicate
from dfe_core.expressions.label_scales import FEW_CODES, LabelScale, label_scale, ordered_values
from dfe_core.expressions.labels import label_columns
from dfe_core.expressions.sealed_test import SEALED_SPLIT, withheld
from dfe_core.probes.settings import ProbeSettings

NO_COLUMN = ("kfold", "leave-one-out", SEALED_SPLIT)
"""Validations that are not the name of a column."""
MEASURED = ("duration_s", "fps", "missing")
"""How a unit was recorded: seconds, frames a second, share of frames that are not valid. May be confounds."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Target:
    """The units of a probe.

    Attributes
    ----------
    task: ``classify`` or ``regress``. unit: ``recording``, ``subject`` or ``segment``.
    units: (n,) names. groups: (n,) what never lies on both sides of a fold. y: (n,) class index or value.
    classes: names of the classes, in order; empty for regression.
    scale: how the label is measured, as decided from its values or said by ``task`` and ``levels``.
    member: (R,) unit of each span of the raw material, −1 for spans that belong to none.
    table: n rows with the columns of the recordings (the first recording's where they vary within a unit) and
        `MEASURED`. constant: the columns that do not vary within a unit.
    dropped: units left out because they have no label.
    """

    task: str
    unit: str
    units: np.ndarray
    groups: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    member: np.ndarray
    table: pd.DataFrame
    scale: LabelScale = LabelScale.NOMINAL
    dropped: int = 0
    constant: frozenset[str] = frozenset()

    @property
    def n(self) -> int:
        return len(self.units)

    @property
    def subjects(self) -> int:
        """Distinct groups."""
        return len(np.unique(self.groups))


def labelled_spans(dataset: Dataset, spans: pd.DataFrame, settings: ProbeSettings) -> pd.DataFrame:
    """`spans` (recording, segment, …) with the columns of their recordings and, where given, of the label file."""
    rows = dataset.recordings.drop(columns="first_row", errors="ignore")
    if rows["recording"].duplicated().any():
        double = rows.loc[rows["recording"].duplicated(), "recording"].iloc[0]
        raise DataError(dataset.name, f"recording {double!r} twice", "each recording once: import the dataset again")
    if settings.labels:
        own = label_columns(Path(settings.labels), rows)
        own = withheld(own, dataset.sealed, [c for c in own.columns if c != "recording"])
        rows = rows.drop(columns=[c for c in own.columns if c in rows and c != "recording"])
        rows = rows.merge(own, "left", "recording")
    rows["missing"] = 1 - rows["valid_frames"] / rows["frames"].clip(lower=1)
    return spans.merge(rows, "left", "recording")


def make_target(dataset: Dataset, spans: pd.DataFrame, settings: ProbeSettings) -> Target:
    """Decide task and unit, and check that a score would mean something.

    Raises `DataError`, saying what to change, for an unknown label, missing labels, one class, one group, and a class
    in fewer groups than there are folds.
    """
    rows = labelled_spans(dataset, spans, settings)
    _require_columns(dataset, rows, settings)
    if settings.label not in RECORDING_COLUMNS:
        rows = rows[~rows["recording"].astype(str).isin(dataset.sealed)]
    rows, dropped = _without_missing(dataset, rows, settings)
    rows, scale = _measured(dataset, rows, settings)
    task = "classify" if scale == LabelScale.NOMINAL else "regress"
    unit = settings.unit or _decide_unit(rows, settings)
    rows["unit"] = _unit_names(rows, unit)
    _require_constant(rows, settings, unit)
    table = _unit_table(rows)
    by_unit = rows.groupby("unit")
    constant = frozenset(c for c in map(str, rows) if by_unit[c].nunique(dropna=False).eq(1).all()) | {*MEASURED}
    groups = table[settings.group].astype(str).to_numpy()
    _require_shared(table, constant, settings)
    y, classes = _values(dataset, table[settings.label], task, settings)
    index = pd.Series(np.arange(len(table)), index=table["unit"])
    member = np.full(len(spans), -1)
    member[rows["span"].to_numpy()] = index[rows["unit"]].to_numpy()
    target = Target(
        task=task,
        unit=unit,
        units=table["unit"].to_numpy(),
        groups=groups,
        y=y,
        classes=classes,
        member=member,
        table=table,
        scale=scale,
        dropped=dropped,
        constant=constant,
    )
    _require_enough(target, settings)
    return target


def _unit_table(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a unit; `MEASURED` over all its recordings, each counted once."""
    table = rows.groupby("unit", sort=False).first()
    each = rows.drop_duplicates(["unit", "recording"]).groupby("unit", sort=False)
    total = each[["duration_s", "frames", "valid_frames"]].sum()
    return table.assign(
        duration_s=total["duration_s"],
        fps=each["fps"].mean(),
        missing=1 - total["valid_frames"] / total["frames"].clip(lower=1),
    ).reset_index()


def _require_shared(table: pd.DataFrame, constant: frozenset[str], settings: ProbeSettings) -> None:
    """What is regressed out must be learnt from some groups and hold for others."""
    for column in settings.regress_out:
        if column not in constant:
            raise DataError(
                f"--regress-out {column}",
                f"varies within a {settings.unit or 'unit'}",
                "a column with one value for each unit, or --unit recording",
            )
        if nuisance_task(table[column]) == "regress":
            continue
        groups = table.groupby(table[column].astype(str))[settings.group].nunique()
        alone = table[column].astype(str).map(groups).eq(1)
        if alone.mean() > 0.5:
            raise DataError(
                f"--regress-out {column}",
                f"determines the {settings.group}: {alone.mean():.0%} of the "
                f"units have a value that no other {settings.group} has, so that nothing could be learnt "
                f"of it from other {settings.group}s and all of the features would go",
                f"a column whose values several {settings.group}s share, such as session or duration_s",
            )


def merge_groups(
    target: Target, spans: pd.DataFrame, duplicates: tuple[Duplicate, ...], settings: ProbeSettings
) -> tuple[Target, tuple[Duplicate, ...]]:
    """Groups that hold copies of each other's recordings made one group, and the duplicates that made them so.

    Raises `DataError` where too few groups are left for the folds.
    """
    inside = target.member >= 0
    of = dict(zip(spans["recording"].astype(str)[inside], target.groups[target.member[inside]], strict=True))
    root = {group: group for group in target.groups}

    def top(group: str) -> str:
        while root[group] != group:
            group = root[group]
        return group

    telling = tuple(
        d
        for d in duplicates
        if of.get(d.first) is not None and of.get(d.second) is not None and of[d.first] != of[d.second]
    )
    for one in telling:
        root[top(of[one.second])] = top(of[one.first])
    merged = replace(target, groups=np.array([top(group) for group in target.groups], target.groups.dtype))
    if telling:
        _require_enough(merged, settings)
    return merged, telling


def decide_task(labels: pd.Series) -> str:
    """What a label of these values is predicted as: the rule of `label_scale`."""
    return "classify" if label_scale(labels) == LabelScale.NOMINAL else "regress"


def nuisance_task(values: pd.Series) -> str:
    """How a confound is taken: as classes up to `FEW_CODES` whole numbers, since what a session or a site does to the
    label need not follow its number."""
    few = label_scale(values) == LabelScale.ORDINAL and values.nunique() <= FEW_CODES
    return "classify" if few else decide_task(values)


def _measured(dataset: Dataset, rows: pd.DataFrame, settings: ProbeSettings) -> tuple[pd.DataFrame, LabelScale]:
    """The rows, with text in a given order as numbers, and how the label is measured."""
    if settings.levels:
        where = f"{dataset.name}: label {settings.label}"
        return rows.assign(**{settings.label: ordered_values(rows[settings.label], settings.levels, where)}), (
            LabelScale.ORDINAL
        )
    if settings.task == "classify":
        return rows, LabelScale.NOMINAL
    scale = label_scale(rows[settings.label])
    return rows, LabelScale.QUANTITY if settings.task and scale == LabelScale.NOMINAL else scale


def _require_columns(dataset: Dataset, rows: pd.DataFrame, settings: ProbeSettings) -> None:
    known = [
        c
        for c in rows.columns
        if c not in (*RECORDING_COLUMNS, *MEASURED, "segment", "span", "start_s", "end_s", "time")
    ]
    if settings.label not in rows or (
        settings.label in RECORDING_COLUMNS and settings.label not in ("subject", "session", "extractor")
    ):
        raise DataError(
            settings.label,
            f"no such label in dataset {dataset.name}",
            "one of " + ", ".join(known) if known else "labels: import the dataset with --labels CSV",
        )
    for name, column in (("group", settings.group), ("validation", settings.validation)):
        if column not in rows and not (name == "validation" and column in NO_COLUMN):
            raise DataError(column, f"no such column to use as {name}", "subject or one of " + ", ".join(known))
    for name, columns in (("confounds", settings.confounds), ("regress_out", settings.regress_out)):
        absent = [c for c in columns if c not in known and c not in ("subject", "session", "extractor", *MEASURED)]
        if absent:
            raise DataError(
                absent[0], f"no such column among the {name}", "subject, session, " + ", ".join([*MEASURED, *known])
            )
    if rows[settings.group].isna().any():
        raise DataError(
            settings.group,
            f"{int(rows[settings.group].isna().sum())} recordings without a value",
            "a value for every recording, or another --group",
        )
    if settings.group == settings.label:
        raise DataError(
            settings.label,
            "is also the group, so no fold could learn one of its values",
            "another label or another --group",
        )


def _without_missing(dataset: Dataset, rows: pd.DataFrame, settings: ProbeSettings) -> tuple[pd.DataFrame, int]:
    labels = rows[settings.label]
    missing = labels.isna() | (labels.astype(str).str.strip() == "")
    names = list(dict.fromkeys(rows.loc[missing, "recording"]))
    if missing.all():
        raise DataError(f"{dataset.name}: label {settings.label}", "no recording has a value", "labels in this column")
    if names and not settings.drop_missing:
        shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        raise DataError(
            f"{dataset.name}: label {settings.label}",
            f"no value for {len(names)} of {rows['recording'].nunique()} recordings ({shown})",
            "a value for each, or --drop-missing to leave these out",
        )
    return rows[~missing].reset_index(drop=True), len(names)


def _decide_unit(rows: pd.DataFrame, settings: ProbeSettings) -> str:
    if settings.group == "time":
        return "segment"
    per_subject = rows.groupby("subject")
    many = per_subject["recording"].nunique().gt(1).any()
    return "subject" if many and per_subject[settings.label].nunique().eq(1).all() else "recording"


def _unit_names(rows: pd.DataFrame, unit: str) -> pd.Series:
    if unit == "segment":
        return rows["recording"].astype(str) + "@" + rows["segment"].astype(str)
    return rows[unit].astype(str)


def _require_constant(rows: pd.DataFrame, settings: ProbeSettings, unit: str) -> None:
    for column in (settings.label, settings.group):
        varied = rows.groupby("unit")[column].nunique().gt(1)
        if varied.any():
            raise DataError(
                f"{unit} {varied.idxmax()}",
                f"has more than one {column}",
                f"one per {unit}" + (": use --unit recording" if unit == "subject" else ""),
            )


def _values(
    dataset: Dataset, labels: pd.Series, task: str, settings: ProbeSettings
) -> tuple[np.ndarray, tuple[str, ...]]:
    where = f"{dataset.name}: label {settings.label}"
    if task == "classify":
        classes = sorted(labels.unique())
        if len(classes) < 2:
            raise DataError(where, f"every unit is {classes[0]!r}", "two or more classes")
        return labels.map({c: i for i, c in enumerate(classes)}).to_numpy(int), tuple(str(c) for c in classes)
    values = pd.to_numeric(labels, errors="coerce")
    bad = ~np.isfinite(values.to_numpy(float))
    if bad.any():
        raise DataError(
            where,
            f"{labels[bad].iloc[0]!r} is no number",
            "numbers, --task classify for classes, or --levels LOWEST,…,HIGHEST for text with an order",
        )
    if values.nunique() < 2:
        raise DataError(where, f"every unit has the value {values.iloc[0]:g}", "values that differ")
    return values.to_numpy(float), ()


def _require_enough(target: Target, settings: ProbeSettings) -> None:
    if target.subjects < 2:
        raise DataError(
            settings.group,
            f"every unit has the same {settings.group}, {target.groups[0]!r}",
            "two or more, for a score on people who were not trained on; with one performer "
            "--group time (a demonstration, not evidence)",
        )
    needed = {"kfold": settings.folds, "leave-one-out": 3}.get(settings.validation, 2)
    if target.subjects < needed:
        raise DataError(
            settings.group,
            f"{target.subjects} of them for {needed} folds",
            f"more of them, or --folds {target.subjects}",
        )
    for index, name in enumerate(target.classes):
        count = len(np.unique(target.groups[target.y == index]))
        if count < needed:
            advice = (
                f"or --folds {count}"
                if settings.validation == "kfold" and count > 1
                else "or the class left out of the labels"
            )
            if _numeric(target.classes):
                advice = "--task regress, which takes the numbers as a scale, " + advice
            elif len(target.classes) > 2:
                advice = "--levels LOWEST,…,HIGHEST where the classes have an order, " + advice
            raise DataError(
                f"label {settings.label}",
                f"class {name!r} occurs in {count} {settings.group}(s), fewer than the {needed} that the folds need",
                f"more of them, {advice}",
            )


def _numeric(classes: tuple[str, ...]) -> bool:
    return all(name.replace(".", "", 1).lstrip("-").isdigit() for name in classes)
