"""What chance gives: conversations whose second face is shifted in time, and pairs of faces that never met.

Both families keep what each face does. Circular shifts within a pair undo when the two answer each other, and what both
do at the same time of a task; shuffled pairs (the second faces of other conversations) keep the time of the task. The
statistic of an order is recomputed over all conversations, and p counts the observed order among them (Phipson & Smyth
2010). Letters: S conversations, B surrogates, C things, L lags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST_SHUFFLED = 4
"""Conversations that shuffled pairs need: of three there are six orders, and no p is below 1/6."""
_BLOCK = 12
"""Second faces change places within blocks of so many conversations (a group of permutations, so that p stays exact):
the number of pairs that are compared grows with the conversations and not with their square."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Orders:
    """The surrogates of both families.

    shifts: (B, S) steps by which the second faces are shifted. partners: (B, S) the conversation that the second face
    is from; None with fewer than `LEAST_SHUFFLED` conversations. blocks: conversations whose seconds change places.
    lag: the largest, in steps.
    """

    shifts: np.ndarray
    partners: np.ndarray | None
    blocks: tuple[np.ndarray, ...]
    lag: int


def draw_orders(lengths: list[int], lag: int, surrogates: int, seed: int) -> Orders:
    """Surrogates for conversations of so many steps. Shifts are more than two of the largest lag, to either side."""
    rng = np.random.default_rng([seed, 41])
    least = 2 * lag + 1
    shifts = np.stack([rng.integers(least, size - least + 1, surrogates) for size in lengths], 1)
    count = len(lengths)
    if count < LEAST_SHUFFLED:
        return Orders(shifts=shifts, partners=None, blocks=(), lag=lag)
    parts = max(1, round(count / _BLOCK))
    blocks = tuple(np.sort(part) for part in np.array_split(rng.permutation(count), parts))
    partners = np.tile(np.arange(count), (surrogates, 1))
    for block in blocks:
        partners[:, block] = rng.permuted(partners[:, block], axis=1)
    return Orders(shifts=shifts, partners=partners, blocks=blocks, lag=lag)


@dataclass(frozen=True, eq=False, kw_only=True)
class Curves:
    """Lag curves: own, for each conversation (N + 2 m, C) z at every shift, the ends repeated; weight (S, C) whether it
    counts; cross (L, C) and cross_weight (C,) of first faces with second faces of a block, the own ones among them."""

    lags: int
    own: list[np.ndarray]
    weight: np.ndarray
    cross: dict[tuple[int, int], np.ndarray]
    cross_weight: dict[tuple[int, int], np.ndarray]

    def observed(self) -> np.ndarray:
        """(S, L, C) of the conversations as they were."""
        return np.stack([one[: self.lags] for one in self.own])

    def shifted(self, shifts: np.ndarray) -> np.ndarray:
        """(L, C) mean over conversations whose seconds are shifted by shifts (S,)."""
        total = np.sum([self._part(i, int(s)) * self.weight[i] for i, s in enumerate(shifts)], 0)
        return _over(total, self.weight.sum(0))

    def shuffled(self, partners: np.ndarray) -> np.ndarray:
        """(L, C) mean over pairs of a conversation's first with the second of its partner (S,)."""
        pairs = list(enumerate(partners.tolist()))
        total = np.sum([self.cross[pair] * self.cross_weight[pair] for pair in pairs], 0)
        return _over(total, np.sum([self.cross_weight[pair] for pair in pairs], 0))

    def _part(self, i: int, shift: int) -> np.ndarray:
        return self.own[i][shift : shift + self.lags]


@dataclass(frozen=True, eq=False)
class Ratios:
    """Shares: own, for each conversation above and below (N, C) at every shift; cross, above and below (C,) of first
    faces with second faces of other conversations."""

    own: list[tuple[np.ndarray, np.ndarray]]
    cross: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]

    def observed(self) -> tuple[np.ndarray, np.ndarray]:
        """(S, C) above and below of the conversations as they were."""
        return np.stack([above[0] for above, _ in self.own]), np.stack([below[0] for _, below in self.own])

    def by_chance(self, lag: int) -> tuple[np.ndarray, np.ndarray]:
        """(S, C) above and below, mean over all shifts that surrogates may have."""
        least = 2 * lag + 1
        parts = [(a[least : len(a) - least + 1].mean(0), b[least : len(b) - least + 1].mean(0)) for a, b in self.own]
        return np.stack([a for a, _ in parts]), np.stack([b for _, b in parts])

    def shifted(self, shifts: np.ndarray) -> np.ndarray:
        """(C,) share over conversations whose seconds are shifted by shifts (S,)."""
        pairs = [(a[s], b[s]) for (a, b), s in zip(self.own, shifts.tolist(), strict=True)]
        return _over(np.sum([a for a, _ in pairs], 0), np.sum([b for _, b in pairs], 0))

    def shuffled(self, partners: np.ndarray) -> np.ndarray:
        """(C,) share over pairs of a conversation's first with the second of its partner (S,)."""
        pairs = [self.cross[pair] for pair in enumerate(partners.tolist())]
        return _over(np.sum([a for a, _ in pairs], 0), np.sum([b for _, b in pairs], 0))


def share_above(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """(C,) p of observed (C,) among surrogates (B, C), itself counted; NaN where it is not known."""
    above = (np.nan_to_num(null, nan=-np.inf) >= observed * (1 - 1e-9) - 1e-12).sum(0)
    return np.where(np.isfinite(observed), (1 + above) / (1 + len(null)), np.nan)


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(
        above, below, out=np.full(np.shape(above), np.nan), where=np.broadcast_to(below, np.shape(above)) > 0
    )
