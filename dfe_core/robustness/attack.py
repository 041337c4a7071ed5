"""Offsets of bounded size that change the tokens of a frame as much as a greedy attacker finds.

The attacker may ask the encoder about every frame as often as it likes, and knows the codewords. It tries to erase the
weakest token, to add the codeword that the residual is nearest to, both together, and sums of codewords at random, and
keeps of every frame the offset that leaves the fewest tokens. No gradient: the search is discrete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from dfe_core.robustness.agreement import set_agreement, token_sets
from dfe_core.robustness.perturb import random_directions, scaled_to
from dfe_core.robustness.surroundings import Surroundings
from dfe_core.tokenizer.codebook import REST

Encoder = Callable[[list[np.ndarray]], Iterable[np.ndarray]]
"""Versions (T, E) of the frames to the tokens (T, N) of each, in order."""


def attacked(
    psi: np.ndarray,
    tokens: np.ndarray,
    decoded: np.ndarray,
    encode: Encoder,
    around: Surroundings,
    *,
    size: float,
    queries: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """(T, E) float32: ψ moved by at most `size` mm (root mean square over the face) a frame.

    tokens (T, N), decoded (T, E): of the frames as they are.
    """
    words = len(around.codewords)
    clean = token_sets(tokens, words)
    best, least = psi.astype(np.float32), np.full(len(psi), np.inf)
    tried = [
        around.clipped(psi + scaled_to(around, offset, size))
        for offset in _offsets(psi, tokens, clean, decoded, around, queries=queries, rng=rng)
    ]
    for moved, found in zip(tried, encode(tried), strict=True):
        kept = np.nan_to_num(set_agreement(clean, token_sets(found, words)), nan=1.0)
        better = kept < least
        best, least = np.where(better[:, None], moved, best), np.where(better, kept, least)
    return best


def _offsets(
    psi: np.ndarray,
    tokens: np.ndarray,
    clean: np.ndarray,
    decoded: np.ndarray,
    around: Surroundings,
    *,
    queries: int,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    """(T, E) offsets to try, of any length."""
    place = np.maximum((tokens != REST).sum(1) - 1, 0)
    weakest = tokens[np.arange(len(tokens)), place].astype(np.int64)
    erase = -around.directions[weakest]
    pull = (psi - decoded) @ around.gram @ around.directions.T
    add = around.directions[np.where(clean, -np.inf, pull).argmax(1)]
    tried = (erase, add, erase + add)
    yield from tried[:queries]
    for _ in range(queries - len(tried)):
        yield random_directions(around, len(psi), rng)
