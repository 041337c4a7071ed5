"""Files of signals at the frames of a dataset, as ``dfe signals`` writes them, read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.exchange.table_files import read_table_file
from dfe_core.groups.channel_curves import AlignedSignals


def read_aligned(path: Path) -> AlignedSignals:
    """Read a CSV or Parquet of recording, frame and channels; an empty cell is unknown.

    Raises `DataError` where a column is missing or is not of numbers.
    """
    if not path.is_file():
        raise DataError(path, "no such file", "what dfe signals --out wrote")
    table = read_table_file(path)
    if missing := [name for name in ("recording", "frame") if name not in table]:
        raise DataError(path, f"no column {missing[0]}", "recording, frame and channels, as dfe signals writes them")
    found = AlignedSignals(name=path.name, table=table)
    if not found.channels:
        raise DataError(path, "no channel", "a column of numbers beside recording, frame and time_s")
    numbers = {name: _numbers(table[name], name, path) for name in ("frame", *found.channels)}
    if not np.isfinite(numbers["frame"]).all():
        raise DataError(path, "a row without a frame", "the number of a frame in every row")
    return AlignedSignals(name=path.name, table=table.assign(recording=table["recording"].astype(str), **numbers))


def _numbers(column: pd.Series, name: str, path: Path) -> np.ndarray:
    try:
        return pd.to_numeric(column).to_numpy(float)
    except (ValueError, TypeError):
        raise DataError(path, f"text in the column {name}", "numbers, empty where unknown") from None
