"""The model of syllables: what each phase of a syllable does to the levels of codewords, and the chain they form.

In a state the level of every codeword depends on its level in the frame before: a table of transitions by codeword
and state. With one state this is the bigram model of tokens; states differ in what they switch on and off.

Letters of the shapes: T frames, K codewords, L levels, S syllables with rest (0), E states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from dfe_core.syllables.chain import Chain, best_path, forward
from dfe_core.syllables.symbols import CELLS, LEVELS, TokenStretch, level_changes

BATCH_CELLS = 4_000_000
"""Frames times states of a batch at most."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SyllableModel:
    """A fitted model.

    Attributes
    ----------
    chain: durations and transitions.
    tables: (E, K, L, L) float32 probability of a level after another, in each state.
    step_s: seconds from frame to frame.
    duration_s: the mean duration that was asked for.
    """

    chain: Chain
    tables: np.ndarray
    step_s: float
    duration_s: float

    @property
    def syllables(self) -> int:
        """S, rest included."""
        return self.chain.syllables

    def log_emission(self, changes: sparse.csr_matrix) -> np.ndarray:
        """(T, E) float32 nats of each frame's levels given those before, in every state; 0 of the first frame."""
        return log_emission(self.tables, changes)

    def path(self, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of (T, K) levels the phase of every frame (`Chain.phase_of_state`) and whether a syllable begins there."""
        path, begun = best_path(self.chain, self.log_emission(level_changes(levels)).astype(np.float64))
        return self.chain.phase_of_state[path], begun

    def bits(self, stretches: Sequence[TokenStretch]) -> tuple[float, int]:
        """Bits of all frames but the first of each stretch, each given those before it, and how many frames that is."""
        nats, frames = 0.0, 0
        for batch in stretch_batches(stretches, self.chain.states):
            emission, lengths, _ = padded(self.tables, batch)
            _, gain = forward(self.chain, emission)
            inside = (np.arange(gain.shape[1]) < lengths[:, None]) & (np.arange(gain.shape[1]) > 0)
            nats += float(gain[inside].sum())
            frames += int(inside.sum())
        return -nats / np.log(2), frames


def log_emission(tables: np.ndarray, changes: sparse.csr_matrix) -> np.ndarray:
    """(T, E) float32 of tables (E, K, L, L) and `symbols.level_changes` of T frames; 0 of the first frame."""
    logs = np.log(tables).reshape(len(tables), -1, CELLS).astype(np.float32)
    still = logs[:, :, 0].sum(1)
    weights = (logs - logs[:, :, :1]).reshape(len(tables), -1)
    found = np.asarray(changes @ np.ascontiguousarray(weights.T)) + still
    found[0] = 0
    return found


def stretch_batches(stretches: Sequence[TokenStretch], states: int) -> Iterator[list[TokenStretch]]:
    """The stretches, the longest first, so many at once that their padded frames fill `BATCH_CELLS` at most."""
    order = sorted(stretches, key=lambda one: -len(one))
    while order:
        count = max(1, BATCH_CELLS // (len(order[0]) * states))
        yield order[:count]
        order = order[count:]


def padded(tables: np.ndarray, batch: Sequence[TokenStretch]) -> tuple[np.ndarray, np.ndarray, list[sparse.csr_matrix]]:
    """(B, T, E) log likelihoods, 0 after the end of each stretch, their lengths (B,), and the changes of each."""
    lengths = np.array([len(one) for one in batch])
    emission = np.zeros((len(batch), lengths.max(), len(tables)), np.float32)
    changes = [level_changes(one.levels) for one in batch]
    for row, (one, own) in enumerate(zip(batch, changes, strict=True)):
        emission[row, : len(one)] = log_emission(tables, own)
    return emission, lengths, changes


def smoothed_tables(counts: np.ndarray, prior: np.ndarray, strength: float) -> np.ndarray:
    """(E, K, L, L) float32 posterior mean of every row of counts (E, K, L, L) under a Dirichlet prior with the mean
    `prior`, rows of probabilities, and so many counts."""
    total = counts.sum(-1, keepdims=True) + strength
    return ((counts + strength * prior) / total).astype(np.float32)


def bigram_table(counts: np.ndarray) -> np.ndarray:
    """(K, L, L) of counts (K, L, L): half a count for what never happened (Krichevsky & Trofimov 1981)."""
    raised = counts + 0.5
    return raised / raised.sum(-1, keepdims=True)


def counted_changes(states: np.ndarray, changes: sparse.csr_matrix) -> np.ndarray:
    """(E, K, L, L) float64 expected counts of level changes, of the probabilities (T, E) of states."""
    found = np.asarray((changes.T @ states).T, np.float64).reshape(states.shape[1], -1, CELLS)
    found[:, :, 0] = states[1:].sum(0, dtype=np.float64)[:, None] - found.sum(2)
    return np.maximum(found, 0).reshape(states.shape[1], -1, LEVELS, LEVELS)
