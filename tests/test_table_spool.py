"""A table that waits in a file is written to the byte as pandas writes it from memory."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from dfe_core import table_spool
from dfe_core.table_spool import TableSpool


def parts(rows: list[int]) -> list[pd.DataFrame]:
    rng = np.random.default_rng(0)
    return [
        pd.DataFrame(
            {
                "recording": f"r{i:03d}",
                "stage": rng.integers(0, 8, n).astype(np.int16),
                "uses": rng.integers(0, 1000, n),
                "intensity": rng.random(n),
            }
        )
        for i, n in enumerate(rows)
    ]


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("as_tables", [False, True])
@pytest.mark.parametrize("rows", [[0, 0], [0, 5, 0, 300, 1], [1000, 24, 1, 2047], [1024, 1024]])
def test_the_bytes_of_pandas(tmp_path: Path, monkeypatch, index: bool, as_tables: bool, rows: list[int]):
    monkeypatch.setattr(table_spool, "GROUP_ROWS", 1024)
    monkeypatch.setattr(table_spool, "_BATCH_ROWS", 100)
    made = parts(rows)
    spool = TableSpool(made[0])
    for part in made:
        if as_tables:  # as they are read from a file, with pandas' notes
            written = io.BytesIO()
            part.to_parquet(written, index=False)
            spool.add(pq.read_table(written))
        else:
            spool.add(part)
    spool.write(tmp_path / "spooled.parquet", index=index)
    whole = pd.concat(made, ignore_index=index)
    whole.to_parquet(tmp_path / "whole.parquet", index=None if index else False, row_group_size=1024)
    assert (tmp_path / "spooled.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "spooled.parquet"), whole.reset_index(drop=True))
