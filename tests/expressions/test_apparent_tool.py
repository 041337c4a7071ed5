"""MediaPipe's scores under another tool's header are known by their values; ARKit's own takes never are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.readers import arkit_table, live_link_face
from dfe_core.expressions.readers.apparent_tool import BLIND, OPPOSITES, gaze_together
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.faces import save_face
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.faces.coefficients import bare_face

FRAMES = 240
READ = ReadOptions()


def scores(seed: int = 0, form: str = "%.8f") -> np.ndarray:
    """(T, 52) as MediaPipe writes them: nothing is ever 0 but what has no name there, and eight actions are unseen."""
    rng = np.random.default_rng(seed)
    slow = np.cumsum(rng.normal(size=(FRAMES, 52)), 0)
    values = np.exp(-3 + 0.5 * (slow - slow.mean(0)) / slow.std(0)) + 1e-4 * rng.random((FRAMES, 52))
    column = {name: i for i, name in enumerate(ARKIT_NAMES)}
    values[:, column["eyeLookDownLeft"]] += 0.2
    values[:, [column[name] for name in BLIND]] = 1e-6 * rng.random((FRAMES, len(BLIND)))
    values[:, column["tongueOut"]] = 0
    return np.array([[float(form % v) for v in row] for row in values.clip(0, 1)])


def tracked(values: np.ndarray) -> np.ndarray:
    """The same as ARKit tracks: of two opposite directions the lesser is exactly 0."""
    values, column = values.copy(), {name: i for i, name in enumerate(ARKIT_NAMES)}
    for a, b in ((column[a], column[b]) for a, b in OPPOSITES):
        lesser = values[:, a] < values[:, b]
        values[lesser, a], values[~lesser, b] = 0, 0
    return values


def live_link(path: Path, values: np.ndarray) -> Path:
    names = [name[0].upper() + name[1:] for name in ARKIT_NAMES]
    rows = [
        f"10:00:{i // 60:02d}:{i % 60:02d}.000,61,{','.join(f'{v:.10f}' for v in row)}" for i, row in enumerate(values)
    ]
    path.write_text("\n".join([",".join(["Timecode", "BlendShapeCount", *names]), *rows]) + "\n")
    return path


@pytest.mark.parametrize("form", ["%.8f", "%.4f", "%.3f"])
def test_scores_under_a_live_link_header_come_in_as_mediapipes(tmp_path, form):
    path = live_link(tmp_path / "take.csv", scores(form=form))
    assert live_link_face.sniff(path, path.read_bytes()[:9000])
    (recording,) = live_link_face.read(path, READ)
    assert recording.extractor == "mediapipe" and recording.valid.all()
    assert any(note.startswith("These are MediaPipe's scores") for note in recording.notes)
    assert not any("was the file made by it" in note for note in recording.notes)


def test_a_table_that_names_no_tool_is_known_too_and_what_is_stated_counts(tmp_path):
    path = tmp_path / "a.csv"
    rows = [",".join(map(str, [i / 30, *row])) for i, row in enumerate(scores())]
    path.write_text("\n".join([",".join(["time", *ARKIT_NAMES]), *rows]))
    assert arkit_table.read(path, READ)[0].extractor == "mediapipe"
    assert arkit_table.read(path, ReadOptions(extractor="my-app"))[0].extractor == "my-app"
    take = live_link(tmp_path / "take.csv", scores())
    (recording,) = live_link_face.read(take, ReadOptions(extractor="live-link-face"))
    assert recording.extractor == "live-link-face"
    assert not any("MediaPipe's scores" in note for note in recording.notes)


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.02])
def test_quiet_people_who_move_nothing_that_mediapipe_misses_stay_arkits(tmp_path, scale):
    (recording,) = live_link_face.read(live_link(tmp_path / "take.csv", scale * tracked(scores())), READ)
    assert recording.extractor == "live-link-face"
    assert not any("MediaPipe" in note or "Not as the app" in note for note in recording.notes)


def test_noise_without_a_gaze_is_nobodys(tmp_path):
    noise = np.random.default_rng(0).uniform(0, 0.015, size=(FRAMES, 52))
    (recording,) = live_link_face.read(live_link(tmp_path / "take.csv", noise), READ)
    assert recording.extractor == "live-link-face"


def test_values_of_another_tool_under_the_apps_header_are_said_and_not_renamed(tmp_path):
    values = np.random.default_rng(0).uniform(0.05, 0.9, size=(FRAMES, 52))
    (recording,) = live_link_face.read(live_link(tmp_path / "take.csv", values), READ)
    assert recording.extractor == "live-link-face" and any("Not as the app" in note for note in recording.notes)


def test_the_two_are_not_mixed_without_a_word(tmp_path):
    live_link(tmp_path / "a.csv", tracked(scores(1)))
    live_link(tmp_path / "b.csv", scores(2))
    save_face(bare_face("bare-1", "ARKit coefficients, no mesh", ARKIT_NAMES), tmp_path / "cache")
    files, options = [tmp_path / "a.csv", tmp_path / "b.csv"], ImportOptions(face="bare-1")
    with pytest.raises(DataError, match=r"b.csv.*mediapipe.*Apple's ARKit"):
        import_dataset(files, "d", options, root=tmp_path / "cache")
    report = import_dataset(files, "d", replace(options, mix_extractors=True), root=tmp_path / "cache")
    assert list(Dataset.open("d", tmp_path / "cache").recordings["extractor"]) == ["live-link-face", "mediapipe"]
    assert any("MediaPipe's scores" in note for note in report.notes + report.imported[1][2])


def test_no_real_take_is_taken_for_another_tools_however_little_of_it_moves(shared):
    for path in sorted((shared / "arkit_livelinkface").glob("*.csv")):
        (recording,) = live_link_face.read(path, READ)
        assert recording.extractor == "live-link-face"
        for scale in (1.0, 0.2, 0.05):
            assert gaze_together(scale * recording.psi, recording.valid, recording.names) is None
