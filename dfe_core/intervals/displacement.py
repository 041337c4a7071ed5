"""Intervals by displacement: a region leaves rest, goes one way, and comes back.

Each frame of a region is explained by rest, by one movement of a known direction, or by two at once (amounts of least
squares, none negative). A movement costs what a displacement at its threshold would leave unexplained, a second one a
share of the whole besides, and every change of explanation a fixed amount; the cheapest sequence gives the intervals
(`path`). Edges against rest are moved to where a movement of minimum jerk begins (`syllables.segments`).

Letters of the shapes: T frames, D dimensions, S movements, P pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.errors import DataError
from dfe_core.intervals.directions import Movements, with_pairs
from dfe_core.intervals.path import cheapest_path, state_runs, stretches_of
from dfe_core.intervals.regions import RegionMovement
from dfe_core.syllables.segments import movement_start
from dfe_core.tokens.presence import frame_step

EDGE_S = 0.25
"""Edges move by this much at most."""
_LEAST_S, _APEX = 0.05, 0.8


@dataclass(frozen=True, kw_only=True)
class DisplacementSettings:
    """How much counts as movement.

    Attributes
    ----------
    share
        Of its full size that a movement must reach.
    onset
        Share of the full size of a region's median movement at which a movement begins.
    least_mm
        Displacement below which nothing counts, root mean square over the region's vertices.
    second
        Share of a frame's squared displacement that a second movement must explain.
    change_s
        Seconds that a movement at its threshold must last to be worth a change.
    """

    share: float = 0.25
    onset: float = 0.12
    least_mm: float = 0.3
    second: float = 0.06
    change_s: float = 0.1

    def __post_init__(self) -> None:
        for name, least, most in (
            ("share", 0, 1),
            ("onset", 0, 1),
            ("least_mm", 1e-6, 100),
            ("second", 0, 1),
            ("change_s", 0, 10),
        ):
            if not least <= getattr(self, name) <= most:
                raise DataError(name, f"{getattr(self, name):g}", f"{least:g} to {most:g}")


@dataclass(frozen=True, kw_only=True)
class FoundInterval:
    """One interval of a region: what moves, from when to when, s."""

    label: str
    onset_s: float
    offset_s: float


def displacement_intervals(
    movement: RegionMovement, known: Movements, settings: DisplacementSettings
) -> list[FoundInterval]:
    """The intervals of one region of one recording, in time and without overlap."""
    if not known.labels:
        return []
    pairs, which = with_pairs(known)
    labels = ("", *known.labels, *pairs)
    found: list[FoundInterval] = []
    for part in stretches_of(movement.time_s):
        values, time_s = movement.values[part], movement.time_s[part]
        costs = state_costs(values, known, which, settings)
        price = onset_mm(known, settings) ** 2
        path = cheapest_path(costs, price * settings.change_s / max(frame_step(time_s), 1e-9))
        path = _strong(path, values, known, which, settings.share)
        runs = _runs_with_edges(path, values, time_s)
        found += [FoundInterval(label=labels[one.state], **one.times) for one in runs]
    return found


def _members(state: int, known: Movements, pairs: np.ndarray) -> list[int]:
    """The movements of a state that is not rest."""
    singles = len(known.labels)
    return [state - 1] if state <= singles else pairs[state - 1 - singles].tolist()


def onset_mm(known: Movements, settings: DisplacementSettings) -> float:
    """Displacement of a region from which on a movement begins: a share of the full size of its median movement."""
    return max(settings.onset * float(np.median(known.sizes)), settings.least_mm)


def state_costs(values: np.ndarray, known: Movements, pairs: np.ndarray, settings: DisplacementSettings) -> np.ndarray:
    """(T, 1 + S + P) squared displacement that rest, each movement and each pair leave unexplained, and their price."""
    whole = (values**2).sum(1)[:, None]
    price = onset_mm(known, settings) ** 2
    amount = values @ known.directions.T
    alone = whole - np.maximum(amount, 0) ** 2 + price
    if not len(pairs):
        return np.concatenate([whole, alone], 1)
    a, b = amount[:, pairs[:, 0]], amount[:, pairs[:, 1]]
    likeness = (known.directions @ known.directions.T)[pairs[:, 0], pairs[:, 1]]
    both = (a > likeness * b) & (b > likeness * a)
    explained = np.where(both, (a * a + b * b - 2 * likeness * a * b) / (1 - likeness**2), 0.0)
    together = whole * (1 + settings.second) - explained + 2 * price
    return np.concatenate([whole, alone, together], 1)


def _strong(path: np.ndarray, values: np.ndarray, known: Movements, pairs: np.ndarray, share: float) -> np.ndarray:
    """The path with runs whose movement never reaches a share of its full size given to rest."""
    path = path.copy()
    for state, first, end in state_runs(path):
        if state == 0:
            continue
        own = _members(state, known, pairs)
        directions = known.directions[own]
        amount = np.linalg.solve(directions @ directions.T, directions @ values[first:end].T).T / known.sizes[own]
        if amount.max() < share:
            path[first:end] = 0
    return path


@dataclass(frozen=True, kw_only=True)
class _Run:
    """A run of one state, and its times once its edges have been moved."""

    state: int
    times: dict[str, float]


def _runs_with_edges(path: np.ndarray, values: np.ndarray, time_s: np.ndarray) -> list[_Run]:
    """Runs of all but rest, with their edges against rest moved to where the movement begins and ends."""
    runs, step = state_runs(path), frame_step(time_s)
    furthest = max(1, round(EDGE_S / step))
    edge = np.r_[time_s, time_s[-1] + step]
    found: list[_Run] = []
    until = -np.inf
    for number, (state, first, end) in enumerate(runs):
        if state == 0:
            continue
        moved = _share_of_way(values, first, end)
        start, stop = first, end
        if number and runs[number - 1][0] == 0:
            at = movement_start(moved, first, furthest)
            start = int(np.clip(at, max(runs[number - 1][1], first - furthest), (first + end - 1) // 2))
        if number + 1 < len(runs) and runs[number + 1][0] == 0:
            at = len(moved) - movement_start(moved[::-1], len(moved) - end, furthest)
            stop = int(np.clip(at, (first + end + 1) // 2, min(runs[number + 1][2], end + furthest)))
        start = max(start, int(np.searchsorted(edge, until - 1e-9)))
        if edge[stop] - edge[start] >= _LEAST_S:
            until = float(edge[stop])
            times = {"onset_s": float(edge[start]), "offset_s": until}
            found.append(_Run(state=state, times=times))
    return found


def _share_of_way(values: np.ndarray, first: int, end: int) -> np.ndarray:
    """(T,) share of the way from rest to where the region is in the middle of a run."""
    size = (values[first:end] ** 2).sum(1)
    way = values[first:end][size >= _APEX * size.max()].mean(0)
    return values @ way / max(float(way @ way), 1e-12)
