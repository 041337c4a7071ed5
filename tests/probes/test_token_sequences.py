"""Tokens as sequences: repeats collapsed, in order, in the right unit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfe_core.probes.features.spans import SpanIndex
from dfe_core.probes.token_sequences import collapse, token_sequences
from dfe_core.tokens.cache import Tokens
from tests.small_world import make_world


def recording(tokens: list[list[int]], intensities=None, fps: float = 10.0, frame=None) -> Tokens:
    tokens = np.array(tokens, np.uint16)
    frame = np.arange(len(tokens)) if frame is None else np.array(frame)
    strength = np.where(tokens > 0, 1.0, 0.0) if intensities is None else np.array(intensities)
    return Tokens(
        recording="r",
        frame=frame,
        time_s=frame / fps,
        tokens=tokens,
        intensities=strength.astype(np.float32),
        error_mm=np.zeros(len(tokens)),
    )


def slowly(part: Tokens) -> list[tuple]:
    """(stage, onset, codeword, largest intensity, frames) of every token, frame by frame."""
    found = []
    for stage in range(part.tokens.shape[1]):
        for t, word in enumerate(part.tokens[:, stage]):
            gap = t and part.time_s[t] - part.time_s[t - 1] > 0.15
            if t and not gap and word == part.tokens[t - 1, stage]:
                found[-1][3] = max(found[-1][3], part.intensities[t, stage])
                found[-1][4] += 1
            else:
                found.append([stage, part.time_s[t], int(word), part.intensities[t, stage], 1])
    return sorted((f[0], round(f[1], 6), f[2], round(float(f[3]), 6), f[4]) for f in found if f[2])


def test_repeats_are_one_token_and_rest_is_none():
    part = recording([[1, 0], [1, 3], [2, 3], [2, 3], [1, 0]], [[0.2, 0], [0.6, 1], [1, 1], [1, 0.5], [1, 0]])
    codeword, stage, intensity, seconds, time_s = collapse(part)
    assert codeword.tolist() == [1, 2, 1, 3] and stage.tolist() == [0, 0, 0, 1]
    assert intensity.tolist() == pytest.approx([0.6, 1, 1, 1])
    assert seconds.tolist() == pytest.approx([0.2, 0.2, 0.1, 0.3]) and time_s.tolist() == pytest.approx(
        [0, 0.2, 0.4, 0.1]
    )


def test_collapsing_agrees_with_a_loop_over_frames():
    rng = np.random.default_rng(3)
    frame = np.cumsum(rng.choice([1, 1, 1, 5], 200))
    tokens = np.repeat(rng.integers(0, 4, (50, 3)), 4, axis=0)
    part = recording(tokens, np.where(tokens > 0, rng.choice([0.5, 1.0], tokens.shape), 0), frame=frame)
    codeword, stage, intensity, seconds, time_s = collapse(part)
    got = sorted(
        (int(s), round(float(t), 6), int(c), round(float(i), 6), int(round(d * 10)))
        for s, t, c, i, d in zip(stage, time_s, codeword, intensity, seconds, strict=True)
    )
    assert got == slowly(part)


@pytest.fixture(scope="module")
def world(tmp_path_factory, toy_face):
    return make_world(tmp_path_factory.mktemp("sequences"), toy_face)


def spans_of(world, seconds: float) -> pd.DataFrame:
    rows = [
        (name, start, start + seconds)
        for name in world.dataset.recordings["recording"]
        for start in np.arange(0, 12 - 1e-9, seconds)
    ]
    return pd.DataFrame(rows, columns=["recording", "start_s", "end_s"]).assign(span=np.arange(len(rows)))


def test_tokens_lie_in_the_unit_of_the_span_in_which_they_begin_and_in_order(world):
    spans = spans_of(world, 4.0)
    member = np.arange(len(spans)) // 3  # the three spans of a recording are one unit
    sequences = token_sequences(world.tokens, world.codebook, SpanIndex(spans), member, 6)
    assert sequences.units == 6 and sequences.edges[-1] == len(sequences.codeword)
    for unit, name in enumerate(world.dataset.recordings["recording"]):
        rows = slice(sequences.edges[unit], sequences.edges[unit + 1])
        assert np.all(np.diff(sequences.time_s[rows]) >= 0)
        assert len(sequences.codeword[rows]) == len(collapse(world.tokens.recording(name))[0])
        inside = spans.iloc[sequences.span[rows]]
        assert (inside["recording"] == name).all()
        assert np.all((sequences.time_s[rows] >= inside["start_s"]) & (sequences.time_s[rows] < inside["end_s"]))


def test_spans_of_no_unit_are_left_out(world):
    spans = spans_of(world, 4.0)
    member = np.where(np.arange(len(spans)) % 3 == 0, np.arange(len(spans)) // 3, -1)
    sequences = token_sequences(world.tokens, world.codebook, SpanIndex(spans), member, 6)
    assert set(sequences.span) <= set(range(0, 18, 3)) and sequences.time_s.max() < 4


def test_of_too_many_tokens_those_that_move_most_stay(world):
    spans = spans_of(world, 12.0)
    every, few = (
        token_sequences(world.tokens, world.codebook, SpanIndex(spans), np.arange(6), 6, most=most)
        for most in (10_000, 7)
    )
    size = world.codebook.table["peak_mm"].to_numpy()
    assert np.diff(few.edges).tolist() == [7] * 6
    for unit in range(6):
        whole, part = slice(*every.edges[unit : unit + 2]), slice(*few.edges[unit : unit + 2])
        strongest = np.sort(every.intensity[whole] * size[every.codeword[whole]])[-7:]
        assert np.sort(few.intensity[part] * size[few.codeword[part]]) == pytest.approx(strongest, rel=1e-5)


def test_shuffling_moves_tokens_within_their_unit_only(world):
    spans = spans_of(world, 12.0)
    sequences = token_sequences(world.tokens, world.codebook, SpanIndex(spans), np.arange(6), 6)
    time, stage = sequences.shuffled_in_time(1), sequences.shuffled_over_stages(1)
    assert np.array_equal(time.time_s, sequences.time_s) and np.array_equal(stage.codeword, sequences.codeword)
    assert not np.array_equal(time.codeword, sequences.codeword) and not np.array_equal(stage.stage, sequences.stage)
    for unit in range(6):
        rows = slice(*sequences.edges[unit : unit + 2])
        assert sorted(zip(time.codeword[rows], time.seconds[rows], strict=True)) == sorted(
            zip(sequences.codeword[rows], sequences.seconds[rows], strict=True)
        )
        assert sorted(stage.stage[rows]) == sorted(sequences.stage[rows])
