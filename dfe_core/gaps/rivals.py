"""Ways of filling that need no network: linear interpolation, ridge regression and the person's mean.

Letters of the shapes: T frames, E coefficients, P predictors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dfe_core.gaps.people import SeenRun
from dfe_core.gaps.planting import SECONDS
from dfe_core.gaps.series import FARTHEST_S, LOST, Bases

PLACES = 5
"""Parts of a gap, from its first to its last frame, that ridge regression is fitted for apart."""
_BEFORE_S = 0.1  # how far back the slope at a gap's end is measured
_RIDGE = 1e-2
_EXAMPLES = 2000


@dataclass(frozen=True, eq=False, kw_only=True)
class GapRidge:
    """Lost frames from the last and the next frames and their slopes. weights (L, PLACES, P, E) by length and place."""

    weights: np.ndarray

    def fill(self, psi: np.ndarray, state: np.ndarray, rate: float, found: Bases) -> np.ndarray:
        """(T, E): `Bases.from_rest` of partly seen frames, lost ones by regression, where both their ends are seen."""
        out = found.from_rest.copy()
        for first, last in gaps_of(state == LOST):
            inside = first > 0 and last < len(state) and state[first - 1] != LOST
            if not inside or found.since[first] >= FARTHEST_S or found.until[last - 1] >= FARTHEST_S:
                out[first:last] = found.interpolated[first:last]
                continue
            out[first:last] = self._gap(psi, first, last, rate)
        return out

    def _gap(self, psi: np.ndarray, first: int, last: int, rate: float) -> np.ndarray:
        length = int(np.abs(np.log((last - first) / rate) - np.log(SECONDS)).argmin())
        predictors = _predictors(psi, np.array([first]), np.array([last]), rate)[0]
        places = ((np.arange(last - first) + 0.5) / (last - first) * PLACES).astype(int)
        return np.einsum("p,tpe->te", predictors, self.weights[length, places]).astype(np.float32)


def gaps_of(gap: np.ndarray) -> list[tuple[int, int]]:
    """First row and the row after the last of every stretch of a (T,) mask."""
    edges = np.diff(np.concatenate([[0], gap.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))


def fit_gap_ridge(runs: Sequence[SeenRun], rng: np.random.Generator) -> GapRidge:
    """Ridge regression on gaps planted in training runs, by length and place in the gap."""
    weights = [_fit_length(runs, seconds, rng) for seconds in SECONDS]
    return GapRidge(weights=np.stack(weights))


def _fit_length(runs: Sequence[SeenRun], seconds: float, rng: np.random.Generator) -> np.ndarray:
    size = 4 * runs[0].psi.shape[1]
    gram = np.zeros((PLACES, size, size))
    moment = np.zeros((PLACES, size, runs[0].psi.shape[1]))
    each = max(4, _EXAMPLES // len(runs))
    for run in runs:
        length, slack = max(1, round(seconds * run.rate)), max(1, round(_BEFORE_S * run.rate))
        if len(run.psi) < length + 2 * slack + 2:
            continue
        first = rng.integers(slack + 1, len(run.psi) - length - slack, each)
        predictors = _predictors(run.psi, first, first + length, run.rate)
        for place in range(PLACES):
            row = first + min(length - 1, int((place + 0.5) / PLACES * length))
            gram[place] += predictors.T @ predictors
            moment[place] += predictors.T @ run.psi[row]
    ridge = _RIDGE * np.trace(gram, axis1=1, axis2=2)[:, None, None] / size * np.eye(size) + 1e-9 * np.eye(size)
    return np.linalg.solve(gram + ridge, moment)


def _predictors(psi: np.ndarray, first: np.ndarray, last: np.ndarray, rate: float) -> np.ndarray:
    """(N, 4E): the frames at both ends of a gap and the change towards it over `_BEFORE_S`."""
    slack = max(1, round(_BEFORE_S * rate))
    before, after = psi[first - 1], psi[np.minimum(last, len(psi) - 1)]
    earlier, later = psi[np.maximum(first - 1 - slack, 0)], psi[np.minimum(last + slack, len(psi) - 1)]
    return np.concatenate([before, after, before - earlier, after - later], 1).astype(np.float64)
