"""Micro-expressions: short windows, leave-one-subject-out, UF1 and UAR; and windows that are none."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, recall_score

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces import save_face
from dfe_core.probes import sequence
from dfe_core.probes.features.material import CodebookTokens, Sources
from dfe_core.probes.micro import (
    MicroSettings,
    change_feature,
    change_sequences,
    class_anchors,
    probe_micro,
    window_target,
)
from dfe_core.probes.micro_report import MicroReportSettings, list_micro_reports, micro_report
from dfe_core.probes.micro_windows import read_windows
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache
from tests.conftest import make_toy_face
from tests.probe_world import write_counts
from tests.small_world import codeword_psi, write_model, write_tokens

FPS, FRAMES, SUBJECTS = 100.0, 300, 8
FEW = {"resamples": 200, "permutations": 59}


@pytest.fixture(scope="module")
def world(tmp_path_factory, toy_face):
    """Eight people at 100 fps, each with three windows of three classes in 3 s: codeword 3, 5 or 8 for 0.1 s."""
    root = tmp_path_factory.mktemp("micro")
    codebook = write_model(root, toy_face, codeword_psi(toy_face), stages=2)
    rng = np.random.default_rng(0)
    held, rows = {}, []
    for person in range(SUBJECTS):
        tokens = np.zeros((FRAMES, 2), int)
        tokens[:, 1] = 10 + person % 4  # a resting face of one's own
        for at, (name, word) in zip(
            (40, 130, 220), rng.permutation([("happy", 3), ("disgust", 5), ("surprise", 8)]), strict=True
        ):
            tokens[at + 4 : at + 14, 0] = int(word)
            rows.append((f"r{person}", at / FPS, (at + 9) / FPS, (at + 18) / FPS, name))
        held[f"r{person}"] = tokens, np.ones_like(tokens)
    levels = np.asarray(codebook.levels)
    with open_writer("d", toy_face.names, root) as writer:
        for i, (name, (tokens, level)) in enumerate(held.items()):
            psi = codebook.decode(tokens, levels[level]) + 0.01 * rng.normal(size=(FRAMES, toy_face.coefficients))
            writer.add(
                Recording(
                    name=name,
                    names=toy_face.names,
                    psi=psi.astype(np.float32),
                    time_s=np.arange(FRAMES) / FPS,
                    frame=np.arange(FRAMES),
                    valid=np.ones(FRAMES, bool),
                    fps=FPS,
                    space="arkit",
                    extractor="test",
                    subject=f"s{i}",
                ),
                {"lab": "abc"[i % 3]},
            )
        writer.close({"name": "d", "face": toy_face.id, "simulated": True})
    data = Dataset.open("d", root)
    import tests.small_world as small

    before, small.FPS = small.FPS, FPS
    tokens = write_tokens(root, codebook, data, held)
    small.FPS = before
    write_counts(tokens, held)
    table = pd.DataFrame(rows, columns=["recording", "onset_s", "apex_s", "offset_s", "emotion"])
    table.to_csv(root / "windows.csv", index=False)
    return root, data, table


@pytest.fixture(scope="module")
def result(world):
    settings = MicroSettings(
        model="m", dataset="d", windows=str(world[0] / "windows.csv"), features=("change", "bow"), **FEW
    )
    return probe_micro(settings, world[0])


def test_what_is_planted_is_found_with_every_subject_left_out_once(result):
    told = result.to_json()
    assert told["folds"] == told["subjects"] == SUBJECTS and told["n"] == 3 * SUBJECTS and told["unit"] == "window"
    change = told["rows"][0]
    assert change["features"] == "change" and change["metric"] == "UF1" and change["score"] > 0.9
    assert change["p_vs_chance"] <= 2 / 60 and change["ci95"][0] > told["chance"]


def test_uf1_and_uar_are_those_of_the_pooled_predictions(result):
    for row in result.to_json()["rows"]:
        truth, predicted = result.windows["truth"], result.windows[row["features"]]
        assert row["scores"]["UF1"]["score"] == pytest.approx(f1_score(truth, predicted, average="macro"))
        assert row["scores"]["UAR"]["score"] == pytest.approx(recall_score(truth, predicted, average="macro"))


def test_small_data_and_simulated_data_are_said(result):
    said = " ".join(result.to_json()["warnings"])
    assert "Few data" in said and "Simulated" in said
    assert "never on the test subject" in result.to_json()["protocol"]


def test_every_corpus_is_left_out_once_and_scored_by_itself(world):
    settings = MicroSettings(
        model="m",
        dataset="d",
        windows=str(world[0] / "windows.csv"),
        features=("change",),
        corpus="lab",
        leave_out="corpus",
        **FEW,
    )
    made = probe_micro(settings, world[0])
    told, windows = made.to_json(), made.windows
    assert told["folds"] == 3 and told["protocol"].startswith("Leave-one-corpus-out")
    assert (windows.groupby("corpus")["subject"].nunique()).to_dict() == {"a": 3, "b": 3, "c": 2}
    for row in told["by_corpus"]:
        own = windows[windows["corpus"] == row["corpus"]]
        assert row["UF1"] == pytest.approx(f1_score(own["truth"], own["change"], average="macro"))
        assert row["UAR"] == pytest.approx(recall_score(own["truth"], own["change"], average="macro"))
    for asked, words in (({"corpus": "site"}, "no such label column"), ({"corpus": ""}, "names the corpora")):
        with pytest.raises(DataError, match=words):
            probe_micro(replace(settings, **asked), world[0])


@pytest.mark.parametrize("sequence_of", ["window", "change"])
def test_the_sequence_probe_runs_on_windows_without_and_with_texts_of_the_classes(
    world, tmp_path, monkeypatch, sequence_of
):
    monkeypatch.setattr(sequence, "SequenceSettings", partial(sequence.SequenceSettings, epochs=2))
    few = world[2][world[2]["recording"].isin(["r0", "r1", "r2"])]
    few.to_csv(tmp_path / "w.csv", index=False)
    settings = MicroSettings(
        model="m",
        dataset="d",
        windows=str(tmp_path / "w.csv"),
        features=("change",),
        sequence=("mean",),
        sequence_of=sequence_of,
        align=True,
        **FEW,
    )
    rows = probe_micro(settings, world[0]).to_json()["rows"]
    assert [r["features"] for r in rows] == ["change", "mean", "mean+edclip"] and rows[1]["p_vs_chance"] is None
    anchors = class_anchors(("disgust", "happy", "odd"), replace(settings, others=("odd",)))
    assert anchors.of_class.tolist() == [0, 1, -1] and len(anchors.vectors) == 2
    with pytest.raises(DataError, match="no facial actions are known"):
        class_anchors(("happy", "odd"), settings)


def test_changes_are_tokens_of_what_moved_most(world):
    spans = read_windows(world[0] / "windows.csv", world[1], "emotion")
    target = window_target(world[1], spans, "emotion")
    codebook, tokens = Codebook.open("m", world[0]), TokenCache.open("m", "d", world[0])
    sources = Sources(
        dataset=world[1], encoded=CodebookTokens(codebook=codebook, tokens=tokens), spans=spans, folder=world[0]
    )
    change = change_feature(sources, target).raw
    made = change_sequences(change, sources, target)
    assert made.units == target.n
    for unit, (name, first, end) in enumerate(zip(spans["emotion"], made.edges, made.edges[1:], strict=False)):
        own = made.codeword[first:end]
        assert own[0] == {"happy": 3, "disgust": 5, "surprise": 8}[name]
        np.testing.assert_allclose(made.intensity[first:end], change[unit, own])
    assert made.seconds == pytest.approx(0.18)


def test_a_report_is_kept_with_what_was_spotted_and_recognised(world):
    settings = MicroReportSettings(
        model="m", dataset="d", windows=str(world[0] / "windows.csv"), features=("change",), corpus="lab", **FEW
    )
    save_face(make_toy_face(world[1].names), world[0])
    made = micro_report(settings, world[0])
    assert made.protocols == ["subject", "corpus"] and len(made.predictions("corpus")) == 3 * SUBJECTS
    assert made.manifest["spotting"]["coded"] == len(made.coded) == 3 * SUBJECTS
    told = made.to_json()
    assert [row["method"] for row in told["spotting"]["scores"]] == ["transient", "speed", "difference"]
    hits = told["spotting"]["scores"][0]["hits"]
    assert hits == made.spotted["hit"].sum() and len(made.missed) == 3 * SUBJECTS - hits
    assert [one.path for one in list_micro_reports(TokenCache.open("m", "d", world[0]), world[0])] == [made.path]
    alone = micro_report(replace(settings, windows="", corpus=""), world[0])
    assert alone.protocols == [] and alone.coded.empty and alone.path != made.path
    assert micro_report(settings, world[0]).path == made.path


def test_without_apexes_the_middle_is_taken(world, tmp_path):
    world[2].drop(columns="apex_s").to_csv(tmp_path / "w.csv", index=False)
    spans = read_windows(tmp_path / "w.csv", world[1], "emotion")
    assert spans["apex_s"].to_numpy() == pytest.approx((spans["start_s"] + spans["end_s"]).to_numpy() / 2)


def changed(**change):
    def apply(table: pd.DataFrame) -> pd.DataFrame:
        table = table.copy()
        for column, value in change.items():
            table[column] = table[column].astype(object)
            table.loc[4, column] = value
        return table

    return apply


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (changed(recording="r99"), "row 6: recording 'r99' is not in the dataset"),
        (changed(offset_s=9.0), "row 6: a window of"),
        (changed(offset_s=1.32, apex_s=1.31), "row 6: a window of 0.02 s"),
        (changed(onset_s="soon"), "row 6: onset_s"),
        (changed(apex_s=0.0), "outside its window"),
        (changed(emotion=None), "row 6: no emotion"),
        (lambda t: pd.concat([t, t.iloc[[3]]]), "overlaps another window of r1"),
        (lambda t: t.drop(columns="offset_s"), "no column offset_s"),
        (lambda t: t.iloc[:0], "no window"),
        (lambda t: t.assign(emotion="happy"), "every window is 'happy'"),
        (lambda t: t.assign(emotion=["odd", "odd"] + ["happy", "sad"] * 11), "class 'odd' is shown by 1 subject"),
    ],
)
def test_windows_that_no_score_could_be_trusted_on_are_refused(world, tmp_path, spoil, says):
    spoil(world[2]).to_csv(tmp_path / "w.csv", index=False)
    with pytest.raises(DataError, match=says):
        probe_micro(
            MicroSettings(model="m", dataset="d", windows=str(tmp_path / "w.csv"), features=("change",), **FEW),
            world[0],
        )


def test_too_few_frames_say_which_rate_is_needed(world, tmp_path):
    table = world[2].assign(offset_s=lambda t: t["onset_s"] + 0.05, apex_s=lambda t: t["onset_s"] + 0.02)
    table.to_csv(tmp_path / "w.csv", index=False)
    data = Dataset.open("d", world[0])
    slow = data.recordings.assign(fps=30.0)
    data.__dict__["recordings"] = slow
    with pytest.raises(DataError, match="1.5 frames in a window of 0.05 s at 30 fps"):
        read_windows(tmp_path / "w.csv", data, "emotion")
