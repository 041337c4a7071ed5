"""Blinks, turns, shifts of gaze and the rhythm of the jaw, planted into signals of several frame rates."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.channels import rules

RATES = (10.0, 29.97, 60.0)


def times(fps: float, seconds: float = 40.0) -> np.ndarray:
    return np.arange(round(seconds * fps)) / fps


def bumps(time_s: np.ndarray, at: np.ndarray, width_s: float, height: float = 0.8) -> np.ndarray:
    """Closures of `width_s` at half height, on a lid that is a little closed."""
    return 0.1 + height * np.exp(-4 * np.log(2) * ((time_s[:, None] - at) / width_s) ** 2).max(1)


@pytest.mark.parametrize("fps", RATES)
def test_planted_blinks_are_found_with_their_time_and_duration(fps: float):
    time_s, at = times(fps), np.arange(2.0, 39, 3) + 0.013
    noise = np.random.default_rng(0).normal(0, 0.02, len(time_s))
    found = rules.find_blinks(bumps(time_s, at, 0.2) + noise, time_s)
    assert found.mean(1) == pytest.approx(at, abs=0.05)
    assert np.diff(found).mean() == pytest.approx(0.2, abs=0.03)


def test_closed_eyes_a_look_down_and_a_flutter_are_no_blinks():
    time_s = times(30.0)
    slow = bumps(time_s, np.array([10.0, 20.0]), 1.5)
    assert not len(rules.find_blinks(slow, time_s)), "eyes closed for over a second"
    assert not len(rules.find_blinks(np.where(time_s > 12, 0.6, 0.1), time_s)), "a lid that stays lower"
    assert not len(rules.find_blinks(bumps(time_s, np.array([10.0]), 0.2, height=0.2), time_s)), "a flutter"


def test_no_blink_is_seen_across_a_gap_in_missing_frames_or_at_five_frames_a_second():
    time_s, at = times(30.0), np.array([5.0, 15.0, 25.0])
    closure = bumps(time_s, at, 0.2)
    closure[np.abs(time_s - 15) < 0.4] = np.nan
    assert rules.find_blinks(closure, time_s).mean(1) == pytest.approx([5, 25], abs=0.05)
    kept = np.abs(time_s - 25) > 0.4
    assert rules.find_blinks(closure[kept], time_s[kept]).mean(1) == pytest.approx([5], abs=0.05)
    assert not len(rules.find_blinks(closure[::6], time_s[::6]))
    assert not len(rules.find_blinks(np.full(100, np.nan), times(30.0)[:100]))


@pytest.mark.parametrize("fps", RATES)
def test_a_jaw_that_moves_four_times_a_second_is_speech_like_where_it_does(fps: float):
    time_s = times(fps)
    talks = (time_s > 10) & (time_s < 30)
    jaw = 0.1 + 0.1 * talks * np.sin(2 * np.pi * 4 * time_s) + np.random.default_rng(0).normal(0, 0.004, len(time_s))
    speech, rhythm = rules.speech_like(jaw, time_s)
    assert speech[(time_s > 10.6) & (time_s < 29.4)].all(), "but for half a window at both ends"
    assert not speech[(time_s < 9.4) | (time_s > 30.6)].any()
    assert np.median(rhythm[talks]) == pytest.approx(0.1 / np.sqrt(2), rel=0.15)


@pytest.mark.parametrize(
    "jaw",
    [
        lambda t: 0.3 + 0.3 * np.sin(2 * np.pi * 0.5 * t),  # yawns
        lambda t: 0.3 + 0.2 * np.sin(2 * np.pi * 1.2 * t),  # chewing
        lambda t: 0.2 + 0.2 * np.sin(2 * np.pi * 11 * t),  # jitter of a tracker
        lambda t: bumps(t, np.arange(3.0, 39, 4), 0.2, 0.6),  # single openings
        lambda t: np.random.default_rng(1).normal(0.1, 0.01, len(t)),
    ],
)
def test_other_movements_of_the_jaw_are_not_speech_like(jaw):
    assert not rules.speech_like(jaw(times(30.0)), times(30.0))[0].any()


def test_speech_is_unknown_where_the_second_around_a_frame_is():
    time_s = times(30.0)
    jaw = 0.1 * np.sin(2 * np.pi * 4 * time_s)
    jaw[(time_s > 20) & (time_s < 22)] = np.nan
    speech, _ = rules.speech_like(jaw, time_s)
    assert np.isnan(speech[(time_s > 20) & (time_s < 22)]).all()
    assert (speech[time_s < 19] == 1).all() and (speech[time_s > 23] == 1).all()
    assert np.isnan(rules.speech_like(jaw[:20], time_s[:20])[0]).all(), "shorter than a window"
    assert np.isnan(rules.speech_like(jaw[::6], time_s[::6])[0]).all(), "five frames a second"


@pytest.mark.parametrize("fps", RATES)
def test_head_speed_is_that_of_the_planted_turn_at_every_rate(fps: float):
    time_s = times(fps)
    turn = np.column_stack([6 * time_s, 8 * time_s, np.zeros(len(time_s))])
    speed = rules.angular_speed(turn, time_s)
    assert speed[np.isfinite(speed)] == pytest.approx(10.0)
    assert np.isfinite(speed).mean() > 0.98
    gap = np.abs(time_s - 20) > 1
    speed = rules.angular_speed(turn[gap], time_s[gap])
    assert speed[np.isfinite(speed)] == pytest.approx(10.0), "nothing is made of the jump over a gap"


def test_shifts_of_gaze_stand_out_of_its_jitter_and_slow_pursuit_does_not():
    time_s = times(30.0)
    rng = np.random.default_rng(0)
    jumps = np.arange(3.0, 39, 3)
    gaze = np.column_stack([10 * ((time_s[:, None] > jumps).sum(1) % 2), np.zeros(len(time_s))]).astype(float)
    gaze += rng.normal(0, 0.3, gaze.shape)
    onset = rules.gaze_shifts(rules.frame_velocity(gaze, time_s))
    assert time_s[onset == 1] == pytest.approx(jumps, abs=0.05)
    pursuit = np.column_stack([10 * np.sin(time_s), np.zeros(len(time_s))])
    assert not (rules.gaze_shifts(rules.frame_velocity(pursuit, time_s)) == 1).any()
    gaze[100:110] = np.nan
    assert np.isnan(rules.gaze_shifts(rules.frame_velocity(gaze, time_s))[100:111]).all()
