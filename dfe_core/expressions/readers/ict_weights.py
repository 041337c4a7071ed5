"""Expression weights under ICT-FaceKit's own names: a table (CSV, TSV, Parquet), or an npz of names and weights.

ICT-FaceKit splits browInnerUp and cheekPuff into sides and has a cheekRaiser of its own, which ARKit's readers would
not know. The names are kept: on ICT's face nothing is lost, on others what they cannot tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.arkit_columns import LEAST
from dfe_core.expressions.readers.arrays import array_timing, read_arrays
from dfe_core.expressions.readers.column_names import TIMES
from dfe_core.expressions.readers.frame_table import header_of, open_table, read_frame_table
from dfe_core.expressions.readers.json_file import RATES
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.recordings import checked_recording
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import Timing
from dfe_core.faces.arkit import canonical_name
from dfe_core.npz_file import npz_names, npz_texts

FORMAT = "ict-weights"
TITLE = "ICT-FaceKit expression weights (table, npz)"
EXTRACTOR = "ict-facekit"
_OWN = re.compile(r"(browInnerUp|cheekPuff|cheekRaiser)_([LR])")
"""What ICT-FaceKit has and ARKit has not."""
_NAMES = ("expression_names", "names")
_WEIGHTS = ("expression_weights", "weights", "expressions")


def sniff(path: Path, head: bytes) -> str | None:
    if head.startswith(b"PK"):
        inside = set(npz_names(path))
        named = next((n for n in _NAMES if n in inside), None)
        return f"its arrays {named} and weights" if named and inside & set(_WEIGHTS) else None
    header = header_of(path, head)
    return (
        "ICT-FaceKit's column names"
        if any(_OWN.fullmatch(c.strip()) for c in header) and len(_columns(header)) >= LEAST
        else None
    )


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording (of a table, one a face) of the weights under ICT-FaceKit's names.

    Raises `DataError` for fewer than 26 of its names, a name given twice, and neither times nor a rate.
    """
    try:
        with open(path, "rb") as handle:
            head = handle.read(4)
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
    return _arrays(path, options) if head.startswith(b"PK") else _table(path, options)


def _columns(header: Sequence[str]) -> dict[str, int]:
    """ICT-FaceKit's name to column."""
    return {name.strip(): i for i, name in enumerate(header) if _OWN.fullmatch(name.strip()) or canonical_name(name)}


def _checked(header: Sequence[str], path: Path) -> dict[str, int]:
    columns = _columns(header)
    known = [name for name in header if name.strip() in columns]
    twice = next((name for name in known if known.count(name) > 1), None)
    if twice or len(columns) < LEAST:
        raise DataError(
            path,
            f"{twice!r} twice" if twice else f"{len(columns)} names of ICT-FaceKit",
            "each of its expressions once",
        )
    return columns


def _table(path: Path, options: ReadOptions) -> list[Recording]:
    file = open_table(path)
    columns = _checked(file.header, path)
    table = read_frame_table(file, columns.values(), options)
    values, names = table.stack(columns.values()), tuple(columns)
    return [
        table.named(
            _recording(path, values[face.rows], names, table.timing(face.rows, options), options, table.notes), face
        )
        for face in table.faces
    ]


def _arrays(path: Path, options: ReadOptions) -> list[Recording]:
    names = next((found for key in _NAMES if (found := npz_texts(path, key)) is not None), None)
    arrays = read_arrays(path, frozenset((*_WEIGHTS, *TIMES, *RATES)))
    weights = next((arrays[key] for key in _WEIGHTS if key in arrays), None)
    if names is None or weights is None or weights.ndim != 2 or weights.shape[1] != len(names) or not len(weights):
        raise DataError(
            path,
            f"{len(names or ())} names and weights of shape "
            f"{' x '.join(map(str, weights.shape)) if weights is not None else 'none'}",
            "expression_names (E,) and weights (frames, E)",
        )
    columns = _checked(names, path)
    timing = array_timing(arrays, len(weights), options, path)
    return [_recording(path, weights[:, list(columns.values())], tuple(columns), timing, options, ())]


def _recording(
    path: Path,
    values: np.ndarray,
    names: tuple[str, ...],
    timing: Timing,
    options: ReadOptions,
    notes: Sequence[str],
) -> Recording:
    made_by = options.extractor or EXTRACTOR
    return checked_recording(path, values, names, timing, space="arkit", extractor=made_by, notes=notes)
