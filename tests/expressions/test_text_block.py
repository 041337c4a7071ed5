"""Large text tables are read in several parts at once, and hashed meanwhile: what comes out is the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.expressions import sources
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.readers import text_block
from dfe_core.expressions.readers.text_block import line_ranges
from dfe_core.expressions.readers.text_table import MAX_LINE_BYTES, open_text_table
from tests.moving_points import openface_csv, take

ROWS, COLUMNS = 500, 12


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of 4 kB, on a machine of three processors."""
    monkeypatch.setattr(text_block, "_LARGE", 1 << 12)
    monkeypatch.setattr(text_block.pa, "cpu_count", lambda: 3)


def table(path: Path, end: str, last: str, encoding: str = "utf-8") -> np.ndarray:
    """Lines that become shorter, so that there are more of them than the first ones promise; some cells are empty."""
    values = np.round(np.random.default_rng(0).normal(size=(ROWS, COLUMNS)), 3)
    values[::7, 3] = np.nan
    digits = ["%.12f" if i < 20 else "%.3f" for i in range(ROWS)]
    cells = [",".join("" if np.isnan(v) else form % v for v in row) for form, row in zip(digits, values, strict=True)]
    names = ",".join([*(f"c{i}" for i in range(COLUMNS)), "who"])
    lines = [names, *(f"{line},person {i}" for i, line in enumerate(cells))]
    path.write_bytes((end.join(lines) + last).encode(encoding))
    return values


@pytest.mark.parametrize(
    ("end", "last", "encoding", "parts"),
    [("\n", "\n", "utf-8", 3), ("\r\n", "", "utf-8", 3), ("\r", "", "utf-8", 1), ("\n", "\n", "utf-16", 1)],
)
def test_the_parts_of_a_file_together_are_the_file(tmp_path, small_parts, end, last, encoding, parts):
    path = tmp_path / "a.csv"
    values = table(path, end, last, encoding)
    file = open_text_table(path)
    longest = MAX_LINE_BYTES if file.encoding == "utf-8" else 0
    assert len(line_ranges(path, longest)) == parts
    block, columns, notes = file.read_block(range(1, COLUMNS), [0], [COLUMNS])
    np.testing.assert_array_equal(block, values[:, 1:].astype(np.float32))
    np.testing.assert_array_equal(columns[0], values[:, 0])
    assert columns[COLUMNS].to_pylist() == [f"person {i}" for i in range(ROWS)] and not notes


def test_a_part_with_a_cell_that_is_no_number_is_read_as_the_whole_is(tmp_path, small_parts):
    path = tmp_path / "a.csv"
    values = table(path, "\n", "\n")
    lines = path.read_text().splitlines()
    lines[401] = lines[401].replace(lines[401].split(",")[2], "lost", 1)
    path.write_text("\n".join(lines))
    block, _, (note,) = open_text_table(path).read_block(range(1, COLUMNS), [0])
    assert np.isnan(block[400, 1]) and block[400, 2] == np.float32(values[400, 3])
    assert "1 cell" in note and "line 402" in note


def test_no_part_ends_within_a_line(tmp_path, small_parts):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 10 + b"3," + b"4" * 30_000 + b"\n1,2\n")
    ranges = line_ranges(path, 1000)
    whole = path.read_bytes()
    assert b"".join(whole[start:end] for start, end in ranges) == whole
    assert all(whole[end - 1 : end] == b"\n" for _, end in ranges)


def test_large_files_are_hashed_while_they_are_read_and_known_again(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "_LARGE", 0)
    for person in range(4):
        openface_csv(tmp_path / f"s{person}.csv", take(person, 0, frames=60).points)
    (tmp_path / "twin.csv").write_bytes((tmp_path / "s0.csv").read_bytes())
    (tmp_path / "broken.csv").write_text("a,b\n1,2\n")
    report = import_dataset([tmp_path], "a", ImportOptions(face="learn"), root=tmp_path / "cache")
    assert sorted(name for name, *_ in report.imported) == [f"s{i}" for i in range(4)]
    assert {path.name: error.found.startswith("the same content") for path, error in report.skipped} == {
        "broken.csv": False,
        "twin.csv": True,
    }
