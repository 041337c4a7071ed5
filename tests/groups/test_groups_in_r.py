"""The exported script of base R computes the same table: effects, intervals, p and q to 1e-8."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.groups.comparison import compare_groups
from dfe_core.groups.families import compare_families
from dfe_core.reports.groups import write_groups_report
from tests.groups.test_comparison import CODEWORDS, between, make_study, settings

QUICK = {"permutations": 400, "resamples": 200}
needs_r = pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")


def reproduce(folder: Path) -> subprocess.CompletedProcess[str]:
    line = ["Rscript", "--vanilla", str(folder / "r" / "reproduce_groups.R"), str(folder / "r")]
    return subprocess.run(line, capture_output=True, text=True, timeout=300)


def between_with_ages(root: Path, face):
    """Two groups; every second codeword is lacking in one person each, so that values are missing."""
    labels, rate = between()
    labels["age"] = 20.0 + 3 * labels["subject"].str[1:].astype(int) % 17
    rate[::5, 3] = 0
    return make_study(root, face, labels, rate)


@needs_r
@pytest.mark.parametrize("covariates", [(), ("age",)])
def test_groups_of_people_in_all_families(tmp_path: Path, toy_face, covariates: tuple[str, ...]):
    result = compare_families(*between_with_ages(tmp_path, toy_face), settings(covariates=covariates, **QUICK))
    write_groups_report(result, tmp_path / "out")
    done = reproduce(tmp_path / "out")
    assert done.returncode == 0, done.stderr
    tested = int((result.table["status"] == "tested").sum())
    assert f"{tested} rows agree to 1e-8" in done.stdout and "q_all" in done.stdout
    assert ("adjusted_difference" in done.stdout) == bool(covariates)
    again = pd.read_csv(tmp_path / "out" / "r" / "reproduced.csv")
    assert sorted(again["p"]) == pytest.approx(sorted(result.table["p"].dropna()), abs=1e-8)


@needs_r
def test_three_conditions_within_people(tmp_path: Path, toy_face):
    rng = np.random.default_rng(5)
    rows = [(f"s{s}-{c}", f"s{s}", c) for s in range(9) for c in ("=rest", "talk", "watch")]
    labels = pd.DataFrame([*rows, ("s9-rest", "s9", "=rest")], columns=["recording", "subject", "group"])
    rate = rng.uniform(0.0, 0.03, (10, CODEWORDS))[labels["subject"].str[1:].astype(int)]
    result = compare_groups(*make_study(tmp_path, toy_face, labels, rate), settings(**QUICK))
    write_groups_report(result, tmp_path / "out")
    done = reproduce(tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert f"{int((result.table['status'] == 'tested').sum())} rows agree to 1e-8" in done.stdout


@needs_r
def test_a_table_that_was_changed_does_not_agree(tmp_path: Path, toy_face):
    result = compare_groups(*between_with_ages(tmp_path, toy_face), settings(**QUICK))
    write_groups_report(result, tmp_path / "out")
    path = tmp_path / "out" / "r" / "expected.csv"
    table = pd.read_csv(path)
    table.loc[0, "hedges_g"] += 1e-6
    table.to_csv(path, index=False)
    done = reproduce(tmp_path / "out")
    assert done.returncode != 0 and "the tables differ by" in done.stderr


def test_people_are_numbered_and_formulas_are_text(tmp_path: Path, toy_face):
    result = compare_groups(*between_with_ages(tmp_path, toy_face), settings(**QUICK))
    files = write_groups_report(result, tmp_path / "out")
    units = pd.read_csv(tmp_path / "out" / "r" / "units.csv")
    assert units["unit"].tolist() == list(range(12)) and units["subject"].dtype.kind == "i"
    values = pd.read_csv(tmp_path / "out" / "r" / "values.csv")
    assert values.shape == result.compared.values.shape
    assert np.allclose(values.to_numpy(), result.compared.values, equal_nan=True)
    assert {path.name for path in files} >= {"reproduce_groups.R", "labellings-0-1.txt.gz", "resamples-0-1.txt.gz"}
