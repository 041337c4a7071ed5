"""Tidy tables on disk: the same frame gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.spreadsheet import plain_table
from dfe_core.store import atomic_file


def write_tables(tables: dict[str, pd.DataFrame], folder: Path) -> list[Path]:
    r"""Write every table as ``<name>.csv`` and ``<name>.parquet``; returns the paths.

    CSV: UTF-8, comma, ``\n``, floats to 7 significant digits, missing values empty, lists joined by a blank.
    """
    return [path for name, table in tables.items() for path in write_table(table, folder, name)]


def write_table(table: pd.DataFrame, folder: Path, name: str) -> list[Path]:
    """Write one table twice; returns both paths."""
    csv, parquet = folder / f"{name}.csv", folder / f"{name}.parquet"
    with atomic_file(csv) as temporary:
        plain_table(flat_lists(table)).to_csv(
            temporary, index=False, float_format="%.7g", lineterminator="\n", encoding="utf-8"
        )
    with atomic_file(parquet) as temporary:
        table.to_parquet(temporary, index=False)
    return [csv, parquet]


def flat_lists(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every list in a cell written as its items joined by blanks: what a CSV can hold."""
    lists = [c for c in table.columns if table[c].map(_is_list).any()]
    return table.assign(**{c: table[c].map(lambda v: " ".join(map(_item, v)) if _is_list(v) else v) for c in lists})


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple, np.ndarray))


def _item(value: object) -> str:
    return f"{value:.7g}" if isinstance(value, (float, np.floating)) else str(value)
