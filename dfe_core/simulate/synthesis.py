"""Events to frames: minimum-jerk envelopes, a person's range and resting face, and what moves along.

Letters of the shapes: T frames, C channels (`repertoire.CHANNELS`), E coefficients, n events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.simulate.coupling import couple, coupling_matrix
from dfe_core.simulate.curves import join_knots, minimum_jerk
from dfe_core.simulate.events import Events
from dfe_core.simulate.repertoire import ACTIONS, CHANNELS, INDEX, SIDES

FULL_INTENSITY = 5.0
_SAG = 0.12
"""An apex relaxes by up to this share before its release."""

OVERFLOW = 0.08
"""Share of a one-sided action that shows on the other side."""
REST, REST_SHARE, LARGEST_REST = 0.07, 0.3, 0.18
"""Resting face: mean and largest share of full intensity of an action's tonus, and the share of actions with any."""
POSTURE, LARGEST_POSTURE, _POSTURE_S = 0.08, 0.17, 6.0
"""Slow changes of it, by recording: mean and largest size, and seconds from one posture to the next."""

_CHANNEL = {pair: i for i, pair in enumerate(CHANNELS)}
_LEFT = np.array([_CHANNEL[a.code, a.channels[0]] for a in ACTIONS])
_TWO = np.array([len(a.channels) == 2 for a in ACTIONS])
_ACTION = np.array([INDEX[code] for code, _ in CHANNELS])
_LOWER = np.array([ACTIONS[INDEX[code]].lower for code, _ in CHANNELS])
_MIRRORED = {"left": "right", "right": "left", "both": "both"}
_OTHER_SIDE = np.array([_CHANNEL[code, _MIRRORED[side]] for code, side in CHANNELS])
_HAS_OTHER = np.array([ACTIONS[INDEX[code]].sides == "paired" for code, _ in CHANNELS], np.float32)


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
    """What stays the same in one subject.

    Attributes
    ----------
    range: (C,) factor on each channel. asymmetry: (C,) further factor less 1, of the sides against each other.
    rest: (C,) share of full intensity at which the resting face reads.
    """

    range: np.ndarray
    asymmetry: np.ndarray
    rest: np.ndarray


def draw_person(rng: np.random.Generator) -> Person:
    """A subject: range about 1 (s.d. 0.2 between people, 0.1 between actions), mouth and cheeks stronger on one side
    (s.d. 0.1), lids, eyes and brows alike, and a resting face that is not neutral."""
    own = {a.code: rng.normal(0, 0.1) for a in ACTIONS}
    overall = rng.normal(0, 0.2)
    spread = np.exp([overall + own[code] for code, _ in CHANNELS])
    asymmetry = rng.standard_normal(len(CHANNELS)) * np.where(_LOWER, 0.10, 0.01)
    tonus = {a.code: rng.exponential(REST) * (rng.random() < REST_SHARE) * a.restful for a in ACTIONS}
    rest = np.minimum([tonus[code] for code, _ in CHANNELS], LARGEST_REST)
    return Person(np.clip(spread, 0.6, 1.5), asymmetry, rest * (1 + asymmetry))


@dataclass(frozen=True, eq=False)
class Performance:
    """One recording before any tracker: psi (T, E) float32 and the activation (T, C) of its channels' true events."""

    psi: np.ndarray
    activation: np.ndarray


def perform(
    rng: np.random.Generator,
    person: Person,
    events: Events,
    recipe: np.ndarray,
    names: tuple[str, ...],
    frames: int,
    fps: float,
) -> Performance:
    """Perform one recording's events: channels through `recipe` (C, E), with rest, posture and what moves along."""
    channel = on_channels(events)[1]
    uneven = rng.standard_normal(len(channel)) * np.where(_LOWER, 0.08, 0.01)[channel]
    scale = person.range[channel] * (1 + person.asymmetry[channel] + uneven)
    driven = _overflow(activation(events, frames, fps, scale))
    driven += _posture(rng, frames, fps) + person.rest.astype(np.float32)
    psi = couple(driven @ recipe, coupling_matrix(names), names)
    return Performance(np.clip(psi, 0, 1), activation(events, frames, fps))


def _overflow(level: np.ndarray) -> np.ndarray:
    """(T, C): an action of one side shows a little on the other, too."""
    return np.maximum(level, OVERFLOW * level[:, _OTHER_SIDE] * _HAS_OTHER)


def _posture(rng: np.random.Generator, frames: int, fps: float) -> np.ndarray:
    """(T, C) float32 slow changes of the resting face: a few actions of a recording, both sides alike, always weaker
    than intensity 1, so that no truth lacks them."""
    size = np.minimum(rng.exponential(POSTURE, len(ACTIONS)), LARGEST_POSTURE) * (rng.random(len(ACTIONS)) < 0.2)
    size *= np.array([a.restful for a in ACTIONS])
    knots = rng.beta(0.6, 0.9, (int(frames / fps / _POSTURE_S) + 3, len(ACTIONS))) * size
    return join_knots(knots.astype(np.float32), frames, fps, _POSTURE_S)[:, _ACTION]
