"""Row groups are put together without being decoded, and what reads Parquet reads them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfe_core.errors import DataError
from dfe_core.parquet_footer import read_footer
from dfe_core.parquet_join import RowGroups, RowGroupWriter


def written(path: Path, names: list[str], seed: int, **options) -> pa.Table:
    """A file of one row group a name, with every kind of column that tokens and frames have."""
    rng = np.random.default_rng(seed)
    tables = []
    schema = pa.schema(
        [
            ("recording", pa.dictionary(pa.int32(), pa.string())),
            ("time_s", pa.float64()),
            ("valid", pa.bool_()),
            ("tokens", pa.list_(pa.uint16(), 3)),
            ("note", pa.string()),
        ]
    )
    with pq.ParquetWriter(path, schema, compression="zstd", **options) as writer:
        for name in names:
            rows = int(rng.integers(1, 40))
            columns = [
                pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [name]),
                rng.random(rows),
                rng.random(rows) < 0.5,
                pa.FixedSizeListArray.from_arrays(rng.integers(0, 60_000, 3 * rows).astype(np.uint16), 3),
                [None if i % 3 else f"{name}-{i}" for i in range(rows)],
            ]
            tables.append(pa.table(columns, schema=schema))
            writer.write_table(tables[-1])
    return pa.concat_tables(tables)


def joined(path: Path, parts: list[tuple[RowGroups, int]]) -> list[int]:
    writer = RowGroupWriter(path)
    rows = [writer.add(source, group) for source, group in parts]
    writer.close()
    return rows


@pytest.mark.parametrize("options", [{}, {"write_page_index": True, "write_statistics": False, "version": "1.0"}])
def test_row_groups_of_two_files_in_another_order(tmp_path: Path, options: dict):
    names = [f"r{i}" for i in range(20)]  # more than 14: the count of a long list is written another way
    first = written(tmp_path / "a.parquet", names, 0, **options)
    second = written(tmp_path / "b.parquet", ["other", "more"], 1, **options)
    a, b = RowGroups(tmp_path / "a.parquet"), RowGroups(tmp_path / "b.parquet")
    assert a.ends[-1] == len(first) and len(a.ends) == 20
    into = tmp_path / "c.parquet"
    rows = joined(into, [(b, 1), *((a, group) for group in range(20)), (b, 0)])
    whole, at = pq.read_table(into), int(b.ends[0])
    assert whole.equals(pa.concat_tables([second.slice(at), first, second.slice(0, at)]))
    assert pq.ParquetFile(into).read_row_group(1).equals(first.slice(0, int(a.ends[0]))) and sum(rows) == len(whole)
    counted = duckdb.sql(
        f"SELECT count(*), count(DISTINCT recording), sum(time_s) FROM read_parquet('{into}')"
    ).fetchall()[0]
    assert counted[:2] == (len(whole), 22) and np.isclose(counted[2], np.sum(whole["time_s"].to_numpy()))
    again = tmp_path / "d.parquet"
    joined(again, [(RowGroups(into), group) for group in range(22)])
    assert again.read_bytes() == into.read_bytes()
    if not options:
        joined(again, [(a, group) for group in range(20)])
        assert again.read_bytes() == (tmp_path / "a.parquet").read_bytes()


def test_a_file_without_row_groups_has_its_columns(tmp_path: Path):
    written(tmp_path / "a.parquet", ["r"], 0)
    writer = RowGroupWriter(tmp_path / "b.parquet")
    writer.like(RowGroups(tmp_path / "a.parquet"))
    writer.close()
    assert pq.read_table(tmp_path / "b.parquet").num_rows == 0
    assert pq.read_schema(tmp_path / "b.parquet") == pq.read_schema(tmp_path / "a.parquet")


def test_files_in_memory_and_of_other_columns(tmp_path: Path):
    whole = written(tmp_path / "a.parquet", ["r", "s"], 0)
    data = (tmp_path / "a.parquet").read_bytes()
    pq.write_table(whole.select(["time_s", "note"]), tmp_path / "b.parquet")
    with RowGroupWriter(tmp_path / "c.parquet") as writer:
        assert writer.add_all(RowGroups(data)) == len(whole)
    assert (tmp_path / "c.parquet").read_bytes() == data
    with pytest.raises(DataError, match=r"b\.parquet.*other columns"):
        joined(tmp_path / "d.parquet", [(RowGroups(data), 0), (RowGroups(tmp_path / "b.parquet"), 0)])


def test_what_is_no_whole_file_is_refused(tmp_path: Path):
    written(tmp_path / "a.parquet", ["r", "s"], 0)
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(data[:-20])
    with pytest.raises(DataError, match="no Parquet file"):
        RowGroups(tmp_path / "cut.parquet")


def test_damaged_metadata_are_refused_and_not_followed(tmp_path: Path):
    written(tmp_path / "a.parquet", [f"r{i}" for i in range(20)], 0)
    whole = (tmp_path / "a.parquet").read_bytes()
    start = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    rng = np.random.default_rng(0)
    for at in rng.integers(start, len(whole) - 8, 300):
        broken = bytearray(whole)
        broken[at] ^= int(rng.integers(1, 256))
        (tmp_path / "b.parquet").write_bytes(broken)
        try:
            read_footer(tmp_path / "b.parquet")
        except DataError as error:
            assert "b.parquet" in str(error) or "Parquet" in str(error)


def test_some_row_groups_are_read_as_if_the_file_had_no_others(tmp_path: Path):
    whole = written(tmp_path / "a.parquet", [f"r{i}" for i in range(20)], 0)
    footer = read_footer(tmp_path / "a.parquet")
    found = pq.ParquetFile(tmp_path / "a.parquet", metadata=footer.of(3, 17))
    first, last = int(footer.row_ends[2]), int(footer.row_ends[16])
    assert found.metadata.num_row_groups == 14 and found.read().equals(whole.slice(first, last - first))
