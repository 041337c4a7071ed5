"""Agreement and accuracy of raters: Krippendorff's alpha for nominal values with missing data, Wilson intervals,
and what raters reach who guess.

Letters of the shapes: R raters, U units (items), B resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MISSING = -1
"""In the place of a value: the rater did not answer."""

RESAMPLES = 1000
_Z = 1.959963984540054  # 97.5 % point of the normal distribution


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its 95 % interval; NaN where there is none."""

    value: float
    low: float
    high: float


def krippendorff_alpha(
    values: np.ndarray,
    weights: np.ndarray | None = None,
    units: np.ndarray | None = None,
    of: np.ndarray | None = None,
) -> float:
    """Krippendorff's alpha for nominal values: 1 − observed over expected disagreement.

    Parameters
    ----------
    values: (R, U) int, `MISSING` where there is none; units with fewer than two values do not count.
    weights: (R,) how often each rater is in a bootstrap sample; values of one rater are never paired with each other,
        or a resampled rater would agree with their own double. Default 1 each.
    units: (U,) how often each unit is in a bootstrap sample. Default 1 each.
    of: (U,) bool units whose observed disagreement is taken, while what is expected is that of all; default all.

    Returns NaN where nothing can be compared, or all values are the same.

    Source: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, sections C and D.
    """
    values = np.asarray(values)
    raters = np.ones((1, len(values))) if weights is None else np.asarray(weights, float)[None]
    often = np.ones((1, values.shape[1])) if units is None else np.asarray(units, float)[None]
    return float(_alphas(values, raters, often, of)[0])


def _alphas(values: np.ndarray, raters: np.ndarray, units: np.ndarray, of: np.ndarray | None) -> np.ndarray:
    """(B,) alpha of B samples: (B, R) how often each rater, (B, U) how often each unit is in them."""
    given = raters @ (values != MISSING)
    pairs = given**2 - raters**2 @ (values != MISSING)
    pairable = (pairs > 0) & (units > 0)
    chosen = pairable if of is None else pairable & np.asarray(of, bool)
    alike, totals = np.zeros_like(given), []
    for code in np.unique(values[values != MISSING]):
        said = raters @ (values == code)
        alike += said**2 - raters**2 @ (values == code)
        totals.append((said * units * pairable).sum(1))
    by_code = np.array(totals).reshape(len(totals), len(raters))
    n, size = by_code.sum(0), units * given * chosen
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = 1 - (by_code * (by_code - 1)).sum(0) / (n * (n - 1))
        observed = 1 - (size * np.where(pairs > 0, alike / pairs, 0)).sum(1) / size.sum(1)
        found = 1 - observed / expected
    return np.where((n > 1) & (size.sum(1) > 0) & (expected > 0), found, np.nan)


def alpha_interval(
    values: np.ndarray, of: np.ndarray | None = None, *, seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """Krippendorff's alpha with a percentile bootstrap over raters and, at once, over units (those of `of` alone stay
    as they are); no interval for fewer than three raters."""
    value = krippendorff_alpha(values, of=of)
    if len(values) < 3:
        return Estimate(value=value, low=float("nan"), high=float("nan"))
    rng = np.random.default_rng(seed)
    raters = _bootstrap_weights(len(values), resamples, rng)
    units = _bootstrap_weights(values.shape[1], resamples, rng) if of is None else np.ones((resamples, values.shape[1]))
    return _interval(value, _alphas(np.asarray(values), raters, units, of))


def accuracy_interval(right: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """(R, U) of 1 right, 0 wrong, NaN not answered: share of answers that are right, with an expanded percentile
    bootstrap over raters; no interval for fewer than three raters.

    Plain percentiles are too narrow for few raters (Hesterberg 2015, What Teachers Should Know About the Bootstrap,
    section 5.3): they are taken where a t distribution would put them.
    """
    answered = np.isfinite(right)
    if not answered.any():
        return Estimate(value=float("nan"), low=float("nan"), high=float("nan"))
    hits, given = np.nansum(right, axis=1), answered.sum(1)
    value = float(hits.sum() / given.sum())
    if len(right) < 3:
        return Estimate(value=value, low=float("nan"), high=float("nan"))
    weights = _bootstrap_weights(len(right), resamples, np.random.default_rng(seed))
    with np.errstate(invalid="ignore"):
        return _interval(value, (weights @ hits) / (weights @ given), _tail(len(right)))


def wilson_interval(right: int, answers: int) -> Estimate:
    """Share of answers that are right with its 95 % interval (Wilson 1927), for answers of different raters."""
    if not answers:
        return Estimate(value=float("nan"), low=float("nan"), high=float("nan"))
    p, z = right / answers, _Z**2 / answers
    middle, half = (p + z / 2) / (1 + z), _Z / (1 + z) * np.sqrt(p * (1 - p) / answers + z / (4 * answers))
    return Estimate(value=p, low=float(max(middle - half, 0)), high=float(min(middle + half, 1)))


@dataclass(frozen=True, kw_only=True)
class Guessing:
    """What raters reach who guess on the items that were answered: mean and central 95 % over simulated studies."""

    accuracy: Estimate
    alpha: Estimate


def guessing(
    values: np.ndarray, right: np.ndarray, options: np.ndarray, *, seed: int = 0, studies: int = 400
) -> Guessing:
    """Simulate studies in which every answer that was given is drawn at random.

    Parameters
    ----------
    values: (R, U), of which only the missing ones matter. right: (U,) the right option of each item. options: (U,)
        how many it has.
    """
    rng = np.random.default_rng(seed)
    given = values != MISSING
    accuracy, alphas = [], []
    for _ in range(studies if given.any() else 0):
        drawn = np.where(given, rng.integers(0, options[None], values.shape), MISSING)
        accuracy.append((drawn == right)[given].mean())
        alphas.append(krippendorff_alpha(drawn))
    return Guessing(accuracy=_simulated(accuracy), alpha=_simulated(alphas))


def _simulated(drawn: list[float]) -> Estimate:
    values = np.array(drawn)
    return _interval(float(np.nanmean(values)) if np.isfinite(values).any() else float("nan"), values)


def _bootstrap_weights(count: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """(B, count) how often each rater, or each unit, is drawn."""
    return rng.multinomial(count, np.full(count, 1 / count), resamples).astype(float)


def _tail(raters: int) -> float:
    """The share of a bootstrap distribution below a 95 % interval over so many raters."""
    from scipy.stats import norm, t

    return float(norm.cdf(-np.sqrt(raters / (raters - 1)) * t.ppf(0.975, raters - 1)))


def _interval(value: float, drawn: np.ndarray, tail: float = 0.025) -> Estimate:
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Estimate(value=value, low=float("nan"), high=float("nan"))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(value=value, low=float(low), high=float(high))
