"""Cluster-permutation tests of curves over time (Maris & Oostenveld 2007, J. Neurosci. Methods 164).

A cluster is a run of neighbouring times at which a t statistic exceeds its two-sided critical value in one direction;
its mass is the sum of t. Its p is the share of permutations whose largest cluster of the same curve has no less mass,
so that it holds for all times of a curve together; `p_all` takes the largest cluster of all curves. Permuted are
subjects: the signs of their differences, which group they belong to, or where in time their curves begin. Shapes: n
subjects, K curves, B times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.stats import t as student

from dfe_core.groups.permutation import paired_t, welch_t

_CELLS = 4_000_000
"""Values that the permutations of one chunk may hold."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Times start to stop (exclusive) of a curve, its signed mass, and its p over times and over all curves."""

    curve: int
    start: int
    stop: int
    mass: float
    p: float
    p_all: float


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """permutations: at most. seed: of them. alpha: two-sided, of the critical value at each time. least: subjects that
    a time needs; others have no cluster."""

    permutations: int = 2000
    seed: int = 0
    alpha: float = 0.05
    least: int = 5


def shift_clusters(values: np.ndarray, before: int, settings: ClusterSettings) -> list[Cluster]:
    """Clusters of curves (n, K, B) from step `before` on against each subject's mean of the steps before it, by
    circular shifts of each subject's curves in time, all curves of a subject by the same. Steps count from `before`.

    Shifts keep what curves are like (rare, in bursts, skewed), and only their tie to the event is broken. Changes of
    sign of differences from a baseline do not: codewords are rare, so that at most steps nearly everybody is a little
    below a baseline in which they occurred somewhere, and decreases are found in most studies that have none.
    """
    rng, (n, _, times) = np.random.default_rng([settings.seed, 37]), values.shape
    chosen = _selection(rng.integers(0, times, (settings.permutations, n)), times)
    size = max(1, _CELLS // (n * times * times))
    parts = [_shift_test(values[:, i : i + size], before, chosen, settings) for i in range(0, values.shape[1], size)]
    t, critical, null = (
        np.concatenate(one, axis) for one, axis in zip(zip(*parts, strict=True), (0, 0, 1), strict=True)
    )
    return _tested(t, null, critical, exact=False)


def _shift_test(
    values: np.ndarray, before: int, chosen: sparse.csr_matrix, settings: ClusterSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of some curves: t and critical values (K, B), and the largest cluster of each permutation (P, K)."""
    n, _, times = values.shape
    moved = _shifted(values, before)

    def statistic(rows: sparse.csr_matrix) -> np.ndarray:
        return _t_of_sums(rows, moved, settings.least)[0]

    t, count = _t_of_sums(_selection(np.zeros((1, n), np.int64), times), moved, settings.least)
    critical = _critical(count - 1, settings.alpha)
    return t[0], critical, _largest_in_chunks(statistic, chosen, critical)


def _selection(shifts: np.ndarray, times: int) -> sparse.csr_matrix:
    """(P, n · B) which shift of each subject's curves a permutation takes."""
    permutations, n = shifts.shape
    columns = (np.arange(n) * times + shifts).ravel()
    return sparse.csr_matrix(
        (np.ones(columns.size), columns, np.arange(0, columns.size + 1, n)), (permutations, n * times)
    )


def _shifted(values: np.ndarray, before: int) -> np.ndarray:
    """(n · B, K, B − before) difference from the baseline for every shift of every subject's curves."""
    n, curves, times = values.shape
    source = (np.arange(times) - np.arange(times)[:, None]) % times
    moved = np.moveaxis(values[:, :, source], 2, 1).reshape(n * times, curves, times)
    return moved[..., before:] - _mean(np.moveaxis(moved[..., :before], 2, 0), nothing=np.nan)[..., None]


def _t_of_sums(chosen: sparse.csr_matrix, moved: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """(P, K, B) t of the mean over the subjects of each permutation, 0 where too few have a value; and how many have
    one, (K, B), in the first."""
    known = np.isfinite(moved)
    size = np.sqrt((np.where(known, moved, 0) ** 2).sum((0, 2)) / np.maximum(known.sum((0, 2)), 1))
    z = np.where(known, moved / np.maximum(size, 1e-300)[:, None], 0)
    n, s, q = (chosen @ part.reshape(len(moved), -1) for part in (known.astype(float), z, z * z))
    many = np.maximum(n, 2)
    error = np.maximum(q - s * s / many, 0) / (many - 1) / many
    t = np.where(n >= least, s / many / np.sqrt(error + 1e-12), 0)
    shape = (-1, *moved.shape[1:])
    return t.reshape(shape), n.reshape(shape)[0]


def difference_clusters(difference: np.ndarray, settings: ClusterSettings) -> list[Cluster]:
    """Clusters of the mean of differences (n, K, B) from 0, by exchange of their signs subject by subject; all signs
    are tried where there are no more than asked for. Largest first.

    For differences between two conditions, which change their sign when the conditions change places; against a
    baseline see `shift_clusters`.
    """
    n, curves, times = difference.shape
    values = _comparable(difference, settings.least)
    exact = 2**n <= settings.permutations
    if exact:
        signs = 1.0 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    else:
        signs = np.random.default_rng([settings.seed, 23]).choice((-1.0, 1.0), (settings.permutations, n))

    def statistic(rows: np.ndarray) -> np.ndarray:
        return np.nan_to_num(paired_t(rows, values).reshape(-1, curves, times))

    critical = _critical(np.isfinite(values).sum(0).reshape(curves, times) - 1, settings.alpha)
    null = _largest_in_chunks(statistic, signs, critical)
    return _tested(statistic(np.ones((1, n)))[0], null, critical, exact)


def group_clusters(a: np.ndarray, b: np.ndarray, settings: ClusterSettings) -> list[Cluster]:
    """Clusters of the difference b − a of two groups of subjects (n, K, B) and (m, K, B), by exchange of who belongs to
    which. Largest first."""
    curves, times = a.shape[1:]
    known = np.minimum(np.isfinite(a).sum(0), np.isfinite(b).sum(0)) >= settings.least
    both = np.where(known, np.concatenate([a, b]), np.nan)
    values = _comparable(both - _mean(both), settings.least)
    labels = np.r_[np.zeros(len(a)), np.ones(len(b))]
    tiled = np.tile(labels, (settings.permutations, 1))
    rows = np.random.default_rng([settings.seed, 29]).permuted(tiled, axis=1)

    def statistic(given: np.ndarray) -> np.ndarray:
        return np.nan_to_num(welch_t(given, values).reshape(-1, curves, times))

    critical = _critical(np.isfinite(values).sum(0).reshape(curves, times) - 2, settings.alpha)
    null = _largest_in_chunks(statistic, rows, critical)
    return _tested(statistic(labels[None])[0], null, critical, exact=False)


def _comparable(values: np.ndarray, least: int) -> np.ndarray:
    """(n, K · B) scaled to a mean square of 1, NaN at times with too few subjects."""
    flat = values.reshape(len(values), -1)
    known = np.isfinite(flat)
    size = np.sqrt((np.where(known, flat, 0) ** 2).sum(0) / np.maximum(known.sum(0), 1))
    return np.where(known.sum(0) >= least, flat / np.maximum(size, 1e-300), np.nan)


def _mean(values: np.ndarray, nothing: float = 0.0) -> np.ndarray:
    """Mean over the first axis; `nothing` where there is no value."""
    known = np.isfinite(values)
    return np.where(known.any(0), np.where(known, values, 0).sum(0) / np.maximum(known.sum(0), 1), nothing)


def _critical(free: np.ndarray, alpha: float) -> np.ndarray:
    """(K, B) two-sided critical values of t; infinite without a degree of freedom."""
    return np.where(free > 0, student.ppf(1 - alpha / 2, np.maximum(free, 1)), np.inf)


def _largest_in_chunks(
    statistic: Callable[[Any], np.ndarray], rows: np.ndarray | sparse.csr_matrix, critical: np.ndarray
) -> np.ndarray:
    """(P, K) mass of the largest cluster of every curve under each permutation."""
    chunk, count = max(1, _CELLS // critical.size), rows.shape[0]
    return np.concatenate([_largest(statistic(rows[i : i + chunk]), critical) for i in range(0, count, chunk)])


def _tested(t: np.ndarray, null: np.ndarray, critical: np.ndarray, exact: bool) -> list[Cluster]:
    """The clusters of t (K, B) with their p, largest first. exact: null (P, K) holds the observed labelling."""
    one, every = 0 if exact else 1, null.max(1)

    def p_of(masses: np.ndarray, mass: float) -> float:
        return float((one + (masses >= abs(mass) * (1 - 1e-9)).sum()) / (one + len(masses)))

    tested = [
        Cluster(curve=k, start=start, stop=stop, mass=mass, p=p_of(null[:, k], mass), p_all=p_of(every, mass))
        for k, start, stop, mass in _clusters(t, critical)
    ]
    return sorted(tested, key=lambda one: -abs(one.mass))


def _clusters(t: np.ndarray, critical: np.ndarray) -> Iterator[tuple[int, int, int, float]]:
    """Curve, start, stop and mass of every cluster of t (K, B)."""
    for sign in (1, -1):
        inside = np.pad(sign * t > critical, ((0, 0), (1, 1)))
        change = np.diff(inside.astype(np.int8), axis=1)
        curve, start = np.nonzero(change == 1)
        _, stop = np.nonzero(change == -1)
        for k, first, end in zip(curve.tolist(), start.tolist(), stop.tolist(), strict=True):
            yield k, first, end, float(t[k, first:end].sum())


def _largest(t: np.ndarray, critical: np.ndarray) -> np.ndarray:
    """(P, K) mass of the largest cluster of every curve of t (P, K, B), whatever its direction."""
    largest = np.zeros(t.shape[:2])
    for sign in (1, -1):
        running = np.zeros(t.shape[:2])
        for time in range(t.shape[2]):
            value = sign * t[:, :, time]
            running = np.where(value > critical[:, time], running + value, 0.0)
            largest = np.maximum(largest, running)
    return largest
