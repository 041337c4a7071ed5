"""Smooth courses of time."""

from __future__ import annotations

import numpy as np


def minimum_jerk(u: np.ndarray) -> np.ndarray:
    """The smoothest rise from 0 to 1 as u goes from 0 to 1: 10u³ − 15u⁴ + 6u⁵ (Flash & Hogan 1985)."""
    u = np.clip(u, 0, 1)
    return u * u * u * (10 + u * (6 * u - 15))


def smooth_knots(rng: np.random.Generator, frames: int, fps: float, knot_s: float, columns: int) -> np.ndarray:
    """(frames, columns) float32 slow wander: standard normal knots every `knot_s` seconds, joined by `minimum_jerk`."""
    knots = rng.standard_normal((int(frames / fps / knot_s) + 3, columns), np.float32)
    return join_knots(knots, frames, fps, knot_s)


def join_knots(knots: np.ndarray, frames: int, fps: float, knot_s: float) -> np.ndarray:
    """(frames, n) float32 through the rows of `knots` (k, n), one every `knot_s` seconds from the first frame on."""
    place = np.arange(frames) / fps / knot_s
    left = place.astype(int)
    mix = minimum_jerk(place - left)[:, None].astype(np.float32)
    return knots[left] * (1 - mix) + knots[left + 1] * mix
