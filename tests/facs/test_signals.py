"""What an AU is judged by: the subject's own baseline, and recordings in which an AU was not measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.facs.signals import CODING, INTENSITY, PRESENCE, AuSignals, Measurement, assess_signals
from dfe_core.facs.store import AlignedAus, AlignedFrames
from dfe_core.facs.store import open_au_writer as open_aus
from dfe_core.store import content_key

FRAMES = 400
SUBJECTS = {"a1": "a", "a2": "a", "b1": "b"}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    frame = np.arange(FRAMES)
    with open_writer("people", ("one",), tmp_path) as writer:
        for name, subject in SUBJECTS.items():
            writer.add(
                Recording(
                    name=name,
                    names=("one",),
                    psi=np.zeros((FRAMES, 1), np.float32),
                    time_s=frame / 30,
                    frame=frame,
                    valid=np.ones(FRAMES, bool),
                    fps=30.0,
                    space="arkit",
                    extractor="test",
                    subject=subject,
                    session="1",
                ),
                {},
            )
        writer.close({"name": "people", "face": "none", "simulated": False, "sources": [], "dropped": [], "notes": []})
    return Dataset.open("people", tmp_path)


def smiles(resting: float, height: float) -> np.ndarray:
    """Intensity of a person who smiles in a fifth of the frames."""
    level = np.full(FRAMES, resting, np.float32)
    level[100:180] = resting + height
    return level


def assessed(
    dataset: Dataset,
    intensity: dict[str, np.ndarray],
    presence: dict[str, np.ndarray] | None = None,
    tool: str = "openface",
) -> tuple[AuSignals, AlignedAus]:
    """The signals of one AU with these intensities and presences by recording."""
    with open_aus("people", "tool", (("AU12", "both"),), dataset.path.parent.parent) as writer:
        for name in SUBJECTS:
            values = [
                np.asarray(source[name] if source else np.full(FRAMES, np.nan), np.float32)[:, None]
                for source in (presence, intensity)
            ]
            writer.add(name, AlignedFrames(np.arange(FRAMES), *values))
        writer.close(
            {
                "name": "tool",
                "dataset": "people",
                "dataset_key": dataset.key,
                "tool": tool,
                "version": "1",
                "estimate": False,
                "emits": ["AU12"],
                "notes": [],
            }
        )
    aus = AlignedAus.open("people", "tool", dataset.path.parent.parent)
    return assess_signals(aus, dataset), aus


def test_an_au_is_present_one_step_above_the_persons_own_baseline(dataset) -> None:
    signals, aus = assessed(dataset, {"a1": smiles(1.5, 0.6), "a2": smiles(1.5, 1.2), "b1": smiles(0.0, 1.2)})
    assert signals.rules == (INTENSITY,)
    np.testing.assert_allclose(signals.baseline[:, 0], [1.5, 1.5, 0], atol=0.011)
    shown = {n: signals.present(n, aus.recording(n))[:, 0].sum() for n in SUBJECTS}
    assert shown == {"a1": 0, "a2": 80, "b1": 80}  # 1.5 to 2.1 is no smile of a person who rests at 1.5
    assert signals.intensity("a2", aus.recording("a2"))[:, 0].max() == pytest.approx(1.2, abs=0.02)


def test_a_decision_of_the_tool_is_used_where_there_are_no_intensities(dataset) -> None:
    decided = {n: (smiles(0, 1) > 0).astype(float) * 0.9 for n in SUBJECTS}
    signals, aus = assessed(dataset, {}, decided)
    assert signals.rules == (PRESENCE,) and signals.present("a1", aus.recording("a1")).sum() == 80
    assert assessed(dataset, {}, decided, tool="manual")[0].rules == (CODING,)


def test_intensities_overrule_a_decision_that_is_always_on(dataset) -> None:
    always = {n: np.ones(FRAMES) for n in SUBJECTS}
    signals, aus = assessed(dataset, {n: smiles(0, 2) for n in SUBJECTS}, always)
    assert signals.present("b1", aus.recording("b1")).sum() == 80


@pytest.mark.parametrize(
    ("intensity", "presence", "state"),
    [
        (np.full(FRAMES, 0.7), None, Measurement.CONSTANT),
        (np.zeros(FRAMES), None, Measurement.RESTS),
        (np.where(np.arange(FRAMES) < 300, 5.0, 1.0), None, Measurement.SATURATED),
        (smiles(0, 2), 1 - (smiles(0, 2) > 0), Measurement.CONTRADICTORY),
        (smiles(0, 0.4), np.ones(FRAMES), Measurement.CONTRADICTORY),
        (np.where(np.arange(FRAMES) < 300, np.nan, smiles(0, 2)), None, Measurement.MISSING),
        (smiles(0, 2), smiles(0, 2) > 0, Measurement.VARIES),
    ],
)
def test_what_stands_still_sticks_or_contradicts_itself_is_not_measured_there(
    dataset, intensity, presence, state
) -> None:
    good = {n: smiles(0, 2) for n in SUBJECTS}
    decided = None if presence is None else {n: (smiles(0, 2) > 0) for n in SUBJECTS} | {"b1": presence}
    signals, aus = assessed(dataset, good | {"b1": intensity}, decided)
    assert signals.state[:, 0].tolist() == [Measurement.VARIES, Measurement.VARIES, state]
    assert np.isnan(signals.present("b1", aus.recording("b1"))).all() == (not state.measured)
    counted = signals.table.iloc[0]
    assert counted["varies"] == 2 + (state == Measurement.VARIES) and counted["recordings"] == 3


def test_signals_are_read_back_from_their_arrays(dataset) -> None:
    signals, _ = assessed(dataset, {n: smiles(0.5, 2) for n in SUBJECTS})
    again = AuSignals.from_arrays(signals.aus, signals.arrays())
    assert content_key(again.table.to_dict()) == content_key(signals.table.to_dict())
    assert again.measured("a1").tolist() == [True] and again.above == signals.above
