"""Probabilities of syllables over time: forward, backward and the best path of a semi-Markov chain.

A syllable goes through onset, apex and offset, each a number of states in a row; the time in a phase is then a sum of
geometric times (negative binomial), which has a most likely length. Rest, syllable 0, is one state. After its last
state a syllable gives way to another one, never to itself.

Letters of the shapes: B stretches of one batch, T frames, S syllables with rest, J = S − 1, C states of a syllable,
E = 1 + J C states: rest, then those of each syllable in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PHASES = ("onset", "apex", "offset")
_TINY = 1e-30


@dataclass(frozen=True, eq=False, kw_only=True)
class Chain:
    """How syllables follow each other and how long they last.

    Attributes
    ----------
    advance: (J, 3) probability, in a frame, of leaving a state of a phase.
    leave_rest: the same of rest.
    transition: (S, S) probability of the next syllable; its diagonal is 0.
    per_phase: states in a phase.
    """

    advance: np.ndarray
    leave_rest: float
    transition: np.ndarray
    per_phase: int

    @property
    def syllables(self) -> int:
        """S."""
        return len(self.transition)

    @property
    def states(self) -> int:
        """E."""
        return 1 + self.advance.size * self.per_phase

    @property
    def phase_of_state(self) -> np.ndarray:
        """(E,) 0 for rest, else 1 + 3 j + phase."""
        return np.r_[0, np.repeat(np.arange(1, 1 + self.advance.size), self.per_phase)]

    @property
    def advance_of_state(self) -> np.ndarray:
        """(J, C)."""
        return np.repeat(self.advance, self.per_phase, axis=1)


@dataclass(frozen=True, eq=False, kw_only=True)
class ChainCounts:
    """Expected counts: states (B, T, E) float32 probability of each, advance (J, 3) and stay (J, 3) of its phases,
    leave_rest, stay_rest, transition (S, S) and log_likelihood (B,) in nats."""

    states: np.ndarray
    advance: np.ndarray
    stay: np.ndarray
    leave_rest: float
    stay_rest: float
    transition: np.ndarray
    log_likelihood: np.ndarray


def _scaled(log_emission: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, B, E) likelihood of every state over the largest, and (T, B) log of that."""
    most = log_emission.max(2, keepdims=True)
    return np.exp(log_emission - most).transpose(1, 0, 2), most[:, :, 0].T


def forward(chain: Chain, log_emission: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the states given all frames so far.

    Parameters
    ----------
    log_emission: (B, T, E) nats; 0 after the end of a stretch.

    Returns
    -------
    (T, B, E) float32, and (B, T) the log likelihood of each frame given those before it, nats.
    """
    ratio, most = _scaled(log_emission)
    frames, batch, size = ratio.shape
    found, gain = np.empty((frames, batch, size), np.float32), np.empty((frames, batch))
    now = np.full((batch, size), 1 / size)
    for t in range(frames):
        now = (_stepped(chain, now) if t else now) * ratio[t]
        total = now.sum(1, keepdims=True) + _TINY
        now = now / total
        found[t], gain[t] = now, np.log(total[:, 0]) + most[t]
    return found, gain.T


def _stepped(chain: Chain, now: np.ndarray) -> np.ndarray:
    """(B, E) one frame later."""
    advance = chain.advance_of_state
    inner = now[:, 1:].reshape(len(now), *advance.shape)
    moved = inner * advance
    entered = np.concatenate([now[:, :1] * chain.leave_rest, moved[:, :, -1]], 1) @ chain.transition
    later = inner - moved
    later[:, :, 1:] += moved[:, :, :-1]
    later[:, :, 0] += entered[:, 1:]
    rest = now[:, :1] * (1 - chain.leave_rest) + entered[:, :1]
    return np.concatenate([rest, later.reshape(len(now), -1)], 1)


def expected_counts(chain: Chain, log_emission: np.ndarray, lengths: np.ndarray) -> ChainCounts:
    """What a pass forward and one backward expect of (B, T, E) log likelihoods (Rabiner 1989); lengths (B,) of the
    stretches, after which nothing is counted."""
    before, gain = forward(chain, log_emission)
    ratio, _ = _scaled(log_emission)
    frames, batch, size = ratio.shape
    advance = chain.advance_of_state
    inner = advance.shape
    states = np.empty((frames, batch, chain.states), np.float32)
    moved, stayed = np.zeros(inner), np.zeros(inner)
    ends = np.zeros((chain.syllables, chain.syllables))
    rest = np.zeros(2)
    beta = np.ones((batch, size))
    for t in range(frames - 1, -1, -1):
        states[t] = _normalised(before[t] * beta)
        if not t:
            break
        ahead = ratio[t] * beta
        own = ahead[:, 1:].reshape(batch, *inner)
        entry = np.concatenate([ahead[:, :1], own[:, :, 0]], 1)
        after = entry @ chain.transition.T
        following = np.concatenate([own[:, :, 1:], after[:, 1:, None]], 2)
        stay, move = (1 - advance) * own, advance * following
        rest_stay, rest_move = (1 - chain.leave_rest) * ahead[:, 0], chain.leave_rest * after[:, 0]
        earlier = np.concatenate([(rest_stay + rest_move)[:, None], (stay + move).reshape(batch, -1)], 1)
        last = before[t - 1]
        scale = 1 / ((last * earlier).sum(1) + _TINY)
        weight = last * (scale * (t < lengths))[:, None]
        held = weight[:, 1:].reshape(batch, *inner)
        stayed += np.einsum("bjc,bjc->jc", held, stay)
        moved += np.einsum("bjc,bjc->jc", held, move)
        rest += (weight[:, 0] @ rest_stay, weight[:, 0] @ rest_move)
        leaving = np.concatenate([weight[:, :1] * chain.leave_rest, held[:, :, -1] * advance[:, -1]], 1)
        ends += leaving.T @ entry
        beta = earlier * scale[:, None]
    return ChainCounts(
        states=states.transpose(1, 0, 2) * (np.arange(frames) < lengths[:, None])[:, :, None],
        advance=_by_phase(moved),
        stay=_by_phase(stayed),
        leave_rest=float(rest[1]),
        stay_rest=float(rest[0]),
        transition=ends * chain.transition,
        log_likelihood=gain.sum(1),
    )


def _normalised(weights: np.ndarray) -> np.ndarray:
    """Rows that sum to 1."""
    return weights / (weights.sum(1, keepdims=True) + _TINY)


def _by_phase(values: np.ndarray) -> np.ndarray:
    """(J, C) to (J, 3)."""
    return values.reshape(len(values), len(PHASES), -1).sum(2)


def best_path(chain: Chain, log_emission: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most likely path (Viterbi).

    Parameters
    ----------
    log_emission: (T, E) of one stretch.

    Returns
    -------
    (T,) int64 state of every frame, and (T,) bool whether a syllable begins there: the first frame, and every
    frame that enters one.
    """
    with np.errstate(divide="ignore"):
        log_advance, log_stay = np.log(chain.advance_of_state), np.log1p(-chain.advance_of_state)
        log_transition = np.log(chain.transition)
        log_rest = np.log([1 - chain.leave_rest, chain.leave_rest])
    shape, frames = chain.advance_of_state.shape, len(log_emission)
    moved = np.zeros((frames, chain.states), bool)
    origin = np.zeros((frames, chain.syllables), np.int32)
    score, move, stay = log_emission[0].copy(), np.empty(chain.states), np.empty(chain.states)
    ends, every = np.empty(chain.syllables), np.arange(chain.syllables)
    for t in range(1, frames):
        inner = score[1:].reshape(shape)
        ahead = inner + log_advance
        ends[0], ends[1:] = score[0] + log_rest[1], ahead[:, -1]
        entries = ends[:, None] + log_transition
        origin[t] = entries.argmax(0)
        entry = entries[origin[t], every]
        arriving = move[1:].reshape(shape)
        move[0], arriving[:, 0], arriving[:, 1:] = entry[0], entry[1:], ahead[:, :-1]
        stay[0], stay[1:] = score[0] + log_rest[0], (inner + log_stay).ravel()
        np.greater(move, stay, out=moved[t])
        score = np.maximum(move, stay) + log_emission[t]
    return _traced(chain, int(score.argmax()), moved, origin)


def _traced(chain: Chain, last: int, moved: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The path that ends in the state `last`."""
    length = chain.advance_of_state.shape[1]
    path, begun = np.empty(len(moved), np.int64), np.zeros(len(moved), bool)
    at = last
    for t in range(len(moved) - 1, -1, -1):
        path[t] = at
        if not moved[t, at]:
            continue
        if at and (at - 1) % length:
            at -= 1
            continue
        begun[t] = True
        syllable = origin[t, 0 if at == 0 else 1 + (at - 1) // length]
        at = 0 if syllable == 0 else int(syllable) * length
    begun[0] = True
    return path, begun
