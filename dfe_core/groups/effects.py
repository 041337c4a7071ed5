"""Effect sizes of two groups or of pairs, and their intervals from a bootstrap over subjects.

Values are (n, F): units (rows) by features (columns), NaN where a feature is not defined. Letters: B resamples.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import stats

from dfe_core.known_quantiles import known_quantiles

_CHUNK = 250


def hedges_g(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(F,) Hedges' g of b over a: (mean b − mean a) / pooled standard deviation · J, J = 1 − 3 / (4 df − 1).

    NaN with fewer than two values in a group or without spread. Hedges 1981.
    """
    return _g(np.ones((1, len(a))), np.ones((1, len(b))), a, b)[0]


def paired_g(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(F,) of pairs (row by row): mean (b − a) / √((var a + var b) / 2) · J with df = n − 1 (Cumming's d_av), so that
    it is on the scale of `hedges_g`."""
    return _paired_g(np.ones((1, len(a))), a, b)[0]


def rank_biserial(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(F,) P(b > a) − P(b < a) over all pairs of one unit of each group, −1 … 1 (Cureton 1956)."""
    return _rank_biserial(np.ones((1, len(a))), np.ones((1, len(b))), a, b)[0]


def paired_rank_biserial(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(F,) of pairs: the signed ranks of b − a, summed, over their largest possible sum (Kerby 2014)."""
    return _paired_rank_biserial(np.ones((1, len(a))), a, b)[0]


def bootstrap_intervals(
    a: np.ndarray, b: np.ndarray, *, paired: bool, resamples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile intervals (2, F) of g and of the rank-biserial correlation: rows are drawn again within each
    group, pairs together. Ranks of pairs are those of the sample."""
    gs, rs = [], []
    for wa, wb in resample_weights(len(a), None if paired else len(b), resamples, seed):
        gs.append(_paired_g(wa, a, b) if wb is None else _g(wa, wb, a, b))
        rs.append(_paired_rank_biserial(wa, a, b) if wb is None else _rank_biserial(wa, wb, a, b))
    return _interval(np.concatenate(gs)), _interval(np.concatenate(rs))


def resample_weights(
    first: int, second: int | None, resamples: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """How often each unit is drawn in the resamples of `bootstrap_intervals`, (B, first) and (B, second), in parts.

    second: None for pairs, whose weights are those of the first.
    """
    rng = np.random.default_rng([seed, 11])
    for start in range(0, resamples, _CHUNK):
        count = min(_CHUNK, resamples - start)
        weights = _weights(rng, count, first)
        yield weights, None if second is None else _weights(rng, count, second)


def _weights(rng: np.random.Generator, count: int, n: int) -> np.ndarray:
    return rng.multinomial(n, np.full(n, 1 / n), count).astype(float)


def _interval(values: np.ndarray) -> np.ndarray:
    out = np.full((2, values.shape[1]), np.nan)
    known = np.isfinite(values).mean(0) > 0.5
    if known.any():
        out[:, known] = known_quantiles(
            np.where(np.isfinite(values[:, known]), values[:, known], np.nan), (0.025, 0.975)
        )
    return out


def _moments(w: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(B, F) count, mean and unbiased variance under integer weights (B, n), NaN where they are not defined."""
    known = np.isfinite(x)
    centre = np.where(known.any(0), np.nansum(x, 0) / np.maximum(known.sum(0), 1), 0)  # against cancellation
    z = np.where(known, x - centre, 0)
    n = w @ known
    mean = _over(w @ z, n)
    variance = _over(w @ (z * z) - n * mean**2, n - 1)
    rounding = 1e-12 * (z * z).sum(0)  # a resample of one unit alone has no variance, whatever its sums round to
    return n, mean + centre, np.where(variance < rounding, 0.0, variance)


def _g(wa: np.ndarray, wb: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    na, mean_a, var_a = _moments(wa, a)
    nb, mean_b, var_b = _moments(wb, b)
    df = na + nb - 2
    spread = np.sqrt(_over((na - 1) * var_a + (nb - 1) * var_b, df))
    return _over(mean_b - mean_a, spread) * (1 - 3 / np.maximum(4 * df - 1, 1))


def _paired_g(w: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    both = np.isfinite(a) & np.isfinite(b)
    a, b = np.where(both, a, np.nan), np.where(both, b, np.nan)
    n, mean_a, var_a = _moments(w, a)
    _, mean_b, var_b = _moments(w, b)
    return _over(mean_b - mean_a, np.sqrt((var_a + var_b) / 2)) * (1 - 3 / np.maximum(4 * (n - 1) - 1, 1))


def _rank_biserial(wa: np.ndarray, wb: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    pairs = (wa @ np.isfinite(a)) * (wb @ np.isfinite(b))
    total = np.empty_like(pairs)
    for f in range(a.shape[1]):
        sign = np.nan_to_num(np.sign(b[None, :, f] - a[:, None, f]))
        total[:, f] = ((wa @ sign) * wb).sum(1)
    return _over(total, pairs)


def _paired_rank_biserial(w: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    difference = b - a
    ranks = stats.rankdata(np.abs(difference), axis=0, nan_policy="omit")
    ranks = np.where(np.isfinite(difference) & (difference != 0), ranks, 0)
    return _over(w @ (np.sign(np.nan_to_num(difference)) * ranks), w @ ranks)


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.broadcast(above, below).shape, np.nan), where=below > 1e-15)
