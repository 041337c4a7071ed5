"""Permutation tests on many features at once, the same permutations for all of them.

Values are (n, F), NaN where a feature is not defined. All tests are two-sided and count the observed labelling, so that
no p is 0 (Phipson & Smyth 2010). Statistics are studentised, which keeps the tests valid for equal means with unequal
variances (Janssen 1997; Chung & Romano 2013).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb

import numpy as np

_CHUNK = 1000
_CELLS = 2_000_000
"""Values that the permutations of one chunk may hold."""
_TINY = 1e-12


def two_groups(a: np.ndarray, b: np.ndarray, *, permutations: int, seed: int) -> np.ndarray:
    """(F,) p of Welch's t under exchange of labels; every split is tried where there are no more than asked for."""
    values = _standardised(np.concatenate([a, b]))
    splits, exact = group_splits(len(a), len(b), permutations, seed)
    observed = np.r_[np.zeros(len(a)), np.ones(len(b))][None]
    return _p(lambda rows: np.abs(welch_t(rows, values)), observed, splits, exact)


def group_splits(first: int, second: int, permutations: int, seed: int) -> tuple[np.ndarray, bool]:
    """(B, first + second) of 0 and 1, the labellings of `two_groups`, and whether they are all that there are."""
    rng = np.random.default_rng([seed, 13])
    return _splits(first + second, second, permutations, rng), comb(first + second, second) <= permutations


def pair_signs(pairs: int, permutations: int, seed: int) -> tuple[np.ndarray, bool]:
    """(B, pairs) of 1 and −1, the exchanges of `paired`, and whether they are all that there are."""
    if 2**pairs <= permutations:
        return 1.0 - 2 * ((np.arange(2**pairs)[:, None] >> np.arange(pairs)) & 1), True
    return np.random.default_rng([seed, 13]).choice((-1.0, 1.0), (permutations, pairs)), False


def row_orders(rows: int, permutations: int, seed: int) -> np.ndarray:
    """(B, rows) orders of the residuals of `adjusted`."""
    return np.random.default_rng([seed, 19]).permuted(np.tile(np.arange(rows)[None], (permutations, 1)), axis=1)


def adjusted(
    a: np.ndarray, b: np.ndarray, covariates: np.ndarray, *, permutations: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Adjusted difference (b − a) and its p, (F,) each, of two groups with covariates (n, C), rows of a first.

    The p is of the t of the group in a linear model of group and covariates, under permutation of the residuals of the
    model without the group (Freedman & Lane 1983; Winkler et al. 2014, NeuroImage 92). Rows in which a feature is not
    defined are left out of that feature. NaN where the covariates determine the group.
    """
    values, group = np.concatenate([a, b]), np.r_[np.zeros(len(a)), np.ones(len(b))]
    difference, p = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    known = np.isfinite(values)
    for mask in np.unique(known, axis=1).T:  # features that are defined for the same rows share their permutations
        columns = np.flatnonzero((known == mask[:, None]).all(0))
        basis = np.linalg.qr(np.column_stack([np.ones(mask.sum()), covariates[mask]]))[0]
        effect = _residual(group[mask][:, None], basis)[:, 0]
        free = int(mask.sum()) - basis.shape[1] - 1
        if free < 2 or effect @ effect < 1e-9 * mask.sum():
            continue
        left = _residual(values[np.ix_(mask, columns)], basis)
        difference[columns] = effect @ left / (effect @ effect)
        p[columns] = _freedman_lane(left, effect, basis, free, row_orders(len(left), permutations, seed))
    return difference, p


def _freedman_lane(
    left: np.ndarray, effect: np.ndarray, basis: np.ndarray, free: int, orders: np.ndarray
) -> np.ndarray:
    """(F,) p of residuals left (n, F) under permutation of their rows. effect (n,): the group's own part."""
    total = np.maximum((left * left).sum(0), _TINY)

    def statistic(orders: np.ndarray) -> np.ndarray:
        moved = left[orders]  # (B, n, F)
        along = np.einsum("n,bnf->bf", effect, moved) ** 2 / (effect @ effect)
        explained = (np.einsum("nc,bnf->bcf", basis, moved) ** 2).sum(1)
        return np.sqrt(along / np.maximum((total - explained - along) / free, _TINY * total))

    own = np.arange(len(left))[None]
    return _p(statistic, own, orders, exact=False, chunk=max(1, _CELLS // left.size))


def _residual(values: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """(n, F) less what an orthonormal basis (n, C) explains."""
    return values - basis @ (basis.T @ values)


def paired(a: np.ndarray, b: np.ndarray, *, permutations: int, seed: int) -> np.ndarray:
    """(F,) p of the paired t under exchange of the two values of a pair; exact where 2ⁿ is no more than asked for."""
    difference, n = b - a, len(a)
    difference = difference / np.maximum(np.sqrt(_mean(difference**2)), 1e-300)
    signs, exact = pair_signs(n, permutations, seed)
    return _p(lambda rows: np.abs(paired_t(rows, difference)), np.ones((1, n)), signs, exact)


def several_groups(
    values: np.ndarray, level: np.ndarray, subject: np.ndarray | None, *, permutations: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """(F,) η² and p of any difference between the levels of level (n,), by F under exchange of labels.

    subject: (n,) for repeated measures: values are centred on each subject's mean and labels change places within
    subjects; η² is then partial.
    """
    rng = np.random.default_rng([seed, 17])
    if subject is not None:
        values = _centred(values, subject)
    values = _standardised(values)
    count = level.max() + 1
    observed = _explained(level[None], values, count)[0]
    above, tried = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for start in range(0, permutations, _CHUNK):
        rows = np.tile(level, (min(_CHUNK, permutations - start), 1))
        shuffled = rng.permuted(rows, axis=1) if subject is None else _within(rng, rows, subject)
        null = _explained(shuffled, values, count)
        above += np.nansum(null >= observed - _TINY, 0)
        tried += np.isfinite(null).sum(0)
    return observed, np.where(np.isfinite(observed), (1 + above) / (1 + tried), np.nan)


def _p(
    statistic: Callable[[np.ndarray], np.ndarray],
    observed: np.ndarray,
    rows: np.ndarray,
    exact: bool,
    chunk: int = _CHUNK,
) -> np.ndarray:
    """(F,) p of statistic(observed) among statistic(rows); exact: rows are all labellings, the observed among them."""
    real = statistic(observed)[0]
    above, tried = np.zeros(len(real)), np.zeros(len(real))
    for start in range(0, len(rows), chunk):
        null = statistic(rows[start : start + chunk])
        above += (np.nan_to_num(null, nan=-1) >= real * (1 - 1e-9) - _TINY).sum(0)
        tried += np.isfinite(null).sum(0)
    one = 0 if exact else 1  # the observed labelling is among all of them
    return np.where(np.isfinite(real) & (tried > 0), (one + above) / np.maximum(one + tried, 1), np.nan)


def _splits(n: int, second: int, permutations: int, rng: np.random.Generator) -> np.ndarray:
    """(B, n) 0 or 1: every choice of `second` of n where there are few enough, else random ones."""
    if comb(n, second) > permutations:
        return rng.permuted(np.tile(np.r_[np.zeros(n - second), np.ones(second)], (permutations, 1)), axis=1)
    chosen = np.array(list(combinations(range(n), second)))
    rows = np.zeros((len(chosen), n))
    np.put_along_axis(rows, chosen, 1, axis=1)
    return rows


def welch_t(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(B, F) of the group marked 1 in (B, n) over the other."""
    known = np.isfinite(values)
    z = np.where(known, values, 0)
    parts = known.astype(float), z, z * z
    total = [part.sum(0) for part in parts]
    n1, s1, q1 = (rows @ part for part in parts)
    n0, s0, q0 = (whole - one for whole, one in zip(total, (n1, s1, q1), strict=True))
    difference = _over(s1, n1) - _over(s0, n0)
    error = _standard_error(n0, s0, q0) + _standard_error(n1, s1, q1)
    return difference / np.sqrt(error + _TINY)


def paired_t(signs: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """(B, F) t of differences (n, F) whose signs are changed by the rows of (B, n); NaN is left out."""
    known = np.isfinite(difference)
    z = np.where(known, difference, 0)
    n, s, q = known.sum(0), signs @ z, (z * z).sum(0)
    return _over(s, n) / np.sqrt(_standard_error(n, s, q) + _TINY)


def _standard_error(n: np.ndarray, s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Squared standard error of a mean from count, sum and sum of squares."""
    return np.maximum(_over(q - _over(s * s, n), n - 1), 0) / np.maximum(n, 1)


def _standardised(values: np.ndarray) -> np.ndarray:
    """(n, F) with mean 0 and standard deviation 1; 0 where all values are the same."""
    z = values - _mean(values)
    spread = np.sqrt(_mean(z * z))
    return np.where(spread > 1e-12 * np.abs(_mean(values)), z / np.maximum(spread, 1e-300), np.where(np.isnan(z), z, 0))


def _mean(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    return np.where(known.any(0), np.nansum(values, 0) / np.maximum(known.sum(0), 1), 0)


def _centred(values: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """Values less the mean of their subject."""
    out = values.copy()
    for one in np.unique(subject):
        rows = subject == one
        out[rows] -= _mean(values[rows])
    return out


def _within(rng: np.random.Generator, rows: np.ndarray, subject: np.ndarray) -> np.ndarray:
    out = rows.copy()
    for one in np.unique(subject):
        where = np.flatnonzero(subject == one)
        out[:, where] = rng.permuted(rows[:, where], axis=1)
    return out


def _explained(level: np.ndarray, values: np.ndarray, levels: int) -> np.ndarray:
    """(B, F) share of the sum of squares that lies between the levels (B, n): a rising function of F."""
    known = np.isfinite(values)
    z = np.where(known, values, 0)
    total, between = (z * z).sum(0), 0.0
    for one in range(levels):
        member = (level == one).astype(float)
        between = between + np.nan_to_num(_over((member @ z) ** 2, member @ known))
    return np.where(total > _TINY, between / np.maximum(total, _TINY), np.nan)


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.broadcast(above, below).shape, np.nan), where=below > _TINY)
