"""What learns while data arrive in parts: a Gaussian mixture that keeps no person, and three classifiers beside it.

Every learner is given weights of the units, for draws of people with replacement, and answers for all draws at once.
Letters: B draws, n units that train, t units that are asked about, C classes, V columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from sklearn.mixture import GaussianMixture

from dfe_core.probes.models import STRENGTHS, inner_loss
from dfe_core.probes.refit import logistic_by_strength, logistic_values, probabilities
from dfe_core.probes.validation import group_folds
from dfe_core.text_enum import StrEnum

_MOST_COMPONENTS, _UNITS_A_COMPONENT = 3, 8
_INNER_FOLDS = 3
_NARROW, _LEAST_VARIANCE = 1e-9, 1e-6
_UNKNOWN = -1e30
"""The score of a class that has not arrived."""


class LearnerName(StrEnum):
    """The learners of a sequence."""

    MIXTURE = "mixture"
    """Of each class a Gaussian mixture, to which every part adds components; no unit is kept."""
    REPLAY = "replay"
    """Logistic regression on the newest part and a few kept units of each class before it."""
    RETRAINED = "retrained"
    """Logistic regression on everything so far: keeps everybody, what the others are measured against."""
    LATEST = "latest"
    """Logistic regression on the newest part alone: forgets by construction."""


class Arrival(NamedTuple):
    """A part of the training units: columns (n, V), NaN where not measured; y, groups (n,); weights (B, n)."""

    columns: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    weights: np.ndarray


class Learner(ABC):
    """Learns from one arrival after another.

    Parameters
    ----------
    classes: C. seed: of whatever it draws.
    """

    def __init__(self, classes: int, seed: int = 0) -> None:
        self.classes, self.seed = classes, seed
        self.seen = np.zeros(classes, bool)

    def learn(self, arrival: Arrival) -> None:
        """Take in an arrival."""
        self.seen[np.unique(arrival.y)] = True
        self._learn(arrival)

    def scores(self, columns: np.ndarray) -> np.ndarray:
        """(t, V) to (B, t, C): higher for the likelier class; a class that has not arrived is never the answer."""
        return np.where(self.seen, self._scores(columns), _UNKNOWN)

    @property
    @abstractmethod
    def kept_units(self) -> int:
        """Units whose columns it holds after the last arrival."""

    @abstractmethod
    def _learn(self, arrival: Arrival) -> None: ...

    @abstractmethod
    def _scores(self, columns: np.ndarray) -> np.ndarray: ...


class MixtureLearner(Learner):
    """Of each class a Gaussian mixture with one covariance for all components, in sums that only grow.

    A class that arrives adds one to three components (BIC of diagonal mixtures, on the undrawn units); what is kept are
    counts, means and the scatter within components. The covariance is shrunk towards a multiple of the identity by the
    oracle approximation (Chen et al. 2010, IEEE Trans. Signal Process. 58, eq. 23), which needs these sums alone;
    columns are scaled by their spread over everything so far. Classes count alike; components by their units.
    """

    def __init__(self, classes: int, seed: int = 0) -> None:
        super().__init__(classes, seed)
        self._class: list[int] = []
        self._count: list[np.ndarray] = []
        self._mean: list[np.ndarray] = []
        self._within: np.ndarray | None = None

    @property
    def kept_units(self) -> int:
        """None."""
        return 0

    @property
    def components(self) -> int:
        """Over all classes."""
        return len(self._class)

    def _learn(self, arrival: Arrival) -> None:
        with np.errstate(invalid="ignore"):
            known = ~np.isnan(arrival.columns)
            middle = np.where(known, arrival.columns, 0).sum(0) / np.maximum(known.sum(0), 1)
        columns = np.where(known, arrival.columns, middle)
        for k in np.unique(arrival.y):
            own = np.flatnonzero(arrival.y == k)
            for part in self._parts(columns[own]):
                self._add(int(k), columns[own[part]], arrival.weights[:, own[part]])

    def _parts(self, columns: np.ndarray) -> list[np.ndarray]:
        """The rows of each component."""
        spread = columns.std(0)
        scaled = (columns - columns.mean(0)) / np.where(spread > _NARROW, spread, np.inf)
        fits = [
            GaussianMixture(count, covariance_type="diag", reg_covar=0.05, random_state=self.seed).fit(scaled)
            for count in range(1, min(_MOST_COMPONENTS, max(1, len(columns) // _UNITS_A_COMPONENT)) + 1)
        ]
        best = min(fits, key=lambda fit: fit.bic(scaled)) if len(fits) > 1 else None
        of = np.zeros(len(columns), int) if best is None else best.predict(scaled)
        return [np.flatnonzero(of == part) for part in np.unique(of)]

    def _add(self, k: int, columns: np.ndarray, weights: np.ndarray) -> None:
        count = weights.sum(1)
        mean = weights @ columns / np.maximum(count, _NARROW)[:, None]
        apart = (columns - mean[:, None]) * np.sqrt(weights)[..., None]
        within = apart.transpose(0, 2, 1) @ apart
        self._class.append(k)
        self._count.append(count)
        self._mean.append(mean)
        self._within = within if self._within is None else self._within + within

    def _scores(self, columns: np.ndarray) -> np.ndarray:
        count, mean = np.stack(self._count, 1), np.stack(self._mean, 1)  # (B, M), (B, M, V)
        total = np.maximum(count.sum(1), _NARROW)[:, None]
        middle = (count[..., None] * mean).sum(1) / total
        within = np.asarray(self._within)
        between = (count[..., None] * (mean - middle[:, None]) ** 2).sum(1)
        spread = np.sqrt((np.diagonal(within, axis1=1, axis2=2) + between) / total)
        scale = np.where(spread > _NARROW, 1 / np.maximum(spread, _NARROW), 0)
        asked = np.where(np.isnan(columns), middle[:, None], columns)
        asked = (asked - middle[:, None]) * scale[:, None]
        centre = (mean - middle[:, None]) * scale[:, None]
        covariance = within * scale[:, :, None] * scale[:, None] / total[..., None]
        freedom = np.maximum(total[:, 0] - (count > 0).sum(1), 2)
        inverse = np.linalg.inv(_shrunk(covariance, freedom))
        turned = asked @ inverse
        # −½ (x − m)ᵀ A (x − m) less what all components share
        near = turned @ centre.transpose(0, 2, 1) - 0.5 * ((centre @ inverse) * centre).sum(-1)[:, None]
        with np.errstate(divide="ignore"):
            near += np.log(np.where(count > 0, count, 0))[:, None]
        return np.stack([self._of_class(near, count, k) for k in range(self.classes)], -1)

    def _of_class(self, near: np.ndarray, count: np.ndarray, k: int) -> np.ndarray:
        own = np.flatnonzero(np.array(self._class) == k)
        if not len(own):
            return np.full(near.shape[:2], _UNKNOWN)
        total = np.log(np.maximum(count[:, own].sum(1), _NARROW))[:, None]
        found = np.logaddexp.reduce(near[..., own], -1) - total
        return np.where(np.isfinite(found), found, _UNKNOWN)


class LogisticLearner(Learner):
    """Logistic regression, classes weighed alike, on the newest arrival and what it keeps of those before.

    The regularisation is chosen at every arrival by inner folds of the groups that it holds then.

    Parameters
    ----------
    memory: units of each class that it keeps, of all that have arrived with the same chance; None: all.
    """

    def __init__(self, classes: int, seed: int = 0, *, memory: int | None = None) -> None:
        super().__init__(classes, seed)
        self.memory, self.strength = memory, STRENGTHS[len(STRENGTHS) // 2]
        self._kept: Arrival | None = None
        self._now: Arrival | None = None
        self._arrived = np.zeros(classes, int)
        self._random = np.random.default_rng([seed, 17])

    @property
    def kept_units(self) -> int:
        """Those that the next arrival will be learned beside."""
        return 0 if self._kept is None else len(self._kept.y)

    def _learn(self, arrival: Arrival) -> None:
        self._now = arrival if self._kept is None else _joined(self._kept, arrival)
        self.strength = _chosen_strength(self._now, self.classes, self.seed)
        if self.memory is None:
            self._kept = self._now
        elif self.memory:
            self._keep(arrival, self.memory)

    def _keep(self, arrival: Arrival, memory: int) -> None:
        """Reservoir sampling by class (Vitter 1985)."""
        held = [self._kept] if self._kept is not None else []
        pool = _joined(*held, arrival) if held else arrival
        before = len(pool.y) - len(arrival.y)
        slots: dict[int, list[int]] = {k: list(np.flatnonzero(pool.y[:before] == k)) for k in range(self.classes)}
        for row in self._random.permutation(np.arange(before, len(pool.y))):
            k = int(pool.y[row])
            self._arrived[k] += 1
            if len(slots[k]) < memory:
                slots[k].append(int(row))
            elif (place := int(self._random.integers(self._arrived[k]))) < memory:
                slots[k][place] = int(row)
        rows = np.array(sorted(row for own in slots.values() for row in own), int)
        self._kept = Arrival(pool.columns[rows], pool.y[rows], pool.groups[rows], pool.weights[:, rows])

    def _scores(self, columns: np.ndarray) -> np.ndarray:
        if (now := self._now) is None:
            return np.zeros((1, len(columns), self.classes))
        known, asked = _standardised(now.columns, columns)
        labels = np.repeat(now.y[None], len(now.weights), 0)
        return logistic_values(known, labels, asked, self.classes, self.strength, now.weights)


def make_learner(name: LearnerName, classes: int, *, seed: int, memory: int) -> Learner:
    """The learner of a name. memory: units of each class that ``replay`` keeps."""
    if name == LearnerName.MIXTURE:
        return MixtureLearner(classes, seed)
    kept = {LearnerName.REPLAY: memory, LearnerName.RETRAINED: None, LearnerName.LATEST: 0}[name]
    return LogisticLearner(classes, seed, memory=kept)


def _shrunk(covariance: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """(B, V, V) covariances of `freedom` (B,) units, shrunk by the oracle approximation."""
    size = covariance.shape[-1]
    level = np.trace(covariance, axis1=1, axis2=2) / size
    square = (covariance**2).mean((1, 2))
    share = (square + level**2) / np.maximum((freedom + 1) * (square - level**2 / size), _NARROW)
    share[level <= _NARROW] = 1  # a draw without any of these units
    share = np.minimum(share, 1)[:, None, None]
    return (1 - share) * covariance + share * np.maximum(level, _LEAST_VARIANCE)[:, None, None] * np.eye(size)


def _chosen_strength(held: Arrival, classes: int, seed: int) -> float:
    """Of `STRENGTHS`, the one with the least loss in folds of the held groups; of too few, the middle one."""
    fewest = min(len(np.unique(held.groups[held.y == k])) for k in np.unique(held.y))
    if fewest < 2 or len(np.unique(held.y)) < 2:
        return STRENGTHS[len(STRENGTHS) // 2]
    losses = np.zeros(len(STRENGTHS))
    for train, test in group_folds(held.y, held.groups, "classify", min(_INNER_FOLDS, fewest), seed + 1):
        known, asked = _standardised(held.columns[train], held.columns[test])
        each = logistic_by_strength(known, held.y[train], asked, classes, STRENGTHS)
        losses += [inner_loss(probabilities(values), held.y[test], "classify") for values in each]
    return STRENGTHS[int(np.argmin(losses))]


def _joined(*parts: Arrival) -> Arrival:
    return Arrival(
        np.concatenate([part.columns for part in parts]),
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.groups for part in parts]),
        np.concatenate([part.weights for part in parts], 1),
    )


def _standardised(known: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both by the mean and spread of the first; what was not measured is the mean."""
    measured = ~np.isnan(known)
    count = np.maximum(measured.sum(0), 1)
    mean = np.where(measured, known, 0).sum(0) / count
    spread = np.sqrt((np.where(measured, known - mean, 0) ** 2).sum(0) / count)
    scale = np.where(spread > _NARROW, spread, np.inf)
    first, second = np.nan_to_num((known - mean) / scale), np.nan_to_num((asked - mean) / scale)
    if not np.isfinite(scale).any():
        return np.zeros((len(known), 1)), np.zeros((len(asked), 1))
    return first, second
