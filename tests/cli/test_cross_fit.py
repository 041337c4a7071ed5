"""Cross-fitted coverage: every person's figures come from a codebook that was trained without that person."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs import coverage
from dfe_core.facs.derive import derive_aus
from dfe_core.facs.settings import CoverageSettings
from dfe_core.tokenizer.codebook import Codebook
from train.cross_fit import cross_fit, pooled


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the intervals that every coverage has beside the figures that are pooled: nothing here looks at them."""
    few = CoverageSettings(resamples=20, beyond_frames=1000)
    monkeypatch.setattr(coverage, "analyse_coverage", partial(coverage.analyse_coverage, settings=few))


@pytest.mark.usefixtures("few_resamples")
def test_no_codebook_saw_the_people_that_its_figures_are_of(toy: Path):
    data = Dataset.open("toy", toy)
    derive_aus(data, "derived", root=toy)
    found = cross_fit("tiny", "toy", "derived", 2, root=toy)
    assert found.models == ("tiny-without-1-of-2", "tiny-without-2-of-2")
    for fold, name in enumerate(found.models):
        trained = set(Dataset.open(name, toy).recordings["subject"])
        own = set(found.by_subject.loc[found.by_subject["cross_fold"] == fold, "subject"])
        assert own and not own & trained and own | trained <= set(data.recordings["subject"])
        config = Codebook.open(name, toy).config
        assert config["tokenizer"]["codewords"] == 24 and config["train"]["steps"] == 40
    assert (found.per_au["sparse_auroc_low"] <= found.per_au["sparse_auroc"]).all()
    assert found.per_au["subjects"].max() > 3  # people of both folds together
    with pytest.raises(DataError, match="--cross-fit"):
        cross_fit("tiny", "toy", "derived", 5, root=toy)


def test_figures_are_pooled_over_people():
    table = pd.DataFrame(
        {
            "au": "AU1",
            "side": "both",
            "subject": list("abc"),
            "auroc": [0.5, 0.7, 0.9],
            "sparse_auroc": 0.8,
            "all_auroc": [1.0, 1.0, 0.7],
        }
    )
    row = pooled(table).iloc[0]
    assert row["subjects"] == 3 and np.isclose(row["auroc"], 0.7) and np.isclose(row["all_auroc"], 0.9)
    assert row["auroc_low"] < 0.7 < row["auroc_high"] and row["sparse_auroc_low"] == pytest.approx(0.8)
