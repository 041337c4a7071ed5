"""The resting face, mean and spread of each recording, and ψ without them.

They are found from one recording alone, without a label, so that new people can be treated alike. Not from all
recordings of a person together: what is left of two of them would then be opposite, and say which go together.
Letters of the shapes: T frames, E coefficients.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dfe_core.expressions.neutral import calm_frames, resting_face
from dfe_core.privacy.settings import REST, SCALE

_CALM = 400
_FLOOR = 0.1  # of the spread of all: a coefficient that somebody hardly moves is not blown up


@dataclass(frozen=True, eq=False, kw_only=True)
class OwnHabits:
    """Of one recording, or of all: rest, mean, spread (E,)."""

    rest: np.ndarray
    mean: np.ndarray
    spread: np.ndarray


def habits_of(recordings: Iterable[tuple[str, np.ndarray, np.ndarray]]) -> tuple[dict[str, OwnHabits], OwnHabits]:
    """By recording, and of all (every one counting alike), from (name, ψ (T, E), time_s (T,)) of recordings."""
    calm: dict[str, list[np.ndarray]] = {}
    sums: dict[str, list[np.ndarray]] = {}
    for name, psi, time_s in recordings:
        if len(psi):
            values = psi.astype(np.float64)
            still = calm_frames(values[:, None], time_s)
            calm.setdefault(name, []).append(values[still[:: max(1, len(still) // _CALM)]])
            part = np.stack([np.full(psi.shape[1], len(values)), values.sum(0), (values**2).sum(0)])
            sums[name] = [*sums.get(name, []), part]
    own = {name: _habits(calm[name], np.sum(parts, 0)) for name, parts in sums.items()}
    every = list(own.values())
    spread = np.sqrt(np.mean([one.spread**2 for one in every], 0))
    return own, OwnHabits(
        rest=np.mean([one.rest for one in every], 0), mean=np.mean([one.mean for one in every], 0), spread=spread
    )


def _habits(calm: list[np.ndarray], sums: np.ndarray) -> OwnHabits:
    count, total, square = sums
    mean = total / count
    return OwnHabits(
        rest=resting_face(np.concatenate(calm)[:, None])[0],
        mean=mean,
        spread=np.sqrt(np.maximum(square / count - mean**2, 0)),
    )


def without_habits(psi: np.ndarray, own: OwnHabits, every: OwnHabits, way: str) -> np.ndarray:
    """(T, E) float32: ψ of one recording as it would be with the resting face at 0 (``rest``), or with the mean and
    spread of all (``scale``)."""
    if way == REST:
        return (psi - own.rest).astype(np.float32)
    if way == SCALE:
        gain = every.spread / np.maximum(own.spread, _FLOOR * every.spread + 1e-12)
        return (every.mean + (psi - own.mean) * gain).astype(np.float32)
    return psi.astype(np.float32)
