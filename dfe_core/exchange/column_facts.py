"""What each column of an exported table is: its type, its unit and its meaning, one entry a column."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

TEXT = "text"


@dataclass(frozen=True, kw_only=True)
class ColumnFact:
    """One column. type: ``text``, or a NumPy type; unit: empty where it has none."""

    type: str
    unit: str = ""
    meaning: str


def _facts(rows: str) -> dict[str, ColumnFact]:
    """Lines of ``name | type | unit | meaning``."""
    cells = ([cell.strip() for cell in line.split("|")] for line in rows.strip().splitlines())
    return {name: ColumnFact(type=kind, unit=unit, meaning=meaning) for name, kind, unit, meaning in cells}


COLUMNS = _facts("""
recording       | text    |       | name of the recording
subject         | text    |       | the person
session         | text    |       | occasion at which the subject was recorded
extractor       | text    |       | tool that estimated the coefficients or landmarks
fps             | float64 | 1/s   | frames per second
valid_frames    | int64   |       | frames in which the face was tracked
duration_s      | float64 | s     | duration of the recording
frame           | int64   |       | number of the video frame
time_s          | float64 | s     | time of the frame
stage           | int64   |       | place of the token in the order in which it was chosen, from 0
codeword        | int64   |       | number of the codeword; 0 moves nothing
intensity       | float32 |       | how strongly the token applies its codeword
error_mm        | float32 | mm    | root mean square vertex error of the frame
start_frame     | int64   |       | first frame in which the codeword is present
peak_frame      | int64   |       | frame of its largest intensity
end_frame       | int64   |       | last frame in which the codeword is present
start_s         | float64 | s     | onset
peak_s          | float64 | s     | apex
end_s           | float64 | s     | offset: end of the last frame
frames          | int64   |       | number of frames
peak            | float32 |       | largest intensity
mean            | float32 |       | mean intensity over the frames with the codeword
dominance       | float32 | share | the codeword's share of all intensities in the peak frame
rate            | float64 | 1/min | intervals per minute
share           | float64 | share | share of valid frames in which the codeword is present
mean_intensity  | float64 |       | mean intensity while present
duration        | float64 | s     | mean duration of an interval
latency         | float64 | s     | time to the first onset in a recording, mean over recordings that have one
recordings      | int64   |       | number of recordings
minutes         | float64 | min   | minutes with tokens
description     | text    |       | what the codeword moves
region          | text    |       | region of the face in which it moves most
side            | text    |       | left, right or both sides of the face, the face's own
locality        | float64 | share | share of squared displacement in its two strongest regions
peak_mm         | float32 | mm    | largest displacement of a vertex at intensity 1
uses            | int64   |       | tokens with this codeword
share_of_frames | float64 | share | share of frames in which it is present
main_stage      | int64   |       | stage in which most of its tokens are
presences       | int64   |       | number of its intervals
typical_mm      | float64 | mm    | median displacement while present
largest_mm      | float64 | mm    | largest displacement while present
""")
"""Column → what it is, in every table; labels of the dataset and the columns of `CODEWORD_COLUMN` are not in it."""

CODEWORD_COLUMN = re.compile(r"codeword_(\d+)")
_OF_CODEWORD = ColumnFact(type="float64", meaning="")


def column_fact(name: str, table: pd.DataFrame) -> ColumnFact:
    """What a column of a table is: as in `COLUMNS` with the table's own type, a codeword's, or a label's."""
    kind = type_name(table[name])
    if match := CODEWORD_COLUMN.fullmatch(name):
        return ColumnFact(type=kind, meaning=f"codeword {match[1]}")
    known = COLUMNS.get(name)
    if known is None:
        return ColumnFact(type=kind, meaning="label of the dataset")
    return ColumnFact(type=kind, unit=known.unit, meaning=known.meaning)


def data_dictionary(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Column → type, unit and meaning, in the order of the table: what is written beside it as JSON."""
    return {str(name): asdict(column_fact(str(name), table)) for name in table.columns}


def type_name(column: pd.Series) -> str:
    """The name of a column's type as `COLUMNS` has it: ``text`` for all that is neither number nor bool."""
    return str(column.dtype) if column.dtype.kind in "biuf" else TEXT


def known_types(columns: Iterable[str]) -> dict[str, str]:
    """Types of the columns that are the same in every table, as a file without a dictionary is read."""
    types = {name: COLUMNS[name].type for name in columns if name in COLUMNS}
    return types | {name: _OF_CODEWORD.type for name in columns if CODEWORD_COLUMN.fullmatch(name)}
