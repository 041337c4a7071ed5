"""What a probe that learned from undisturbed recordings says of disturbed ones, on people it was not trained on.

Letters of the shapes: R recordings, K codewords, B draws of groups, G groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.probes import scores
from dfe_core.probes.features.catalogue import Feature
from dfe_core.probes.features.spans import make_spans
from dfe_core.probes.features.transforms import BagOfWords, Blocks
from dfe_core.probes.models import decision
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target, make_target
from dfe_core.probes.validation import Predictions, nested, repeated_folds
from dfe_core.robustness.settings import RobustnessSettings

_Name = TypeVar("_Name")


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledPeople:
    """A label of a dataset: target of its recordings (a span each), and the settings of its probe."""

    target: Target
    settings: ProbeSettings

    @property
    def metric(self) -> str:
        """Of the scores."""
        return scores.PRIMARY[self.target.task]


@dataclass(frozen=True, kw_only=True)
class ProbeChange:
    """score of a probe on disturbed recordings; change: from undisturbed ones, with its 95 % interval, groups of the
    probe (subjects) drawn with replacement and the probe as it is."""

    score: float
    low: float
    high: float
    change: float
    change_low: float
    change_high: float


def labelled_people(dataset: Dataset, asked: RobustnessSettings) -> LabelledPeople:
    """The label that was asked for. Raises `DataError` as `dfe probe` does, for a label that tells nothing."""
    settings = ProbeSettings(
        model=asked.model,
        dataset=asked.dataset,
        label=asked.label,
        features=(asked.feature,),
        lengths="as-recorded",
        drop_missing=True,
        folds=asked.folds,
        seed=asked.seed,
    )
    return LabelledPeople(target=make_target(dataset, make_spans(dataset, settings), settings), settings=settings)


def probe_changes(
    people: LabelledPeople, bags: Mapping[_Name, np.ndarray], plain: _Name, resamples: int, seed: int
) -> dict[_Name, ProbeChange]:
    """How a probe fitted to undisturbed recordings does on every kind of disturbed ones, in the folds' test people.

    bags: (R, K) rates or shares by what was done to the recordings, in the order of the dataset's. plain: the one that
    the probe learns from.
    """
    target = people.target
    feature = _feature(bags[plain], people)
    repeats = [
        nested(feature, target, folds, "linear", people.settings) for folds in repeated_folds(target, people.settings)
    ]
    groups = np.unique(target.groups)
    weights = np.random.default_rng([seed, 11]).multinomial(
        len(groups), np.full(len(groups), 1 / len(groups)), resamples
    )
    metric = scores.METRICS[target.task][people.metric]

    def scored(raw: np.ndarray) -> tuple[float, np.ndarray]:
        own = replace(feature, raw=raw[target.member >= 0])
        sums = [
            scores.by_group(scores.sums(target.task, target.y, _values(one, own, target)), target.groups)
            for one in repeats
        ]
        point = float(np.mean([metric(s.sum(0)) for s in sums]))
        return point, np.mean([metric(np.tensordot(weights, s, 1)) for s in sums], 0)

    found = {name: scored(raw) for name, raw in bags.items()}
    base, drawn = found[plain]
    return {
        name: ProbeChange(
            score=point,
            change=point - base,
            **_ends("", draws),
            **_ends("change_", draws - drawn),
        )
        for name, (point, draws) in found.items()
    }


def _ends(prefix: str, draws: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(draws, [0.025, 0.975])
    return {f"{prefix}low": float(low), f"{prefix}high": float(high)}


def _feature(raw: np.ndarray, people: LabelledPeople) -> Feature:
    inside, count = people.target.member >= 0, raw.shape[1]
    used = raw[inside]
    if not np.any(used.max(0) - used.min(0) > 1e-12):
        raise DataError(people.settings.label, "codewords of equal use in all units", "recordings that differ")
    columns = pd.DataFrame({"name": [f"codeword {k}" for k in range(count)], "codeword": np.arange(count)})
    return Feature(
        name=people.settings.features[0],
        raw=used,
        columns=columns,
        transform=Blocks(((0, count, BagOfWords(tfidf=False)),)),
        member=people.target.member[inside],
    )


def _values(found: Predictions, feature: Feature, target: Target) -> np.ndarray:
    """(n, C) decision values of the units, each from the fold that did not train on it."""
    values: Any = np.full(found.values.shape, np.nan)
    for fit in found.fits:
        rows, units = feature.windows(fit.fold.test)
        unseen = fit.transform.transform(feature.raw[rows], units)
        values[fit.fold.test] = decision(
            fit.model, unseen if unseen.shape[1] else np.zeros((len(unseen), 1)), target.task
        )
    return values
