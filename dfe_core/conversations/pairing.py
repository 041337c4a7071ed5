"""Faces of conversations that are ready to be compared two by two, within a conversation and between strangers.

Letters: S conversations, C things, R resamples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dfe_core.conversations.coupling import Answers, Centred
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.conversations.surrogates import Orders
from dfe_core.conversations.tracks import FaceTrack
from dfe_core.known_quantiles import known_quantiles

_SURE = (0.025, 0.975)
Prepared = tuple[Centred, Answers, np.ndarray]
"""Of one face, and (C,) whether it shows each thing often enough."""


@dataclass(frozen=True, eq=False)
class TalkingFaces:
    """The tracks of one conversation, the first of each pair before the second; all of the same steps."""

    name: str
    tracks: tuple[FaceTrack, ...]

    @property
    def steps(self) -> int:
        """N."""
        return len(self.tracks[0].known)


def shows_enough(track: FaceTrack, settings: ConversationSettings) -> np.ndarray:
    """(C,) whether a face begins each thing often enough."""
    return track.onset.sum(0) >= settings.min_onsets


def face_pairs(first: list[Prepared], second: list[Prepared]) -> Iterator[tuple[Prepared, Prepared]]:
    """Every pair of a first with a later one: within a conversation, or with the places of another's."""
    for p, q in combinations(range(max(len(first), len(second))), 2):
        if p < len(first) and q < len(second):
            yield first[p], second[q]


def stranger_pairs(orders: Orders) -> Iterator[tuple[int, int]]:
    """Pairs of different conversations of one block."""
    for block in orders.blocks:
        for i in block.tolist():
            yield from ((i, j) for j in block.tolist() if j != i)


def interval_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of (R, …) over the first axis; NaN where nothing is known."""
    known = np.isfinite(values).any(0)
    low, high = known_quantiles(np.where(known, values, 0.0), _SURE)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def named_interval(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """``NAMElow`` and ``NAMEhigh`` of `interval_of`."""
    low, high = interval_of(values)
    return {f"{name}low": low, f"{name}high": high}
