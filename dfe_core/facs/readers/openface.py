"""OpenFace 2.x: ``AU01_r`` (intensity 0–5) and ``AU01_c`` (presence 0/1), in both of its layouts.

The older layout has leading blanks in its header and no ``face_id``, the newer one has ``face_id``. The two outputs
come from models trained apart and may disagree: intensity is ``_r``; presence is ``_c`` unless `ReadOptions.presence`
says ``r`` (then ``_r`` ≥ 1). Frames with ``success`` 0 are not measured.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.table import (
    Columns,
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

NAME = "OpenFace 2.x"
_AU = re.compile(r"(AU\d+)_([rc])$", re.IGNORECASE)
_PRESENT_R = 1.0


def recognises(header: Header) -> bool:
    """Any column like ``AU01_r`` or ``AU01_c``."""
    return any(_AU.match(c) for c in header.columns)


def read(path: Path, options: ReadOptions) -> list[Detections]:
    """One `Detections` a face, the most often seen first."""
    header = read_header(path)
    names = {role: first_of(header, role) for role in ("frame", "timestamp", "confidence", "success", "face_id")}
    aus = {c for c in header.columns if _AU.match(c)}
    _refuse_openface3(path, aus)
    table = read_columns(header, aus | {n for n in names.values() if n})
    face = table[names["face_id"]].to_numpy() if names["face_id"] else None
    faces = by_face(face, len(table))
    return [_one_face(path, table.iloc[rows].reset_index(drop=True), names, options, name if len(faces) > 1 else "")
            for name, rows in faces]


def _refuse_openface3(path: Path, columns: set[str]) -> None:
    """OpenFace 3 numbers its eight outputs AU01 to AU08, which are not the FACS numbers."""
    if {_AU.match(c)[1].upper() for c in columns} == {f"AU0{i}" for i in range(1, 9)}:
        raise DataError(path, "OpenFace 3's columns AU01 to AU08, which count its outputs and are not FACS numbers",
                        "OpenFace 2.x, or columns renamed to the AUs they are")


def _one_face(path: Path, table: pd.DataFrame, names: dict[str, str | None], options: ReadOptions,
              face: str) -> Detections:
    measured, notes = _measured(path, table, names, options)
    time = clock(path, *(numbers(path, table, names[k]) if names[k] else None for k in ("frame", "timestamp")),
                 options.fps, len(table))
    by_kind = {}
    for kind, highest, scale in (("r", 5, "intensity"), ("c", 1, "presence")):
        spelling = {c: m[1] for c in table.columns if (m := _AU.match(c)) and m[2].lower() == kind}
        by_kind[kind] = au_columns(path, table[measured], spelling, highest, scale) if spelling else Columns()
        notes += by_kind[kind].notes
    aus = tuple(dict.fromkeys(by_kind["r"].aus + by_kind["c"].aus))
    if not aus:
        raise DataError(path, "no AU column that can be used", "at least one")
    intensity, presence = (_spread(by_kind[k].matrix(aus, int(measured.sum())), measured)[time.order] for k in "rc")
    presence, disagreement = _presence(presence, intensity, aus, options.presence)
    return Detections(path.name, "openface", "2", False, aus, EMISSIONS["openface-c"].aus, time.frame, time.time_s,
                      presence, intensity, time.fps, notes=(*([f"face {face}"] if face else []), *time.notes, *notes,
                                                            *disagreement))


def _spread(values: np.ndarray, measured: np.ndarray) -> np.ndarray:
    out = np.full((len(measured), values.shape[1]), np.nan, np.float32)
    out[measured] = values
    return out


def _measured(path: Path, table: pd.DataFrame, names: dict[str, str | None],
              options: ReadOptions) -> tuple[np.ndarray, list[str]]:
    measured, notes = np.ones(len(table), bool), []
    if names["success"]:
        measured &= numbers(path, table, names["success"]) == 1
    if names["confidence"]:
        measured &= ~(numbers(path, table, names["confidence"]) < options.min_confidence)
    if not measured.any():
        raise DataError(path, f"no face was found in any of {len(table)} frames (success 0 or low confidence)",
                        "frames with success 1")
    if not measured.all():
        notes.append(f"{int((~measured).sum())} of {len(table)} frames without success: not measured")
    return measured, notes


def _presence(presence: np.ndarray, intensity: np.ndarray, aus: tuple[tuple[str, str], ...],
              rule: str) -> tuple[np.ndarray, list[str]]:
    by_r = np.where(np.isnan(intensity), np.nan, intensity >= _PRESENT_R).astype(np.float32)
    both = ~np.isnan(presence) & ~np.isnan(by_r)
    share = np.divide((both & (presence != by_r)).sum(0), both.sum(0), out=np.zeros(len(aus)), where=both.sum(0) > 0)
    far = [f"{aus[i][0]} {share[i]:.0%}" for i in np.argsort(-share) if share[i] >= 0.1]
    used = "_c (classifier)" if rule == "c" else f"_r ≥ {_PRESENT_R:g}"
    note = f"presence is OpenFace's {used}, intensity its _r"
    if far:
        note += f"; _c and _r ≥ {_PRESENT_R:g} disagree in 10 % of frames or more for {', '.join(far)}"
    return (presence if rule == "c" else np.where(np.isnan(by_r), presence, by_r)), [note]
