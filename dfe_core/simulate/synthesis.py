"""Events to frames: minimum-jerk envelopes, a person's range and baseline, and the noise of a capture.

Letters of the shapes: T frames, C channels (`repertoire.CHANNELS`), E coefficients, n events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.simulate.events import Events
from dfe_core.simulate.repertoire import ACTIONS, CHANNELS, SIDES

FULL_INTENSITY = 5.0
_SAG = 0.12
"""An apex relaxes by up to this share before its release."""

_CHANNEL = {pair: i for i, pair in enumerate(CHANNELS)}
_LEFT = np.array([_CHANNEL[a.code, a.channels[0]] for a in ACTIONS])
_TWO = np.array([len(a.channels) == 2 for a in ACTIONS])


def minimum_jerk(u: np.ndarray) -> np.ndarray:
    """The smoothest rise from 0 to 1 as u goes from 0 to 1: 10u³ − 15u⁴ + 6u⁵ (Flash & Hogan 1985)."""
    u = np.clip(u, 0, 1)
    return u * u * u * (10 + u * (6 * u - 15))


def envelope(time_s: np.ndarray, events: Events) -> np.ndarray:
    """Share of full intensity at `time_s` (n,) of the events (n,), float64 in 0 … 1; 1 exactly at the apex alone."""
    rise = minimum_jerk((time_s - events.onset_s) / (events.apex_s - events.onset_s))
    fall = 1 - minimum_jerk((time_s - events.release_s) / (events.offset_s - events.release_s))
    hold = np.clip((time_s - events.apex_s) / np.maximum(events.release_s - events.apex_s, 1e-6), 0, 1)
    return rise * fall * (1 - _SAG * hold)


def on_channels(events: Events) -> tuple[Events, np.ndarray]:
    """Each event once for every channel it drives, and those channels (n,): a symmetric one drives left and right."""
    both = (events.side == SIDES.index("both")) & _TWO[events.action]
    right = events.side == SIDES.index("right")
    channel = _LEFT[events.action] + (right & _TWO[events.action])
    extra = events.take(both)
    index = np.concatenate([np.arange(len(events)), np.flatnonzero(both)])
    return events.take(index), np.concatenate([channel, _LEFT[extra.action] + 1])


def activation(events: Events, frames: int, fps: float, scale: np.ndarray | None = None) -> np.ndarray:
    """(T, C) float32 share of full intensity of every channel of one recording, from its events.

    `scale` (n',) multiplies each entry of `on_channels(events)`, for sides that do not match exactly.
    """
    driven, channel = on_channels(events)
    first = np.ceil(driven.onset_s * fps).astype(int)
    count = np.clip(np.floor(driven.offset_s * fps).astype(int) + 1, 0, frames) - first
    count = np.maximum(count, 0)
    which = np.repeat(np.arange(len(driven)), count)
    frame = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + first[which]
    size = driven.intensity / FULL_INTENSITY * (1 if scale is None else scale)
    result = np.zeros((frames, len(CHANNELS)), np.float32)
    np.maximum.at(result, (frame, channel[which]), size[which] * envelope(frame / fps, driven.take(which)))
    return result


@dataclass(frozen=True, eq=False)
class Person:
    """What stays the same in one subject: range (C,) a factor on each channel, baseline (E,), asymmetry (C,)."""

    range: np.ndarray
    baseline: np.ndarray
    asymmetry: np.ndarray


def draw_person(rng: np.random.Generator, coefficients: int) -> Person:
    """A subject: range about 1 (s.d. 0.15), a resting face that reads a little above zero, a few per cent asymmetry."""
    resting = rng.exponential(0.02, coefficients) * (rng.random(coefficients) < 0.5)
    return Person(np.clip(np.exp(rng.normal(0, 0.15, len(CHANNELS))), 0.65, 1.3), np.minimum(resting, 0.1),
                  rng.normal(0, 0.04, len(CHANNELS)))


def perform(rng: np.random.Generator, person: Person, events: Events, recipe: np.ndarray, frames: int,
            fps: float) -> np.ndarray:
    """(T, E) float32 ψ of one recording, in 0 … 1: channels through `recipe` (C, E), then baseline and noise."""
    channel = on_channels(events)[1]
    scale = person.range[channel] * (1 + person.asymmetry[channel] + rng.normal(0, 0.05, len(channel)))
    clean = activation(events, frames, fps, scale) @ recipe + person.baseline.astype(np.float32)
    return np.clip(clean + _drift(rng, frames, fps, recipe.shape[1]) + _jitter(rng, clean), 0, 1).astype(np.float32)


def _drift(rng: np.random.Generator, frames: int, fps: float, coefficients: int) -> np.ndarray:
    """Slow wander of the tracker (s.d. 0.008): one random knot in five seconds, joined smoothly."""
    knots = rng.normal(0, 0.008, (int(frames / fps / 5) + 3, coefficients)).astype(np.float32)
    place = np.arange(frames) / fps / 5
    left = place.astype(int)
    mix = minimum_jerk(place - left)[:, None].astype(np.float32)
    return knots[left] * (1 - mix) + knots[left + 1] * mix


def _jitter(rng: np.random.Generator, clean: np.ndarray) -> np.ndarray:
    """Frame-to-frame noise of the tracker: s.d. 0.004, and 2 % of the coefficient's size."""
    return rng.standard_normal(clean.shape, np.float32) * (0.004 + 0.02 * clean)
