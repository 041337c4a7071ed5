"""LibreFace: ``au_1_intensity`` (0–5) and ``au_1`` (0/1), of different AUs, with frame index and time in ms."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.table import (
    Columns,
    Header,
    ReadOptions,
    au_columns,
    clock,
    first_of,
    numbers,
    read_columns,
    read_header,
)
from dfe_core.facs.table import EMISSIONS

NAME = "LibreFace"
_AU = re.compile(r"au_(\d+)(_intensity)?$", re.IGNORECASE)


def recognises(header: Header) -> bool:
    """Any column like ``au_1`` or ``au_1_intensity``."""
    return any(_AU.match(c) for c in header.columns)


def read(path: Path, options: ReadOptions) -> list[Detections]:
    """One `Detections`: LibreFace follows one face."""
    header = read_header(path)
    frame_name = first_of(header, "frame_idx", "frame_index", "frame")
    ms_name = first_of(header, "frame_time_in_ms", "time_in_ms", "time_ms")
    s_name = first_of(header, "time_s", "timestamp", "time")
    wanted = {c for c in header.columns if _AU.match(c)} | {n for n in (frame_name, ms_name, s_name) if n}
    table = read_columns(header, wanted)
    seconds = numbers(path, table, ms_name) / 1000 if ms_name else numbers(path, table, s_name) if s_name else None
    when = clock(path, numbers(path, table, frame_name) if frame_name else None, seconds, options.fps, len(table))
    kinds: dict[bool, Columns] = {}
    for intensity, highest, scale in ((True, 5, "intensity"), (False, 1, "presence")):
        spelling = {c: f"AU{m[1]}" for c in table.columns if (m := _AU.match(c)) and bool(m[2]) is intensity}
        kinds[intensity] = au_columns(path, table, spelling, highest, scale) if spelling else Columns()
    aus = tuple(dict.fromkeys(kinds[True].aus + kinds[False].aus))
    if not aus:
        raise DataError(path, "no AU column that can be used", "at least one")
    intensity, presence = (kinds[k].matrix(aus, len(table))[when.order] for k in (True, False))
    emits = dict.fromkeys(EMISSIONS["libreface-intensity"].aus + EMISSIONS["libreface-detection"].aus)
    return [Detections(path.name, "libreface", "", False, aus, tuple(emits), when.frame, when.time_s,
                       presence.astype(np.float32), intensity, when.fps,
                       notes=(*when.notes, *kinds[True].notes, *kinds[False].notes,
                              "LibreFace's intensities and detections come from two models and cover different AUs"))]
