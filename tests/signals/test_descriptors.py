"""Acoustic descriptors: the pitch of a tone is its pitch; without openSMILE the extra is named."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from dfe_core.errors import DataError
from dfe_core.signals.descriptors import read_descriptors


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """A square wave of 120 Hz for 1.5 s, then of 220 Hz."""
    time = np.arange(3 * 16000) / 16000
    phase = 2 * np.pi * np.cumsum(np.where(time < 1.5, 120, 220)) / 16000
    wavfile.write(tmp_path / "tone.wav", 16000, (9000 * np.sign(np.sin(phase))).astype(np.int16))
    return tmp_path / "tone.wav"


def test_the_pitch_of_a_tone_is_its_pitch(tone: Path) -> None:
    pytest.importorskip("opensmile", reason="openSMILE is not installed: pip install dfe[sound]")
    found = read_descriptors(tone)
    pitch = found.channel("F0semitoneFrom27.5Hz_sma3nz")
    for at, hz in ((0.7, 120), (2.3, 220)):
        near = pitch[np.abs(found.time_s - at) < 0.2]
        np.testing.assert_allclose(near, 12 * np.log2(hz / 27.5), atol=0.1)
    assert len(found.channels) == 25 and found.rate_hz == pytest.approx(100)


def test_without_opensmile_the_extra_is_named(tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(DataError, match=r"dfe\[sound\]"):
        read_descriptors(tone)
