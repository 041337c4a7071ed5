"""Fit a model of syllables by expectation maximisation, and choose its duration by held-out likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.progress import Listener, Progress, silent
from dfe_core.syllables.beginning import find_rises, first_states, sort_rises
from dfe_core.syllables.chain import PHASES, Chain, expected_counts
from dfe_core.syllables.model import (
    SyllableModel,
    bigram_table,
    counted_changes,
    padded,
    smoothed_tables,
    stretch_batches,
)
from dfe_core.syllables.symbols import LEVELS, TokenStretch, cut_stretches, level_changes

DURATIONS_S = (0.5, 1.0, 2.0, 4.0)
"""Durations that are tried where none is given."""
STRENGTH = 100.0
"""Counts by which the row of a table holds on to that of the bigrams."""
_CUT_S = 40.0
_SHARES = np.array([0.3, 0.4, 0.3])
"""Of a duration, in onset, apex and offset, before anything is known."""
_MOST_STATES = 4
_TRANSITION_PRIOR = 0.5
_STEPS_TO_CHOOSE = 5
_FEWEST_VISITS = 1.0


def fit_syllables(
    stretches: Sequence[TokenStretch],
    shapes: np.ndarray,
    *,
    count: int,
    duration_s: float,
    steps: int = 12,
    progress: Listener = silent,
) -> SyllableModel:
    """Fit `count` syllables beside rest.

    Parameters
    ----------
    shapes: (K, D) what a codeword does to the face for each mm of its displacement, by which displays are alike.
    duration_s: mean duration of a syllable, s: how wide a rise and fall of movement has to be, how long a phase lasts
        at least, and the prior of the time in each phase, which weighs as much as the frames.
    steps: of expectation maximisation.

    There is no chance in it: the same frames give the same model. Raises `DataError` where nothing moves.
    """
    step_s = float(np.median(np.concatenate([np.diff(one.time_s) for one in stretches])))
    frames = max(duration_s / step_s, 3.0)
    stretches = cut_stretches(stretches, max(int(_CUT_S / step_s), 50))
    rises = find_rises(stretches, frames, shapes)
    if not rises:
        raise DataError("syllables", "no display: no codeword rises and falls", "recordings in which faces move")
    kinds = sort_rises(rises, count)
    states = first_states(stretches, rises, kinds)
    fit = _Fit(stretches, int(kinds.max()) + 1, frames)
    tables, chain = fit.begin(states)
    for done in range(steps):
        progress(Progress(task="syllables", done=done, total=steps, detail=f"{duration_s:g} s"))
        tables, chain = fit.step(tables, chain)
    tables, chain = _used(tables, chain, fit.visits)
    return SyllableModel(chain=chain, tables=tables, step_s=step_s, duration_s=duration_s)


def _used(tables: np.ndarray, chain: Chain, visits: np.ndarray) -> tuple[np.ndarray, Chain]:
    """Without the syllables that nothing enters any more, the most frequent first. visits: (J,)."""
    order = np.argsort(-visits, kind="stable")
    order = order[(visits[order] >= _FEWEST_VISITS) | (np.arange(len(order)) == 0)]
    states = np.r_[
        0, 1 + (order[:, None] * len(PHASES) * chain.per_phase + np.arange(len(PHASES) * chain.per_phase)).ravel()
    ]
    kept = np.r_[0, 1 + order]
    transition = chain.transition[np.ix_(kept, kept)]
    return tables[states], Chain(
        advance=chain.advance[order],
        leave_rest=chain.leave_rest,
        transition=transition / transition.sum(1, keepdims=True),
        per_phase=chain.per_phase,
    )


class _Fit:
    """Steps of expectation maximisation over stretches. kinds: J. frames: the duration."""

    def __init__(self, stretches: Sequence[TokenStretch], kinds: int, frames: float) -> None:
        self.stretches, self.kinds, self.frames = stretches, kinds, frames
        self.total = sum(map(len, stretches))
        self.per_phase = int(np.clip(round(frames / 9), 1, _MOST_STATES))
        self.states = 1 + len(PHASES) * kinds * self.per_phase
        self.phase = np.r_[0, np.repeat(np.arange(1, 1 + len(PHASES) * kinds), self.per_phase)]
        self.bigram = np.zeros(0)
        self.visits = np.ones(kinds)

    def begin(self, states: Sequence[np.ndarray]) -> tuple[np.ndarray, Chain]:
        """Tables of the states that the rises put the frames in, and a chain of the duration alone."""
        counts = np.zeros((self.states, self.stretches[0].amounts_mm.shape[1], LEVELS, LEVELS))
        for one, own in zip(self.stretches, states, strict=True):
            hot = np.zeros((len(own), self.states), np.float32)
            hot[np.arange(len(own)), self._spread(own)] = 1
            counts += counted_changes(hot, level_changes(one.levels))
        self.bigram = bigram_table(counts.sum(0))
        zero, size = np.zeros((self.kinds, len(PHASES))), self.kinds + 1
        chain = self._chain(zero, zero, np.zeros(2), np.zeros((size, size)))
        return self._tables(counts), chain

    def step(self, tables: np.ndarray, chain: Chain) -> tuple[np.ndarray, Chain]:
        """One step: expected counts, then the tables and the chain that they make most likely with their priors."""
        counts = np.zeros(tables.shape)
        advance, stay = np.zeros((2, *chain.advance.shape))
        rest, transition = np.zeros(2), np.zeros_like(chain.transition)
        for batch in stretch_batches(self.stretches, chain.states):
            emission, lengths, changes = padded(tables, batch)
            found = expected_counts(chain, emission, lengths)
            advance, stay = advance + found.advance, stay + found.stay
            rest += np.array([found.stay_rest, found.leave_rest])
            transition = transition + found.transition
            for own, row, length in zip(changes, found.states, lengths, strict=True):
                counts += counted_changes(row[:length], own)
        self.visits = transition[:, 1:].sum(0)
        return self._tables(counts), self._chain(advance, stay, rest, transition)

    def _spread(self, phases: np.ndarray) -> np.ndarray:
        """(T,) phases to states: the frames of a phase go through its states at one pace."""
        new = np.r_[True, np.diff(phases) != 0]
        first = np.flatnonzero(new)
        length = np.diff(np.r_[first, len(phases)])
        share = (np.arange(len(phases)) - np.repeat(first, length)) / np.repeat(length, length)
        within = (share * self.per_phase).astype(int)
        return np.where(phases == 0, 0, 1 + (phases - 1) * self.per_phase + within)

    def _tables(self, counts: np.ndarray) -> np.ndarray:
        """Tables of all states, each held to that of its phase, which is held to the bigrams."""
        starts = np.flatnonzero(np.r_[True, np.diff(self.phase) != 0])
        phases = smoothed_tables(np.add.reduceat(counts, starts, axis=0), self.bigram, STRENGTH)
        return smoothed_tables(counts, phases[self.phase], STRENGTH)

    def _chain(self, advance: np.ndarray, stay: np.ndarray, rest: np.ndarray, transition: np.ndarray) -> Chain:
        """Durations between what was counted and the prior, transitions with half a count for each other syllable."""
        expected = np.maximum(self.frames * _SHARES / self.per_phase, 1.25)
        visits = self.total / self.frames / self.kinds * self.per_phase / 2
        leave = (advance + visits) / (advance + stay + visits * expected)
        quiet = self.total / self.frames / 2
        leave_rest = (rest[1] + quiet) / (rest[0] + rest[1] + quiet * max(self.frames, 2))
        raised = transition + _TRANSITION_PRIOR * (1 - np.eye(len(transition)))
        return Chain(
            advance=leave,
            leave_rest=float(leave_rest),
            transition=raised / raised.sum(1, keepdims=True),
            per_phase=self.per_phase,
        )


@dataclass(frozen=True, kw_only=True)
class DurationTried:
    """A duration, s, and the bits that a frame of people takes who were not fitted."""

    duration_s: float
    bits_per_frame: float


def choose_duration(
    stretches: Sequence[TokenStretch],
    shapes: np.ndarray,
    subjects: pd.Series,
    *,
    count: int,
    seed: int = 0,
    progress: Listener = silent,
) -> tuple[float, list[DurationTried]]:
    """The duration of `DURATIONS_S` that gives held-out people the fewest bits per frame, and all that were tried.

    subjects: by recording. A quarter of them is held out, of recordings where there is one subject. Raises `DataError`
    for a single recording.
    """
    fitted, held_out = hold_out(stretches, subjects, seed)
    tried = []
    for duration in DURATIONS_S:
        model = fit_syllables(
            fitted,
            shapes,
            count=count,
            duration_s=duration,
            steps=_STEPS_TO_CHOOSE,
            progress=progress,
        )
        bits, frames = model.bits(held_out)
        tried.append(DurationTried(duration_s=duration, bits_per_frame=bits / max(frames, 1)))
    return min(tried, key=lambda one: one.bits_per_frame).duration_s, tried


def hold_out(
    stretches: Sequence[TokenStretch], subjects: pd.Series, seed: int
) -> tuple[list[TokenStretch], list[TokenStretch]]:
    """Stretches to fit, and those of the people (of one person: recordings) that are held out, a quarter of them.

    Raises `DataError` for a single recording.
    """
    owner = [str(subjects.get(one.recording, one.recording)) for one in stretches]
    if len(set(owner)) < 2:
        owner = [one.recording for one in stretches]
    units = sorted(set(owner))
    if len(units) < 2:
        raise DataError("duration", "one recording, of which nothing can be held out", "--duration SECONDS")
    drawn = np.random.default_rng(seed).permutation(units)[: max(1, len(units) // 4)]
    held = set(drawn.tolist())
    fitted: list[TokenStretch] = []
    held_out: list[TokenStretch] = []
    for one, own in zip(stretches, owner, strict=True):
        (held_out if own in held else fitted).append(one)
    return fitted, held_out
