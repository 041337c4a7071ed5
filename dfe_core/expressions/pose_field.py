"""What head pose adds to expression, as a static function of pitch, yaw and roll, found without labels and taken off.

A person nods when smiling, so that a plain regression on pose takes smiles off with the artefact. Three things keep
them: the fit sees only quiet frames (those in which no protected measure, such as the opening of the mouth, leaves what
pose predicts of it); a field is not continued beyond the poses of these frames; and what it does to a protected measure
is given back together with what goes with that measure in the face (`patterns_of`), so that protected measures stay
exactly as they were. What of the artefact lies in a protected measure therefore stays, too.

The field of a person is fitted on that person's own frames, without labels, and mixed with the mean field of the
training subjects by how long the person was seen, so that ten seconds are not explained by nine functions of pose.

Letters of the shapes: T frames, C values a frame (coordinates of points, or coefficients), F = 9 functions of pose,
M protected measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

METHODS = ("field", "none")
"""Values of ``--pose-correction``: a static field of pose for each person, or none."""
UNIT = 0.1
"""Radians that count as 1 in the functions of pose."""
RIDGE = 0.05
"""Of the variance of each function of pose: the shrinkage of a field, chosen on REACT-Nao (docs/pose.md)."""
HALF_WEIGHT_S = 15.0
"""Seconds of quiet frames at which a person's own field counts as much as the mean of the training subjects."""
QUIET = 2.5
"""Robust standard deviations that a protected measure may lie off what pose predicts in a quiet frame."""
FEWEST = 30
"""A person with fewer quiet frames gets the mean field of the training subjects alone."""
_EDGE = 0.035  # share of the quiet frames, at either end of an angle, beyond whose pose the field is not continued
_LEAST_QUIET = 0.2  # share of a person's frames that count as quiet, whatever the measures say
_ROUNDS = 5
_MAD = 1.4826  # median absolute deviation to standard deviation, of normal values


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """The field of one person.

    weights: (F, C) float64, values per function of pose. centre: (3,) radians, the pose at which the field is zero.
    low, high: (3,) radians, the poses beyond which it stays as it is there. quiet: share of the frames that it was
    fitted on. own: weight of the person's own fit, 0 to 1.
    """

    weights: np.ndarray
    centre: np.ndarray
    low: np.ndarray
    high: np.ndarray
    quiet: float
    own: float

    def __call__(self, angles: np.ndarray) -> np.ndarray:
        """(T, C) what pose adds at (T, 3) angles, radians; zero where an angle is not known."""
        known = np.isfinite(angles).all(1)
        near = np.clip(angles, self.low, self.high)
        return functions(np.where(known[:, None], near, self.centre), self.centre) @ self.weights


def functions(angles: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(T, F) of (T, 3) angles in radians about `centre` (3,): each in `UNIT`, then all products of two."""
    unit = (np.asarray(angles, np.float64) - centre) / UNIT
    pairs = [unit[:, i] * unit[:, j] for i in range(3) for j in range(i, 3)]
    return np.concatenate([unit, np.stack(pairs, 1)], 1)


def protect(weights: np.ndarray, measures: np.ndarray, patterns: np.ndarray) -> np.ndarray:
    """(F, C) weights without what they do to (M, C) measures: it is given back in the (M, C) patterns that go with
    them, of which each holds one unit of its own measure and nothing of the others."""
    return weights - (weights @ measures.T) @ patterns


def patterns_of(products: np.ndarray, measures: np.ndarray) -> np.ndarray:
    """(M, C) what goes with each measure: the regression of values on the measures.

    products: (C, M) sums over frames of values times measures, pose taken off; zeros give the smallest patterns that
        hold the measures, which is all that is known without data. Raises `LinAlgError` for measures that follow from
        each other.
    """
    if not len(measures):
        return np.zeros((0, measures.shape[1]))
    inner = measures @ products
    if np.trace(inner) <= 0:
        products, inner = measures.T, measures @ measures.T
    return np.linalg.solve(inner + 1e-9 * np.trace(inner) / len(inner) * np.eye(len(inner)), products.T)


def quiet_frames(values: np.ndarray, angles: np.ndarray, measures: np.ndarray) -> np.ndarray:
    """(T,) bool: frames in which every measure lies within `QUIET` robust standard deviations of what pose predicts.

    Each measure is regressed on the functions of pose with Cauchy weights, so that smiles do not bend the prediction;
    turned frames count as quiet, too. At least a fifth of the frames, the quietest, are returned.
    """
    if not len(measures):
        return np.ones(len(values), bool)
    signals = values @ measures.T
    design = np.concatenate([functions(angles, np.median(angles, 0)), np.ones((len(angles), 1))], 1)
    off = np.max([_robust_distance(design, signal) for signal in signals.T], 0)
    return off <= max(QUIET, float(np.quantile(off, _LEAST_QUIET)))


def _robust_distance(design: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """(T,) distance of a signal from its robust regression, in robust standard deviations."""
    weight = np.ones(len(signal))
    penalty = 1e-3 * np.diag(np.r_[np.ones(design.shape[1] - 1), 1e-6])
    scale = np.r_[design[:, :-1].var(0), 1.0]
    for _ in range(_ROUNDS):
        weighted = design * weight[:, None]
        normal = weighted.T @ design + penalty * (scale + 1e-12) * weight.sum()
        rest = signal - design @ np.linalg.solve(normal, weighted.T @ signal)
        size = _MAD * float(np.median(np.abs(rest))) + 1e-12
        weight = 1 / (1 + (rest / (1.5 * size)) ** 2)
    return np.abs(rest) / size


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """What a fit needs of one person's quiet frames: sums of squares (F, F) and of products (F, C) about their means,
    their number, seconds and share, the median pose, and the outermost poses but for `_EDGE` at either end."""

    squares: np.ndarray
    products: np.ndarray
    frames: int
    seconds: float
    share: float
    centre: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """(F, C) field of these frames alone, nothing protected."""
        return _solve(self.squares, self.products)


def moments_of(values: np.ndarray, angles: np.ndarray, seconds: float, measures: np.ndarray) -> Moments | None:
    """Moments of a person's (T, C) values and (T, 3) angles, all finite; None where fewer than `FEWEST` are quiet.

    seconds: how long the frames lasted together, those left out by thinning included.
    """
    if len(values) < FEWEST:
        return None
    quiet = quiet_frames(values, angles, measures)
    if quiet.sum() < FEWEST:
        return None
    low, centre, high = np.quantile(angles[quiet], (_EDGE, 0.5, 1 - _EDGE), axis=0)
    features = functions(angles[quiet], centre)
    features -= features.mean(0)
    products = features.T @ np.asarray(values[quiet], np.float64)
    return Moments(
        squares=features.T @ features,
        products=products,
        frames=int(quiet.sum()),
        seconds=seconds * float(quiet.mean()),
        share=float(quiet.mean()),
        centre=centre,
        low=low,
        high=high,
    )


def mean_field(people: Sequence[Moments], values: int) -> np.ndarray:
    """(F, C) field that explains the quiet frames of all these people at once, each about its own mean."""
    if not people:
        return np.zeros((9, values))
    return _solve(reduce(np.add, [p.squares for p in people]), reduce(np.add, [p.products for p in people]))


def person_field(
    moments: Moments | None, mean: np.ndarray, measures: np.ndarray, patterns: np.ndarray, angles: np.ndarray
) -> Fit:
    """A person's field: the own one and the mean (F, C) mixed by time seen, the (M, C) measures protected.

    angles: (T, 3) of the person, for the centre and the outermost poses where there are no moments.
    """
    if moments is None:
        known = angles[np.isfinite(angles).all(1)]
        low, centre, high = np.quantile(known, (_EDGE, 0.5, 1 - _EDGE), axis=0) if len(known) else np.zeros((3, 3))
        return Fit(weights=protect(mean, measures, patterns), centre=centre, low=low, high=high, quiet=0.0, own=0.0)
    own = moments.seconds / (moments.seconds + HALF_WEIGHT_S)
    weights = own * moments.weights + (1 - own) * mean
    return Fit(
        weights=protect(weights, measures, patterns),
        centre=moments.centre,
        low=moments.low,
        high=moments.high,
        quiet=moments.share,
        own=own,
    )


def _solve(squares: np.ndarray, products: np.ndarray) -> np.ndarray:
    """Ridge regression; the penalty is a share of each function's own variance, so that units do not matter."""
    return np.linalg.solve(squares + RIDGE * np.diag(np.diag(squares)) + 1e-9 * np.eye(len(squares)), products)
