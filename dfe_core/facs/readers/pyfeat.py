"""py-feat: ``AU01`` … as probabilities 0–1, with ``frame``, ``FaceScore`` and ``input``; no timestamps.

One table may hold several inputs (each becomes a recording) and several faces a frame (``Identity``, where py-feat 2
writes it, else their order within the frame).
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.table import (
    Header,
    ReadOptions,
    au_columns,
    by_face,
    clock,
    first_of,
    numbers,
    read_columns,
    read_header,
)
from dfe_core.facs.table import EMISSIONS

NAME = "py-feat"
_AU = re.compile(r"AU\d+$", re.IGNORECASE)


def recognises(header: Header) -> bool:
    """At least three columns like ``AU01`` with no suffix."""
    return sum(bool(_AU.match(c)) for c in header.columns) >= 3


def read(path: Path, options: ReadOptions) -> list[Detections]:
    """One `Detections` an input and face, the most often seen face of an input first."""
    header = read_header(path)
    names = {role: first_of(header, *spellings) for role, spellings in (
        ("frame", ("frame",)), ("score", ("facescore",)), ("input", ("input",)), ("identity", ("identity",)),
        ("time", ("timestamp", "time_s")))}
    aus = {c for c in header.columns if _AU.match(c)}
    table = read_columns(header, aus | {n for n in names.values() if n})
    inputs = table[names["input"]].astype(str).to_numpy() if names["input"] else np.full(len(table), "")
    found = []
    for source in dict.fromkeys(inputs):
        part = table[inputs == source].reset_index(drop=True)
        faces = by_face(_faces(part, names), len(part))
        found += [_one_face(path, part.iloc[rows].reset_index(drop=True), names, options, source,
                            face if len(faces) > 1 else "") for face, rows in faces]
    return found


def _faces(part: pd.DataFrame, names: dict[str, str | None]) -> np.ndarray | None:
    if names["identity"]:
        return part[names["identity"]].astype(str).to_numpy()
    if names["frame"] and part[names["frame"]].duplicated().any():
        return part.groupby(names["frame"]).cumcount().to_numpy()
    return None


def _one_face(path: Path, table: pd.DataFrame, names: dict[str, str | None], options: ReadOptions, source: str,
              face: str) -> Detections:
    frame, time = (numbers(path, table, names[k]) if names[k] else None for k in ("frame", "time"))
    when = clock(path, frame, time, options.fps, len(table))
    spelling = {c: c for c in table.columns if _AU.match(c)}
    columns = au_columns(path, table, spelling, 1, "probability")
    if not columns.aus:
        raise DataError(path, "no AU column that can be used", "at least one")
    aus = tuple(columns.aus)
    probability = columns.matrix(aus, len(table))
    if names["score"]:
        score = numbers(path, table, names["score"])
        probability[np.isnan(score) | (score < options.min_confidence)] = np.nan
    probability = probability[when.order]
    notes = (*([f"face {face}"] if face else []), *when.notes, *columns.notes,
             "py-feat gives probabilities, not FACS intensities")
    return Detections(path.name, "py-feat", "", False, aus, EMISSIONS["py-feat"].aus, when.frame, when.time_s,
                      probability, np.full_like(probability, np.nan), when.fps, recording=_stem(source), notes=notes)


def _stem(source: str) -> str:
    """The recording that py-feat's ``input`` names, whichever system wrote the path."""
    return PurePosixPath(PureWindowsPath(source).as_posix()).stem
