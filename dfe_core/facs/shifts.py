"""What codeword × AU counts would be if the two had nothing to do with each other.

Frames of a face are not independent: expressions last, so a test that shuffles frames calls everything significant.
Here AUs are moved against tokens by circular shifts within a recording, which keeps how each of them behaves over time
and breaks only their alignment. Mean and variance over all T shifts are exact, without drawing any: the co-occurrence
over shifts is a circular cross-correlation, and by Parseval's theorem its variance is the product of the two power
spectra. A few drawn shifts then show how such standardised counts are really distributed in the tails.

Letters of the shapes: T frames, U codewords in use, C columns, P drawn shifts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft
from scipy.sparse import csr_matrix
from scipy.stats import false_discovery_control

_BATCH = 64  # codewords transformed at once: 64 spectra of 16,384 frames are 4 MB


def shift_moments(codewords: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance over all T circular shifts of Σ_t x_t · y_{t+s}.

    Parameters
    ----------
    codewords: (T, U) float32, 0 or 1. columns: (T, C) float32, 0 or 1.

    Returns
    -------
    (U, C) float64 twice. With X, Y the discrete Fourier transforms: mean = X₀Y₀/T, variance = Σ_{f≠0} |X_f|²|Y_f|²/T².
    """
    frames = len(codewords)
    mean = np.outer(codewords.sum(0, dtype=np.float64), columns.sum(0, dtype=np.float64)) / frames
    weight = np.full(frames // 2 + 1, 2.0)
    weight[0] = 0
    if frames % 2 == 0:
        weight[-1] = 1
    power = (_power(columns) * weight.astype(np.float32)).T
    parts = [_power(codewords[:, i : i + _BATCH]) @ power for i in range(0, codewords.shape[1], _BATCH)]
    variance = np.concatenate(parts) if parts else np.zeros_like(mean)
    return mean, variance.astype(np.float64) / frames**2


def _power(series: np.ndarray) -> np.ndarray:
    spectrum = rfft(np.ascontiguousarray(series.T, np.float32), axis=1)
    return spectrum.real**2 + spectrum.imag**2


def drawn_counts(rng: np.random.Generator, codewords: csr_matrix, columns: np.ndarray, draws: int) -> np.ndarray:
    """(P, U, C) float32 co-occurrences after `draws` random shifts, another one for every column.

    `codewords` (U, T) sparse, 0 or 1; `columns` (T, C) float32.
    """
    frames, count = columns.shape
    shifts = rng.integers(0, frames, (draws, count))
    twice = np.ascontiguousarray(np.concatenate([columns, columns]).T)  # a shifted column is a slice of it
    moved, each = sliding_window_view(twice, frames, axis=1), np.arange(count)
    found = np.empty((draws, codewords.shape[0], count), np.float32)
    for counts, shift in zip(found, shifts, strict=True):
        counts[...] = codewords @ moved[each, shift].T
    return found


@dataclass(frozen=True, eq=False, kw_only=True)
class NullTails:
    """The distribution of standardised counts under shifts, pooled over pairs of alike expected count.

    Attributes
    ----------
    edges: (B−1,) expected counts that part the strata.
    upper, lower: (B, n) the largest standardised counts, falling, and the smallest, rising; padded with ∓inf.
    middle: (B, 101) percentiles. total: (B,) how many there were.
    """

    edges: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    middle: np.ndarray
    total: np.ndarray

    def p_values(self, z: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Two-sided p of standardised counts z, both of one shape: twice the smaller share of shifted counts beyond z,
        counting z itself among them (Phipson & Smyth 2010), at most 1. NaN in, NaN out."""
        stratum = np.digitize(expected, self.edges)
        p = np.full(z.shape, np.nan)
        for i in range(len(self.total)):
            here = (stratum == i) & np.isfinite(z)
            p[here] = self._stratum(i, z[here])
        return p

    def least(self, expected: np.ndarray) -> np.ndarray:
        """The smallest p that pairs of these expected counts can have, of the same shape."""
        return 2 / (self.total[np.digitize(expected, self.edges)] + 1)

    def _stratum(self, i: int, z: np.ndarray) -> np.ndarray:
        above = self._beyond(z, self.upper[i], self.middle[i], self.total[i])
        below = self._beyond(-z, -self.lower[i], -self.middle[i][::-1], self.total[i])
        return np.minimum(1, 2 * np.minimum((above + 1) / (self.total[i] + 1), (below + 1) / (self.total[i] + 1)))

    @staticmethod
    def _beyond(z: np.ndarray, tail: np.ndarray, percentiles: np.ndarray, total: int) -> np.ndarray:
        """How many of `total` were at least z: counted in the stored tail, read off the percentiles before it."""
        known = tail[np.isfinite(tail)]
        counted = np.searchsorted(-known, -z, "right")
        rough = total * (1 - np.interp(z, percentiles, np.linspace(0, 1, len(percentiles))))
        return np.where(counted < len(known), counted, np.maximum(rough, counted))


_STRATA = (1.0, 5.0, 25.0, 100.0)
_TAIL = 5000


def null_tails(z: np.ndarray, expected: np.ndarray) -> NullTails:
    """Pool (P, U, C) standardised counts of shifted data by expected count (U, C); strata of fewer than 1,000 take in
    their neighbours."""
    usable = np.isfinite(z).all(0) & (expected > 0)
    flat = z[:, usable]
    stratum = np.digitize(expected[usable], _STRATA)
    size = np.bincount(stratum, minlength=len(_STRATA) + 1) * len(z)
    edges = tuple(edge for i, edge in enumerate(_STRATA) if size[: i + 1].sum() >= 1000 and size[i + 1 :].sum() >= 1000)
    stratum = np.digitize(expected[usable], edges)
    pools = [np.sort(flat[:, stratum == i], axis=None) for i in range(len(edges) + 1)]
    return NullTails(
        edges=np.array(edges),
        upper=np.stack([_padded(p[::-1], -np.inf) for p in pools]),
        lower=np.stack([_padded(p, np.inf) for p in pools]),
        middle=np.stack([np.quantile(p, np.linspace(0, 1, 101)) if len(p) else np.zeros(101) for p in pools]),
        total=np.array([len(p) for p in pools]),
    )


def _padded(ordered: np.ndarray, fill: float) -> np.ndarray:
    row = np.full(_TAIL, fill)
    row[: min(_TAIL, len(ordered))] = ordered[:_TAIL]
    return row


def false_discovery_rates(p: np.ndarray) -> np.ndarray:
    """q of every p (any shape), NaN where p is NaN (Benjamini & Hochberg 1995)."""
    q = np.full(p.shape, np.nan)
    known = np.isfinite(p)
    if known.any():
        q[known] = false_discovery_control(p[known], method="bh")
    return q
