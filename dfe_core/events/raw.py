"""What readers of events give: events of one recording, under the names that their file has for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.expressions.readers.frame_table import TableFile

_NOTHING = ("n/a", "N/A", "NA", "nan", "NaN")


@dataclass(frozen=True, kw_only=True)
class RawEvents:
    """Events of one recording as a file has them.

    names: of the recording, as the file has them, the most telling first; none for that of the file. table: onset_s
    and offset_s (s, NaN where the file has none), then columns of text. kind: the column that says what happens, empty
    for none. exact: the file is a list of recordings, whose names are theirs to the letter. notes: on the data.
    """

    names: tuple[str, ...]
    table: pd.DataFrame
    kind: str
    exact: bool = False
    notes: tuple[str, ...] = ()


def text_columns(table: TableFile) -> pd.DataFrame:
    """A whole table as stripped text, empty where a cell is, and where it says that there is no value."""
    data, _ = table.read((), range(len(table.header)))
    columns = {name: data[i].to_pandas().fillna("").astype(str).str.strip() for i, name in enumerate(table.header)}
    return pd.DataFrame(columns).replace(list(_NOTHING), "")


def seconds(cells: pd.Series, scale: float = 1.0) -> pd.Series:
    """Numbers of a column of text in seconds, NaN where there is none; a decimal comma is one."""
    numbers = pd.to_numeric(cells.str.replace(",", ".", regex=False), errors="coerce")
    return numbers.where(np.isfinite(numbers)) * scale


def column_among(header: Sequence[str], names: Sequence[str]) -> str | None:
    """The column that has the first of these names, whatever its capitals."""
    by_lower = {column.lower(): column for column in reversed(header)}
    return next((by_lower[name] for name in names if name in by_lower), None)
