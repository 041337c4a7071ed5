"""Tables of other tools' expression names, brought to ARKit's by a stated map: what their readers share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.arkit_columns import arkit_recording
from dfe_core.expressions.readers.frame_table import header_of, open_table, read_frame_table
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.recording import Recording


def plain(name: str) -> str:
    """A name without what tools put before it (``blendShapes.``, ``/avatar/parameters/v2/``), blanks, marks and
    capitals."""
    return re.sub(r"[^a-z0-9]", "", re.split(r"[./]", name)[-1].lower())


def sided(map_of_stems: Mapping[str, str], endings: tuple[str, str] = ("L", "R")) -> dict[str, tuple[str, ...]]:
    """ARKit name to the tool's, for names with a left and a right: theirs to ours by stem."""
    return {
        ours + side: (theirs + ending,)
        for theirs, ours in map_of_stems.items()
        for side, ending in zip(("Left", "Right"), endings, strict=True)
    }


def known_names(path: Path, head: bytes, names: Sequence[str]) -> int:
    """How many of a tool's own names the header of a table holds; never raises."""
    return len({plain(n) for n in names} & {plain(c) for c in header_of(path, head)})


def read_mapped(
    path: Path, options: ReadOptions, names: Mapping[str, tuple[str, ...]], extractor: str, scale: float = 1.0
) -> list[Recording]:
    """One recording a face of the ARKit coefficients that the table can show; each is the mean of its columns.

    names: ARKit's name to the tool's. scale: of 1 in the tool's unit. Raises `DataError` where none is there.
    """
    file = open_table(path)
    at = {plain(column): i for i, column in reversed(list(enumerate(file.header)))}
    columns = {
        ours: found
        for ours, theirs in names.items()
        if len(found := [at[plain(name)] for name in theirs if plain(name) in at]) == len(theirs)
    }
    if not columns:
        raise DataError(path, f"none of {extractor}'s names", ", ".join(n for t in list(names.values())[:3] for n in t))
    table = read_frame_table(file, {i for found in columns.values() for i in found}, options)
    values = np.stack([np.mean([table.data[i] for i in found], 0) / scale for found in columns.values()], 1)
    note = f"{extractor}'s names by their likeness to ARKit's, an approximation: the two define actions differently."
    recordings = []
    for face in table.faces:
        timing, made_by = table.timing(face.rows, options), options.extractor or extractor
        recording = arkit_recording(
            path, values[face.rows], tuple(columns), timing, made_by, notes=(*table.notes, note)
        )
        recordings.append(table.named(recording, face))
    return recordings
