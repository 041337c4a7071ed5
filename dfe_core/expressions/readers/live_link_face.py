"""Live Link Face: the CSV of Epic's iPhone app, raw (``…_iPhone_raw.csv``) or calibrated (``…_iPhone_cal.csv``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.arkit_columns import LEAST, arkit_count, arkit_indices, arkit_recording
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.text_table import open_text_table, read_header
from dfe_core.expressions.readers.timecode import timecode_seconds
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import from_times
from dfe_core.expressions.validation import as_float32

FORMAT = "live-link-face"
TITLE = "Live Link Face CSV"
EXTRACTOR = "live-link-face"
EXTRAS = tuple(
    """
    HeadYaw HeadPitch HeadRoll LeftEyeYaw LeftEyePitch LeftEyeRoll RightEyeYaw RightEyePitch RightEyeRoll
    """.split()
)
"""Radians; kept beside ψ."""
_FORM = re.compile(r"(.+)_(cal|raw|neutral)\.csv", re.IGNORECASE)
_NO_FACE = re.compile(rb"[^,;\t]*[,;\t]0?[,;\t]*")
"""A line of the app without a face: the timecode, 0 coefficients, and nothing more."""


def other_forms(paths: Sequence[Path]) -> dict[Path, DataError]:
    """Of takes that lie in a folder in several forms, those to pass over, and why.

    The app writes ``…_raw.csv``, ``…_cal.csv`` (the resting face taken off) and ``…_neutral.csv`` (that face) of one
    performance: the calibrated form counts, else the raw one.
    """
    takes: dict[tuple[Path, str], dict[str, Path]] = {}
    for path in paths:
        if match := _FORM.fullmatch(path.name):
            takes.setdefault((path.parent, match[1]), {})[match[2].lower()] = path
    out = {}
    for forms in takes.values():
        kept = next((forms[form] for form in ("cal", "raw") if form in forms), None)
        for path in forms.values():
            if kept is not None and path != kept:
                out[path] = DataError(
                    path, f"another form of the take {kept.name}", "one form a take; named outright, it is read"
                )
    return out


def sniff(path: Path, head: bytes) -> str | None:
    header = read_header(head)
    if (
        header
        and "timecode" in map(_key, header[:2])  # an index of rows may stand before it
        and "blendshapecount" in map(_key, header[1:])
        and arkit_count(header) >= LEAST
    ):
        return "its columns Timecode and BlendShapeCount"
    return None


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording: the 52 coefficients, head and eye angles as extras, times from the timecodes."""
    table = open_text_table(path)
    keys = [_key(name) for name in table.header]
    if "timecode" not in keys:
        raise DataError(path, f"no column Timecode among {len(keys)}", "Timecode, BlendShapeCount and the coefficients")
    columns = arkit_indices(table.header, path)
    beside = {name: keys.index(name.lower()) for name in EXTRAS if name.lower() in keys}
    clock, counters = keys.index("timecode"), [i for i, key in enumerate(keys) if key == "blendshapecount"][:1]
    data, dropped = table.read([*columns.values(), *beside.values(), *counters], [clock], pad=_NO_FACE)
    first = table.preamble + 1
    seconds, told = timecode_seconds(data[clock], path, first)
    timing = from_times(seconds, str(path), first)
    psi = np.stack([as_float32(data[i]) for i in columns.values()], 1)
    for counter in counters:
        psi[data[counter] == 0] = np.nan  # no face in the frame, whatever the cells say
    extras = {name: as_float32(data[i]) for name, i in beside.items()}
    notes, presumed = (*table.notes, *dropped, *told), options.extractor != EXTRACTOR
    return [arkit_recording(path, psi, tuple(columns), timing, EXTRACTOR, extras, notes, presumed=presumed)]


def _key(name: str) -> str:
    return name.strip().lower()
