"""Continual learning: classes or sites arrive one after another, and what was learned before is not learned again.

After every arrival the learners are asked about people whom no part trained on. What they still know of what came
first, and what later parts did to it, is told by the figures of Lopez-Paz & Ranzato (2017, NeurIPS) and Chaudhry et al.
(2018, ECCV): final score, backward transfer, forgetting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from dfe_core.errors import DataError
from dfe_core.expressions.sealed_test import facts_under_seal
from dfe_core.probes.continual_learners import Arrival, LearnerName, make_learner
from dfe_core.probes.features.catalogue import Feature, build_feature
from dfe_core.probes.features.material import Sources
from dfe_core.probes.features.spans import make_spans
from dfe_core.probes.features.transforms import BagOfWords, Measured, unit_means
from dfe_core.probes.intervals import group_weights
from dfe_core.probes.run import open_probe_inputs, probe_key, probe_target
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.validation import group_folds
from dfe_core.progress import Listener, Progress, silent
from dfe_core.table_rows import json_rows

_DRAWS, _MOST_DRAWS_AT_ONCE = 200, 50
METRICS = ("final", "backward transfer", "forgetting")


@dataclass(frozen=True, kw_only=True)
class ContinualSettings:
    """Classes or sites in sequence.

    Attributes
    ----------
    probe: label, one feature row, folds, seed and the rest, as of a probe of classes.
    order: ``COLUMN`` or ``COLUMN:VALUE,VALUE,…``. Where the column is the label, its classes arrive one after another;
        else the units do, by their value in it. Without values they arrive in the order of their names.
    memory: units of each class that the replay learner keeps.
    shuffles: further orders, drawn at random, of which the range of the final score is given.
    """

    probe: ProbeSettings
    order: str
    memory: int = 5
    shuffles: int = 5

    def __post_init__(self) -> None:
        if len(self.probe.features) != 1:
            raise DataError("--features", ", ".join(self.probe.features), "one row with --continual")
        for name, least, most in (("memory", 1, 10_000), ("shuffles", 0, 100)):
            if not least <= getattr(self, name) <= most:
                raise DataError(f"--continual-{name}", str(getattr(self, name)), f"{least} to {most}")


@dataclass(frozen=True, eq=False, kw_only=True)
class ContinualResult:
    """What the learners knew after every arrival.

    Attributes
    ----------
    settings: as they were.
    arrivals: names of the parts, in order. by_class: whether they are classes. classes: of the label.
    n, subjects: units and people. simulated: of the data. chance: unweighted average recall of a guess.
    sealed: what is to be said of labels that are or were sealed (`facts_under_seal`), or None.
    matrix: one row a learner, arrival and part: learner, after, part, recall (unweighted average over the classes of
        the part; 0 before it has arrived where classes arrive).
    scores: one row a learner and metric (`METRICS`): learner, metric, score, low, high (95 % over draws of people, all
        refitted), lowest, highest (final score over shuffled orders, else NaN), kept (units whose columns it holds).
    differences: the mixture less each other learner, of the final score: with, difference, low, high.
    """

    settings: ContinualSettings
    arrivals: tuple[str, ...]
    by_class: bool
    classes: tuple[str, ...]
    n: int
    subjects: int
    simulated: bool
    chance: float
    sealed: dict[str, Any] | None
    matrix: pd.DataFrame
    scores: pd.DataFrame
    differences: pd.DataFrame

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "label": self.settings.probe.label,
            "features": self.settings.probe.features[0],
            "order": self.settings.order,
            "memory": self.settings.memory,
            "shuffles": self.settings.shuffles,
            "seed": self.settings.probe.seed,
            "simulated": self.simulated,
            "arrivals": list(self.arrivals),
            "by_class": self.by_class,
            "classes": list(self.classes),
            "n": self.n,
            "subjects": self.subjects,
            "chance": self.chance,
            "sealed": self.sealed,
            "matrix": json_rows(self.matrix),
            "scores": json_rows(self.scores),
            "differences": json_rows(self.differences),
        }


class Units(NamedTuple):
    """What is learned from: columns (n, V), NaN where not measured; y (n,) classes; groups (n,) people; part (n,) index
    of the arrival that each belongs to."""

    columns: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    part: np.ndarray


def probe_continually(
    settings: ContinualSettings, root: Path | None = None, progress: Listener = silent
) -> ContinualResult:
    """Let the parts of a dataset arrive one after another and ask every learner after each.

    People are parted into folds; those who are asked about train in no arrival. Columns are read as they are
    (logarithms of rates, means), so that nothing is fitted before it has arrived; scaling is the learner's own.

    Raises `DataError` as `run_probe` does, for an order that the dataset does not have, and for a feature row that is
    fitted over all units at once.
    """
    probe = replace(settings.probe, task="classify")
    inputs = open_probe_inputs(probe, root)
    spans = make_spans(inputs.dataset, probe)
    target, _ = probe_target(inputs, spans, probe)
    sources = Sources(
        dataset=inputs.dataset, encoded=inputs.encoded, spans=spans, folder=inputs.folder, progress=progress
    )
    arrivals, part = arrival_of_units(target, settings)
    feature = build_feature(probe.features[0], sources, target, probe)
    units = Units(unit_columns(feature, target.n), target.y, target.groups, part)
    weights = np.concatenate([np.ones((1, target.n)), group_weights(target.groups, _DRAWS, probe.seed)])
    by_class = _column(settings.order) == probe.label
    names = tuple(LearnerName)
    learned = {}
    for number, name in enumerate(names):
        learned[name] = learn_in_sequence(name, units, weights, settings)
        progress(Progress(task="learning in sequence", done=number + 1, total=len(names), detail=str(name)))
    orders = _shuffled_finals(units, settings, len(arrivals))
    return ContinualResult(
        settings=settings,
        arrivals=arrivals,
        by_class=by_class,
        classes=target.classes,
        n=target.n,
        subjects=target.subjects,
        simulated=inputs.dataset.simulated,
        chance=1 / len(target.classes),
        sealed=facts_under_seal(
            inputs.dataset, target.table["subject"].astype(str), "probe", probe.label, probe_key(probe, inputs)
        ),
        matrix=_matrix_table(learned, arrivals),
        scores=_score_table(learned, orders),
        differences=_difference_table(learned),
    )


def arrival_of_units(target: Target, settings: ContinualSettings) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the arrivals in order, and (n,) which each unit belongs to.

    Raises `DataError` for a column that is not there or varies within a unit, for values that are not those of the
    column, and for fewer than two.
    """
    column, _, listed = settings.order.partition(":")
    where = f"--continual {settings.order}"
    if column not in target.table:
        raise DataError(where, f"no column {column!r}", f"{settings.probe.label} or another label column")
    values = target.table[column]
    if column not in target.constant or values.isna().any():
        raise DataError(where, f"{column} varies within a {target.unit} or is missing", "one value for each unit")
    of_unit = np.array(target.classes)[target.y] if column == settings.probe.label else values.astype(str).to_numpy()
    there = list(target.classes) if column == settings.probe.label else sorted(set(of_unit))
    asked = [value.strip() for value in listed.split(",") if value.strip()] or there
    if sorted(asked) != sorted(there):
        raise DataError(where, ", ".join(asked), f"each value of {column} once: {', '.join(there)}")
    if len(asked) < 2:
        raise DataError(where, f"{column} has one value", "two or more, to arrive one after another")
    place = {value: number for number, value in enumerate(asked)}
    return tuple(asked), np.array([place[value] for value in of_unit])


def unit_columns(feature: Feature, count: int) -> np.ndarray:
    """(n, V) float64 columns of a feature row that need nothing fitted, averaged over the windows of a unit.

    Raises `DataError` for a row with TF-IDF, components or clusters.
    """
    parts = []
    for start, stop, transform in feature.transform.blocks:
        raw: Any = feature.raw[:, start:stop]
        raw = np.asarray(raw.toarray() if sparse.issparse(raw) else raw, float)
        if isinstance(transform, BagOfWords) and not transform.tfidf:
            parts.append(np.log1p(raw))
        elif isinstance(transform, Measured):
            parts.append(raw)
        else:
            raise DataError(
                feature.name,
                "a row of features that is fitted over all units at once",
                "one whose columns stand alone with --continual: bow, bow-counts, bow-onsets, syllables, au or psi",
            )
    means = unit_means(np.hstack(parts), feature.member)
    return means if len(means) == count else np.vstack([means, np.full((count - len(means), means.shape[1]), np.nan)])


def learn_in_sequence(
    name: LearnerName, units: Units, weights: np.ndarray, settings: ContinualSettings
) -> tuple[np.ndarray, int]:
    """Recalls of one learner in every draw, and the units that it holds at the end.

    Parameters
    ----------
    weights: (B, n) how often each unit is there in each draw; the first row is ones.

    Returns
    -------
    (B, A, A, C): recall of the units of class C in part, after arrival (axis 1: after, axis 2: part), of the pooled
    predictions of all folds, NaN where a part has no unit of a class; and kept units, mean over folds.
    """
    parts = int(units.part.max()) + 1
    classes = int(units.y.max()) + 1
    hits = np.zeros((len(weights), parts, len(units.y)), bool)
    kept = []
    folds = _folds(units, settings.probe)
    for train, test in folds:
        for rows in np.array_split(np.arange(len(weights)), max(1, len(weights) // _MOST_DRAWS_AT_ONCE)):
            learner = make_learner(name, classes, seed=settings.probe.seed, memory=settings.memory)
            for part in range(parts):
                own = train[units.part[train] == part]
                learner.learn(Arrival(units.columns[own], units.y[own], units.groups[own], weights[rows][:, own]))
                answers = learner.scores(units.columns[test]).argmax(-1)
                hits[rows[:, None], part, test[None]] = answers == units.y[test]
        kept.append(learner.kept_units)
    return _recalls(hits, units, weights, parts, classes), round(float(np.mean(kept)))


def continual_figures(recalls: np.ndarray) -> dict[str, np.ndarray]:
    """Metrics of (B, A, A, C) recalls: (B,) each.

    final: unweighted average recall after the last arrival, over all classes, parts pooled by their mean. backward
    transfer: what later arrivals added to the recall of a part, mean over parts but the last (Lopez-Paz & Ranzato 2017,
    eq. 3). forgetting: the best recall of a part less its last one (Chaudhry et al. 2018, eq. 3).
    """
    by_part = _mean(recalls, -1)
    last = by_part.shape[1] - 1
    first = np.diagonal(by_part, axis1=1, axis2=2)[:, :last]
    best = np.stack([by_part[:, part:last, part].max(1) for part in range(last)], 1)
    end = by_part[:, last]
    return {
        "final": _mean(_mean(recalls[:, last], 1), -1),
        "backward transfer": (end[:, :last] - first).mean(1),
        "forgetting": (best - end[:, :last]).mean(1),
    }


def _column(order: str) -> str:
    return order.partition(":")[0]


def _folds(units: Units, probe: ProbeSettings) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds of people, parts and classes spread over them. Raises `DataError` where a part cannot be trained on."""
    cell = np.unique(np.stack([units.part, units.y]), axis=1, return_inverse=True)[1].ravel()
    folds = group_folds(cell, units.groups, "classify", probe.folds, probe.seed)
    for train, _ in folds:
        absent = set(units.part) - set(units.part[train])
        if absent:
            raise DataError(
                probe.validation, "a fold trains on nothing of one arrival", f"fewer than {probe.folds} --folds"
            )
    return folds


def _recalls(hits: np.ndarray, units: Units, weights: np.ndarray, parts: int, classes: int) -> np.ndarray:
    found = np.full((len(weights), parts, parts, classes), np.nan)
    for part in range(parts):
        for k in range(classes):
            own = np.flatnonzero((units.part == part) & (units.y == k))
            if not len(own):
                continue
            total = weights[:, own].sum(1)
            right = np.einsum("ban,bn->ba", hits[..., own].astype(float), weights[:, own])
            with np.errstate(invalid="ignore"):
                found[:, :, part, k] = np.where(total[:, None] > 0, right / np.maximum(total[:, None], 1e-9), np.nan)
    return found


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Over what is not NaN; NaN of nothing."""
    known = ~np.isnan(values)
    count = known.sum(axis)
    return np.where(count > 0, np.where(known, values, 0).sum(axis) / np.maximum(count, 1), np.nan)


def _shuffled_finals(units: Units, settings: ContinualSettings, parts: int) -> dict[LearnerName, np.ndarray]:
    """The final score of every learner in further orders."""
    rng = np.random.default_rng([settings.probe.seed, 23])
    one = np.ones((1, len(units.y)))
    found: dict[LearnerName, list[float]] = {name: [] for name in LearnerName}
    for _ in range(settings.shuffles):
        place = rng.permutation(parts)
        shuffled = units._replace(part=place[units.part])
        for name in LearnerName:
            recalls, _ = learn_in_sequence(name, shuffled, one, settings)
            found[name].append(float(continual_figures(recalls)["final"][0]))
    return {name: np.array(values) for name, values in found.items()}


def _matrix_table(learned: dict[LearnerName, tuple[np.ndarray, int]], arrivals: Sequence[str]) -> pd.DataFrame:
    rows = []
    for name, (recalls, _) in learned.items():
        by_part = _mean(recalls[0], -1)
        rows += [
            {"learner": str(name), "after": after, "part": part, "recall": float(by_part[i, j])}
            for i, after in enumerate(arrivals)
            for j, part in enumerate(arrivals)
        ]
    return pd.DataFrame(rows)


def _score_table(
    learned: dict[LearnerName, tuple[np.ndarray, int]], orders: dict[LearnerName, np.ndarray]
) -> pd.DataFrame:
    rows = []
    for name, (recalls, kept) in learned.items():
        for metric, values in continual_figures(recalls).items():
            low, high = _interval(values[0], values[1:])
            over = orders[name] if metric == "final" and len(orders[name]) else np.array([np.nan])
            rows.append(
                {
                    "learner": str(name),
                    "metric": metric,
                    "score": float(values[0]),
                    "low": low,
                    "high": high,
                    "lowest": float(over.min()),
                    "highest": float(over.max()),
                    "kept": kept,
                }
            )
    return pd.DataFrame(rows)


def _difference_table(learned: dict[LearnerName, tuple[np.ndarray, int]]) -> pd.DataFrame:
    finals = {name: continual_figures(recalls)["final"] for name, (recalls, _) in learned.items()}
    rows = []
    for name, other in finals.items():
        if name == LearnerName.MIXTURE:
            continue
        apart = finals[LearnerName.MIXTURE] - other
        low, high = _interval(apart[0], apart[1:], -1)
        rows.append({"with": str(name), "difference": float(apart[0]), "low": low, "high": high})
    return pd.DataFrame(rows)


def _interval(point: float, draws: np.ndarray, least: float = -1) -> tuple[float, float]:
    """95 %: percentiles of the draws about their mean, laid about the point (`dfe_core.probes.intervals`)."""
    draws = draws[np.isfinite(draws)]
    low, high = np.percentile(draws - draws.mean(), [2.5, 97.5]) + point
    return float(max(low, least)), float(min(high, 1))
