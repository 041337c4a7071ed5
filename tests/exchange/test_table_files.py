"""Tables as files: what is written is read back to the last digit, and no spreadsheet runs a text."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.exchange import xlsx
from dfe_core.exchange.table_files import read_table_file, write_table_file, write_table_folder

TEXTS = ["plain", "=1+1", "'=1+1", "''-x", "-5", "+a", "@b", "\tc", "a\nb", "a\r\nb", 'quo"ted', "ä,ö", "NA", "001",
         "_x0041_", "a\x07b", " blank "]  # fmt: skip


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    size = len(TEXTS)
    return pd.DataFrame(
        {
            "recording": TEXTS,
            "codeword": np.arange(size, dtype=np.uint16),
            "start_frame": rng.integers(0, 2**40, size),
            "start_s": rng.normal(size=size) * 10.0 ** rng.integers(-300, 300, size),
            "peak": rng.random(size).astype(np.float32),
            "share": np.r_[np.nan, rng.random(size - 1)],
            "right-handed": rng.random(size) < 0.5,
            "=label": [None, *TEXTS[:0:-1]],
        }
    )


@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
def test_a_table_is_read_back_exactly(table: pd.DataFrame, format: str, tmp_path: Path):
    paths = write_table_folder({"one": table, "other": table[::-1].reset_index(drop=True)}, tmp_path, format)
    path = tmp_path / ("tables.xlsx" if format == "xlsx" else f"one.{format}")
    read = read_table_file(path, "one" if format == "xlsx" else None)
    assert path in paths
    pd.testing.assert_frame_equal(read, table, check_exact=True)
    assert read["start_s"].to_numpy().tobytes() == table["start_s"].to_numpy().tobytes()
    assert read["peak"].to_numpy().tobytes() == table["peak"].to_numpy().tobytes()


def test_a_csv_alone_has_the_types_of_known_columns(table: pd.DataFrame, tmp_path: Path):
    write_table_file(table, tmp_path / "one.csv")
    read = read_table_file(tmp_path / "one.csv")
    assert read["peak"].dtype == np.float32
    assert read["peak"].tolist() == table["peak"].tolist()
    assert read["recording"].tolist() == TEXTS


def test_no_cell_is_run_by_a_spreadsheet(table: pd.DataFrame, tmp_path: Path):
    write_table_file(table, tmp_path / "one.csv")
    cells = pd.read_csv(tmp_path / "one.csv", dtype=str, keep_default_na=False)
    assert not [cell for cell in cells["recording"] if cell[:1] in "=+@\t\r" or cell[:2] == "-x"]
    write_table_file(table, tmp_path / "one.xlsx", name="one")
    with zipfile.ZipFile(tmp_path / "one.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert 't="inlineStr"><is><t xml:space="preserve">=1+1<' in sheet


def test_the_same_tables_give_the_same_workbook(table: pd.DataFrame, tmp_path: Path):
    for name in ("a.xlsx", "b.xlsx"):
        write_table_file(table, tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_what_excel_does_not_take_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="characters without"):
        xlsx.write_workbook({"a/b": pd.DataFrame({"a": [1]})}, tmp_path / "a.xlsx")
    with pytest.raises(DataError, match="at most 32,767"):
        xlsx.write_workbook({"a": pd.DataFrame({"a": ["x" * 40000]})}, tmp_path / "a.xlsx")
    (tmp_path / "other.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match="an .xlsx file"):
        read_table_file(tmp_path / "other.xlsx")


def test_a_workbook_opens_in_openpyxl(table: pd.DataFrame, tmp_path: Path):
    pytest.importorskip("openpyxl", reason="openpyxl is not installed")
    write_table_file(table, tmp_path / "one.xlsx", name="one")
    read = pd.read_excel(tmp_path / "one.xlsx", sheet_name="one", keep_default_na=False)
    assert read["recording"].tolist()[:3] == TEXTS[:3]
    assert read["start_frame"].tolist() == table["start_frame"].tolist()
