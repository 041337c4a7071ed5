"""The Probes page: a description finds moments, a deciding codeword shows its face, experiments stand side by side."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from dashboard.panels.moments_in_words import sentence
from dashboard.panels.probe_form import feature_name
from dashboard.views.probe_results import arguments, guesses, side_by_side
from dfe_core.expressions.dataset import Dataset
from dfe_core.probes.labels_together import predict_labels
from dfe_core.probes.result import list_results
from dfe_core.probes.settings import ProbeSettings
from tests.dashboard.test_pages import opened, said
from train.cli import build_parser
from train.commands.probe import asked_labels, read_settings

ASKED = {
    "label": "condition",
    "features": ["bow", "psi"],
    "models": ["linear"],
    "split": "kfold",
    "folds": 3,
    "seed": 4,
    "group": "subject",
    "task": None,
    "unit": "recording",
    "aus": "derived",
    "confounds": ["subject"],
    "regress_out": ["session"],
    "sequence": ["mean"],
    "segment": 1.5,
    "drop_missing": True,
}


@pytest.fixture
def probed(analysed_template: Path, cache: Path) -> Path:
    """$DFE_CACHE with the probe of a study, and all else that is worked out of it."""
    shutil.copytree(analysed_template, cache)
    return cache


def test_what_the_form_asks_is_what_the_command_reads():
    settings = read_settings(build_parser(["probe"]).parse_args(arguments("m", "d", ASKED, "out")))
    assert (settings.folds, settings.seed, settings.unit, settings.segment_s) == (3, 4, "recording", 1.5)
    assert settings.confounds == ("subject",) and settings.regress_out == ("session",)
    assert settings.sequence == ("mean",) and settings.drop_missing and settings.features == ("bow", "psi")


def test_tables_of_the_form_are_rows_of_features_of_the_command():
    held = {feature_name(Path(name)): name for name in ("/x/my heart-rate.csv", "/x/bow.csv")}
    line = arguments("m", "d", ASKED | {"features": ["bow"], "tables": held}, "out")
    settings = read_settings(build_parser(["probe"]).parse_args(line))
    assert settings.features == ("bow", "my_heart_rate", "bow_table")
    assert settings.tables == {"my_heart_rate": "/x/my heart-rate.csv", "bow_table": "/x/bow.csv"}


def test_several_labels_of_the_form_are_several_of_the_command(probed: Path):
    line = arguments(
        "m",
        "d",
        ASKED | {"label": ["openness", "arousal"], "levels": ["low", "high"], "sequence": (), "codebook": "refit"},
        "out",
    )
    read = build_parser(["probe"]).parse_args(line)
    assert asked_labels(read.label, "d") == ["openness", "arousal"] and read_settings(read).levels == ("low", "high")
    assert read_settings(read).codebook == "refit"
    assert asked_labels(["condition,arousal", "stress"], "simulated") == ["condition", "arousal", "stress"]
    test = opened("probes", probe_part="All labels")
    assert not test.exception and "This label was predicted alone" in said(test)


def test_labels_predicted_together_stand_in_one_table(filled: Path, tmp_path: Path):
    rows = Dataset.open("simulated", filled).recordings["recording"]
    table = pd.DataFrame({"recording": rows, "item": range(1, len(rows) + 1), "trait": [0.5, 2.5, 1.0, 4.0, 3.5, 2.0]})
    table.to_csv(tmp_path / "labels.csv", index=False)
    few = {"folds": 3, "inner_folds": 2, "resamples": 100, "permutations": 19, "swaps": 99, "repeats": 1}
    settings = ProbeSettings(
        model="default",
        dataset="simulated",
        label="item",
        labels=str(tmp_path / "labels.csv"),
        features=("psi",),
        unit="recording",
        **few,
    )
    predict_labels(settings, ["item", "trait"], filled)
    test = opened("probes", probe_part="All labels")
    assert not test.exception and not test.error
    shown = [frame.value for frame in test.dataframe if "p, joint" in frame.value]
    assert [sorted(frame["Label"]) for frame in shown] == [["item", "trait"]]


def test_experiments_stand_side_by_side_with_the_figures_of_the_json(probed: Path):
    kept = list_results(probed)
    table = side_by_side(kept)
    assert table["Score"].tolist() == [row["score"] for one in kept for row in one.to_json()["rows"]]
    assert "chance" in guesses(kept[0]) and "majority" in guesses(kept[0])
    test = opened("probes", probe_part="Compare")
    assert not test.exception and "Every row of every experiment on condition" in said(test)


def test_a_link_to_a_deciding_codeword_tells_its_weight_in_every_fold(probed: Path):
    number = list_results(probed)[0].to_json()["top_codewords"][0]["codeword"]
    test = opened("probes", probe_part="Which faces", deciding=str(number))
    assert not test.exception and f"**Codeword {number}.**" in said(test)
    assert "**Codeword" not in said(opened("probes", probe_part="Which faces", deciding="4711"))


def test_where_nothing_is_aligned_a_button_offers_it(filled: Path):
    test = opened("probes", probe_kind="Find by description")
    assert not test.exception and "not aligned with words yet" in said(test)
    assert [b.label for b in test.button if "Align" in b.label] == ["Align with words"]


def test_a_link_holds_the_question_and_its_answer_names_encoder_and_chance(probed: Path):
    from dfe_core.probes.sequence_settings import AlignmentSettings, SequenceSettings
    from dfe_core.probes.text_retrieval import QuerySettings, align_moments

    net = SequenceSettings(pooling="softmax", width=8, heads=2, layers=1, chunk=16, chunks=1, most=16, epochs=1)
    index = align_moments(
        QuerySettings(model="default", dataset="simulated", window_s=1.0, alignment=AlignmentSettings(net=net)), probed
    )
    test = opened("probes", ask="jaw dropped")
    assert not test.exception and not test.error
    assert test.text_input(key="ask").value == "jaw dropped"
    shown = said(test)
    assert "Best first" in shown and "TF-IDF" in shown and sentence(index.manifest) in shown
    refused = opened("probes", ask="the weather")
    assert not refused.exception and "no word about a face" in refused.error[0].value
    json.dumps(index.manifest)


def test_the_form_offers_every_pooling():
    from dashboard.panels.probe_form import POOLINGS
    from dfe_core.probes import pooling

    assert set(POOLINGS) == set(pooling.POOLINGS)


def test_the_classes_of_an_experiment_have_a_matrix_and_scores(probed: Path):
    test = opened("probes", probe_part="Classes")
    assert not test.exception and not test.error
    assert "in folds that did not train it" in said(test) and "chance 0.5" in said(test)
    assert list(test.dataframe[0].value.columns) == ["Class", "Units", "Precision", "Recall", "F1"]
