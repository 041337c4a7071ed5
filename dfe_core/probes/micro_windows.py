"""Coded windows of micro-expressions: read, checked and refused where they are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset

SHORTEST_S, LONGEST_S = 0.04, 0.5
MIN_FRAMES = 3
"""A window with fewer frames has no onset, apex and offset to tell apart."""


def read_windows(path: Path, data: Dataset, label: str) -> pd.DataFrame:
    """The windows of a file as spans: recording, segment, span, start_s, end_s, apex_s, time and the label, sorted by
    recording and onset; none of recordings whose labels are sealed. Raises `DataError` naming the row."""
    try:
        table = pd.read_csv(path, dtype={"recording": str})
    except FileNotFoundError:
        raise DataError(path, "no such file", "a CSV file of windows") from None
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(path, f"not readable as CSV ({error})", "a CSV file of windows") from None
    missing = [c for c in ("recording", "onset_s", "offset_s", label) if c not in table]
    if missing:
        raise DataError(path, f"no column {missing[0]}", f"recording, onset_s, offset_s, {label} (and apex_s)")
    table = table.assign(row=np.arange(2, len(table) + 2))
    for column in ("onset_s", "offset_s", *(["apex_s"] if "apex_s" in table else [])):
        table[column] = _numbers(path, table, column)
    if "apex_s" not in table:
        table["apex_s"] = (table["onset_s"] + table["offset_s"]) / 2
    _check(path, table, data, label)
    table = table.sort_values(["recording", "onset_s"], kind="stable").reset_index(drop=True)
    clash = (table["recording"] == table["recording"].shift()) & (table["onset_s"] < table["offset_s"].shift() - 1e-9)
    _refuse(path, table, clash, lambda r: f"overlaps another window of {r.recording}", "windows apart from each other")
    order = pd.Categorical(table["recording"], categories=list(data.recordings["recording"].astype(str)), ordered=True)
    table = table.assign(order=order).sort_values(["order", "onset_s"], kind="stable")
    table = table[~table["recording"].isin(data.sealed)].reset_index(drop=True)
    if not len(table):
        raise DataError(path, "windows of recordings whose labels are sealed", "windows of other recordings")
    return pd.DataFrame(
        {
            "recording": table["recording"],
            "segment": np.arange(len(table)),
            "span": np.arange(len(table)),
            "start_s": table["onset_s"],
            "end_s": table["offset_s"],
            "apex_s": table["apex_s"],
            "time": table["recording"],
            label: table[label],
        }
    )


def _numbers(path: Path, table: pd.DataFrame, column: str) -> pd.Series:
    values = pd.to_numeric(table[column], errors="coerce")
    bad = ~np.isfinite(values)
    _refuse(path, table, bad, lambda r: f"{column} {getattr(r, column)!r}", "seconds")
    return values


def _check(path: Path, table: pd.DataFrame, data: Dataset, label: str) -> None:
    if not len(table):
        raise DataError(path, "no window", "one row per window")
    known = data.recordings.set_index(data.recordings["recording"].astype(str))
    _refuse(
        path,
        table,
        ~table["recording"].isin(known.index),
        lambda r: f"recording {r.recording!r} is not in the dataset {data.name}",
        "recordings that `dfe show DATASET` lists",
    )
    _refuse(path, table, table[label].isna(), lambda r: f"no {label}", "a label for every window")
    length = table["offset_s"] - table["onset_s"]
    _refuse(
        path,
        table,
        (length < SHORTEST_S - 1e-6) | (length > LONGEST_S + 1e-6),
        lambda r: f"a window of {r.offset_s - r.onset_s:.3g} s",
        f"{SHORTEST_S:g} to {LONGEST_S:g} s, the length of a micro-expression",
    )
    _refuse(
        path,
        table,
        (table["apex_s"] < table["onset_s"]) | (table["apex_s"] > table["offset_s"]),
        lambda r: f"apex_s {r.apex_s:g} outside its window",
        "an apex between onset and offset",
    )
    end = table["recording"].map(known["duration_s"])
    _refuse(
        path,
        table,
        (table["onset_s"] < 0) | (table["offset_s"] > end + 0.05),
        lambda r: f"the window ends at {r.offset_s:g} s",
        "windows within their recording",
    )
    fps = table["recording"].map(known["fps"])
    _refuse(
        path,
        table,
        length * fps < MIN_FRAMES - 1e-6,
        lambda r: (
            f"{(r.offset_s - r.onset_s) * known.loc[r.recording, 'fps']:.1f} frames in a window of "
            f"{r.offset_s - r.onset_s:.3g} s at {known.loc[r.recording, 'fps']:g} fps"
        ),
        f"at least {MIN_FRAMES}: recordings at a higher frame rate, or longer windows",
    )


def _refuse(path: Path, table: pd.DataFrame, bad, found, expected: str) -> None:
    rows = table[np.asarray(bad, bool)]
    if len(rows):
        first = next(rows.itertuples())
        raise DataError(f"{path}: row {first.row}", found(first), expected)
