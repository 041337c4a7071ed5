"""The steps of a transition: how much of its way each part of the face has gone, and when, to look at and to edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from dfe_core.errors import DataError
from dfe_core.motion.timeline import Timeline, Track, track_envelope
from dfe_core.motion.transitions import STEPS

_APART_S = 1e-3


@dataclass(frozen=True, kw_only=True)
class TransitionStep:
    """One moment: time_s, and the share of the way of every moving track, in their order."""

    time_s: float
    shares: tuple[float, ...]


def moving_tracks(timeline: Timeline) -> list[int]:
    """The places of the tracks that rise over time and stay."""
    return [
        i for i, t in enumerate(timeline.tracks) if t.apex_s > t.onset_s and t.offset_s >= timeline.duration_s - 1e-6
    ]


def steps_of(timeline: Timeline) -> list[TransitionStep]:
    """The steps between the ends: the points of its tracks' courses; where none has any, evenly spread."""
    tracks = [timeline.tracks[i] for i in moving_tracks(timeline)]
    times = {round(t.onset_s + at * (t.apex_s - t.onset_s), 3) for t in tracks for at, _ in t.course}
    if not times:
        spans = {(t.onset_s, t.apex_s) for t in tracks}
        times = {round(a + k / STEPS * (b - a), 3) for a, b in spans for k in range(1, STEPS)}
    return [
        TransitionStep(time_s=time, shares=tuple(float(track_envelope(t, np.array([time]))[0]) for t in tracks))
        for time in sorted(times)
    ]


def with_steps(timeline: Timeline, steps: Sequence[TransitionStep]) -> Timeline:
    """The timeline through other steps: every moving track takes those that lie between its onset and its apex, and
    minimum jerk where none does. Raises `DataError` for steps at one time, and for shares of other tracks."""
    places = moving_tracks(timeline)
    ordered = sorted(steps, key=lambda step: step.time_s)
    for one, other in pairwise(ordered):
        if other.time_s - one.time_s < _APART_S:
            raise DataError("steps", f"two steps at {other.time_s:g} s", "a time for each")
    if any(len(step.shares) != len(places) for step in ordered):
        raise DataError("steps", "shares of other tracks", f"{len(places)} a step")
    tracks = list(timeline.tracks)
    for column, place in enumerate(places):
        tracks[place] = _through(tracks[place], [(step.time_s, step.shares[column]) for step in ordered])
    return replace(timeline, tracks=tuple(tracks))


def _through(track: Track, points: Sequence[tuple[float, float]]) -> Track:
    length = track.apex_s - track.onset_s
    inside = [(time, way) for time, way in points if track.onset_s + _APART_S <= time <= track.apex_s - _APART_S]
    course = tuple((round((time - track.onset_s) / length, 6), round(way, 4)) for time, way in inside)
    return replace(track, course=course)
