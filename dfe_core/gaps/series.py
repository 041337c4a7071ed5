"""Stretches of ψ with gaps in them, and what every way of filling starts from.

Letters of the shapes: B stretches, T frames, E coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.gaps.own_spread import expected

SEEN, LOST = 0, -1
"""States of a frame: seen whole, lost; a number from 1 is an observation of a part."""
FARTHEST_S = 5.0
"""Frames farther away than this tell nothing in time."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Stretch:
    """psi (T, E) about the person's mean, anything finite where it is not seen; state (T,) of `SEEN`, `LOST` or the
    number of an observation; rate Hz; activity: the person's spread as a share of the population's; spread (L, E):
    `own_spread.straying` of the recording."""

    psi: np.ndarray
    state: np.ndarray
    rate: float
    activity: float
    spread: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class Bases:
    """What frames are taken for before anything is learned.

    interpolated (T, E): from the seen frames around, linearly in time, the mean where there is none near. estimate
    (T, E): that, corrected by what is seen of the frame. from_rest (T, E): what is seen of the frame about the person's
    mean. spread (T, E): of a frame about the interpolated one, as the recording shows it elsewhere. unknown (T, E):
    share of each spread that is left. since, until (T,): s to the seen frames around, at most `FARTHEST_S`.
    """

    interpolated: np.ndarray
    estimate: np.ndarray
    from_rest: np.ndarray
    unknown: np.ndarray
    spread: np.ndarray
    since: np.ndarray
    until: np.ndarray


def bases(stretch: Stretch, weights: np.ndarray, unknown: np.ndarray) -> Bases:
    """What a stretch's frames are taken for before anything is learned.

    weights (S, E, E), unknown (S, E): of the observations by state, of which the last is that of a lost frame (`LOST`
    counts from the end), and number 0 that of a whole one.
    """
    psi = np.asarray(stretch.psi, np.float32)
    since, until, before, after = _neighbours(stretch.state == SEEN, stretch.rate)
    between = _between(psi, since, until, before, after)
    estimate, from_rest = between.copy(), np.zeros_like(psi)
    for state in np.unique(stretch.state):
        rows = stretch.state == state
        if state == SEEN:
            estimate[rows] = from_rest[rows] = psi[rows]
        elif state != LOST:
            estimate[rows] += (psi[rows] - between[rows]) @ weights[state].astype(np.float32)
            from_rest[rows] = psi[rows] @ weights[state].astype(np.float32)
    return Bases(
        interpolated=between,
        estimate=estimate,
        from_rest=from_rest,
        unknown=unknown[stretch.state].astype(np.float32),
        spread=expected(stretch.spread, since, until),
        since=since,
        until=until,
    )


def _neighbours(seen: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Seconds since the last and until the next seen frame, and which frames these are, (T,) each."""
    count = np.arange(len(seen))
    before = np.maximum.accumulate(np.where(seen, count, -1))
    after = np.minimum.accumulate(np.where(seen, count, len(seen))[::-1])[::-1]
    since = np.where(before >= 0, (count - before) / rate, FARTHEST_S)
    until = np.where(after < len(seen), (after - count) / rate, FARTHEST_S)
    return (
        np.minimum(since, FARTHEST_S).astype(np.float32),
        np.minimum(until, FARTHEST_S).astype(np.float32),
        before.clip(0),
        after.clip(max=len(seen) - 1),
    )


def _between(
    psi: np.ndarray, since: np.ndarray, until: np.ndarray, before: np.ndarray, after: np.ndarray
) -> np.ndarray:
    """(T, E) linear in time between the seen frames, held at an end with one of them, the mean (0) with none."""
    near_before, near_after = since < FARTHEST_S, until < FARTHEST_S
    share = np.where(since + until > 0, since / np.maximum(since + until, 1e-9), 0)
    share = np.where(near_before & near_after, share, np.where(near_before, 0, 1))[:, None].astype(np.float32)
    held = (1 - share) * psi[before] + share * psi[after]
    return np.where((near_before | near_after)[:, None], held, np.float32(0))
