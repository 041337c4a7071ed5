"""Planted micro-expressions: corpora of people, with short faint displays among longer ones and blinks.

Each corpus has a frame rate, a tracker and a strength of its own. Between the planted displays a face does what it does
in any simulated recording, without speech: displays of half a second and more, blinks, gaze and a wandering posture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces.model import FaceModel
from dfe_core.ontology.micro_classes import MICRO_CLASSES
from dfe_core.simulate.capture import find_capture, observe
from dfe_core.simulate.dataset import truth_table
from dfe_core.simulate.effects import assign_labels, draw_habits, read_effect
from dfe_core.simulate.events import Events, concatenate, draw_events
from dfe_core.simulate.repertoire import ACTIONS, INDEX, SIDES, recipe_matrix
from dfe_core.simulate.synthesis import draw_person, perform

ABOUT = (
    "Simulated performances, not recordings of people: micro-expressions of 0.2 to 0.5 s planted among longer displays "
    "and blinks, with known onset, apex, offset and class, by dfe_core.simulate.micro_displays."
)
_SHARES = {"negative": 0.5, "positive": 0.25, "surprise": 0.25}
_LEAST_S, _MOST_S = 0.2, 0.5
_MACRO_S = 0.6
"""Displays that nobody planted last at least so long."""
_APART_S = 1.2


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """fps, the tracker (a key of `capture.CAPTURES`), how noisy (a factor on its jitter) and the FACS intensities
    (of 5) of planted displays."""

    name: str
    fps: float = 100.0
    capture: str = "livelink"
    noise: float = 30.0
    intensity: tuple[float, float] = (0.5, 1.8)


CORPORA = (
    Corpus(name="a", fps=200.0, noise=20.0, intensity=(0.6, 2.0)),
    Corpus(name="b", fps=100.0, noise=40.0, intensity=(0.5, 1.6)),
    Corpus(name="c", fps=60.0, noise=60.0, intensity=(0.5, 1.4)),
)


@dataclass(frozen=True, kw_only=True)
class PlantedMicro:
    """What is planted.

    Attributes
    ----------
    corpora: of `Corpus`. subjects: of each, with one recording. seconds: of each recording. displays: planted in each.
    complete: chance that an action of a display shows at all; of those that do not, one always does.
    seed: of everything.
    """

    corpora: tuple[Corpus, ...] = CORPORA
    subjects: int = 10
    seconds: float = 40.0
    displays: int = 6
    complete: float = 0.8
    seed: int = 0


def plant_micro_displays(
    name: str, face: FaceModel, asked: PlantedMicro, root: Path | None = None
) -> tuple[Dataset, pd.DataFrame]:
    """Write ``datasets/<name>`` with a label ``corpus``, and give the planted windows.

    Returns
    -------
    The dataset, and one row per planted display: recording, onset_s, apex_s, offset_s (s), emotion.

    Raises `DataError` for recordings too short for their displays.
    """
    if asked.seconds < 2 * _APART_S * (asked.displays + 1):
        raise DataError("seconds", f"{asked.seconds:g} for {asked.displays} displays", "more")
    effect = read_effect(None)
    recipe = recipe_matrix(face.names, effect.omitted)
    windows, truths = [], []
    with open_writer(name, face.names, root) as writer:
        for c, corpus in enumerate(asked.corpora):
            for subject in range(asked.subjects):
                rng = np.random.default_rng([asked.seed, 83, c, subject])
                called = f"{corpus.name}{subject + 1:02d}"
                planted, rows = _planted(rng, asked, corpus)
                events = concatenate([_beside(rng, effect, asked, planted), planted])
                recording = _recorded(rng, events, recipe, face.names, asked, corpus, called)
                writer.add(recording, {"corpus": corpus.name})
                windows.append(rows.assign(recording=called))
                truths.append(truth_table(events, [called]))
        manifest: dict[str, Any] = {"name": name, "face": face.id, "simulated": True, "sources": [], "dropped": []}
        writer.close({**manifest, "about": ABOUT}, pd.concat(truths, ignore_index=True))
    columns = ["recording", "onset_s", "apex_s", "offset_s", "emotion"]
    return Dataset.open(name, root), pd.concat(windows, ignore_index=True)[columns]


def _planted(rng: np.random.Generator, asked: PlantedMicro, corpus: Corpus) -> tuple[Events, pd.DataFrame]:
    """The planted displays of a recording, spread over it."""
    slot = asked.seconds / asked.displays
    onset = (np.arange(asked.displays) + rng.uniform(0.1, 0.9, asked.displays)) * slot
    onset = np.minimum(onset, asked.seconds - _MOST_S - 0.5)
    names = rng.choice(list(_SHARES), asked.displays, p=list(_SHARES.values()))
    parts, rows = [], []
    for start, name in zip(onset, names, strict=True):
        display = MICRO_CLASSES[name][rng.integers(len(MICRO_CLASSES[name]))]
        shown = [code for code in display if rng.random() < asked.complete] or [display[rng.integers(len(display))]]
        length = rng.uniform(_LEAST_S, _MOST_S)
        rise, fall = length * rng.uniform(0.3, 0.45), length * rng.uniform(0.35, 0.5)
        times = np.array([start, start + rise, start + length - fall, start + length])
        strength = rng.uniform(*corpus.intensity)
        parts.append(_display(rng, shown, times, strength))
        rows.append({"onset_s": start, "apex_s": (times[1] + times[2]) / 2, "offset_s": times[3], "emotion": name})
    return concatenate(parts), pd.DataFrame(rows)


def _display(rng: np.random.Generator, codes: list[str], times: np.ndarray, strength: float) -> Events:
    n = len(codes)
    sided = [ACTIONS[INDEX[code]].sides == "paired" and rng.random() < 0.2 for code in codes]
    side = [SIDES.index(rng.choice(["left", "right"])) if one else SIDES.index("both") for one in sided]
    return Events(
        recording=np.zeros(n, int),
        action=np.array([INDEX[code] for code in codes]),
        side=np.array(side),
        onset_s=np.full(n, times[0]),
        apex_s=np.full(n, times[1]),
        release_s=np.full(n, times[2]),
        offset_s=np.full(n, times[3]),
        intensity=np.clip(strength * np.exp(0.2 * rng.standard_normal(n)), 0.3, 5.0),
    )


def _beside(rng: np.random.Generator, effect: Any, asked: PlantedMicro, planted: Events) -> Events:
    """What else the face does: no speech, nothing but blinks and gaze that is as short, and nothing by the same action
    at the time of a planted display, which would hide it."""
    labels = assign_labels(rng, effect, 1, 1)
    events = draw_events(rng, draw_habits(rng, effect, labels, asked.seconds / 60), asked.seconds)
    quick = np.array([a.dynamics in ("blink", "gaze", "closed") for a in ACTIONS])[events.action]
    events = events.take(quick | (events.offset_s - events.onset_s >= _MACRO_S))
    hides = (
        (events.action[:, None] == planted.action[None])
        & (events.onset_s[:, None] < planted.offset_s[None] + 0.2)
        & (events.offset_s[:, None] > planted.onset_s[None] - 0.2)
    ).any(1)
    return events.take(~hides)


def _recorded(
    rng: np.random.Generator,
    events: Events,
    recipe: np.ndarray,
    names: tuple[str, ...],
    asked: PlantedMicro,
    corpus: Corpus,
    called: str,
) -> Recording:
    frames = round(asked.seconds * corpus.fps)
    clean = perform(rng, draw_person(rng), events, recipe, names, frames, corpus.fps).psi
    tracker = find_capture(corpus.capture)
    tracker = replace(tracker, jitter=(tracker.jitter[0] * corpus.noise, tracker.jitter[1] * corpus.noise))
    index = np.arange(frames)
    return Recording(
        name=called,
        names=names,
        psi=observe(rng, clean, tracker, names, corpus.fps),
        time_s=index / corpus.fps,
        frame=index,
        valid=np.ones(frames, bool),
        fps=corpus.fps,
        space="arkit",
        extractor="simulated",
        subject=called,
    )
