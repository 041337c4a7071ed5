"""Is the label told by how somebody was recorded? Checked in every probe, unasked.

For each unit: how long it was recorded (duration_s), the frame rate (fps), the share of frames that are missing, the
session, the extractor, and the resting face (the median of ψ over the unit's frames: an offset of a tracker, a camera
or a sitting). Beside that, where they were measured (`dfe_core.channels`): head movement, speech and the confidence of
the tracker. Each alone predicts the label on the same folds, against the same permuted labels as the features. What
tells the label is then removed from the features inside the folds, and the score that is left is given. p is corrected
within how somebody was recorded and within what else moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.probes import scores
from dfe_core.probes.chance import null_scores, p_value
from dfe_core.probes.features import material
from dfe_core.probes.features.catalogue import Feature, without_nuisance
from dfe_core.probes.features.material import Sources
from dfe_core.probes.features.moves import channel_measures
from dfe_core.probes.features.transforms import Blocks
from dfe_core.probes.features.transforms import Measured as AsMeasured
from dfe_core.probes.limits import Finding
from dfe_core.probes.paired_tests import holm
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import MEASURED, Target
from dfe_core.probes.validation import Fold, nested

ALPHA = 0.05
REST = "resting face"
MOVED = ("head_movement", "speech_share", "voice_share", "confidence")
"""Measures of `dfe_core.channels` that are checked. Blinks and gaze are movements of the face that codewords show, and
are rows of features instead."""
_ALIKE = 1e-6
_CATEGORIES = ("session", "extractor")
_REST_COMPONENTS = 3
_VARIES = {"duration_s": 0.01, "fps": 0.01, "missing": 0.005}
"""Differences of the logarithm (duration, rate) or of the share of frames below which units do not differ."""


@dataclass(frozen=True, kw_only=True)
class ConfoundCheck:
    """One thing that might tell the label in place of the face.

    Attributes
    ----------
    column: what was looked at. state: whether it predicts the label, or why that was not judged.
    score, p, p_holm: of the label predicted from the column alone (primary metric, same folds); p_holm over the checks.
    without: by feature row, score and p with what the column explains removed inside the folds; only where it tells
        the label. matches: feature rows that do not do clearly better: whose 95 % interval reaches down to its score.
    """

    column: str
    state: Finding
    metric: str = ""
    score: float | None = None
    chance: float | None = None
    p: float | None = None
    p_holm: float | None = None
    without: dict[str, dict[str, float | None]] = field(default_factory=dict)
    matches: list[str] = field(default_factory=list)


def duration_tells(target: Target, folds: tuple[Fold, ...], permuted: np.ndarray, settings: ProbeSettings) -> bool:
    """Whether how long units were recorded tells the label (p at most `ALPHA`)."""
    values = _measured(target, "duration_s")
    if values is None or target.unit == "segment":
        return False
    _, p = _score(_plain_feature("duration_s", values), target, folds, permuted, settings)
    return p is not None and p <= ALPHA


def equal_windows(target: Target, seed: int) -> Target:
    """The target with as many windows of every unit as the unit with the fewest has, drawn at random.

    Averages over many windows scatter less than averages over few, which a classifier can read where there are more
    features than units, whatever the faces do.
    """
    rng, member = np.random.default_rng([seed, 10]), np.full(len(target.member), -1)
    rows = [np.flatnonzero(target.member == unit) for unit in range(target.n)]
    fewest = min(map(len, rows))
    for unit, windows in enumerate(rows):
        member[rng.choice(windows, fewest, replace=False)] = unit
    return replace(target, member=member)


def confound_checks(
    features: Mapping[str, Feature | tuple[Feature, ...]],
    sources: Sources,
    target: Target,
    folds: tuple[Fold, ...],
    permuted: np.ndarray,
    *,
    chance: float,
    rows: list[dict[str, Any]],
    settings: ProbeSettings,
) -> tuple[ConfoundCheck, ...]:
    """Every check of one probe; rows: the scores of its feature rows. Empty where units are stretches of the same
    recordings, which share all of it."""
    if target.unit == "segment":
        return ()
    own, metric = replace(settings, models=("linear",)), scores.PRIMARY[target.task]
    found: list[ConfoundCheck] = []
    known: dict[str, np.ndarray] = {}
    for column, values in {**_candidates(sources, target), **_moved(sources, target)}.items():
        check = ConfoundCheck(column=column, state=_state(values), metric=metric)
        if values is not None and check.state is Finding.NOT_PREDICTIVE:
            score, p = _score(_plain_feature(column, values), target, folds, permuted, own)
            check, known[column] = replace(check, score=score, p=p, chance=chance), values
        found.append(check)
    adjusted = _corrected(found)
    found = [
        replace(check, p_holm=p, state=Finding.PREDICTIVE if p is not None and p <= ALPHA else check.state)
        for check, p in zip(found, adjusted, strict=True)
    ]
    return tuple(
        replace(_with_remainder(check, known, features, target, folds, permuted, own), matches=_as_good(check, rows))
        if check.state is Finding.PREDICTIVE
        else check
        for check in found
    )


def _corrected(found: list[ConfoundCheck]) -> list[float | None]:
    """Holm over how somebody was recorded, and over what else moved: two questions."""
    adjusted: list[float | None] = [None] * len(found)
    for moved in (False, True):
        places = [i for i, check in enumerate(found) if (check.column in MOVED) is moved]
        for i, p in zip(places, holm([found[i].p for i in places]), strict=True):
            adjusted[i] = p
    return adjusted


def _as_good(check: ConfoundCheck, rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["features"] for row in rows if row["ci95"][0] <= (check.score or 0)))


def _state(values: np.ndarray | None) -> Finding:
    """Before a score is known: whether there is anything to judge."""
    if values is None or not values.shape[1]:
        return Finding.CONSTANT
    return Finding.INCOMPLETE if np.isnan(values).any() else Finding.NOT_PREDICTIVE


def _candidates(sources: Sources, target: Target) -> dict[str, np.ndarray | None]:
    """(n, q) numbers of every confound, None for one that is not there."""
    found: dict[str, np.ndarray | None] = {}
    for column in MEASURED:
        found[column] = _measured(target, column)
    for column in _CATEGORIES:
        if column in target.constant and target.table[column].astype(str).nunique() > 1:
            values = pd.get_dummies(target.table[column].astype(str)).to_numpy(float)
            found[column] = values if values.shape[1] <= target.n // 2 else None
        else:
            found[column] = None
    found[REST] = _resting_faces(sources, target)
    return found


def _moved(sources: Sources, target: Target) -> dict[str, np.ndarray | None]:
    """(n, 2) of each of `MOVED` that any unit has; NaN where one has not."""
    pooled = channel_measures(sources).pooled(target.member, target.n)
    found: dict[str, np.ndarray | None] = {}
    for column in MOVED:
        values = pooled.of(column)
        if not np.isnan(values).all():
            found[column] = _curve(values) if np.isnan(values).any() or np.ptp(values) > _ALIKE else None
    return found


def _measured(target: Target, column: str) -> np.ndarray | None:
    values = target.table[column].to_numpy(float)
    if column != "missing":
        values = np.log(np.maximum(values, 1e-3))
    return _curve(values) if np.ptp(values) > _VARIES[column] else None


def _curve(values: np.ndarray) -> np.ndarray:
    """A number and its square, so that a label told by the middle of its range is told too."""
    z = (values - values.mean()) / values.std()
    return np.column_stack([z, z * z])


def _resting_faces(sources: Sources, target: Target) -> np.ndarray:
    """(n, E) median of ψ over each unit's frames."""
    sample = material.psi_sample(sources)["sample"]
    return np.stack(
        [np.nanmedian(sample[target.member == unit].reshape(-1, sample.shape[2]), 0) for unit in range(target.n)]
    ).astype(float)


def _plain_feature(name: str, values: np.ndarray) -> Feature:
    columns = pd.DataFrame({"name": name, "codeword": -1}, index=range(values.shape[1]))
    return Feature(
        name=name,
        raw=values,
        columns=columns,
        transform=Blocks(((0, values.shape[1], AsMeasured()),)),
        member=np.arange(len(values)),
    )


def _score(
    feature: Feature | tuple[Feature, ...],
    target: Target,
    folds: tuple[Fold, ...],
    permuted: np.ndarray,
    settings: ProbeSettings,
) -> tuple[float, float | None]:
    found = nested(feature, target, folds, "linear", settings)
    score = scores.primary(target.task, target.y, found.values)
    return score, p_value(score, null_scores(found, target, permuted, "linear", settings))


def _with_remainder(
    check: ConfoundCheck,
    known: dict[str, np.ndarray],
    features: Mapping[str, Feature | tuple[Feature, ...]],
    target: Target,
    folds: tuple[Fold, ...],
    permuted: np.ndarray,
    settings: ProbeSettings,
) -> ConfoundCheck:
    """The check with what is left of every feature row without it."""
    nuisance = _components(known[check.column]) if check.column == REST else known[check.column]
    left = {}
    for name, feature in features.items():
        score, p = _score(without_nuisance(feature, nuisance), target, folds, permuted, settings)
        left[name] = {"score": score, "p": p}
    return replace(check, without=left)


def _components(values: np.ndarray) -> np.ndarray:
    """(n, E) to its first principal components: all of them would explain everything in a small sample."""
    centred = values - values.mean(0)
    left, strength, _ = np.linalg.svd(centred, full_matrices=False)
    return left[:, :_REST_COMPONENTS] * strength[:_REST_COMPONENTS]
