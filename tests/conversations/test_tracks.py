"""Tokens of any frame rate become series on one clock, with gaps, onsets and regions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfe_core.conversations.tracks import SLOWEST_HZ, FaceTrack, Things, common_step, things_of, track_of_tokens
from dfe_core.tokens.cache import Tokens

STEP_S = 0.1
TABLE = pd.DataFrame({"region": ["none", "mouth", "mouth", "brow"], "description": ["rest", "a", "b", "c"]})
THINGS: Things = things_of(TABLE)


def tokens(fps: float, spans: dict[int, tuple[float, float]], lost: tuple[float, float] = (9, 9)) -> Tokens:
    """8 s of a face in which codewords are present at intensity 1 for spans of seconds."""
    time_s = np.arange(round(8 * fps)) / fps
    held = np.zeros((len(time_s), len(spans)), np.uint16)
    for place, (codeword, (start, stop)) in enumerate(spans.items()):
        held[(time_s >= start) & (time_s < stop), place] = codeword
    keep = ~((time_s >= lost[0]) & (time_s < lost[1]))
    return Tokens(
        recording="r",
        frame=np.flatnonzero(keep),
        time_s=time_s[keep],
        tokens=held[keep],
        intensities=(held[keep] > 0).astype(np.float32),
        error_mm=np.zeros(keep.sum(), np.float32),
    )


def track(one: Tokens, offset_s: float = 0.0) -> FaceTrack:
    return track_of_tokens(one, np.full(4, np.nan), THINGS, offset_s, STEP_S)


def onsets_s(one: FaceTrack, thing: int) -> list[float]:
    return ((np.flatnonzero(one.onset[:, thing]) + one.start) * STEP_S).round(3).tolist()


def test_things_are_codewords_but_rest_and_regions():
    assert THINGS.table["thing"].tolist() == ["1", "2", "3", "brow", "mouth"]
    assert THINGS.region_of.tolist() == [-1, 1, 1, 0]


@pytest.mark.parametrize("fps", [10.0, 12.5, 30.0, 60.0])
def test_frame_rates_give_the_same_series_on_the_common_clock(fps: float):
    one = track(tokens(fps, {1: (2.0, 4.0)}))
    clock = np.arange(len(one.known)) * STEP_S
    assert one.known.all() and onsets_s(one, 0) == pytest.approx([2.0], abs=STEP_S)
    assert one.intensity[(clock >= 2.15) & (clock < 3.85), 0] == pytest.approx(1, abs=1e-5)
    assert one.intensity[(clock < 1.85) | (clock > 4.15), 0] == pytest.approx(0)


def test_an_offset_moves_the_clock():
    assert onsets_s(track(tokens(10, {1: (2.0, 4.0)}), offset_s=-1.5), 0) == [0.5]
    late = track(tokens(10, {1: (2.0, 4.0)}), offset_s=100)
    assert late.start == 1000 and late.part(1010, 1030).start == 1010 and onsets_s(late.part(1010, 1030), 0) == [102.0]


def test_what_is_there_after_a_gap_has_no_onset_and_the_gap_is_not_known():
    one = track(tokens(10, {1: (2.0, 6.0)}, lost=(3.0, 4.5)))
    assert onsets_s(one, 0) == [2.0]
    clock = np.arange(len(one.known)) * STEP_S
    assert not one.known[(clock > 2.95) & (clock < 4.45)].any() and one.known.sum() == 80 - 15
    assert (one.intensity[~one.known] == 0).all()


def test_a_region_is_the_sum_of_its_codewords_and_begins_with_the_first():
    one = track(tokens(10, {1: (2.0, 4.0), 2: (3.0, 5.0), 3: (6.0, 7.0)}))
    assert onsets_s(one, 4) == [2.0] and onsets_s(one, 3) == [6.0] and onsets_s(one, 1) == [3.0]
    assert one.intensity[[25, 35, 45, 55], 4] == pytest.approx([1, 2, 1, 0])


def test_the_common_step_is_that_of_the_slowest_face():
    assert common_step([1 / 60, 1 / 10]) == pytest.approx(0.1)
    assert common_step([1 / 60, 1 / 30]) == pytest.approx(1 / SLOWEST_HZ)
