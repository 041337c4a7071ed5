"""OpenFace 2.x: ``AU01_r`` (intensity 0–5) and ``AU01_c`` (presence 0/1), in both of its layouts.

The older layout has leading blanks in its header and no ``face_id``, the newer one has ``face_id``. The two outputs
come from models trained apart and may disagree: intensity is ``_r``; presence is ``_c`` unless `AuReadOptions.presence`
says ``r`` (then ``_r`` ≥ 1). Frames with ``success`` 0 are not measured.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.faces import FaceRows
from dfe_core.expressions.readers.validity import found_faces
from dfe_core.facs.action_units import EMISSIONS
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.table import (
    AuReadOptions,
    AuTable,
    Header,
    Kind,
    detections_of,
    first_of,
    read_au_header,
    read_table,
)
from dfe_core.facs.remarks import Remark, Topic

FORMAT = "openface"
TITLE = "OpenFace 2.x"
_AU = re.compile(r"(AU\d+)_([rc])$", re.IGNORECASE)
_PRESENT_R = 1.0


def sniff(path: Path, header: Header) -> str | None:
    known = any(_AU.match(c) for c in header.columns)
    return "columns like AU01_r or AU01_c" if known else None


def read(path: Path, options: AuReadOptions) -> list[Detections]:
    """One `Detections` a face, the most often seen first."""
    header = read_au_header(path)
    seen = {role: first_of(header, role) for role in ("confidence", "success")}
    aus = [c for c in header.columns if _AU.match(c)]
    table = read_table(path, aus, list(seen.values()), options)
    return [_one_face(table, face, aus, seen, options) for face in table.faces]


def _one_face(
    table: AuTable, face: FaceRows, aus: list[str], seen: dict[str, str | None], options: AuReadOptions
) -> Detections:
    measured, notes = _measured(table, face.rows, seen, options)
    columns = {}
    for name, letter, highest, scale in (("intensity", "r", 5, "intensity"), ("probability", "c", 1, "presence")):
        spelling = {c: m[1] for c in aus if (m := _AU.match(c)) and m[2].lower() == letter}
        columns[name] = Kind(spelling=spelling, highest=highest, scale=scale).read(table, face.rows[measured])
    intensity, presence = columns["intensity"], columns["probability"]
    for pair, values in zip(intensity.aus, intensity.values, strict=True):
        if pair in presence.aus:  # a frame whose intensity broke down has no presence either
            at = presence.aus.index(pair)
            presence.values[at] = np.where(np.isnan(values), np.nan, presence.values[at])
    for part in columns.values():
        part.values = [_spread(values, measured) for values in part.values]
    found = detections_of(
        table, face, options, columns, notes=notes, tool="openface", version="2", emits=EMISSIONS["openface-c"].aus
    )
    frames = found.per_frame()
    probability, told = _presence(frames.probability, frames.intensity, found.aus, options.presence)
    return replace(found, probability=probability, notes=(*found.notes, *told))


def _spread(values: np.ndarray, measured: np.ndarray) -> np.ndarray:
    out = np.full(len(measured), np.nan)
    out[measured] = values
    return out


def _measured(
    table: AuTable, rows: np.ndarray, seen: dict[str, str | None], options: AuReadOptions
) -> tuple[np.ndarray, list[str]]:
    """(T,) frames in which a face was found, by the rule of recordings and the confidence asked for."""
    told = {role: table.column(name, rows) for role, name in seen.items() if name}
    valid, _ = found_faces(told)
    measured = np.ones(len(rows), bool) if valid is None else valid.copy()
    if "confidence" in told:
        measured &= ~(told["confidence"] < options.min_confidence)
    if not measured.any():
        raise DataError(
            table.path,
            f"no face was found in any of {len(rows)} frames (success 0 or low confidence)",
            "frames with success 1",
        )
    lost = int((~measured).sum())
    remark = Remark(
        f"{lost} of {len(rows)} frames without success: not measured", Topic.NOT_SEEN, frames=lost, of_frames=len(rows)
    )
    return measured, [remark] if lost else []


def _presence(
    presence: np.ndarray, intensity: np.ndarray, aus: tuple[tuple[str, str], ...], rule: str
) -> tuple[np.ndarray, list[str]]:
    by_r = np.where(np.isnan(intensity), np.nan, intensity >= _PRESENT_R).astype(np.float32)
    both = ~np.isnan(presence) & ~np.isnan(by_r)
    share = np.divide((both & (presence != by_r)).sum(0), both.sum(0), out=np.zeros(len(aus)), where=both.sum(0) > 0)
    far = {aus[i][0]: float(share[i]) for i in np.argsort(-share) if share[i] >= 0.1}
    used = "_c (classifier)" if rule == "c" else f"_r ≥ {_PRESENT_R:g}"
    note = f"presence is OpenFace's {used}, intensity its _r"
    notes = [note]
    if far:
        told = ", ".join(f"{au} {value:.0%}" for au, value in far.items())
        notes.append(
            Remark(f"_c and _r ≥ {_PRESENT_R:g} disagree in 10 % of frames or more for {told}", Topic.DISAGREE, aus=far)
        )
    return (presence if rule == "c" else np.where(np.isnan(by_r), presence, by_r)), notes
