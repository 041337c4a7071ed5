"""Planted displays: people who show known displays one after the other, with pauses of a resting face between them.

Every display is one of `dfe_core.simulate`'s, performed with its person's range, sides and resting face, an intensity
between B and E and times that vary (minimum-jerk onset about 0.45 s, hold 0.9 s, offset 0.6 s). The truth is, for every
frame, which display is on: from the onset of its first action to the end of its last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces.model import FaceModel
from dfe_core.simulate.capture import find_capture, observe
from dfe_core.simulate.events import Events
from dfe_core.simulate.repertoire import DISPLAYS, INDEX, SIDES, recipe_matrix
from dfe_core.simulate.synthesis import draw_person, perform

SHOWN = tuple(
    d
    for d in DISPLAYS
    if d.name in "happiness sadness surprise fear anger disgust pain thinking doubt contempt".split()
)
FPS = 30.0
_ONSET_S, _HOLD_S, _OFFSET_S, _PAUSE_S, _SPREAD = 0.45, 0.9, 0.6, 1.0, 0.25
_BLINKS_PER_MINUTE = 12.0


@dataclass(frozen=True, eq=False, kw_only=True)
class PlantedTruth:
    """Of one recording: label (T,) int64 by frame, 0 for rest and 1 + the place in `SHOWN`, and edges_s, the onsets
    and ends of displays."""

    label: np.ndarray
    edges_s: np.ndarray


def planted_dataset(
    name: str, face: FaceModel, *, subjects: int = 12, seconds: float = 120.0, blinks: bool = False, seed: int = 0
) -> tuple[Dataset, dict[str, PlantedTruth]]:
    """Write the dataset `name` of one recording of each subject, and return it with its truth."""
    recipe, capture, truths = recipe_matrix(face.names), find_capture("livelink"), {}
    frames = int(seconds * FPS)
    with open_writer(name, face.names) as writer:
        for subject in range(subjects):
            rng = np.random.default_rng([seed, subject])
            person, (events, truth) = draw_person(rng), _performance(rng, seconds, blinks)
            shown = perform(rng, person, events, recipe, face.names, frames, FPS)
            recording = f"p{subject + 1:02d}"
            truths[recording] = truth
            writer.add(
                Recording(
                    name=recording,
                    names=face.names,
                    psi=observe(rng, shown.psi, capture, face.names, FPS),
                    time_s=np.arange(frames) / FPS,
                    frame=np.arange(frames),
                    valid=np.ones(frames, bool),
                    fps=FPS,
                    space="arkit",
                    extractor="simulated",
                    subject=recording,
                )
            )
        writer.close({"name": name, "face": face.id, "simulated": True, "sources": [], "dropped": [], "notes": []})
    return Dataset.open(name), truths


def _performance(rng: np.random.Generator, seconds: float, blinks: bool) -> tuple[Events, PlantedTruth]:
    """Displays in random order with pauses, and where they begin and end."""
    rows, spans, at = [], [], _PAUSE_S
    while True:
        display = int(rng.integers(len(SHOWN)))
        rise, hold, fall = np.array([_ONSET_S, _HOLD_S, _OFFSET_S]) * np.exp(_SPREAD * rng.standard_normal(3))
        if at + rise + hold + fall > seconds - 0.5:
            break
        strength, _ = rng.uniform(2.0, 5.0), rng.random()
        for code, side, share in SHOWN[display].members:
            own = np.exp(0.1 * rng.standard_normal())
            times = (at, at + rise, at + rise + hold, at + rise + hold + fall)
            rows.append((INDEX[code], SIDES.index(side), *times, np.clip(strength * share * own, 0.3, 5.0)))
        spans.append((display, at, at + rise + hold + fall))
        at += rise + hold + fall + _PAUSE_S * np.exp(2 * _SPREAD * rng.standard_normal())
    if blinks:
        for onset in np.sort(rng.uniform(0, seconds - 1, rng.poisson(_BLINKS_PER_MINUTE * seconds / 60))):
            rows.append((INDEX["AU45"], 0, onset, onset + 0.08, onset + 0.12, onset + 0.26, 4.5))
    time = np.arange(int(seconds * FPS)) / FPS
    label = np.zeros(len(time), np.int64)
    for display, start, end in spans:
        label[(time >= start) & (time < end)] = 1 + display
    action, side, *times, intensity = (np.array(column) for column in zip(*rows, strict=True))
    onset, apex, release, offset = times
    events = Events(
        recording=np.zeros(len(action), int),
        action=action,
        side=side,
        onset_s=onset,
        apex_s=apex,
        release_s=release,
        offset_s=offset,
        intensity=intensity,
    )
    return events, PlantedTruth(label=label, edges_s=np.array([t for _, start, end in spans for t in (start, end)]))
