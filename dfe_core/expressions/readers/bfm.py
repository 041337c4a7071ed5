"""Coefficients of the Basel Face Model as Deep3DFaceRecon writes them: a file a recording, or a folder of frames.

``exp`` (T, 64) with ``angle`` and ``trans`` beside it, all 257 coefficients as ``coeff`` (also ``full_3dmm``, or a bare
array), or the motion part as ``coeff_3dmm`` (T, 70 or 73).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.arrays import ALONE, array_timing, read_arrays
from dfe_core.expressions.readers.column_names import TIMES
from dfe_core.expressions.readers.json_file import RATES
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.recordings import checked_recording
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import Timing, from_frames
from dfe_core.faces.coefficients import BFM_EXPRESSIONS, bfm_names
from dfe_core.mat_file import mat_shapes
from dfe_core.npz_file import npy_shape, npz_names, npz_shape

FORMAT = "bfm"
TITLE = "BFM coefficients (Deep3DFaceRecon)"
LEAST = 2


class _Layout(NamedTuple):
    """Where a row of so many numbers has expression, head angles (radians) and head place."""

    expression: int
    angle: int
    place: int


_LAYOUTS = {257: _Layout(80, 224, 254), 73: _Layout(0, 64, 67), 70: _Layout(0, 64, 67)}
_PACKED = {"coeff": (257,), "coeffs": (257,), "full_3dmm": (257,), "coeff_3dmm": (70, 73), ALONE: (257,)}
"""Columns of the arrays that hold more than the expression."""
_WANTED = frozenset((*_PACKED, "exp", "angle", "trans", *TIMES, *RATES))
_BESIDE = {"angle": ("HeadPitch", "HeadYaw", "HeadRoll"), "trans": ("HeadX", "HeadY", "HeadZ")}
"""Kept beside ψ: angles in radians, the place in the model's unit (dm)."""
_NUMBER = re.compile(r"(?:.*?[^0-9])??(\d{1,15})\.mat")


def sniff(path: Path, head: bytes) -> str | None:
    if path.is_dir():
        return "its .mat files, one a frame" if folder_files(path) else None
    if head.startswith(b"\x93NUMPY"):
        shape = npy_shape(head)
        return "the shape of its array" if shape and len(shape) == 2 and shape[1] in _PACKED[ALONE] else None
    if head.startswith(b"PK") and path.suffix.lower() == ".npz":
        return _why({name: npz_shape(path, name) for name in (*_PACKED, "exp") if name in npz_names(path)})
    if head.startswith(b"MATLAB") or path.suffix.lower() == ".mat":
        return _why(mat_shapes(path))
    if head.lstrip()[:1] == b"{":
        named = [k.decode("ascii") for k in re.findall(rb'"([a-z_0-9]{3,20})"\s*:\s*\[', head)]
        return next((f"its key {k}" for k in ("full_3dmm", "coeff_3dmm") if k in named), None)
    return None


def folder_files(folder: Path) -> list[Path]:
    """The file of each frame in a folder, in order of their numbers; none where it is no sequence of frames."""
    try:
        with os.scandir(folder) as entries:
            numbered = [(int(m[1]), e.name) for e in entries if e.is_file() and (m := _NUMBER.fullmatch(e.name))]
    except OSError:
        return []
    files = [folder / name for _, name in sorted(numbered)]
    return files if len(files) >= LEAST and _one_row(mat_shapes(files[0])) else []


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording of bfm_00 … bfm_63; the head's angles and place are kept beside ψ.

    Times or a rate from the file, else --fps; of a folder, its files' numbers and --fps. Raises `DataError` for arrays
    that are no such coefficients, and frames that differ.
    """
    if not path.is_dir():
        arrays = _rows(read_arrays(path, _WANTED), path)
        return [_recording(path, arrays, array_timing(arrays, len(arrays["exp"]), options, path), options)]
    files = folder_files(path)
    if not files:
        raise DataError(path, "no numbered .mat files of one frame", "000001.mat … of Deep3DFaceRecon")
    rows = [_rows(read_arrays(file, _WANTED), file) for file in files]
    for file, row in zip(files, rows, strict=True):
        if len(row["exp"]) != 1 or row.keys() != rows[0].keys():
            raise DataError(file, f"{len(row['exp'])} frames of {', '.join(row)}", "one frame, as in the others")
    numbers = np.array([float(m[1]) for file in files if (m := _NUMBER.fullmatch(file.name))])
    arrays = {name: np.concatenate([row[name] for row in rows]) for name in ("exp", *_BESIDE) if name in rows[0]}
    return [_recording(path, arrays, from_frames(numbers, options.fps, str(path), 1, "file"), options)]


def _why(shapes: Mapping[str, tuple[int, ...] | None]) -> str | None:
    for name, columns in (*_PACKED.items(), ("exp", (BFM_EXPRESSIONS,))):
        if (shape := shapes.get(name)) and shape[-1] in columns:
            return f"its array {name} of {shape[-1]} columns"
    return None


def _one_row(shapes: dict[str, tuple[int, ...]]) -> bool:
    return any(shapes.get(name, ())[:-1] in ((1,), (1, 1)) for name in (*_PACKED, "exp")) and bool(_why(shapes))


def _rows(arrays: dict[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    """exp (T, 64), with angle and trans (T, 3) where they are there, and what tells the time, as it is."""
    clock = {k: v for k, v in arrays.items() if k in (*TIMES, *RATES)}
    if "exp" in arrays:
        expression = _frames(arrays["exp"], (BFM_EXPRESSIONS,), path, "exp")
        beside = {k: _frames(arrays[k], (3,), path, k) for k in _BESIDE if k in arrays}
        return clock | {"exp": expression} | {k: v for k, v in beside.items() if len(v) == len(expression)}
    key = next((k for k in _PACKED if k in arrays), None)
    if key is None:
        raise DataError(path, f"the arrays {', '.join(arrays) or 'none that are known'}", "exp, coeff or coeff_3dmm")
    packed = _frames(arrays[key], _PACKED[key], path, key or "the array")
    at = _LAYOUTS[packed.shape[1]]
    return clock | {
        "exp": packed[:, at.expression : at.expression + BFM_EXPRESSIONS],
        "angle": packed[:, at.angle : at.angle + 3],
        "trans": packed[:, at.place : at.place + 3],
    }


def _frames(array: np.ndarray, columns: tuple[int, ...], path: Path, name: str) -> np.ndarray:
    """(T, C) float64 of an array that may have axes of length one more."""
    values = np.asarray(array, np.float64)
    if values.ndim > 2 and values.size == values.shape[0] * values.shape[-1]:
        values = values.reshape(len(values), -1)
    if values.ndim == 1:
        values = values[None]
    if values.ndim != 2 or not len(values) or values.shape[1] not in columns:
        raise DataError(
            f"{path}, {name}",
            f"shape {' x '.join(map(str, array.shape))}",
            f"(frames, {' or '.join(map(str, columns))})",
        )
    return values


def _recording(path: Path, arrays: dict[str, np.ndarray], timing: Timing, options: ReadOptions) -> Recording:
    extras = {
        name: arrays[key][:, i].astype(np.float32)
        for key, names in _BESIDE.items()
        if key in arrays
        for i, name in enumerate(names)
    }
    made_by = options.extractor or "deep3dfacerecon"
    return checked_recording(path, arrays["exp"], bfm_names(), timing, space="bfm", extractor=made_by, extras=extras)
