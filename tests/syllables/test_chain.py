"""The semi-Markov chain against the same chain written out as one matrix."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from dfe_core.syllables.chain import Chain, best_path, expected_counts, forward


@pytest.fixture(scope="module")
def chain() -> Chain:
    """Two syllables of two states a phase."""
    return Chain(
        advance=np.array([[0.5, 0.3, 0.6], [0.4, 0.2, 0.7]]),
        leave_rest=0.25,
        transition=np.array([[0, 0.7, 0.3], [0.6, 0, 0.4], [0.9, 0.1, 0]]),
        per_phase=2,
    )


def _matrix(chain: Chain) -> np.ndarray:
    """(E, E) probability of each state after each, by the definition."""
    length = 3 * chain.per_phase
    matrix = np.zeros((chain.states, chain.states))
    entry = [0] + [1 + j * length for j in range(len(chain.advance))]
    matrix[0, 0] = 1 - chain.leave_rest
    for syllable in range(1, chain.syllables):
        matrix[0, entry[syllable]] = chain.leave_rest * chain.transition[0, syllable]
        for place in range(length):
            at = entry[syllable] + place
            leave = chain.advance[syllable - 1, place // chain.per_phase]
            matrix[at, at] = 1 - leave
            if place + 1 < length:
                matrix[at, at + 1] = leave
            else:
                for other in range(chain.syllables):
                    matrix[at, entry[other]] += leave * chain.transition[syllable, other]
    return matrix


def _emission(chain: Chain, frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(1, frames, chain.states))


def test_the_likelihood_and_the_states_are_those_of_the_whole_matrix(chain):
    emission, matrix = _emission(chain, 9), _matrix(chain)
    likelihood = np.exp(emission[0])
    ahead = [likelihood[0] / chain.states]
    for frame in likelihood[1:]:
        ahead.append(ahead[-1] @ matrix * frame)
    behind = [np.ones(chain.states)]
    for frame in likelihood[:0:-1]:
        behind.append(matrix @ (frame * behind[-1]))
    states = np.stack(ahead) * np.stack(behind[::-1])
    assert matrix.sum(1) == pytest.approx(np.ones(chain.states))
    found = expected_counts(chain, emission, np.array([9]))
    assert found.log_likelihood[0] == pytest.approx(np.log(ahead[-1].sum()))
    assert found.states[0] == pytest.approx(states / states.sum(1, keepdims=True), abs=1e-5)


def test_expected_counts_are_those_of_every_pair_of_frames(chain):
    emission, matrix = _emission(chain, 6), _matrix(chain)
    likelihood = np.exp(emission[0])
    weight = {}
    for path in product(range(chain.states), repeat=3):  # three frames are enough to enumerate
        value = likelihood[0, path[0]] / chain.states
        for t, (a, b) in enumerate(pairwise(path), start=1):
            value *= matrix[a, b] * likelihood[t, b]
        weight[path] = value
    total = sum(weight.values())
    into_second = sum(w * sum(a in (0, 6) and b == 7 for a, b in pairwise(path)) for path, w in weight.items())
    found = expected_counts(chain, emission[:, :3], np.array([3]))
    assert found.transition[:2, 2].sum() == pytest.approx(into_second / total, rel=1e-5)
    assert found.leave_rest + found.stay_rest + found.advance.sum() + found.stay.sum() == pytest.approx(2, rel=1e-5)


def test_a_stretch_in_a_batch_counts_as_it_does_alone(chain):
    long, short = _emission(chain, 12, 1), _emission(chain, 7, 2)
    padded = np.zeros((2, 12, chain.states))
    padded[0], padded[1, :7] = long[0], short[0]
    both = expected_counts(chain, padded, np.array([12, 7]))
    alone = [expected_counts(chain, one, np.array([one.shape[1]])) for one in (long, short)]
    assert both.log_likelihood == pytest.approx([one.log_likelihood[0] for one in alone])
    assert both.transition == pytest.approx(sum(one.transition for one in alone), rel=1e-4)
    assert both.advance == pytest.approx(sum(one.advance for one in alone), rel=1e-4)
    assert both.states[1, :7] == pytest.approx(alone[1].states[0], abs=1e-5) and not both.states[1, 7:].any()


def test_what_a_frame_takes_given_those_before_sums_to_the_whole(chain):
    emission = _emission(chain, 15)
    assert forward(chain, emission)[1].sum() == pytest.approx(
        expected_counts(chain, emission, np.array([15])).log_likelihood[0]
    )


def test_the_best_path_is_the_best_of_all(chain):
    emission, matrix = _emission(chain, 4)[0], _matrix(chain)
    with np.errstate(divide="ignore"):
        logs = np.log(matrix)
    best = max(
        product(range(chain.states), repeat=4),
        key=lambda p: sum(emission[t, s] for t, s in enumerate(p)) + sum(logs[a, b] for a, b in pairwise(p)),
    )
    path, begun = best_path(chain, emission)
    entries = [True] + [b in (0, 1, 7) and a != b for a, b in pairwise(best)]
    assert path.tolist() == list(best) and begun.tolist() == entries
