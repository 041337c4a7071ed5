"""Planted tracks: people whose brows, eyes, mouth and head do known things at times of their own.

Each region shows its own displays one after the other, with pauses of rest, whatever the other regions do. A display is
on from the onset of its movement to its end. Performed as `dfe_core.simulate` performs (range, sides, resting face and
posture of the person, cross-talk of the tracker), seen by one of its captures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces.model import FaceModel
from dfe_core.simulate.capture import find_capture, observe
from dfe_core.simulate.curves import minimum_jerk, smooth_knots
from dfe_core.simulate.events import Events
from dfe_core.simulate.repertoire import INDEX, SIDES, recipe_matrix
from dfe_core.simulate.synthesis import draw_person, perform

SHOWN: dict[str, dict[str, tuple[tuple[str, str, float], ...]]] = {
    "brow": {
        "brows up": (("AU1", "both", 1.0), ("AU2", "both", 1.0)),
        "inner brows up and brows down": (("AU1", "both", 1.0), ("AU4", "both", 1.0)),
        "brows down": (("AU4", "both", 1.0),),
    },
    "eye": {
        "eyes closed": (("AU43", "both", 1.0),),
        "eyes wide": (("AU5", "both", 1.0),),
        "squint": (("AU7", "both", 1.0), ("AU6", "both", 0.4)),
    },
    "mouth": {
        "smile": (("AU12", "both", 1.0),),
        "mouth open": (("AU26", "both", 1.0),),
        "lips pressed": (("AU24", "both", 1.0),),
        "lip corners down": (("AU15", "both", 1.0),),
        "pucker": (("AU18", "both", 1.0),),
    },
}
TURNS = {
    "head down": (0, 1.0),
    "head up": (0, -1.0),
    "head turned left": (1, 1.0),
    "head turned right": (1, -1.0),
    "head tilted left": (2, 1.0),
    "head tilted right": (2, -1.0),
}
"""Axis (pitch, yaw, roll) and sign."""
REGIONS = (*SHOWN, "head")
POSE = ("HeadPitch", "HeadYaw", "HeadRoll")
_TIMES_S = np.array([0.35, 0.9, 0.5, 1.2])
"""Medians of onset, hold, offset and the pause after it."""
_SPREAD = np.array([0.25, 0.5, 0.25, 0.4])
_DEGREES = (8.0, 22.0)
_WANDER = ((1.5, (0.4, 0.6, 0.3)), (8.0, (0.8, 1.2, 0.5)))
_BLINKS_PER_MINUTE = 12.0
_BLINK_S = (0.08, 0.12, 0.26)


@dataclass(frozen=True, kw_only=True)
class World:
    """How hard the planted tracks are: capture, frames per second, and whether eyes blink."""

    capture: str = "livelink"
    fps: float = 30.0
    blinks: bool = True


def planted_tracks(
    name: str, face: FaceModel, *, subjects: int = 12, seconds: float = 120.0, world: World | None = None, seed: int = 0
) -> tuple[Dataset, pd.DataFrame]:
    """Write the dataset `name` of one recording of each subject; return it and the truth: recording, onset_s, offset_s,
    tier and annotation."""
    world, rows = world or World(), []
    recipe, capture = recipe_matrix(face.names), find_capture(world.capture)
    frames = int(seconds * world.fps)
    with open_writer(name, face.names) as writer:
        for subject in range(subjects):
            rng = np.random.default_rng([seed, subject])
            recording, person = f"p{subject + 1:02d}", draw_person(rng)
            events, truth = face_events(rng, seconds, world)
            pose, turns = head_turns(rng, seconds, world)
            psi = perform(rng, person, events, recipe, face.names, frames, world.fps).psi
            rows += [(recording, *row) for row in (*truth, *turns)]
            writer.add(
                Recording(
                    name=recording,
                    names=face.names,
                    psi=observe(rng, psi, capture, face.names, world.fps),
                    time_s=np.arange(frames) / world.fps,
                    frame=np.arange(frames),
                    valid=np.ones(frames, bool),
                    fps=world.fps,
                    space="arkit",
                    extractor="simulated",
                    subject=recording,
                    extras={axis: pose[:, i].astype(np.float32) for i, axis in enumerate(POSE)},
                )
            )
        writer.close({"name": name, "face": face.id, "simulated": True, "sources": [], "dropped": [], "notes": []})
    table = pd.DataFrame(rows, columns=["recording", "onset_s", "offset_s", "tier", "annotation"])
    return Dataset.open(name), table


def _one_after_another(rng: np.random.Generator, seconds: float) -> list[tuple[float, float, float, float]]:
    """Onset, apex, release and end of displays of one region that fit into the time."""
    found, at = [], float(rng.uniform(0.5, 3.0))
    while True:
        rise, hold, fall, pause = _TIMES_S * np.exp(_SPREAD * rng.standard_normal(4))
        if at + rise + hold + fall > seconds - 0.5:
            return found
        found.append((at, at + rise, at + rise + hold, at + rise + hold + fall))
        at += rise + hold + fall + pause


def face_events(rng: np.random.Generator, seconds: float, world: World) -> tuple[Events, list[tuple]]:
    rows, truth = [], []
    for region, displays in SHOWN.items():
        for times in _one_after_another(rng, seconds):
            label = list(displays)[int(rng.integers(len(displays)))]
            strength = rng.uniform(2.0, 5.0)
            for code, side, share in displays[label]:
                size = np.clip(strength * share * np.exp(0.1 * rng.standard_normal()), 0.3, 5.0)
                rows.append((INDEX[code], SIDES.index(side), *times, size))
            truth.append((times[0], times[3], region, label))
    if world.blinks:
        eyes = [(on, off) for on, off, region, _ in truth if region == "eye"]
        for onset in np.sort(rng.uniform(1, seconds - 1, rng.poisson(_BLINKS_PER_MINUTE * seconds / 60))):
            end = onset + _BLINK_S[2]
            if any(on - 0.2 < end and onset < off + 0.2 for on, off in eyes):
                continue
            eyes.append((onset, end))
            rows.append((INDEX["AU45"], 0, onset, *(onset + s for s in _BLINK_S), 4.6))
            truth.append((onset, end, "eye", "eyes closed"))
    action, side, onset, apex, release, offset, size = (np.array(column) for column in zip(*rows, strict=True))
    events = Events(
        recording=np.zeros(len(action), int),
        action=action,
        side=side,
        onset_s=onset,
        apex_s=apex,
        release_s=release,
        offset_s=offset,
        intensity=size,
    )
    return events, truth


def head_turns(rng: np.random.Generator, seconds: float, world: World) -> tuple[np.ndarray, list[tuple]]:
    """(T, 3) pitch, yaw and roll in radians, and the truth: turns of 8 to 22 degrees, over a wander."""
    frames = int(seconds * world.fps)
    time = np.arange(frames) / world.fps
    pose = sum(smooth_knots(rng, frames, world.fps, knot_s, 3) * np.array(size) for knot_s, size in _WANDER)
    pose = pose + rng.normal(0, (4.0, 4.0, 2.0))
    truth = []
    for onset, apex, release, end in _one_after_another(rng, seconds):
        label = list(TURNS)[int(rng.integers(len(TURNS)))]
        axis, sign = TURNS[label]
        course = minimum_jerk((time - onset) / (apex - onset)) * (1 - minimum_jerk((time - release) / (end - release)))
        pose[:, axis] += sign * rng.uniform(*_DEGREES) * course
        truth.append((onset, end, "head", label))
    return np.radians(pose), truth
