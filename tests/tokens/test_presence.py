"""When a codeword is present: known answers of the rule, and that nothing else counts as use."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.tokens.cache import Tokens
from dfe_core.tokens.presence import Activations, PresenceRule, activations, presence_of, present_activations

FPS = 30.0


def present_frames(displacement_mm: np.ndarray, time_s: np.ndarray, rule: PresenceRule) -> np.ndarray:
    """(T, K) displacement of K codewords (or of anything that moves), mm, to (T, K) bool: present in that frame."""
    column, row = np.nonzero(displacement_mm.T > 0)
    active = Activations(column, row, displacement_mm[row, column].astype(np.float64))
    number = presence_of(active, time_s, np.ones(displacement_mm.shape[1]), rule)
    mask = np.zeros(displacement_mm.shape, bool)
    mask[row[number >= 0], column[number >= 0]] = True
    return mask


def mask(values_mm: list[float], fps: float = FPS, time_s: np.ndarray | None = None, **rule) -> str:
    """The frames of one codeword with this displacement that are present, as 1 and 0."""
    values = np.array(values_mm, float)[:, None]
    time_s = np.arange(len(values)) / fps if time_s is None else time_s
    return "".join(str(int(x)) for x in present_frames(values, time_s, PresenceRule(**rule))[:, 0])


def test_a_presence_begins_at_the_onset_and_ends_below_the_offset():
    assert mask([0, 0.7, 1.0, 2, 0.7, 0.5, 0.49, 0]) == "00111100"


def test_what_never_reaches_the_onset_is_no_presence_however_long():
    assert mask([0.9] * 50) == "0" * 50


def test_what_does_not_last_is_no_presence_however_large():
    assert mask([0, 9, 9, 0, 0, 0, 0, 0]) == "00000000"
    assert mask([0, 9, 9, 9, 0, 0, 0, 0]) == "01110000"
    assert mask([0, 9, 0, 0, 0, 0], hold_s=0) == "010000"


def test_the_shortest_presence_is_the_same_time_at_any_frame_rate():
    """0.1 s to the nearest frame: 6 frames at 60, 3 at 30, 2 at 15, 1 at 10.7 frames a second."""
    for fps, frames in ((60, 6), (30, 3), (15, 2), (10.7, 1)):
        long, short = [2] * frames + [0] * 20, [2] * (frames - 1) + [0] * 20
        assert mask(long, fps) == "1" * frames + "0" * 20
        assert "1" not in mask(short, fps)


def test_a_flicker_is_bridged_and_does_not_count_as_time_present():
    assert mask([2, 2, 0, 2, 0, 0, 0, 0, 0]) == "110100000"  # 3 frames with it, one without: one presence
    assert mask([2, 0, 2, 0, 0, 0, 0, 0, 0]) == "000000000"  # 2 frames of 3 needed
    assert mask([2, 2, 0, 0, 0, 0, 2, 2, 0]) == "000000000"  # 4 frames apart: two, each too short


def test_missing_frames_end_a_presence():
    time_s = np.array([0, 1, 2, 60, 61, 62]) / FPS
    active = activations(tokens(np.ones((6, 1), int), np.ones((6, 1)), time_s))
    assert presence_of(active, time_s, np.array([0.0, 2.0])).tolist() == [0, 0, 0, 1, 1, 1]
    assert mask([2, 2, 2, 0.6, 0.6, 0.6], time_s=time_s) == "111000"  # hysteresis does not reach over the gap


def tokens(words: np.ndarray, intensities: np.ndarray, time_s: np.ndarray | None = None) -> Tokens:
    rows = len(words)
    return Tokens(
        recording="r",
        frame=np.arange(rows),
        time_s=np.arange(rows) / FPS if time_s is None else time_s,
        tokens=words,
        intensities=np.where(words == 0, 0, intensities),
        error_mm=np.zeros(rows),
    )


def test_repeats_within_a_frame_are_summed_and_their_order_means_nothing():
    words, intensity = np.array([[3, 3, 5]] * 4), np.full((4, 3), 0.15)
    sizes = np.array([0, 1, 1, 5, 1, 5.0])
    present, number = present_activations(tokens(words, intensity), sizes)
    assert set(present.codeword) == {3} and number.tolist() == [0] * 4
    np.testing.assert_allclose(present.intensity, 0.3)
    again, _ = present_activations(tokens(words[:, ::-1], intensity), sizes)
    np.testing.assert_array_equal(again.codeword, present.codeword)


def test_a_codeword_that_moves_nothing_is_never_present():
    present, _ = present_activations(tokens(np.full((30, 1), 1), np.ones((30, 1))), np.array([0, 0.05]))
    assert not len(present.row)


def test_without_a_mesh_intensity_decides():
    held = tokens(np.array([[1, 2]] * 5), np.array([[0.2, 0.15]] * 5))
    assert set(present_activations(held, None)[0].codeword) == {1}
    assert set(present_activations(held, np.array([np.nan, np.nan, 10.0]))[0].codeword) == {1, 2}


def test_codewords_and_presences_are_told_apart_in_a_random_recording():
    """Against a loop that walks the frames of every codeword."""
    rng = np.random.default_rng(0)
    values = np.maximum(rng.normal(size=(400, 6)).cumsum(0) * 0.3, 0) * (rng.random((400, 6)) < 0.9)
    rule = PresenceRule(bridge_s=0)
    expected = np.zeros(values.shape, bool)
    for k in range(6):
        on, start = False, 0
        for t in range(401):
            value = values[t, k] if t < 400 else 0.0
            if not on and value >= rule.onset_mm:
                on, start = True, t
            elif on and value < rule.offset_mm:
                expected[start:t, k] = t - start >= 3
                on = False
    np.testing.assert_array_equal(present_frames(values, np.arange(400) / FPS, rule), expected)


@pytest.mark.parametrize(
    "values", [{"onset_mm": 0.4}, {"offset_mm": 0}, {"hold_s": -1}, {"bridge_s": np.inf}, {"onset_intensity": 0.01}]
)
def test_a_rule_that_cannot_hold_is_refused(values):
    with pytest.raises(DataError, match="presence rule"):
        PresenceRule(**values)
