"""How far two token sequences of the same frames agree, and two ways of using codewords.

Letters of the shapes: T frames, N tokens of a frame, K codewords.
"""

from __future__ import annotations

import numpy as np

from dfe_core.tokenizer.codebook import REST
from dfe_core.tokenizer.mesh_inner_product import displacement_cosine

ALIKE = 0.9
"""Codewords whose displacement fields have at least this cosine stand for each other."""


def token_sets(tokens: np.ndarray, size: int) -> np.ndarray:
    """(T, N) tokens to (T, K) bool: the codewords of each frame, rest not among them."""
    sets = np.zeros((len(tokens), size), bool)
    np.put_along_axis(sets, tokens.astype(np.int64), True, 1)
    sets[:, REST] = False
    return sets


def alike_codewords(psi: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """(K, K) bool of (K, E) codewords: which stand for each other; every one for itself."""
    alike = displacement_cosine(psi, psi, gram) >= ALIKE
    alike[REST], alike[:, REST] = False, False
    return alike | np.eye(len(psi), dtype=bool)


def set_agreement(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(T,) tokens that both frames have over those that either has (Jaccard), from (T, K) sets; NaN where both are at
    rest."""
    either = (one | other).sum(1)
    return np.divide((one & other).sum(1), either, out=np.full(len(one), np.nan), where=either > 0)


def matched_agreement(one: np.ndarray, other: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """(T,) share of the tokens of both frames that the other frame has, the same codeword or one `alike` (K, K); NaN
    where both are at rest."""
    links = alike.astype(np.float32)
    kept = (one & (other.astype(np.float32) @ links > 0)).sum(1) + (other & (one.astype(np.float32) @ links > 0)).sum(1)
    total = one.sum(1) + other.sum(1)
    return np.divide(kept, total, out=np.full(len(one), np.nan), where=total > 0)


def share_divergence(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(…,) Jensen–Shannon divergence in bits, 0 (alike) to 1, of (…, K) counts (Lin 1991). 0 where both are empty, 1
    where one is."""
    a, b = (_shares(np.asarray(counts, np.float64)) for counts in (one, other))
    middle = (a + b) / 2
    found = _entropy(middle) - (_entropy(a) + _entropy(b)) / 2
    empty = (a.sum(-1) == 0).astype(int) + (b.sum(-1) == 0)
    return np.where(empty == 1, 1.0, np.where(empty == 2, 0.0, found.clip(0, 1)))


def _shares(counts: np.ndarray) -> np.ndarray:
    total = counts.sum(-1, keepdims=True)
    return np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0)


def _entropy(p: np.ndarray) -> np.ndarray:
    return -np.where(p > 0, p * np.log2(np.where(p > 0, p, 1)), 0).sum(-1)
