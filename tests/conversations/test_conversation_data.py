"""A dataset of dyads from tokens to the command: labels, clocks, gaps, exclusions and reports."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.conversations.result import ANSWERS, CORRELATION, FORWARD, ConversationResult
from dfe_core.conversations.run import analyse_conversations
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.events.store import exclude
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces import save_face
from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache
from tests.small_world import FPS, codeword_psi, write_model, write_tokens
from train.__main__ import main
from train.commands.conversations import report

SMILE, OTHER, FRAMES, DYADS = 5, 8, 500, 5
LAG, LATE = 8, 15
"""Frames after which the second face answers, and by which its clock starts late."""
ASKED = ConversationSettings(by="dyad", offset="starts", max_lag_s=2, window_s=10, surrogates=99, resamples=100)


def plant_dyads(root: Path, face: FaceModel) -> tuple[Codebook, Dataset, TokenCache]:
    """Dyads at 10 frames a second: the second smiles 0.8 s after the first, its recording starts 1.5 s later."""
    save_face(face, root)
    codebook, rng, held = write_model(root, face, codeword_psi(face)), np.random.default_rng(0), {}
    with open_writer("d", face.names, root) as writer:
        for i in range(DYADS):
            smiles = np.cumsum(rng.integers(25, 60, 12))
            for who in range(2):
                tokens = np.zeros((FRAMES, codebook.stages), np.int64)
                for start in smiles[smiles < FRAMES - 40] + who * (LAG - LATE):
                    tokens[max(start, 0) : start + 10, 0] = SMILE
                for start in rng.integers(0, FRAMES - 10, 10):
                    tokens[start : start + 8, 1] = OTHER
                name = f"dyad{i}-{'ab'[who]}"
                held[name] = tokens, np.ones_like(tokens)
                labels = {"dyad": f"d{i}", "starts": who * LATE / FPS, "mood": "low" if i % 2 else "high"}
                writer.add(still(name, f"s{i}{who}", face), labels)
        writer.close({"name": "d", "face": face.id, "simulated": True})
    dataset = Dataset.open("d", root)
    return codebook, dataset, write_tokens(root, codebook, dataset, held)


def still(name: str, subject: str, face: FaceModel) -> Recording:
    """A face at rest."""
    return Recording(
        name=name,
        names=face.names,
        psi=np.zeros((FRAMES, len(face.names)), np.float32),
        time_s=np.arange(FRAMES) / FPS,
        frame=np.arange(FRAMES),
        valid=np.ones(FRAMES, bool),
        fps=FPS,
        space="arkit",
        extractor="test",
        subject=subject,
    )


def smile(result: ConversationResult, measure: str) -> pd.Series:
    """The row of the planted codeword."""
    direction = FORWARD if measure == ANSWERS else "both"
    table = result.table
    own = (table["thing"] == str(SMILE)) & (table["measure"] == measure) & (table["direction"] == direction)
    (found,) = table[own & (table["kind"] == "codeword")].to_dict("records")
    return pd.Series(found)


@pytest.fixture(scope="module")
def dyads(tmp_path_factory: pytest.TempPathFactory, toy_face) -> tuple[Codebook, Dataset, TokenCache]:
    return plant_dyads(tmp_path_factory.mktemp("dyads") / "cache", toy_face)


def test_a_planted_answer_is_found_on_the_clock_of_the_conversation(dyads):
    result = analyse_conversations(*dyads, ASKED)
    assert smile(result, CORRELATION)["lag_s"] == pytest.approx(LAG / FPS, abs=0.05)
    assert smile(result, CORRELATION)["value"] > 0.95
    assert smile(result, ANSWERS)["value"] == 1 and smile(result, ANSWERS)["p_shift"] == pytest.approx(0.01)
    assert result.conversations["seconds"].round(3).tolist() == [(FRAMES - LATE) / FPS] * DYADS
    assert set(result.table["kind"]) == {"codeword", "region"}
    printed = report(result)
    assert (
        "second after first" in printed and f"codeword {SMILE}" in printed and "beyond shifted and shuffled" in printed
    )


def test_without_the_offset_the_lag_is_off_by_as_much(dyads):
    result = analyse_conversations(*dyads, ConversationSettings(**{**ASKED.as_dict(), "offset": ""}))
    assert smile(result, CORRELATION)["lag_s"] == pytest.approx((LAG - LATE) / FPS, abs=0.05)
    assert smile(result, CORRELATION)["lead"] < 0


def test_clocks_that_do_not_overlap_and_short_conversations_are_refused(dyads):
    codebook, dataset, tokens = dyads
    far = dataset.recordings.assign(starts=np.tile([0.0, 100.0], DYADS))
    dataset = Dataset(dataset.path)
    dataset.__dict__["recordings"] = far
    with pytest.raises(dfe.DataError, match="share no time"):
        analyse_conversations(codebook, dataset, tokens, ASKED)
    long = ConversationSettings(**{**ASKED.as_dict(), "max_lag_s": 10, "window_s": 30})
    with pytest.raises(dfe.DataError, match="all 5 of less than 80 s"):
        analyse_conversations(codebook, Dataset(dataset.path), tokens, long)


def test_the_command_leaves_excluded_frames_out_and_writes_tables(cache: Path, toy_face, capsys):
    plant_dyads(cache, toy_face)
    span = {"recording": ["dyad0-a"], "onset_s": [10.0], "offset_s": [20.0], "reason": ["talk"]}
    exclude(Dataset.open("d"), pd.DataFrame(span))
    asked = ["conversations", "m", "d", "--by", "dyad", "--offset", "starts", "--max-lag", "2", "--window", "10"]
    assert main([*asked, "--surrogates", "99", "--out", str(cache / "out"), "--json", "-"]) == 0
    printed = json.loads(capsys.readouterr().out)
    known = {one["conversation"]: one["known"] for one in printed["conversations"]}
    assert known["d0"] == pytest.approx(1 - 100 / (FRAMES - LATE), abs=0.01) and known["d1"] == 1
    assert {row["status"] for row in printed["table"]} == {"tested", "too rare"}
    names = {path.name for path in (cache / "out" / "tables").iterdir()}
    assert {"answers.csv", "answers.parquet", "curves.csv", "pairs.csv", "conversations.csv"} <= names
    page = (cache / "out" / "report.html").read_text(encoding="utf-8")
    assert "Who answers whom" in page and "second after first" in page
    again = json.loads((cache / "out" / "manifest.json").read_text(encoding="utf-8"))["command"]
    assert again.startswith("dfe conversations m d --by dyad --offset starts --max-lag 2 --window 10")


def test_both_members_of_a_dyad_are_on_one_side_of_every_fold(dyads):
    from dfe_core.probes.features.spans import make_spans
    from dfe_core.probes.settings import ProbeSettings
    from dfe_core.probes.target import make_target
    from dfe_core.probes.validation import make_folds

    asked = {"model": "m", "dataset": "d", "label": "mood", "folds": 2, "inner_folds": 2, "unit": "recording"}
    dataset = dyads[1]
    for group, apart in (("dyad", True), ("subject", False)):
        settings = ProbeSettings(**asked, group=group)
        target = make_target(dataset, make_spans(dataset, settings), settings)
        dyad = target.table["dyad"].to_numpy()
        sides = [set(dyad[fold.train]) & set(dyad[fold.test]) for fold in make_folds(target, settings, choose=False)]
        assert (not any(sides)) == apart
