"""Simulated conversations: pairs of people on one clock, of whom the second answers displays of the first.

What is planted: of the smiles and brow raises of the first (AU6 and AU12, AU1 and AU2), the second begins a share, so
much later; both speak in turn. Everything else each does of their own accord. Every recording has the labels ``dyad``
and ``part`` (a answers nobody, b answers a).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact_names import DATASETS
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import DatasetWriter, open_writer
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, Progress, silent
from dfe_core.simulate.capture import observe
from dfe_core.simulate.dataset import (
    Scene,
    SimulationSettings,
    default_face,
    observed_recording,
    open_scene,
    require_scene,
    tracked_frames,
    truth_table,
)
from dfe_core.simulate.effects import Effect, draw_habits
from dfe_core.simulate.events import Events, concatenate, draw_events, spoken_events, with_priority
from dfe_core.simulate.head import head_movement
from dfe_core.simulate.repertoire import INDEX
from dfe_core.simulate.synthesis import draw_person, perform
from dfe_core.store import require_new_name

VERSION = 1
"""Of what is drawn: raised when the same settings give other frames."""
ABOUT = (
    "Simulated conversations, not recordings of people: pairs of faces of which the second answers smiles and brow "
    "raises of the first, with known lag and share, by dfe_core.simulate.conversations."
)
ANSWERED = (("AU6", "AU12"), ("AU1", "AU2"))
"""Actions that are answered, those that answer together in brackets."""
PARTS = ("a", "b")
_SAME_S = 0.35
"""Onsets of actions of one group within this time are of one display."""
_RATES = {"AU12": 4.0, "AU2": 3.0}
_TURN_S, _GAP_S, _GAP_SPREAD_S = 3.2, 0.25, 0.25
"""Mean length of a turn, and mean and standard deviation of the time between two."""


@dataclass(frozen=True, kw_only=True)
class ConversationSimulation:
    """Every choice of simulated conversations.

    Attributes
    ----------
    conversations: pairs of people. minutes: of each. fps: frames a second (None: the capture's).
    lag_s, jitter_s: mean and standard deviation of how much later an answer begins, s. strength: the share of displays
        of `ANSWERED` that the second answers. capture: tracker whose noise the data have.
    seed: the same settings give the same frames.
    """

    conversations: int = 8
    minutes: float = 2.0
    fps: float | None = None
    lag_s: float = 0.8
    jitter_s: float = 0.15
    strength: float = 0.6
    capture: str = "livelink"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (("conversations", 1, 10_000), ("strength", 0, 1), ("lag_s", 0, 10)):
            if not least <= getattr(self, name) <= most:
                raise DataError(name, f"{getattr(self, name)}", f"{least} to {most}")


@audited("simulate", DATASETS)
def simulate_conversations(
    name: str,
    face: FaceModel | None = None,
    *,
    root: Path | None = None,
    progress: Listener = silent,
    **settings: Any,
) -> Dataset:
    """Write ``datasets/<name>`` of pairs of people, one recording each, with the truth of every action.

    Parameters
    ----------
    face: default the Anny head. **settings: fields of `ConversationSimulation`.

    Raises `DataError` for numbers out of range and a face without ARKit coefficients.
    """
    require_new_name("datasets", name, root)
    asked = ConversationSimulation(**settings)
    face = face or default_face(root, progress)
    scene = _conversation_scene(face, asked)
    require_scene(scene, 2 * asked.conversations, 2 * asked.minutes)
    truths: list[pd.DataFrame] = []
    answers = 0
    with open_writer(name, face.names, root) as writer:
        for pair in range(asked.conversations):
            truth, count = _pair(writer, pair, scene, asked)
            truths.append(truth)
            answers += count
            progress(Progress(task="simulate", done=pair + 1, total=asked.conversations, detail=_dyad(pair)))
        truth = pd.concat(truths, ignore_index=True)
        writer.close(_manifest(name, scene, asked, len(truth), answers), truth)
    return Dataset.open(name, root)


def _conversation_scene(face: FaceModel, asked: ConversationSimulation) -> Scene:
    effect = Effect(source="conversations", title="conversations of two", labels=(), rates=_RATES)
    common = SimulationSettings(
        minutes_per_subject=2 * asked.minutes, fps=asked.fps, seed=asked.seed, capture=asked.capture
    )
    return replace(open_scene(face, common, effect), instructed_s=0.0)


def _dyad(pair: int) -> str:
    return f"d{pair + 1:02d}"


def _pair(writer: DatasetWriter, pair: int, scene: Scene, asked: ConversationSimulation) -> tuple[pd.DataFrame, int]:
    """Perform and write both recordings of a pair; their truth, and how many displays were answered."""
    rng = np.random.default_rng([asked.seed, 7, 1 + pair])
    seconds = scene.frames / scene.fps
    turns = _turns(rng, seconds)
    people, events = [], []
    for turn in turns:
        people.append(draw_person(rng))
        habits = draw_habits(rng, scene.effect, pd.DataFrame(index=[0]), seconds / 60)
        start, length = turn.T
        spoken = spoken_events(rng, habits, np.zeros(len(turn), int), start, length)
        own = draw_events(rng, habits, seconds, speech=False)
        events.append(with_priority(own, spoken.take(spoken.offset_s < seconds)))
    answers, count = _answers(rng, events[0], asked)
    events[1] = with_priority(answers.take(answers.offset_s < seconds), events[1])
    names = [f"{_dyad(pair)}-{part}" for part in PARTS]
    for index, (name, person, own) in enumerate(zip(names, people, events, strict=True)):
        performed = perform(rng, person, own, scene.recipe, writer.names, scene.frames, scene.fps)
        pose = head_movement(rng, own, performed.activation, scene.fps)
        psi = observe(rng, performed.psi, scene.capture, writer.names, scene.fps)
        recording = observed_recording(name, scene, writer.names, psi, pose, 0.0)
        valid = tracked_frames(rng, scene.frames, scene.fps)
        subject = f"s{2 * pair + index + 1:02d}"
        labels = {"dyad": _dyad(pair), "part": PARTS[index]}
        writer.add(replace(recording, valid=valid, subject=subject, session="1"), labels)
    both = concatenate([replace(own, recording=np.full(len(own), i)) for i, own in enumerate(events)])
    return truth_table(both, names), count


def _turns(rng: np.random.Generator, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) start and length of the turns of each, who speak one after the other."""
    turns: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    start, speaker = rng.uniform(0, 2), int(rng.integers(2))
    while start < seconds:
        length = 1.0 + rng.gamma(2, (_TURN_S - 1.0) / 2)
        turns[speaker].append((start, length))
        start += length + max(-0.3, rng.normal(_GAP_S, _GAP_SPREAD_S))
        speaker = 1 - speaker
    first, second = (np.reshape(one, (-1, 2)).astype(float) for one in turns)
    return first, second


def _answers(rng: np.random.Generator, first: Events, asked: ConversationSimulation) -> tuple[Events, int]:
    """What the second does in answer, and how many displays that are: copies of the events of displays that are drawn,
    somewhat weaker, all of one display equally late."""
    parts, count = [first.take(np.zeros(len(first), bool))], 0
    for codes in ANSWERED:
        own = first.take(np.isin(first.action, [INDEX[code] for code in codes]))
        own = own.take(np.argsort(own.onset_s, kind="stable"))
        display = np.cumsum(np.diff(own.onset_s, prepend=-np.inf) > _SAME_S) - 1
        size = int(display[-1]) + 1 if len(display) else 0
        drawn = rng.random(size) < asked.strength
        late = np.maximum(0.05, rng.normal(asked.lag_s, asked.jitter_s, size))
        weaker = rng.uniform(0.6, 1.0, size)
        shift = late[display]
        moved = {f: getattr(own, f) + shift for f in ("onset_s", "apex_s", "release_s", "offset_s")}
        answer = replace(own, **moved, intensity=np.maximum(0.3, own.intensity * weaker[display]))
        parts.append(answer.take(drawn[display]))
        count += int(drawn.sum())
    return concatenate(parts), count


def _manifest(name: str, scene: Scene, asked: ConversationSimulation, events: int, answers: int) -> dict[str, Any]:
    effect = {"source": scene.effect.source, "title": scene.effect.title, "labels": [], "omitted": [], "shifts": []}
    planted = {"answered": [list(codes) for codes in ANSWERED], "answers": answers}
    return {
        "name": name,
        "face": scene.face.id,
        "simulated": True,
        "sources": [],
        "dropped": [],
        "notes": [ABOUT],
        "simulation": {
            "version": VERSION,
            **asdict(asked),
            **planted,
            "subjects": 2 * asked.conversations,
            "minutes_per_subject": asked.minutes,
            "fps": scene.fps,
            "pose_artefact": 0.0,
            "instructed_s": 0.0,
            "about": ABOUT,
            "sessions": 1,
            "events": events,
            "effect": effect,
        },
    }
