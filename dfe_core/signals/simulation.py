"""Signals with known truth: a jaw with a sound that is late and drifts, and modalities that carry a label."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_SOUND_HZ, _FACE_HZ = 100.0, 30.0


def plant_course(
    *, offset_s: float, minutes: float, drift_ms_per_min: float = 0.0, noise: float = 1.0, seed: int = 0
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Times and values of a jaw at 30 frames a second and of a sound's envelope at 100 Hz that goes with it.

    offset_s: what is added to the sound's clock for the jaw's, at the middle. drift_ms_per_min: by how much that grows.
    noise: standard deviation of what else is in the envelope, of the jaw's.
    """
    rng, seconds = np.random.default_rng([seed, 71]), minutes * 60
    knots = np.arange(0, seconds + 10, 0.12)
    talking = np.repeat(rng.random(len(knots) // 25 + 1) < 0.5, 25)[: len(knots)]
    height = rng.gamma(2, 0.5, len(knots)) * talking
    face_s, clock = np.arange(0, seconds, 1 / _FACE_HZ), np.arange(0, seconds, 1 / _SOUND_HZ)
    late = offset_s + drift_ms_per_min / 1000 * (clock - seconds / 2) / 60
    jaw = np.interp(face_s, knots, height) + 0.1 * rng.standard_normal(len(face_s))
    heard = np.interp(clock + late, knots, height)
    return (face_s, jaw), (clock, heard + noise * heard.std() * rng.standard_normal(len(clock)))


def plant_modalities(
    carried: Mapping[str, float], *, subjects: int, recordings: int = 2, features: int = 6, seed: int = 0
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Features of modalities, labels and subjects (n,). carried: by how many standard deviations the label moves the
    first feature of each modality; people differ in all of them."""
    rng = np.random.default_rng([seed, 73])
    people = np.repeat(np.arange(subjects), recordings)
    labels = np.tile(np.arange(recordings) % 2, subjects)
    found = {}
    for name, size in carried.items():
        own = rng.standard_normal((subjects, features))[people] * 0.5
        values = own + rng.standard_normal((len(people), features))
        values[:, 0] += size * (labels * 2 - 1) / 2
        found[name] = values
    return found, np.array(["a", "b"])[labels], people.astype(str)
