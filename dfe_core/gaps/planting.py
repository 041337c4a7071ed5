"""Gaps planted where the face was seen: what models learn from, and what every way of filling is judged on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dfe_core.gaps.observation import HALVES, Observation, hide_coefficients
from dfe_core.gaps.people import SeenRun
from dfe_core.gaps.series import LOST, SEEN, Stretch

SECONDS = (0.1, 0.3, 1.0, 3.0)
"""Lengths of lost stretches that are judged apart; a real one counts as the nearest, in logarithm."""
HALF_S = 1.0
COEFFICIENTS = "coefficients"
MOST_LENGTH = 160  # frames of a window


@dataclass(frozen=True, kw_only=True)
class GapKind:
    """What is hidden, and for how long. hides: ``frames``, one of `HALVES`, or ``coefficients`` (the whole stretch)."""

    hides: str
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """For tables: ``frames 0.3 s``, ``lower half 1 s``, ``coefficients``."""
        if self.hides == COEFFICIENTS:
            return self.hides
        return f"{self.hides}{' half' if self.hides in HALVES else ''} {self.seconds:g} s"


@dataclass(frozen=True, eq=False, kw_only=True)
class Planted:
    """A stretch with a gap whose truth (T, E) is known. hidden: (T,) which frames count."""

    stretch: Stretch
    truth: np.ndarray
    hidden: np.ndarray
    subject: str


def kinds_of(observations: dict[str, Observation]) -> tuple[GapKind, ...]:
    """The kinds that a face and a study have: lost frames, the halves it has vertices in, coefficients where named."""
    lost = [GapKind(hides="frames", seconds=seconds) for seconds in SECONDS]
    halves = [GapKind(hides=half, seconds=HALF_S) for half in HALVES if half in observations]
    return (*lost, *halves, *([GapKind(hides=COEFFICIENTS)] if COEFFICIENTS in observations else []))


def plant(run: SeenRun, kind: GapKind, state: int, rng: np.random.Generator) -> Planted | None:
    """A window of a run with one gap of a kind inside; None where the run is too short for it.

    state: the number of the observation that the gap leaves, `LOST` for lost frames.
    """
    whole = kind.hides == COEFFICIENTS
    length = max(1, round(kind.seconds * run.rate))
    if not whole and len(run.psi) < length + 4:
        return None
    window = min(len(run.psi), MOST_LENGTH)
    start = int(rng.integers(len(run.psi) - window + 1))
    states = np.full(window, SEEN)
    first = 0 if whole else int(rng.integers(2, window - length - 1))
    rows = slice(0, window) if whole else slice(first, first + length)
    states[rows] = state
    truth = run.psi[start : start + window]
    stretch = Stretch(psi=truth, state=states, rate=run.rate, activity=run.activity, spread=run.spread)
    return Planted(stretch=stretch, truth=truth, hidden=states != SEEN, subject=run.subject)


def plant_all(
    runs: Sequence[SeenRun], kind: GapKind, state: int, each: int, rng: np.random.Generator
) -> Iterator[Planted]:
    """`each` gaps of a kind a run, where it is long enough."""
    for run in runs:
        for _ in range(each):
            if (found := plant(run, kind, state, rng)) is not None:
                yield found


def random_gap(
    run: SeenRun, length: int, states: int, covariance: np.ndarray, rng: np.random.Generator
) -> tuple[Planted, Observation | None]:
    """A training window of `length` frames with a gap of random kind: lost frames (0.1 to 3 s), a part of the face
    (number 1 to `states` − 1) from 0.2 s to the whole window, or random coefficients in all of it, whose observation
    comes back and has the number `states`.
    """
    start = int(rng.integers(len(run.psi) - length + 1))
    truth, state, own = run.psi[start : start + length], np.full(length, SEEN), None
    draw = rng.random()
    if draw < 0.5 or (states == 1 and draw < 0.75):
        state[_span(length, run.rate, 0.08, 3.2, rng)] = LOST
    elif draw < 0.8 and states > 1:
        state[_span(length, run.rate, 0.2, 2 * length / run.rate, rng)] = rng.integers(1, states)
    else:
        hidden = np.asarray(rng.random(truth.shape[1]) < rng.uniform(0.1, 0.5))
        own = hide_coefficients(covariance, hidden)
        state[:] = states
    stretch = Stretch(psi=truth, state=state, rate=run.rate, activity=run.activity, spread=run.spread)
    return Planted(stretch=stretch, truth=truth, hidden=state != SEEN, subject=run.subject), own


def _span(length: int, rate: float, low: float, high: float, rng: np.random.Generator) -> slice:
    seconds = np.exp(rng.uniform(np.log(low), np.log(high)))
    frames = int(np.clip(round(seconds * rate), 1, length))
    first = int(rng.integers(0, length - frames + 1))
    return slice(first, first + frames)
