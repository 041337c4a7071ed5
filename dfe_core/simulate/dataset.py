"""Write a simulated dataset: performances with their truth beside the frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact_names import DATASETS
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import DatasetWriter, open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, Progress, silent
from dfe_core.simulate.capture import Capture, find_capture, observe
from dfe_core.simulate.effects import SESSIONS, Effect, assign_labels, draw_habits, read_effect, realised
from dfe_core.simulate.events import Events, concatenate, draw_events, without_overlap
from dfe_core.simulate.head import POSE, artefact, artefact_gain, draw_weights, head_movement
from dfe_core.simulate.palsy import (
    HEALTHY,
    PROTOCOL_SHARE,
    Weakness,
    draw_courses,
    draw_weakness,
    palsy_facts,
    protocol_events,
    weaken,
    weakened_events,
)
from dfe_core.simulate.repertoire import ACTIONS, INDEX, SIDES, recipe_matrix
from dfe_core.simulate.synthesis import draw_person, perform
from dfe_core.store import require_new_name

VERSION = 3
"""Of what is drawn: raised when the same settings give other frames."""
INSTRUCTED_SHARE = 1 / 6
LEAST_INSTRUCTED_S = 4.0
"""Share of a recording in which the subject makes instructed movements, one at a time, as in recordings of the range of
motion; none where that would be too short."""
_ARTEFACT, _PALSY = 1_000_003, 1_000_033
ABOUT = (
    "Simulated performances, not recordings of people: facial actions drawn at random, with known onset, apex, "
    "offset, side and intensity, by dfe_core.simulate."
)
_LOSSES_PER_MINUTE = 0.25


@dataclass(frozen=True, kw_only=True)
class SimulationSettings:
    """Every choice of a simulation.

    Attributes
    ----------
    subjects
        Number of people, two recordings each; with a palsy as many as its sessions and repeats say.
    minutes_per_subject
        Over all recordings together, min. A sixth of each are instructed movements, with a palsy three quarters.
    fps
        Frames a second; None: the capture's.
    seed
        The same settings give the same frames.
    effect
        A TOML file, or the name of a shipped one (`effects.shipped_effects`); None: ``default``.
    capture
        Tracker whose noise the data have, a key of `capture.CAPTURES`.
    pose_artefact
        Share (0 to 0.9) of a subject's displacement variance that a static function of head pose adds. ψ may then leave
        0 … 1; `head.clean_psi` gives it without the artefact.
    """

    subjects: int = 40
    minutes_per_subject: float = 4.0
    fps: float | None = None
    seed: int = 0
    effect: str | Path | None = None
    capture: str = "livelink"
    pose_artefact: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What all subjects of a simulated dataset share.

    recipe: (C, E) `repertoire.recipe_matrix`. weights: (9, E) of the pose artefact, up to each subject's gain.
    pose_artefact: share of displacement variance that the artefact adds, 0 for none.
    frames: of each recording. instructed_s: seconds of instructed movements at the start of each. sessions, repeats: of
    every subject, and recordings in each.
    """

    face: FaceModel
    effect: Effect
    recipe: np.ndarray
    capture: Capture
    weights: np.ndarray
    pose_artefact: float
    frames: int
    fps: float
    instructed_s: float
    seed: int
    sessions: int = SESSIONS
    repeats: int = 1


@audited("simulate", DATASETS)
def simulate_dataset(
    name: str = "simulated",
    face: FaceModel | None = None,
    *,
    root: Path | None = None,
    progress: Listener = silent,
    **settings: Any,
) -> Dataset:
    """Simulate people in two recordings each and write ``datasets/<name>`` with its truth.

    The same arguments give the same frames. ψ lies in 0 … 1 on the face's coefficients, which must hold ARKit's.

    Parameters
    ----------
    face: default the Anny head.
    **settings: fields of `SimulationSettings`: subjects, minutes_per_subject, fps, seed, effect, capture …

    Raises `DataError` for numbers out of range, a broken effect file and a face without ARKit coefficients.
    """
    require_new_name("datasets", name, root)
    asked = SimulationSettings(**settings)
    effect = read_effect(asked.effect)  # before the face, which may take seconds to build
    face, subjects = face or default_face(root, progress), asked.subjects
    scene = open_scene(face, asked, effect)
    require_scene(scene, subjects, asked.minutes_per_subject)
    each = scene.sessions * scene.repeats
    labels = _labels(scene, subjects, each)
    truths: list[pd.DataFrame] = []
    weak: list[Weakness] = []
    gains: dict[str, float] = {}
    with open_writer(name, face.names, root) as writer:
        for subject in range(subjects):
            own = labels.iloc[subject * each : (subject + 1) * each].reset_index(drop=True)
            left = _weakness(scene, subject, own)
            truth, gain = _subject(writer, subject, own, scene, left)
            weak += left
            truths.append(truth)
            gains[_subject_name(subject)] = gain
            progress(Progress(task="simulate", done=subject + 1, total=subjects, detail=f"subject {subject + 1}"))
        truth = pd.concat(truths, ignore_index=True)
        rows = labels.assign(recording=[r for t in range(subjects) for r in _names(t, scene)])
        more: dict[str, Any] = {"subjects": subjects, "minutes_per_subject": asked.minutes_per_subject}
        if scene.effect.palsy:
            more["palsy"] = palsy_facts(scene.effect.palsy, list(rows["recording"]), weak)
        writer.close(_manifest(name, scene, rows, truth, gains, **more), truth)
    return Dataset.open(name, root)


def open_scene(face: FaceModel, asked: SimulationSettings, effect: Effect | None = None) -> Scene:
    """What all subjects share; effect: instead of the one that the settings name."""
    planted, capture = effect or read_effect(asked.effect), find_capture(asked.capture)
    fps = capture.fps if asked.fps is None else asked.fps
    sessions, repeats = planted.recordings_each
    seconds = asked.minutes_per_subject * 60 / (sessions * repeats)
    instructed_s = (PROTOCOL_SHARE if planted.palsy else INSTRUCTED_SHARE) * seconds
    return Scene(
        face=face,
        effect=planted,
        recipe=recipe_matrix(face.names, planted.omitted),
        capture=capture,
        weights=draw_weights(np.random.default_rng([asked.seed, _ARTEFACT]), face.names),
        pose_artefact=asked.pose_artefact,
        frames=int(round(seconds * fps)),
        fps=fps,
        seed=asked.seed,
        instructed_s=instructed_s if instructed_s >= LEAST_INSTRUCTED_S else 0.0,
        sessions=sessions,
        repeats=repeats,
    )


def default_face(root: Path | None, progress: Listener) -> FaceModel:
    """The Anny head."""
    from dfe_core.faces import open_face

    return open_face("anny", root, progress)


def require_scene(scene: Scene, subjects: int, minutes: float) -> None:
    """Raise `DataError` for numbers out of range and for a face without ARKit's coefficients."""
    for what, value, least, most in (
        ("subjects", subjects, 1, 100_000),
        ("minutes per subject", minutes, 0.05, 600),
        ("fps", scene.fps, 5, 1000),
        ("pose artefact", scene.pose_artefact, 0, 0.9),
    ):
        if not least <= value <= most:
            raise DataError(what, f"{value}", f"{least} to {most}")
    if np.count_nonzero(scene.recipe.any(1)) < len(scene.recipe) // 2:
        raise DataError(scene.face.id, "its coefficients are not ARKit's", "the Anny head or ICT-FaceKit")


def _subject_name(subject: int) -> str:
    return f"s{subject + 1:02d}"


def _names(subject: int, scene: Scene) -> list[str]:
    repeats = [chr(ord("a") + r) for r in range(scene.repeats)] if scene.repeats > 1 else [""]
    return [f"{_subject_name(subject)}-{session + 1}{r}" for session in range(scene.sessions) for r in repeats]


def _labels(scene: Scene, subjects: int, each: int) -> pd.DataFrame:
    """One row a recording, subject by subject."""
    planted = assign_labels(np.random.default_rng([scene.seed, 0]), scene.effect, subjects, each)
    if scene.effect.palsy is None:
        return planted
    courses = draw_courses(np.random.default_rng([scene.seed, _PALSY]), scene.effect.palsy, subjects)
    return pd.concat([courses, planted], axis=1)


def _weakness(scene: Scene, subject: int, labels: pd.DataFrame) -> list[Weakness]:
    """What is left in each recording of a subject."""
    if scene.effect.palsy is None:
        return [HEALTHY] * len(labels)
    return draw_weakness(np.random.default_rng([scene.seed, _PALSY, subject]), scene.effect.palsy, labels)


def _drawn(rng: np.random.Generator, scene: Scene, labels: pd.DataFrame) -> Events:
    """What a subject means to do in each recording."""
    seconds = scene.frames / scene.fps
    habits = draw_habits(rng, scene.effect, labels, (seconds - scene.instructed_s) / 60)
    events = draw_events(rng, habits, seconds, scene.instructed_s)
    if scene.effect.palsy is None or not scene.instructed_s:
        return events
    asked_for = protocol_events(rng, habits, scene.instructed_s)
    return without_overlap(concatenate([asked_for, events.take(events.onset_s >= scene.instructed_s)]))


def _subject(
    writer: DatasetWriter, subject: int, labels: pd.DataFrame, scene: Scene, weak: list[Weakness]
) -> tuple[pd.DataFrame, float]:
    """Perform, observe and write one subject's recordings. What is drawn for the tracker and for the head does not
    change what is drawn for the face: another capture shows the same performance."""
    rng = np.random.default_rng([scene.seed, 1 + subject])
    person = draw_person(rng)
    events = _drawn(rng, scene, labels)
    psi, pose = [], []
    for session in range(len(labels)):
        own = events.take(events.recording == session)
        performed = perform(rng, person, own, scene.recipe, writer.names, scene.frames, scene.fps)
        pose.append(head_movement(_rng(scene, subject, session, "head"), own, performed.activation, scene.fps))
        weakened = weaken(performed.psi, writer.names, weak[session])
        psi.append(observe(_rng(scene, subject, session, "tracker"), weakened, scene.capture, writer.names, scene.fps))
    gain = artefact_gain(scene.weights, scene.pose_artefact, scene.face, psi, pose) if scene.pose_artefact else 0.0
    for session, name in enumerate(_names(subject, scene)):
        recording = observed_recording(name, scene, writer.names, psi[session], pose[session], gain)
        valid = tracked_frames(_rng(scene, subject, session, "losses"), scene.frames, scene.fps)
        writer.add(
            replace(recording, valid=valid, subject=_subject_name(subject), session=str(session // scene.repeats + 1)),
            {str(k): v for k, v in labels.iloc[session].to_dict().items()},
        )
    omitted = np.isin(events.action, [INDEX[code] for code in scene.effect.omitted])
    shown = weakened_events(events.take(~omitted), weak) if scene.effect.palsy else events.take(~omitted)
    return truth_table(shown, _names(subject, scene)), gain


def _rng(scene: Scene, subject: int, session: int, use: str) -> np.random.Generator:
    return np.random.default_rng([scene.seed, 1 + subject, 1 + session, 1 + ("head", "tracker", "losses").index(use)])


def observed_recording(
    name: str, scene: Scene, names: tuple[str, ...], psi: np.ndarray, pose: np.ndarray, gain: float
) -> Recording:
    """A recording in which the tracker never loses the face, of nobody yet."""
    index = np.arange(scene.frames)
    extras = {column: pose[:, i].astype(np.float32) for i, column in enumerate(POSE)}
    if gain:
        psi = psi + artefact(np.stack(list(extras.values()), 1), scene.weights, gain)
    return Recording(
        name=name,
        names=names,
        psi=psi,
        time_s=index / scene.fps,
        frame=index,
        valid=np.ones(scene.frames, bool),
        fps=scene.fps,
        space="arkit",
        extractor="simulated",
        extras=extras,
    )


def tracked_frames(rng: np.random.Generator, frames: int, fps: float) -> np.ndarray:
    """(T,) bool: now and then the tracker loses the face for a moment."""
    valid = np.ones(frames, bool)
    for start in rng.uniform(0, frames, rng.poisson(_LOSSES_PER_MINUTE * frames / fps / 60)).astype(int):
        valid[start : start + int(rng.uniform(0.2, 0.6) * fps)] = False
    return valid if valid.any() else np.ones(frames, bool)


def truth_table(events: Events, recordings: list[str]) -> pd.DataFrame:
    """The events as truth.parquet has them; `release_s` (the end of the hold) is beside the columns of the contract."""
    return pd.DataFrame(
        {
            "recording": np.array(recordings, object)[events.recording],
            "action": np.array([a.code for a in ACTIONS], object)[events.action],
            "side": np.array(SIDES, object)[events.side],
            "onset_s": events.onset_s,
            "apex_s": events.apex_s,
            "offset_s": events.offset_s,
            "intensity": events.intensity.astype(np.float32),
            "in_facs": np.array([a.in_facs for a in ACTIONS])[events.action],
            "release_s": events.release_s,
        }
    )


def _manifest(
    name: str, scene: Scene, recordings: pd.DataFrame, truth: pd.DataFrame, gains: dict[str, float], **settings: Any
) -> dict[str, Any]:
    effect = scene.effect
    labels = [{"name": label.name, "unit": label.unit, "levels": list(label.levels)} for label in effect.labels]
    spontaneous = truth[truth["onset_s"] >= scene.instructed_s]
    return {
        "name": name,
        "face": scene.face.id,
        "simulated": True,
        "sources": [],
        "dropped": [],
        "notes": [ABOUT],
        "simulation": {
            "version": VERSION,
            **settings,
            "fps": scene.fps,
            "seed": scene.seed,
            "capture": scene.capture.name,
            "pose_artefact": scene.pose_artefact,
            **(
                {"pose_artefact_weights": scene.weights.tolist(), "pose_artefact_gains": gains}
                if scene.pose_artefact
                else {}
            ),
            "instructed_s": scene.instructed_s,
            "about": ABOUT,
            "sessions": scene.sessions,
            "repeats": scene.repeats,
            "events": len(truth),
            "effect": {
                "source": effect.source,
                "title": effect.title,
                "labels": labels,
                "omitted": list(effect.omitted),
                "shifts": realised(effect, recordings, spontaneous),
            },
        },
    }
