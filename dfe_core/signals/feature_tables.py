"""Features of recordings from tables: one row per recording, or the frames that `dfe signals` writes.

Letters: T frames, C channels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.errors import DataError

ENDINGS = (".csv", ".parquet")
_IDENTITY = ("recording", "subject", "session", "frame", "time_s")
"""Columns of a table that are no features."""


def read_feature_table(path: Path) -> pd.DataFrame:
    """Features of each recording from a CSV or Parquet file, or from a folder of them, one below the other.

    A table with ``frame`` and ``time_s`` holds frames: of each channel the mean, the standard deviation and the slope
    (a second) over the frames in which it is known. Any other has one row per recording, empty cells where something is
    not known.

    Returns
    -------
    DataFrame indexed by recording (text), one column a feature, NaN where it is not known.

    Raises
    ------
    DataError
        For a file that cannot be read, has no recordings or no numbers, a text or an infinite number among them, or a
        recording twice.
    """
    table = _read(path).rename(columns=str)
    if "recording" not in table:
        raise DataError(path, "no column recording", "recording, then numbers, or the frames that `dfe signals` writes")
    if not len(table):
        raise DataError(path, "no rows", "a row for each recording")
    channels = [str(column) for column in table if column not in _IDENTITY]
    if not channels:
        raise DataError(path, "no column of numbers", "numbers beside the recording")
    _require_numbers(path, table, channels)
    if "frame" in table and "time_s" in table:
        _require_numbers(path, table, ["time_s"])
        return _by_recording(table, channels)
    if table["recording"].duplicated().any():
        double = table.loc[table["recording"].duplicated(), "recording"].iloc[0]
        raise DataError(path, f"recording {double!r} twice", "one row per recording, or frames with frame and time_s")
    return table.set_index("recording")[channels].astype(float)


def _read(path: Path) -> pd.DataFrame:
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if one.suffix in ENDINGS)
        if not files:
            raise DataError(path, "no table in the folder", " or ".join(ENDINGS))
        return pd.concat([_read(one) for one in files], ignore_index=True)
    if not path.is_file():
        raise DataError(path, "no such file", "bow, au, or a table (.csv, .parquet, or a folder of them)")
    if path.suffix not in ENDINGS:
        raise DataError(path, "an ending that is not known", " or ".join(ENDINGS))
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"recording": str})
    except (OSError, ValueError) as error:
        found = " ".join(str(error).split())
        raise DataError(path, f"a table that cannot be read ({found})", "CSV or Parquet with a heading") from error
    return table.assign(recording=table["recording"].astype(str)) if "recording" in table else table


def _require_numbers(path: Path, table: pd.DataFrame, columns: list[str]) -> None:
    for column in columns:
        known = table[column].dropna()
        values = pd.to_numeric(known, errors="coerce").to_numpy(float)
        if not np.isfinite(values).all():
            wrong = known.iloc[int(np.argmin(np.isfinite(values)))]
            expected = "finite numbers (with a decimal point) or empty cells, or the column left out"
            raise DataError(path, f"{str(wrong)!r} in column {column}", expected)


def _by_recording(table: pd.DataFrame, channels: list[str]) -> pd.DataFrame:
    found = {}
    for name, part in table.groupby("recording", sort=False):
        found[name] = _course(part["time_s"].to_numpy(float), part[channels].to_numpy(float))
    columns = [f"{what} {channel}" for what in ("mean", "s.d.", "slope") for channel in channels]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns).rename_axis("recording")


def _course(time_s: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(3 C,) mean, standard deviation and slope (a second) of (T, C) over the frames where each is known."""
    known = np.isfinite(values) & np.isfinite(time_s)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        count = known.sum(0)
        mean = np.where(known, values, 0).sum(0) / count
        middle = np.where(known, time_s[:, None], 0).sum(0) / count
        away = np.where(known, values - mean, 0)
        apart = np.where(known, time_s[:, None] - middle, 0)
        spread, slope = np.sqrt((away**2).sum(0) / count), (apart * away).sum(0) / (apart**2).sum(0)
    return np.concatenate([mean, spread, slope])
