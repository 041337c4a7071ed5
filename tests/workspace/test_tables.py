"""`dfe export`: the files hold the tables of the study."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.faces import save_face
from dfe_core.workspace import tables
from tests.small_world import make_world


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, toy_face) -> dfe.Study:
    root = tmp_path_factory.mktemp("export") / "cache"
    save_face(toy_face, root)
    make_world(root, toy_face, recordings=4, frames=50)
    return dfe.Study("m", "d", root=root)


@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize("what", tables.WHAT)
def test_a_file_holds_the_table_of_the_study(what: str, format: str, study: dfe.Study, tmp_path: Path):
    path = tmp_path / f"table.{format}"
    rows = tables.export_table(study, what, path)
    read = pd.read_csv(path) if format == "csv" else pd.read_parquet(path)
    expected = study.tokens() if what == "tokens" else tables.TABLES[what](study)
    assert len(read) == rows > 0 and list(read) == list(expected)
    for column in expected.select_dtypes("number"):
        assert read[column].to_numpy(float) == pytest.approx(expected[column].to_numpy(float), rel=1e-5, nan_ok=True)


def test_a_bag_comes_with_subject_and_labels(study: dfe.Study):
    bag = tables.labelled_bag(study)
    assert list(bag)[:4] == ["recording", "subject", "condition", "codeword_0"]
    assert bag["condition"].tolist() == study.dataset.recordings["condition"].tolist()
    assert bag["codeword_5"].tolist() == study.bag()[5].tolist()
    by_subject = tables.labelled_bag(study, "subject")  # s0 has recordings of both conditions
    assert list(by_subject)[:2] == ["subject", "codeword_0"] and len(by_subject) == 3


def test_a_summary_says_what_a_codeword_does_and_how_it_is_used(study: dfe.Study):
    summary = tables.codeword_summary(study)
    assert len(summary) == study.codebook.size
    assert summary["description"][7] == study.codebook[7].description
    assert summary["uses"][7] == (study.tokens()["codeword"] == 7).sum()


def test_what_cannot_be_written_is_refused_and_leaves_no_file(study: dfe.Study, tmp_path: Path, monkeypatch):
    with pytest.raises(dfe.DataError, match="csv or parquet or xlsx"):
        tables.export_table(study, "bag", tmp_path / "bag.doc")
    with pytest.raises(dfe.DataError, match="tokens or bag"):
        tables.export_table(study, "everything", tmp_path / "bag.csv")
    monkeypatch.setattr(tables, "EXCEL_ROWS", 3)
    with pytest.raises(dfe.DataError, match="at most 3 for Excel"):
        tables.export_table(study, "tokens", tmp_path / "tokens.xlsx")
    monkeypatch.undo()
    if importlib.util.find_spec("openpyxl") is None:
        with pytest.raises(dfe.DataError, match="pip install openpyxl"):
            tables.export_table(study, "bag", tmp_path / "bag.xlsx")
        assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_it_wrote(study: dfe.Study, tmp_path: Path, monkeypatch, capsys):
    from train.cli import main

    monkeypatch.setenv("DFE_CACHE", str(study.root))
    out = tmp_path / "summary.csv"
    assert main(["export", "m", "d", "--what", "summary", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 24 rows\n"
    assert len(pd.read_csv(out)) == 24
