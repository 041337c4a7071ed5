"""The detector: what it may have seen, and what its features say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from dfe_core.authenticity import detection
from dfe_core.authenticity.detection import (
    BAG,
    REAL,
    RHYTHM,
    SPEED,
    TOKENS,
    DetectionSettings,
    MotionWindows,
    detect_synthetic,
    detection_table,
    made_windows,
    telling_columns,
)
from dfe_core.authenticity.generators import GeneratorName
from dfe_core.authenticity.rhythms import RHYTHMS, feature_names, rhythm_features, whole_windows
from dfe_core.errors import DataError
from dfe_core.faces.archive import save_face
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.tokens.cache import TokenCache, Tokens
from dfe_core.tokens.encoding_parts import token_writer
from dfe_core.tokens.encoding_stream import encode_frames
from tests.conftest import make_toy_face
from tests.probe_world import ProbeWorld, make_probe_world
from tests.small_world import write_dataset, write_model
from tests.tiny_tokenizer import moving_face, tiny_tokenizer

SETTINGS = DetectionSettings(resamples=100, folds=3)


def planted(moved: dict[str, tuple[int, ...]], people: int = 12, columns: int = 4) -> MotionWindows:
    """Ten windows of each person and maker; a generator moves its columns by three standard deviations."""
    rng = np.random.default_rng(0)
    makers = [REAL, *map(str, GeneratorName)]
    maker = np.repeat(np.array(makers, object), people * 10)
    person = np.tile(np.repeat(np.array([f"p{i:02d}" for i in range(people)], object), 10), len(makers))
    values = rng.normal(size=(len(maker), columns))
    for name, own in moved.items():
        values[np.ix_(maker == name, own)] += 3
    return MotionWindows(columns=dict.fromkeys((TOKENS, BAG, RHYTHM, SPEED), values), maker=maker, person=person)


@pytest.fixture(autouse=True)
def one_row(monkeypatch):
    """Of features: the others are the same columns here."""
    monkeypatch.setattr(detection, "ROWS", (TOKENS, SPEED))


def test_what_all_generators_share_gives_an_unseen_one_away():
    table = detection_table(planted({str(name): (1,) for name in GeneratorName}), SETTINGS)
    assert (table["unseen"] > 0.95).all()
    assert (table["low"] <= table["unseen"]).all()
    assert (table["unseen"] <= table["high"]).all()


def test_odds_that_are_all_equal_are_chance_with_an_interval_of_chance():
    made, person = np.tile([0, 1], 24), np.repeat([f"p{i}" for i in range(12)], 4)
    assert detection._interval(made, np.zeros(48), person, SETTINGS) == (0.5, 0.5)
    half = np.where(np.arange(48) % 4 == 1, 1.0, 0.0)  # of two made windows of a person one is above all, one is tied
    assert detection._interval(made, half, person, SETTINGS) == pytest.approx((0.75, 0.75))


def test_what_is_one_generators_own_is_recognised_only_where_it_trained():
    own = {str(name): (place,) for place, name in enumerate(GeneratorName)}
    table = detection_table(planted(own), SETTINGS)
    assert (table["seen"] > 0.75).all()
    assert (table["unseen"] < 0.6).all()


def test_motion_that_differs_in_nothing_scores_at_chance():
    table = detection_table(planted({}), SETTINGS)
    assert table["unseen"].mean() == pytest.approx(0.5, abs=0.06)
    assert (table["low"] < 0.54).all()
    assert (table["high"] > 0.46).all()


def test_the_column_that_gives_it_away_is_named():
    table = telling_columns(planted({str(name): (2,) for name in GeneratorName}), list("abcd"))
    assert table["column"][0] == "c"
    assert table["weight"][0] > 0
    assert table["agree"][0] == 1


def test_features_of_a_recording_worked_out_by_hand():
    """Ten seconds at 10 frames a second: codeword 1 from 2 to 4 s and again from 6 to 8 s."""
    time = np.arange(100) / 10
    there = ((time >= 2) & (time < 4)) | ((time >= 6) & (time < 8))
    one = Tokens(
        recording="r",
        frame=np.arange(100),
        time_s=time,
        tokens=np.where(there, 1, 0)[:, None],
        intensities=np.where(there, 0.5, 0.0)[:, None],
        error_mm=np.zeros(100),
    )
    runs = pd.DataFrame({"codeword": [1, 1], "start_s": [2.0, 6.0], "peak_s": [2.5, 7.0], "end_s": [4.0, 8.0]})
    found = rhythm_features(one, runs, 3, 10.0)
    assert found.shape == (1, 6 + len(RHYTHMS))
    values = dict(zip(feature_names(3), found[0], strict=True))
    assert values["share of codeword 1"] == pytest.approx(np.log1p(40))
    assert values["onsets of codeword 1"] == pytest.approx(np.log1p(12))
    assert values["share of codeword 0"] == values["share of codeword 2"] == 0
    assert values["tokens a frame"] == pytest.approx(0.4)
    assert values["duration, s"] == pytest.approx(2)
    assert values["duration, relative spread"] == 0
    assert values["apex within presence"] == pytest.approx((0.25 + 0.5) / 2)
    assert values["presences a second"] == pytest.approx(0.2)
    assert values["intensity change from frame to frame"] == pytest.approx(4 * 0.5 / 99)
    assert rhythm_features(one, runs, 3, 4.0).shape[0] == 2


def test_a_window_that_was_hardly_tracked_is_left_out():
    time = np.r_[np.arange(50) / 10, 5 + np.arange(10) / 10, 10 + np.arange(50) / 10]
    assert [start for start, _ in whole_windows(time, 5.0)] == [0, 10]
    assert whole_windows(time[:1], 5.0) == []


@pytest.fixture(scope="module")
def simulated_world(tmp_path_factory) -> ProbeWorld:
    face, root = make_toy_face(ARKIT_NAMES), tmp_path_factory.mktemp("authenticity")
    save_face(face, root)
    return make_probe_world(root, face, subjects=4, minutes=0.4, aus=False)


@pytest.mark.parametrize("search", ["fast", "full"])
def test_what_is_made_is_encoded_by_the_search_that_the_tokens_are_of(tmp_path, monkeypatch, search):
    """A generator that changes nothing: what it makes has the columns of the recording, whichever the search."""
    face = make_toy_face(ARKIT_NAMES)
    save_face(face, tmp_path)
    tokenizer = tiny_tokenizer(face)
    codebook = write_model(tmp_path, face, tokenizer.codeword_psi(), stages=tokenizer.config.stages)
    dataset = write_dataset(tmp_path, face, {f"r{i}": moving_face(60, seed=i) for i in range(2)}, subjects=2)
    gram = torch.as_tensor(face.gram, dtype=torch.float32)
    frames = dataset.frames("r0").psi
    full, fast = (encode_frames(tokenizer, frames, gram, None, fast)[0] for fast in (False, True))
    assert (full != fast).any()
    folder = tmp_path / "tokens" / "m--d"
    folder.mkdir(parents=True)
    writer = token_writer(folder, tokenizer, list(tokenizer.config.levels))
    for part in dataset.iter_frames():
        linked = linked_frames(part.frame)
        tokens, levels, _, error = encode_frames(tokenizer, part.psi, gram, linked, search == "fast")
        writer.add(part.recording, frame=part.frame, time_s=part.time_s, tokens=tokens, levels=levels, error_mm=error)
    writer.close({"model": "m", "dataset": "d", "search": search})
    config = {"name": "m", "face": face.id, "coefficients": list(face.names)}
    monkeypatch.setattr(detection, "load_model", lambda name, root: (tokenizer, config))
    monkeypatch.setattr(detection, "make_motion", lambda name, source, rng, noise: source.psi.astype(np.float32))
    found = made_windows(codebook, dataset, TokenCache(folder), DetectionSettings(window_s=5))
    for name in GeneratorName:
        made, real = (found.columns[TOKENS][found.maker == maker] for maker in (str(name), REAL))
        np.testing.assert_allclose(made, real, atol=1e-5)


def test_performances_are_compared_with_what_is_made_of_them(simulated_world, monkeypatch):
    face = make_toy_face(ARKIT_NAMES)
    tokenizer = tiny_tokenizer(face, codewords=simulated_world.codebook.size)
    config = {"name": "m", "face": face.id, "coefficients": list(face.names)}
    monkeypatch.setattr(detection, "load_model", lambda name, root: (tokenizer, config))
    found = detect_synthetic("m", "d", DetectionSettings(window_s=5, folds=2, resamples=100), root=simulated_world.root)
    assert found.simulated
    assert found.windows >= 4
    assert set(found.table["generator"]) == set(map(str, GeneratorName))
    assert found.table["unseen"].between(0, 1).all()
    assert len(found.to_json()["weights"]) == 2 * simulated_world.codebook.size + len(RHYTHMS)
    with pytest.raises(DataError, match="people with a window"):
        detect_synthetic("m", "d", DetectionSettings(window_s=5, folds=20), root=simulated_world.root)
    with pytest.raises(DataError, match="window_s"):
        DetectionSettings(window_s=0.1)
