"""Voice is found where it is, and not in hums, noise and clicks."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.video.sound import BIN_S, analyse_sound, spans
from tests.synthetic_sound import in_noise, no_speech, pcm, spoken


@pytest.mark.parametrize(("snr_db", "pitch_hz", "pink"), [(40, 110, False), (10, 110, True), (10, 210, False)])
def test_phrases_are_found_down_to_10_db_above_noise(snr_db: float, pitch_hz: float, pink: bool):
    truth = spoken(20, seed=3, pitch_hz=pitch_hz)
    voice = analyse_sound([pcm(in_noise(truth, snr_db, 1, pink))]).voice
    speech = truth.speech.reshape(-1, round(16_000 * BIN_S)).mean(1) > 0.5
    assert voice[speech].mean() > 0.9 and voice[~speech].mean() < 0.05


@pytest.mark.parametrize("kind", ["noise", "hum", "tone", "clicks", "silence"])
def test_other_sounds_are_no_voice(kind: str):
    assert analyse_sound([pcm(no_speech(kind, 10, 0))]).voice.mean() == 0


def test_a_sound_in_pieces_is_the_same_sound():
    data = pcm(in_noise(spoken(8, 1), 20, 1))
    whole, pieces = analyse_sound([data]), analyse_sound([data[:6400], data[6400:96000], data[96000:]])
    assert len(whole) == 800
    assert all((getattr(whole, name) == getattr(pieces, name)).all() for name in ("low", "high", "voice"))


def test_peaks_are_those_of_the_samples():
    samples = np.zeros(1600)
    samples[500], samples[501] = 1.0, -1.0
    found = analyse_sound([pcm(samples)])
    assert found.high.tolist() == [0, 0, 0, 126, 0, 0, 0, 0, 0, 0] and found.low.min() == -127


def test_spans_are_in_seconds_and_nothing_has_none():
    assert spans(np.array([False, True, True, False, True])).tolist() == [[0.01, 0.03], [0.04, 0.05]]
    assert len(spans(analyse_sound([]).voice)) == 0
