"""Two faces of which one answers the other: tracks with a known lag and a known share of onsets that are answered.

Made for measuring what the analysis recovers: no mesh, no tracker, only intensities on a clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.conversations.pairing import TalkingFaces
from dfe_core.conversations.tracks import CODEWORD, FaceTrack

_RISE_S, _FALL_S = 0.4, 1.2


@dataclass(frozen=True, kw_only=True)
class PlantedAnswers:
    """What is planted.

    Attributes
    ----------
    conversations, minutes, step_s: how many, how long, and the clock. things: codewords of each face; the first
        `answered` of them are answered. per_minute: onsets of each codeword of its own face.
    strength: share of the first face's onsets that the second answers. lag_s, jitter_s: mean and standard deviation of
        how much later. lost: share of the time that is a gap, in stretches of 2 s.
    common_s: where above 0, the onsets of both faces gather in the first half of stretches of so many seconds, at the
        same times in every conversation: a task that both follow.
    seed: of everything.
    """

    conversations: int = 12
    minutes: float = 3.0
    step_s: float = 0.1
    things: int = 6
    answered: int = 1
    per_minute: float = 6.0
    strength: float = 0.5
    lag_s: float = 1.0
    jitter_s: float = 0.1
    lost: float = 0.0
    common_s: float = 0.0
    seed: int = 0


def plant_answers(asked: PlantedAnswers) -> tuple[list[TalkingFaces], pd.DataFrame]:
    """Conversations and the table of their things, for `analysis.analyse_faces`."""
    rng = np.random.default_rng([asked.seed, 53])
    things = pd.DataFrame({"kind": CODEWORD, "thing": [str(k + 1) for k in range(asked.things)], "description": ""})
    return [_conversation(f"c{i:02d}", asked, rng) for i in range(asked.conversations)], things


def _conversation(name: str, asked: PlantedAnswers, rng: np.random.Generator) -> TalkingFaces:
    own = [[_onsets(asked, rng) for _ in range(asked.things)] for _ in range(2)]
    for k in range(asked.answered):
        heard = own[0][k][rng.random(len(own[0][k])) < asked.strength]
        own[1][k] = np.concatenate([own[1][k], heard + rng.normal(asked.lag_s, asked.jitter_s, len(heard))])
    return TalkingFaces(name, tuple(_track(f"{name}-face{i}", one, asked, rng) for i, one in enumerate(own)))


def _onsets(asked: PlantedAnswers, rng: np.random.Generator) -> np.ndarray:
    """Seconds at which a face begins a codeword of its own accord."""
    times = rng.uniform(0, asked.minutes * 60, rng.poisson(asked.per_minute * asked.minutes))
    if asked.common_s > 0:
        times = times - (times % asked.common_s) / 2
    return times


def _track(name: str, onsets: list[np.ndarray], asked: PlantedAnswers, rng: np.random.Generator) -> FaceTrack:
    count = round(asked.minutes * 60 / asked.step_s)
    clock = np.arange(count) * asked.step_s
    intensity, begun = np.zeros((count, len(onsets)), np.float32), np.zeros((count, len(onsets)), bool)
    for k, times in enumerate(onsets):
        for onset in times:
            since = (clock - onset).clip(0)
            shape = np.where(since < _RISE_S, since / _RISE_S, 1 - (since - _RISE_S) / _FALL_S)
            intensity[:, k] = np.maximum(intensity[:, k], shape.clip(0, 1) * rng.uniform(0.5, 1))
        step = np.rint(times / asked.step_s).astype(int)
        begun[step[(step >= 0) & (step < count)], k] = True
    known = _known(count, asked, rng)
    return FaceTrack(
        recording=name, start=0, known=known, intensity=intensity * known[:, None], onset=begun & known[:, None]
    )


def _known(count: int, asked: PlantedAnswers, rng: np.random.Generator) -> np.ndarray:
    known, length = np.ones(count, bool), max(1, round(2.0 / asked.step_s))
    for start in rng.integers(0, max(count - length, 1), round(asked.lost * count / length)):
        known[start : start + length] = False
    return known


def plant_turns(minutes: float, step_s: float, gap_s: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(N,) speech of two faces, 1 or 0, who speak in turn for 1 to 4 s with `gap_s` between turns."""
    rng, count = np.random.default_rng([seed, 59]), round(minutes * 60 / step_s)
    speech, start, who = np.zeros((2, count)), 0.0, 0
    while start < minutes * 60:
        stop = start + rng.uniform(1, 4)
        speech[who, round(start / step_s) : round(stop / step_s)] = 1
        start, who = stop + gap_s, 1 - who
    return speech[0], speech[1]
