"""What goes along with the other regions of the face, taken out of a region's movement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from dfe_core.intervals.directions import Movements
from dfe_core.intervals.regions import FEWEST, HEAD, RegionMovement

LARGEST = 0.3
"""Share of a full movement that goes along with a full movement of another region at most. In five takes of Live Link
Face (`simulate.coupling`) most companions have 0.1 to 0.3 of their leader."""
_TRIMMED, _TURNS, _MOVING, _MOST_FRAMES = 0.2, 8, 0.02, 60_000


def without_spill(
    recordings: Sequence[Sequence[RegionMovement]], known: Mapping[str, Movements]
) -> list[list[RegionMovement]]:
    """The same with what goes along with the other regions of the face taken out: a smile narrows the eyes a little.

    What goes along is linear in the other regions, one map for all recordings, fitted to the frames that it explains
    best (least trimmed squares, Rousseeuw 1984), so that frames in which a region does something of its own do not
    count. Never more than `LARGEST` of a movement's full size for a full movement elsewhere: what goes along is weak,
    and regions that a display moves together are not to explain each other away. The head is left as it is.

    known: what each region can do.
    """
    maps = {}
    for region in dict.fromkeys(m.region for one in recordings for m in one if m.region != HEAD):
        pairs = [pair for one in recordings if (pair := _and_others(one, region)) is not None]
        if pairs:
            own, others = (np.concatenate(part) for part in zip(*pairs, strict=True))
            every = max(1, len(own) // _MOST_FRAMES)
            maps[region] = _trimmed_map(others[::every], own[::every])
    return [[_less(one, movement, maps, known) for movement in one] for one in recordings]


def _and_others(movements: Sequence[RegionMovement], region: str) -> tuple[np.ndarray, np.ndarray] | None:
    """(T, D) values of a region and (T, O) those of the other regions of the face."""
    own = [m.values for m in movements if m.region == region]
    others = [m.values for m in movements if m.region not in (region, HEAD)]
    return (own[0], np.concatenate(others, 1)) if own and others else None


def _trimmed_map(others: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(O, D) least squares on the `_TRIMMED` of frames that it explains best, found by turns.

    Of the frames in which the others move: at rest any map explains all.
    """
    size = ((others / np.maximum(np.abs(others).max(0), 1e-9)) ** 2).sum(1)
    moving = size > _MOVING * np.quantile(size, 0.95)
    others, own = others[moving], own[moving]
    if len(own) < FEWEST:
        return np.zeros((others.shape[1], own.shape[1]))
    ridge = 1e-3 * (others**2).mean() * len(others) * np.eye(others.shape[1])
    share = (own**2).sum(1) / size[moving]
    kept = share <= np.quantile(share, _TRIMMED)
    for _ in range(_TURNS):
        found = np.linalg.solve(others[kept].T @ others[kept] + ridge, others[kept].T @ own[kept])
        left = ((own - others @ found) ** 2).sum(1)
        kept = left <= np.quantile(left, _TRIMMED)
    return found


def _less(
    movements: Sequence[RegionMovement],
    movement: RegionMovement,
    maps: Mapping[str, np.ndarray],
    known: Mapping[str, Movements],
) -> RegionMovement:
    pair = _and_others(movements, movement.region) if movement.region in maps else None
    if pair is None:
        return movement
    own, others = pair
    along = others @ maps[movement.region]
    elsewhere = [_level(m.values, known[m.region]) for m in movements if m.region not in (movement.region, HEAD)]
    allowed, level = LARGEST * np.max(elsewhere, axis=0), _level(along, known[movement.region])
    weight = np.minimum(1, np.divide(allowed, level, out=np.ones_like(level), where=level > 1e-9))
    return replace(movement, values=own - along * weight[:, None])


def _level(values: np.ndarray, known: Movements) -> np.ndarray:
    """(T,) the largest share of its full size that any movement of a region has."""
    if not known.labels:
        return np.zeros(len(values))
    return np.maximum(values @ known.directions.T / known.sizes, 0).max(1)
