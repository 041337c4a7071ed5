"""`dfe export`: the files hold the tables of the study."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.exchange.table_files import read_table_file
from dfe_core.faces import save_face
from dfe_core.workspace import tables
from dfe_core.workspace.token_export import wide_tables
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
    expected = tables.made_table(study, what, path)
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
    with pytest.raises(dfe.DataError, match="tokens or wide or bag"):
        tables.export_table(study, "everything", tmp_path / "bag.csv")
    monkeypatch.setattr(tables, "EXCEL_ROWS", 3)
    with pytest.raises(dfe.DataError, match="at most 3 for Excel"):
        tables.export_table(study, "tokens", tmp_path / "tokens.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_excel_needs_no_other_package(study: dfe.Study, tmp_path: Path):
    rows = tables.export_table(study, "bag", tmp_path / "bag.xlsx")
    read = read_table_file(tmp_path / "bag.xlsx")
    assert rows == len(read)
    pd.testing.assert_frame_equal(read, tables.labelled_bag(study), check_exact=True)


def test_wide_tokens_are_the_sums_of_the_tokens_of_a_frame(study: dfe.Study):
    wide = pd.concat(list(wide_tables(study.token_cache)), ignore_index=True)
    long = wide.melt(["recording", "frame", "time_s", "error_mm"], value_name="intensity")
    assert len(wide) == study.token_cache.frames
    tokens = study.tokens().groupby(["recording", "frame", "codeword"])["intensity"].sum()
    long["codeword"] = long.pop("variable").str.removeprefix("codeword_").astype(int)
    moving = long[long["intensity"] > 0].set_index(["recording", "frame", "codeword"])["intensity"]
    assert moving.sort_index().to_dict() == tokens[tokens > 0].to_dict()


def test_a_subject_has_what_its_recordings_have(study: dfe.Study):
    subjects, intervals = tables.subject_summary(study), study.intervals()
    assert len(subjects) == 3 * (study.codebook.size - 1)
    owner = study.dataset.recordings.set_index("recording")["subject"]
    count = intervals.assign(subject=intervals["recording"].map(owner)).groupby(["subject", "codeword"]).size()
    found = subjects.set_index(["subject", "codeword"])
    assert (found["rate"] * found["minutes"])[count.index].to_numpy() == pytest.approx(count.to_numpy())
    assert (found["rate"] > 0).sum() == len(count)
    shares = study.bag("subject")
    assert found["share"].unstack().to_numpy() == pytest.approx(shares.loc[:, 1:].to_numpy())


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_all_tables_are_in_one_folder_and_read_back_exactly(study: dfe.Study, format: str, tmp_path: Path):
    paths = tables.export_tables(study, tmp_path, format)
    assert paths[-1].name == "manifest.json"
    for name, make in tables.TABLES.items():
        path = tmp_path / ("tables.xlsx" if format == "xlsx" else f"{name}.csv")
        read = read_table_file(path, name if format == "xlsx" else None)
        pd.testing.assert_frame_equal(read, make(study), check_exact=True, check_dtype=False)


def test_the_command_says_what_it_wrote(study: dfe.Study, tmp_path: Path, monkeypatch, capsys):
    from train.cli import main

    monkeypatch.setenv("DFE_CACHE", str(study.root))
    out = tmp_path / "summary.csv"
    assert main(["export", "m", "d", "--what", "summary", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 24 rows\n"
    assert len(pd.read_csv(out)) == 24
