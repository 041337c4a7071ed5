"""Who is tested by a codebook that has seen whom: one for all folds, people unseen, or one trained in each fold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import save_face
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.facs.exposure import codebook_exposure
from dfe_core.probes import scores
from dfe_core.probes.run import planned_refit, run_probe
from dfe_core.probes.settings import ProbeSettings
from dfe_core.reports.probe import codebook_differences, document
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.config import load_config
from dfe_core.tokens.encoding import encode_dataset
from dfe_core.training.fit import train_model
from tests.conftest import make_toy_face

SMALL = {
    "tokenizer.codewords": 12,
    "tokenizer.stages": 3,
    "train.steps": 4,
    "train.batch": 64,
    "train.simulated_share": 0.0,
    "train.start": "data",
    "train.test_share": 0.4,
}
FEW = {"repeats": 1, "resamples": 100, "permutations": 19, "swaps": 99, "folds": 2, "inner_folds": 2}


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Twelve simulated people and a codebook of some of them."""
    root, face = tmp_path_factory.mktemp("use"), make_toy_face(ARKIT_NAMES)
    save_face(face, root)
    simulate_dataset("d", face, subjects=12, minutes_per_subject=0.3, fps=10.0, effect="stress", root=root)
    train_model("d", "m", config=load_config(None, SMALL), root=root)
    encode_dataset("m", "d", root=root)
    return root


@pytest.fixture(scope="module")
def settings(root: Path, tmp_path_factory) -> ProbeSettings:
    people = sorted(Dataset.open("d", root).recordings["subject"].unique())
    path = tmp_path_factory.mktemp("tables") / "labels.csv"
    values = np.random.default_rng(0).random(len(people))
    pd.DataFrame({"subject": people, "trait": values}).to_csv(path, index=False)
    return ProbeSettings(
        model="m",
        dataset="d",
        label="trait",
        labels=str(path),
        features=("bow-counts", "psi"),
        lengths="as-recorded",
        **FEW,
    )


def test_held_out_tests_only_people_whom_the_codebook_has_not_seen(root, settings):
    result = run_probe(replace(settings, codebook="held-out"), root)
    exposure = codebook_exposure(Codebook.open("m", root), Dataset.open("d", root))
    tested = set(result.predictions["group"])
    assert tested and not tested & exposure.seen and len(tested | exposure.seen) == 12
    assert result.summary["n"] == len(tested) and result.summary["only_trained_on"] == 12 - len(tested)
    assert result.summary["codebook_saw"]["seen"] == 0 and "Only the" in result.methods
    whole = run_probe(settings, root)
    assert set(whole.predictions["group"]) == tested | exposure.seen and whole.summary["codebook_use"] == {
        "use": "shared"
    }
    assert f"trained on {12 - len(tested)} of the 12 subjects" in whole.methods


def test_refit_trains_in_every_fold_without_the_people_tested_and_says_the_difference(root, settings):
    asked = replace(settings, codebook="refit", refit_steps=2)
    plan = planned_refit(asked, root)
    assert plan.missing == 2 and plan.config.train.steps == 2 and plan.seconds > 0
    result = run_probe(asked, root)
    again = planned_refit(asked, root)
    assert again.missing == 0 and again.names == plan.names
    facts = result.summary["codebook_use"]
    for fold, name in enumerate(facts["codebooks"]):
        own = result.predictions.loc[result.predictions["fold"] == fold, "group"]
        trained = set(Codebook.open(name, root).config["trained_on"]["subjects"])
        assert len(own) and not set(own) & trained and len(set(own) | trained) == 12
    (row,) = facts["differences"]
    assert row["features"] == "bow-counts" and row["ci95"][0] <= row["difference"] <= row["ci95"][1]
    shared = run_probe(replace(settings), root).rows.set_index("features")["score"]
    found = result.rows.set_index("features")["score"]
    assert (
        row["difference"] == pytest.approx(found["bow-counts"] - shared["bow-counts"]) and found["psi"] == shared["psi"]
    )
    assert "In every fold a codebook of its own was trained (2 steps)" in result.methods
    assert len(codebook_differences(result)) == 1 and not len(result.codewords) and document(result).sections


def test_what_no_codebook_can_be_held_out_of_is_refused(root, settings):
    with pytest.raises(DataError, match="both sides of a fold"):
        planned_refit(replace(settings, codebook="refit", group="time", block_s=3.0, gap_s=0.2, segment_s=0.5), root)
    with pytest.raises(DataError, match="one of both"):
        replace(settings, codebook="refit", sequence=("mean",))
    train_model("d", "all", config=load_config(None, SMALL | {"train.test_share": 0.01}), root=root)
    encode_dataset("all", "d", root=root)
    with pytest.raises(DataError, match="--codebook refit, or a codebook trained on other people"):
        run_probe(replace(settings, model="all", codebook="held-out"), root)


def test_units_without_a_prediction_count_nothing():
    rng = np.random.default_rng(0)
    known = np.arange(20) % 3 > 0
    for task, y, values in (
        ("classify", rng.integers(0, 2, 20), rng.random((20, 2))),
        ("regress", rng.random(20), rng.random((20, 1))),
    ):
        part = np.where(known[:, None], values, np.nan)
        assert scores.primary(task, y, part) == pytest.approx(scores.primary(task, y[known], values[known]))
    y, values, weights = rng.integers(0, 3, 20), rng.random((20, 3)), np.ones((1, 20))
    part = np.where(known[:, None], values, np.nan)
    expected = scores.weighted_auroc(y[known], values[known], weights[:, known])
    assert scores.weighted_auroc(y, part, weights) == pytest.approx(expected)
