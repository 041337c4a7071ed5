"""Sounds whose speech is known: phrases of syllables from a pulse train through formants, and what is no speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

RATE = 16_000
FORMANTS = ((700, 1100, 2500), (300, 2200, 2900), (500, 1700, 2500), (350, 800, 2300))
"""Hz, of four vowels."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Spoken:
    """samples: (S,) −1 … 1. speech: (S,) bool, within phrases."""

    samples: np.ndarray
    speech: np.ndarray


def spoken(seconds: float, seed: int, pitch_hz: float = 120.0) -> Spoken:
    """Phrases of 1 to 3 s at 4 to 6 syllables a second, between pauses of 0.7 to 2 s; loudest sample 0.5."""
    rng, count = np.random.default_rng(seed), int(seconds * RATE)
    samples, speech = np.zeros(count), np.zeros(count, bool)
    at = int(rng.uniform(0.5, 1.5) * RATE)
    while at < count:
        end = min(count, at + int(rng.uniform(1, 3) * RATE))
        speech[at:end] = True
        while at < end:
            length = int(RATE / rng.uniform(4, 6))
            sound = _syllable(length, pitch_hz * rng.uniform(0.85, 1.2), FORMANTS[rng.integers(len(FORMANTS))], rng)
            samples[at : min(end, at + length)] += sound[: min(end, at + length) - at]
            at += length
        at = end + int(rng.uniform(0.7, 2) * RATE)
    return Spoken(samples=0.5 * samples / np.abs(samples).max(), speech=speech)


def _syllable(length: int, pitch_hz: float, formants: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """A fricative of noise, then a vowel that rises and falls."""
    consonant = int(length * 0.25)
    phase = np.cumsum(np.full(length - consonant, pitch_hz / RATE))
    sound = np.diff(np.floor(phase), prepend=0.0)
    for hertz in formants:
        radius = np.exp(-np.pi * 90 / RATE)
        sound = lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * hertz / RATE), radius**2], sound)
    vowel = sound / max(np.abs(sound).max(), 1e-9) * np.sin(np.linspace(0, np.pi, len(sound))) ** 0.7
    return np.concatenate([0.08 * rng.normal(size=consonant), vowel * rng.uniform(0.5, 1)])


def in_noise(spoken_: Spoken, snr_db: float, seed: int, pink: bool = False) -> np.ndarray:
    """The samples with noise so many dB below the speech within phrases."""
    noise = np.random.default_rng(seed).normal(size=len(spoken_.samples))
    if pink:  # a cascade that falls by about 3 dB an octave (P. Kellet's economy filter)
        noise = sum(lfilter([b], [1, -a], noise) for a, b in ((0.99765, 0.099), (0.963, 0.2965), (0.57, 1.0526)))
    level = np.sqrt((spoken_.samples[spoken_.speech] ** 2).mean()) * 10 ** (-snr_db / 20)
    return spoken_.samples + noise * level / noise.std()


def no_speech(kind: str, seconds: float, seed: int) -> np.ndarray:
    """Sounds of other kinds: noise, hum, tone, clicks, bursts of noise, a door."""
    rng, time = np.random.default_rng(seed), np.arange(int(seconds * RATE)) / RATE
    quiet = 0.001 * rng.normal(size=len(time))
    return (
        quiet
        + {
            "noise": lambda: 0.1 * rng.normal(size=len(time)),
            "hum": lambda: sum(0.1 / k * np.sin(2 * np.pi * 50 * k * time) for k in (1, 2, 3, 5)),
            "tone": lambda: 0.2 * np.sin(2 * np.pi * 440 * time),
            "clicks": lambda: 0.8 * (rng.random(len(time)) < 2 / RATE),
            "bursts": lambda: 0.2 * rng.normal(size=len(time)) * (np.sin(2 * np.pi * 3 * time) > 0),
            "silence": lambda: np.zeros(len(time)),
        }[kind]()
    )


def pcm(samples: np.ndarray) -> bytes:
    """16-bit little-endian."""
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
