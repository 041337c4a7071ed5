"""Onsets that the other face answers: shares, what chance gives, and their tests.

Letters: S conversations, C things, B surrogates, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from dfe_core.conversations.coupling import answered
from dfe_core.conversations.pairing import Prepared, face_pairs, named_interval, stranger_pairs
from dfe_core.conversations.result import ANSWERS
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.conversations.surrogates import Orders, Ratios, share_above


def answer_ratios(prepared: list[list[Prepared]], orders: Orders, backward: bool) -> Ratios:
    """Onsets answered and those that could be; backward: of the second face by the first."""

    def summed(i: int, j: int) -> tuple[np.ndarray, np.ndarray]:
        pairs = [
            answered(b[1], a[1]) if backward else answered(a[1], b[1]) for a, b in face_pairs(prepared[i], prepared[j])
        ]
        return np.sum([above for above, _ in pairs], 0), np.sum([below for _, below in pairs], 0)

    return ratios_of(len(prepared), orders, summed)


def ratios_of(count: int, orders: Orders, summed: Callable[[int, int], tuple[np.ndarray, np.ndarray]]) -> Ratios:
    """Sums within each of `count` conversations, and without a shift between those of one block."""
    own = [summed(i, i) for i in range(count)]
    cross = {(i, i): (above[0], below[0]) for i, (above, below) in enumerate(own)}
    for i, j in stranger_pairs(orders):
        above, below = summed(i, j)
        cross[i, j] = above[0], below[0]
    return Ratios(own, cross)


def answer_rows(
    ratios: Ratios, orders: Orders, lag: int, direction: str, settings: ConversationSettings
) -> pd.DataFrame:
    """Rows of `ANSWERS`: one-sided tests of more answers than by chance."""
    return pd.DataFrame({"measure": ANSWERS, "direction": direction, **ratio_row(ratios, orders, lag, settings)})


def ratio_row(ratios: Ratios, orders: Orders, lag: int, settings: ConversationSettings) -> dict[str, np.ndarray]:
    """A share with what chance gives, its strength, intervals, and one-sided p."""
    above, below = ratios.observed()
    chance = ratios.by_chance(lag)
    value, base = _share(above.sum(0), below.sum(0)), _share(chance[0].sum(0), chance[1].sum(0))
    draw = np.random.default_rng([settings.seed, 47]).multinomial(
        len(above), np.full(len(above), 1 / len(above)), settings.resamples
    )
    shares, chances = _share(draw @ above, draw @ below), _share(draw @ chance[0], draw @ chance[1])
    rows = {"value": value, "base": base, **named_interval("", shares), "strength": beyond_chance(value, base)}
    rows |= named_interval("strength_", beyond_chance(shares, chances))
    rows["p_shift"] = share_above(value, np.stack([ratios.shifted(one) for one in orders.shifts]))
    rows["p_shuffled"] = np.full(len(value), np.nan)
    if orders.partners is not None:
        rows["p_shuffled"] = share_above(value, np.stack([ratios.shuffled(one) for one in orders.partners]))
    return rows


def beyond_chance(value: np.ndarray, base: np.ndarray) -> np.ndarray:
    """The share of onsets that are answered beyond chance: value = strength + (1 − strength) · base, where an
    onset that is not answered is followed by chance as often as any time is (as kappa corrects for chance)."""
    return np.divide(value - base, 1 - base, out=np.full(np.shape(value), np.nan), where=1 - base > 1e-9)


def _share(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) > 0)
