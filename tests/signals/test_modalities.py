"""`dfe modalities` finds what only signals carry, names what is missing, keeps to seals, and refuses in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.sealed_test import Hypothesis, SealPlan, find_seal, open_seal, put_seal
from dfe_core.facs.derive import derive_aus
from dfe_core.signals.comparison import ModalitySettings, au_means, compare_modalities
from dfe_core.signals.feature_tables import read_feature_table
from dfe_core.signals.fusion import _weighted_auroc
from tests.small_world import LEVELS, codeword_psi, write_dataset, write_model, write_tokens
from train.__main__ import main

FRAMES, SUBJECTS, RECORDINGS = 20, 21, 63


@pytest.fixture(scope="module")
def world(tmp_path_factory, toy_face) -> Path:
    """A cache with 21 people of three recordings; tokens are random, and nothing but the label differs."""
    root, rng = tmp_path_factory.mktemp("modalities") / "cache", np.random.default_rng(0)
    codebook = write_model(root, toy_face, codeword_psi(toy_face))
    names = [f"r{i}" for i in range(RECORDINGS)]
    psi = {name: np.zeros((FRAMES, toy_face.coefficients)) for name in names}
    dataset = write_dataset(root, toy_face, psi, subjects=SUBJECTS)
    size = (FRAMES // 5, codebook.stages)
    held = {name: np.repeat(rng.integers(0, codebook.size, size), 5, axis=0) for name in names}
    write_tokens(root, codebook, dataset, {n: (t, np.full_like(t, len(LEVELS) - 1)) for n, t in held.items()})
    return root


@pytest.fixture
def study(world: Path, monkeypatch) -> Path:
    monkeypatch.setenv("DFE_CACHE", str(world))
    return world


def planted(root: Path, size: float, seed: int = 1) -> pd.DataFrame:
    """One row a recording: ``tone`` is higher by `size` standard deviations under stress, ``rest`` is noise."""
    data, rng = Dataset.open("d", root).stored_recordings, np.random.default_rng(seed)
    noise = rng.standard_normal((len(data), 2))
    noise[:, 0] += size * (data["condition"] == "stress")
    return pd.DataFrame(noise, columns=["tone", "rest"]).assign(recording=data["recording"])


def command(folder: Path, *more: str) -> int:
    asked = ["modalities", "m", "d", "--label", "condition", "--modality", "face=bow"]
    return main([*asked, "--modality", f"voice={folder / 'voice.csv'}", "--folds", "3", *more])


def test_what_only_signals_carry_is_found_and_noise_is_not(study, tmp_path, capsys):
    planted(study, 2.5).to_csv(tmp_path / "voice.csv", index=False)
    planted(study, 0, seed=2).to_parquet(tmp_path / "noise.parquet")
    more = ["--modality", f"noise={tmp_path / 'noise.parquet'}", "--out", str(tmp_path / "out.csv")]
    assert command(tmp_path, *more, "--json", "-") == 0
    found = json.loads(capsys.readouterr().out)
    rows = {(row["used"], row["fusion"]): row for row in found["table"]}
    assert list(rows)[:3] == [("face", ""), ("voice", ""), ("noise", "")] and len(rows) == 8
    assert found["chance"] == 0.5 and found["n"] == RECORDINGS and found["subjects"] == SUBJECTS
    assert rows["voice", ""]["low"] > 0.8 and rows["voice", ""]["gain"] == 0
    for name in ("face", "noise"):
        assert rows[name, ""]["low"] < 0.5 < rows[name, ""]["high"] and rows[name, ""]["gain_high"] < 0
    assert rows["face + noise", "late"]["low"] < 0.5 and rows["face + voice", "late"]["low"] > 0.6
    assert pd.read_csv(tmp_path / "out.csv")["auroc"].tolist() == pytest.approx([r["auroc"] for r in found["table"]])


def test_the_table_says_what_was_compared(study, tmp_path, capsys):
    planted(study, 2.5).to_csv(tmp_path / "voice.csv", index=False)
    assert command(tmp_path) == 0
    text = capsys.readouterr().out
    assert "condition: calm against stress" in text and "AUROC 0.5" in text and "face + voice  early" in text


def test_frames_become_mean_deviation_and_slope_and_gaps_are_left_out(tmp_path):
    time_s = np.arange(10) / 5
    table = pd.DataFrame({"recording": "01", "frame": np.arange(10), "time_s": time_s, "eda": 3 - 2 * time_s})
    table.loc[4:6, "eda"] = np.nan
    table.to_csv(tmp_path / "one.csv", index=False)
    table.assign(recording="02", eda=np.nan).to_csv(tmp_path / "two.csv", index=False)
    found = read_feature_table(tmp_path)
    known = table["eda"].dropna()
    assert list(found) == ["mean eda", "s.d. eda", "slope eda"] and list(found.index) == ["01", "02"]
    assert np.allclose(found.loc["01"], [known.mean(), known.std(ddof=0), -2]) and found.loc["02"].isna().all()


def test_recordings_that_a_table_lacks_are_named_or_left_out(study, tmp_path, capsys):
    table = planted(study, 2.5)
    table.loc[5, ["tone", "rest"]] = np.nan
    table.loc[6, "rest"] = np.nan  # one value is enough: the other is the mean of the training people
    table.drop(index=3).to_csv(tmp_path / "voice.csv", index=False)
    assert command(tmp_path) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and "modality voice" in said[0] and "(r3, r5)" in said[0] and "--drop-missing" in said[0]
    assert command(tmp_path, "--drop-missing", "--json", "-") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["missing"] == {"voice": ["r3", "r5"]} and found["n"] == RECORDINGS - 2


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "cannot be read"),
        ("name,tone\nr0,1\n", "no column recording"),
        ("recording\nr0\n", "no column of numbers"),
        ("recording,tone\nr0,1\nr0,2\n", "'r0' twice"),
        ('recording,tone\nr0,1\nr1,"1,5"\n', "'1,5' in column tone"),
        ("recording,tone\nr0,inf\n", "'inf' in column tone"),
        ("recording,condition\nr0,1\n", "a label of d"),
    ],
)
def test_a_broken_table_is_refused_in_one_line(study, tmp_path, capsys, text, what):
    (tmp_path / "voice.csv").write_text(text)
    assert command(tmp_path) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith("error: ") and what in said[0]


def test_intervals_are_those_of_resampled_people():
    rng = np.random.default_rng(0)
    truth, odds, weights = rng.random(30) < 0.5, rng.integers(0, 9, 30) / 3, rng.integers(0, 3, (5, 30))
    drawn = [np.repeat(np.arange(30), one) for one in weights]
    assert np.allclose(
        _weighted_auroc(truth, odds, weights.astype(float)), [roc_auc_score(truth[one], odds[one]) for one in drawn]
    )


def test_a_scale_and_a_single_modality_are_refused(study, tmp_path, capsys):
    data = Dataset.open("d", study)
    data.recordings["arousal"] = np.arange(RECORDINGS) / 7
    face = pd.DataFrame({"k": np.arange(RECORDINGS)}, index=data.recordings["recording"])
    with pytest.raises(DataError, match="63 values of a scale; expected two classes"):
        compare_modalities(data, {"face": face, "voice": face}, ModalitySettings(label="arousal"))
    assert main("modalities m d --label condition --modality face=bow".split()) == 1
    assert "two or more" in capsys.readouterr().err


def test_sealed_people_are_left_out_and_a_look_at_opened_labels_is_counted(tmp_path, toy_face):
    root = tmp_path / "cache"
    psi = {f"r{i}": np.zeros((2, toy_face.coefficients)) for i in range(RECORDINGS)}
    data = write_dataset(root, toy_face, psi, subjects=SUBJECTS)
    recordings = [data.recording(name) for name in psi]
    shutil.rmtree(data.path)
    theirs = ["r0", "r21", "r42"]
    with open_writer("d", data.names, root) as writer:
        for i, one in enumerate(recordings):
            writer.add(one, {"condition": "calm" if i % 2 else "stress"})
        source = {"file": "s0.csv", "sha256": "ab" * 32, "reader": "fake", "recordings": theirs, "notes": []}
        writer.close({"name": "d", "face": toy_face.id, "simulated": True, "sources": [source]})
    plan = SealPlan(subjects=("s0",), hypotheses=(Hypothesis(label="condition"),))
    put_seal("study", "d", plan, {"ab" * 32: "s0"}, root)
    voice = planted(root, 2.5).set_index("recording")
    asked = ModalitySettings(label="condition", folds=3, resamples=50)
    found = compare_modalities(Dataset.open("d", root), {"a": voice, "b": voice}, asked)
    assert found.units == RECORDINGS - 3 and found.subjects == SUBJECTS - 1 and found.sealed["withheld"] == 3
    open_seal("study", root)
    for _ in range(2):  # the same analysis is counted once
        found = compare_modalities(Dataset.open("d", root), {"a": voice, "b": voice}, asked)
    assert found.units == RECORDINGS and found.sealed["looks"] == 1 == len(find_seal("study", root).looks)
    assert found.sealed["standing"] == "exploratory"


def test_aus_are_means_by_recording(world):
    data = Dataset.open("d", world)
    derive_aus(data, root=world)
    found = au_means(data, "derived")
    assert list(found.index) == list(data.recordings["recording"]) and np.allclose(found.fillna(0), 0)
