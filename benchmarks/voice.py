"""How much of synthetic speech the voice rule finds in noise, and how much of it is false.

    python -m benchmarks.voice

Six recordings of 40 s a row, seeds 0 to 5: phrases of syllables of two pitches, in white and pink noise; then 30 s
each of what is no speech. It says nothing of real rooms, microphones and languages.
"""

from __future__ import annotations

import sys

import numpy as np

from dfe_core.video.sound import BIN_S, analyse_sound
from tests.synthetic_sound import RATE, in_noise, no_speech, pcm, spoken

PITCHES_HZ, SNRS_DB, SEEDS, SECONDS = (110.0, 210.0), (40, 20, 10, 5, 0), range(6), 40
OTHERS = ("noise", "hum", "tone", "clicks", "bursts", "silence")


def rates(pitch_hz: float, snr_db: float, pink: bool) -> tuple[float, float]:
    """Share of bins of speech that are found, and of other bins that are taken for speech, mean over seeds."""
    found = []
    for seed in SEEDS:
        truth = spoken(SECONDS, seed, pitch_hz)
        voice = analyse_sound([pcm(in_noise(truth, snr_db, seed, pink))]).voice
        speech = truth.speech.reshape(-1, round(RATE * BIN_S)).mean(1) > 0.5
        found.append((voice[speech].mean(), voice[~speech].mean()))
    hit, false = np.mean(found, axis=0)
    return float(hit), float(false)


def main() -> None:
    """Print the table."""
    out = sys.stdout
    out.write(f"{'pitch':>6} {'noise':>6} {'SNR dB':>7} {'found':>7} {'false':>7}\n")
    for pitch in PITCHES_HZ:
        for pink in (False, True):
            for snr in SNRS_DB:
                hit, false = rates(pitch, snr, pink)
                out.write(f"{pitch:>6.0f} {'pink' if pink else 'white':>6} {snr:>7} {hit:>7.3f} {false:>7.3f}\n")
    for kind in OTHERS:
        share = np.mean([analyse_sound([pcm(no_speech(kind, 30, seed))]).voice.mean() for seed in range(3)])
        out.write(f"{kind:>8}: {share:.3f} taken for speech\n")


if __name__ == "__main__":
    main()
