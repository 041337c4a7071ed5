"""OpenFace 3: its eight outputs, taken as the eight AUs of DISFA that are usually evaluated, as scores 0–1.

The tool's model returns eight numbers without names, so that tables of it name them in three ways: by their place
(``AU01`` … ``AU08``, ``AU_00`` … ``AU_07``, with or without ``_r``), or by the AUs that they are (``AU01_intensity`` …
``AU26_intensity``). That the places are AU1, 2, 4, 6, 9, 12, 25 and 26 is an inference, for the tool does not document
it: its training script picks the labels 0, 4, 8, 10, 11, 1, 6 and 7 of twelve, which are these eight in this order if
DISFA's files lie in the order of their names (AU1, AU12, AU15, AU17, AU2, AU20, AU25, AU26, AU4, AU5, AU6, AU9). It was
trained on intensity 2 or more against less, and decides at 0.5: a score, no FACS intensity.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dfe_core.facs.action_units import EMISSIONS
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.table import AuReadOptions, Header, Kind, detections, no_column, read_au_header, read_table

FORMAT = "openface3"
TITLE = "OpenFace 3"
AUS = EMISSIONS["openface-3"].aus
"""The outputs in the order in which the model gives them."""
_AU = re.compile(r"AU_?(\d\d?)(?:_r|_intensity)?$", re.IGNORECASE)
_PLACES = (tuple(range(1, 9)), tuple(range(8)))


def sniff(path: Path, header: Header) -> str | None:
    return "eight outputs of OpenFace 3" if output_columns(header.columns) else None


def output_columns(columns: Sequence[str]) -> dict[str, str]:
    """Column to AU where a header has just OpenFace 3's eight outputs, else none."""
    found = {column: int(match[1]) for column in columns if (match := _AU.match(column))}
    numbers = tuple(sorted(found.values()))
    if numbers in _PLACES:
        return {column: AUS[number - numbers[0]] for column, number in found.items()}
    named = {column: f"AU{number}" for column, number in found.items()}
    own = all(column.lower().endswith("_intensity") for column in named) or "gaze_yaw" in columns
    return named if own and sorted(named.values()) == sorted(AUS) else {}


def read(path: Path, options: AuReadOptions) -> list[Detections]:
    """One `Detections` a face. Raises `DataError` where the header has other AUs than the tool's eight."""
    spelling = output_columns(read_au_header(path).columns)
    if not spelling:
        raise no_column(path, ())
    table = read_table(path, list(spelling), (), options)
    kinds = {"probability": Kind(spelling=spelling, highest=1, scale="score")}
    note = (
        f"OpenFace 3's eight outputs are taken as {', '.join(AUS)}: inferred from its training script, not documented "
        "by the tool"
    )
    return [
        detections(table, face, options, kinds, tool="openface-3", emits=AUS, notes=(note,)) for face in table.faces
    ]
