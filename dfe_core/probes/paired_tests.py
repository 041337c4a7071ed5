"""Whether one row of the result is better than another, on the same people and folds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats

from dfe_core.probes import scores
from dfe_core.probes.intervals import difference_interval
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.validation import Predictions

_PER_PAIR = 50
"""Swaps for each pair at least: a difference can be significant after Holm's correction over all pairs."""


def compare(
    rows: dict[str, tuple[Predictions, ...]],
    target: Target,
    settings: ProbeSettings,
    nulls: dict[str, np.ndarray | None] | None = None,
    draws: dict[str, np.ndarray] | None = None,
) -> list[dict[str, Any]]:
    """Every pair of rows: a, b, difference of the primary metric (a − b, mean over repeats), low and high (95 %, where
    both rows have `draws`: (B,) scores in the same draws of groups), p, p_holm, p_bh and p_t.

    rows: predictions of every repeat; rows of fewer repeats than others are compared over those that both have.
    p: the predictions of a and b change places group by group, at random; two-sided. Predictions of one fold depend on
    each other, which that does not see: where `nulls` has both rows' scores under the same permuted labels, p is at
    least the share of those that differ as much, so that two rows that know nothing are not told apart.
    p_t: Nadeau & Bengio's corrected resampled t over outer folds, two-sided; it rests on few folds and is given
    beside, not instead.
    """
    metric = scores.METRICS[target.task][scores.PRIMARY[target.task]]
    sums = {
        name: [scores.by_group(scores.sums(target.task, target.y, found.values), target.groups) for found in repeats]
        for name, repeats in rows.items()
    }
    swaps = max(settings.swaps, _PER_PAIR * len(rows) * (len(rows) - 1) // 2)
    signs = np.random.default_rng([settings.seed, 9]).integers(0, 2, (swaps, target.subjects)).astype(float)
    found: list[dict[str, Any]] = []
    for a, b in combinations(rows, 2):
        difference, p = _swapped(sums[a], sums[b], signs, metric)
        interval = difference_interval(difference, draws[a], draws[b]) if draws else None
        p = max(p, _by_chance(difference, (nulls or {}).get(a), (nulls or {}).get(b)))
        found.append(
            {
                "a": a,
                "b": b,
                "difference": difference,
                **dict(zip(("low", "high"), interval or (None, None), strict=True)),
                "p": p,
                "p_t": _resampled_t(rows[a][0], rows[b][0], target, metric),
            }
        )
    if not found:
        return []
    every = [row["p"] for row in found]
    corrected = zip(holm(every), stats.false_discovery_control(every, method="bh").tolist(), strict=True)
    return [row | {"p_holm": h, "p_bh": q} for row, (h, q) in zip(found, corrected, strict=True)]


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979); None stays None and is not counted."""
    known = [i for i, value in enumerate(p) if value is not None]
    values = [value for value in p if value is not None]
    adjusted: list[float | None] = [None] * len(p)
    last = 0.0
    for rank, place in enumerate(np.argsort(values, kind="stable").tolist()):
        last = max(last, min(1.0, (len(values) - rank) * values[place]))
        adjusted[known[place]] = float(last)
    return adjusted


def _swapped(first: list[np.ndarray], second: list[np.ndarray], signs: np.ndarray, metric) -> tuple[float, float]:
    """Mean difference over repeats, and its two-sided p by exchanging groups in all repeats alike."""
    each = [_exchanged(a, b, signs, metric) for a, b in zip(first, second, strict=False)]
    real, null = float(np.mean([one[0] for one in each])), np.mean([one[1] for one in each], 0)
    return real, float((1 + np.sum(np.abs(null) >= abs(real) - 1e-12)) / (1 + len(null)))


def _exchanged(a: np.ndarray, b: np.ndarray, signs: np.ndarray, metric) -> tuple[float, np.ndarray]:
    shape = a.shape[1:]
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    moved = signs @ (b - a)
    first, second = (v.reshape(len(signs), *shape) for v in (a.sum(0) + moved, b.sum(0) - moved))
    return float(metric(a.sum(0).reshape(shape)) - metric(b.sum(0).reshape(shape))), metric(first) - metric(second)


def _by_chance(difference: float, a: np.ndarray | None, b: np.ndarray | None) -> float:
    """Two-sided p of the difference under permuted labels. Where none of them differs as much, a normal tail with the
    spread of theirs says how far beyond all of them it lies, so that p can be small whatever their number."""
    if a is None or b is None:
        return 0.0
    count = min(len(a), len(b))
    null = np.asarray(a[:count]) - np.asarray(b[:count])
    above = int(np.sum(np.abs(null) >= abs(difference) - 1e-12))
    if above:
        return (1 + above) / (1 + count)
    return float(min(1 / (1 + count), 2 * stats.norm.sf(abs(difference) / max(np.sqrt(np.mean(null**2)), 1e-12))))


def _resampled_t(a: Predictions, b: Predictions, target: Target, metric) -> float | None:
    tests = [np.flatnonzero(a.fold == fold) for fold in np.unique(a.fold[a.fold >= 0])]
    each = np.array(
        [
            metric(scores.sums(target.task, target.y[rows], a.values[rows]).sum(0))
            - metric(scores.sums(target.task, target.y[rows], b.values[rows]).sum(0))
            for rows in tests
        ]
    )
    if len(each) < 2:
        return None
    share = np.mean([len(rows) / (target.n - len(rows)) for rows in tests])
    spread = np.var(each, ddof=1) * (1 / len(each) + share)
    if spread <= 1e-15:
        return 1.0 if abs(each.mean()) < 1e-12 else None
    return float(2 * stats.t.sf(abs(each.mean()) / np.sqrt(spread), len(each) - 1))
