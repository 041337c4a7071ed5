"""Who is compared with whom: units of analysis, their levels, and whether levels differ between or within subjects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import RECORDING_COLUMNS

GROUP_UNITS = ("subject", "recording")
MOST_LEVELS = 10
_OF_RECORDINGS = ("session", "extractor")
"""Columns of every dataset that may group recordings, beside the labels."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Design:
    """The units of a comparison.

    Attributes
    ----------
    levels: (L,) names of the groups, sorted.
    within: each subject has recordings at several levels, and is compared with itself. A unit is then a subject at
        one level; otherwise it is a subject, or a recording.
    member: (R,) the unit of each recording, −1 for none. level: (U,) index of each unit's level.
    subject: (U,) index of its subject (or of what stands in its place: a dyad). subjects: how many.
    unlabelled: recordings left out because they have no label.
    """

    levels: tuple[str, ...]
    within: bool
    member: np.ndarray
    level: np.ndarray
    subject: np.ndarray
    subjects: int
    unlabelled: int


def make_design(recordings: pd.DataFrame, by: str, unit: str = "subject") -> Design:
    """The design of a label column over `Dataset.recordings`.

    With subjects as units, the comparison is between subjects where every subject has one level, and within subjects
    where any has several. A label column (or session) as the unit takes what has one value in it as subjects are taken:
    the members of a dyad, whose recordings are not independent. Raises `DataError` for an unknown column or unit, a
    recording without a unit, and for fewer than 2 or more than `MOST_LEVELS` levels.
    """
    values = label_texts(recordings, by)
    known = values.notna().to_numpy()
    levels = tuple(sorted(values[known].unique()))
    if not 2 <= len(levels) <= MOST_LEVELS:
        raise DataError(by, f"{len(levels)} different values", f"a column of 2 to {MOST_LEVELS} groups")
    level = values.map({name: i for i, name in enumerate(levels)}).to_numpy(float)
    subject = pd.factorize(_owners(recordings, unit, known))[0]
    several = pd.Series(level[known]).groupby(subject[known]).nunique().max() > 1
    within = bool(several) and unit != "recording"
    name = [
        (r,) if unit == "recording" else (s, lv) if within else (s,)
        for r, (s, lv) in enumerate(zip(subject.tolist(), level.tolist(), strict=True))
    ]
    member = np.full(len(recordings), -1)
    member[known], units = pd.factorize(pd.Series(name, dtype=object)[known])
    first = np.array([np.flatnonzero(member == u)[0] for u in range(len(units))])
    owner, subjects = pd.factorize(subject[first])
    return Design(
        levels=levels,
        within=within,
        member=member,
        level=level[first].astype(int),
        subject=owner,
        subjects=len(subjects),
        unlabelled=int((~known).sum()),
    )


def _owners(recordings: pd.DataFrame, unit: str, known: np.ndarray) -> pd.Series:
    """What the recordings are pooled by, as text; of those with a level (R,) each must have one."""
    if unit in GROUP_UNITS:
        return recordings["subject"].astype(str)
    columns = [*_OF_RECORDINGS[:1], *(c for c in recordings.columns if c not in RECORDING_COLUMNS)]
    if unit not in columns or unit not in recordings:
        raise DataError("unit", repr(unit), "subject or recording, or a column: " + ", ".join(columns))
    owners = label_texts(recordings, unit)
    if (lacking := owners.isna().to_numpy() & known).any():
        name = recordings["recording"].astype(str)[lacking].iloc[0]
        raise DataError(unit, f"no value for {name}", "one for every recording that is compared")
    return owners.fillna("").astype(str)


def rows_of_pair(design: Design, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the units at levels a and b; within subjects row by row of the subjects who have both."""
    rows_a, rows_b = np.flatnonzero(design.level == a), np.flatnonzero(design.level == b)
    if not design.within:
        return rows_a, rows_b
    _, at_a, at_b = np.intersect1d(design.subject[rows_a], design.subject[rows_b], return_indices=True)
    return rows_a[at_a], rows_b[at_b]


FEW_LEVELS, LEAST_SUBJECTS = 4, 3


def comparable_labels(recordings: pd.DataFrame) -> list[str]:
    """Label columns that are groups without being asked for: 2 to `FEW_LEVELS` levels, each with at least
    `LEAST_SUBJECTS` subjects. recordings: with a column subject and the labels."""
    found = []
    for name in (c for c in recordings.columns if c not in RECORDING_COLUMNS):
        values = label_texts(recordings, name)
        people = recordings["subject"].astype(str).groupby(values).nunique()
        if 2 <= len(people) <= FEW_LEVELS and people.min() >= LEAST_SUBJECTS:
            found.append(str(name))
    return found


def covariate_matrix(recordings: pd.DataFrame, names: tuple[str, ...], design: Design) -> np.ndarray:
    """(U, C) covariates of the units: numbers as means over a unit's recordings, groups as one column for each level
    but the first; NaN where a unit has no value.

    Raises `DataError` for an unknown column, one that differs within a unit's text, and a design within subjects, in
    which every subject is its own control.
    """
    if design.within and names:
        raise DataError(
            "covariates",
            "a design within subjects, where each is compared with itself",
            "none: what is the same in both conditions of a subject cannot make a difference",
        )
    columns = [column for name in names for column in _covariate(recordings, name, design)]
    return np.stack(columns, 1) if columns else np.empty((len(design.level), 0))


def _covariate(recordings: pd.DataFrame, name: str, design: Design) -> list[np.ndarray]:
    known = design.member >= 0
    values = label_texts(recordings, name)[known]
    units = design.member[known]
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().sum() == values.notna().sum():
        return [numbers.groupby(units).mean().reindex(range(len(design.level))).to_numpy(float)]
    each = values.groupby(units)
    if (each.nunique() > 1).any():
        raise DataError(name, "several values for one subject", "one, or numbers, of which the mean is taken")
    first = each.first().reindex(range(len(design.level)))
    missing = first.isna().to_numpy()
    return [
        np.where(missing, np.nan, (first == level).to_numpy(float)) for level in sorted(first.dropna().unique())[1:]
    ]


def label_texts(recordings: pd.DataFrame, by: str) -> pd.Series:
    """A label column (or session, extractor) as text, whole numbers without ``.0``; None where it is empty.

    Raises `DataError` for a column that is no label.
    """
    known = [
        *(c for c in recordings.columns if c not in RECORDING_COLUMNS),
        *(c for c in _OF_RECORDINGS if c in recordings.columns),
    ]
    if by not in known:
        raise DataError(by, "no such label column", "one of " + ", ".join(known) if known else "a dataset with labels")
    return recordings[by].map(_text, na_action="ignore").where(lambda v: v.notna() & (v != ""), None)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
