"""Bits per frame of sparse token sets and of the baselines: raw, and entropy-coded with code lengths of other frames.

A code length that is worked out on the frames it is applied to flatters (on real takes by 38 %): every code here is
fitted on training frames, with half a count for what they did not show (Krichevsky & Trofimov 1981).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import gammaln

from dfe_core.tokenizer.codebook import REST

_BISECTIONS = 18


def raw_bits(tokens: np.ndarray, alphabet: np.ndarray) -> float:
    """Mean bits of a frame's set of tokens without entropy coding: how many there are, which, and each one's intensity.

    tokens: (T, N), the null token 0. alphabet: (K,) number of intensities of each codeword. The number takes
    log2(N + 1) bits, the set of n out of K − 1 codewords log2 of the binomial coefficient, whatever the order.
    """
    used, size = tokens != REST, len(alphabet) - 1
    count = used.sum(1)
    which = (gammaln(size + 1) - gammaln(count + 1) - gammaln(size - count + 1)) / np.log(2)
    strength = (np.log2(np.maximum(alphabet, 1))[tokens] * used).sum(1)
    return float(np.mean(np.log2(tokens.shape[1] + 1) + which + strength))


def fitted_code_lengths(train: np.ndarray, symbols: int) -> np.ndarray:
    """(S,) bits of each of `symbols` values, from (n,) training values."""
    counts = np.bincount(train, minlength=symbols) + 0.5
    return np.log2(counts.sum() / counts)


def entropy_coded_uniform(train: np.ndarray, test: np.ndarray, step: float) -> tuple[float, np.ndarray]:
    """Uniform scalar quantisation of every column with one step, indices entropy-coded by the training columns.

    train: (N, D), test: (T, D). Returns the mean bits of a test frame, and (T, D) the values decoded.
    """
    bits = 0.0
    indices = [np.rint(part / step).astype(np.int64) for part in (train, test)]
    for column in range(train.shape[1]):
        seen, sent = (part[:, column] for part in indices)
        low, high = min(seen.min(), sent.min()), max(seen.max(), sent.max())
        bits += float(fitted_code_lengths(seen - low, int(high - low + 1))[sent - low].mean())
    return bits, indices[1] * step


def at_equal_bits(bits_of: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """The step, between `low` and `high`, whose bits come nearest to `wanted` (bits fall as the step grows)."""
    for _ in range(_BISECTIONS):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if bits_of(middle) > wanted else (low, middle)
    return float(np.sqrt(low * high))


def log_interpolated(bits: np.ndarray, errors: np.ndarray, wanted: float) -> float | None:
    """The error at `wanted` bits, its logarithm interpolated between points of rising bits; None beyond them."""
    if not bits[0] <= wanted <= bits[-1]:
        return None
    return float(np.exp(np.interp(wanted, bits, np.log(np.maximum(errors, 1e-12)))))
