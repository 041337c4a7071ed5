"""FLAME coefficients under the key names of the tools that estimate them (EMOCA, DECA, SMIRK and relatives)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.arrays import ALONE, TORCH_ENDINGS, array_timing, read_arrays
from dfe_core.expressions.readers.column_names import TIMES
from dfe_core.expressions.readers.json_file import RATES
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.recordings import checked_recording
from dfe_core.expressions.readers.rotations import MATRIX, SIX, from_matrices, from_six
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import Timing, from_rate
from dfe_core.expressions.validation import motion_notes
from dfe_core.faces.coefficients import flame_names
from dfe_core.npz_file import npy_shape, npz_names

FORMAT = "flame"
TITLE = "FLAME coefficients (.npz, .npy, .mat, .json, .pt)"
EXPRESSIONS = (50, 100, 10)
"""Numbers of expression components that tools write: 10 of SMPL-X, 50 of the regressors, all 100 of FLAME."""


class _Keys(NamedTuple):
    """Where a tool writes expression and jaw; `jaw` keys are tried in turn."""

    extractor: str
    expression: str
    jaw: tuple[str, ...]


_KEYS = (
    _Keys("emoca", "expcode", ("jawcode", "jawpose", "posecode")),
    _Keys("smirk", "expression_params", ("jaw_params",)),
    _Keys("deca", "exp", ("jaw_pose", "jaw", "pose")),  # SPECTRE and metrical-tracker too
    _Keys("vhap", "expr", ("jaw_pose",)),
    _Keys("smplx", "expressions", ("jaw_pose", "poses_jaw", "jaw", "poses")),
    _Keys("flame", "expression", ("jaw_pose", "jaw", "pose")),
)
_JAW_FORMS = {6: SIX, 9: MATRIX}
"""What so many numbers a frame are, where they are the jaw's alone."""
_MOST_SEQUENCES = 10_000
_JAW_IN = {3: 0, 6: 3, 12: 3, 15: 6, 165: 66, 168: 66}
"""First column of the jaw in a pose of so many columns: alone; global and jaw (DECA); neck, jaw and eyes (TF_FLAME,
VOCA); global, neck, jaw and eyes (IMavatar, INSTA); SMPL-X with and without root."""
_SAID = {12: "neck, jaw and both eyes", 15: "head, neck, jaw and both eyes"}
_STILL_JAW = 0.01  # rad: below, no mouth opens
_BARE = {e + j: (e, j) for e in (50, 100) for j in (0, 3, 6)}
"""Columns of a bare array: expressions alone, with the jaw, or with global rotation and jaw."""
_WHOLE_POSES = ("pose", "posecode", "poses")
"""Keys of poses that hold more than the jaw; all others are the jaw alone, and may be a matrix or its 6-D form."""
_EYELIDS = "eyelid_params"
_WANTED = frozenset(
    (ALONE, _EYELIDS, *RATES, *TIMES, *(k.expression for k in _KEYS), *(j for k in _KEYS for j in k.jaw))
)


def sniff(path: Path, head: bytes) -> str | None:
    if head.startswith(b"\x93NUMPY"):
        shape = npy_shape(head)
        return "the shape of its array" if shape and len(shape) in (2, 3) and shape[-1] in _BARE else None
    if head.startswith(b"PK"):
        names = npz_names(path)
        if path.suffix.lower() in TORCH_ENDINGS:
            return "its ending" if any(n.endswith("data.pkl") for n in names) else None
        return _by_names(names)
    if head.startswith(b"MATLAB") or path.suffix.lower() == ".mat":
        return "a MATLAB file"
    if head.lstrip()[:1] == b"{":
        return _by_names(_json_keys(head))
    return None


def extractor_of(path: Path, head: bytes) -> str:
    """The tool by the names in the head of a file that `sniff` knows; empty where they are not to be seen there."""
    if head.startswith(b"PK") and path.suffix.lower() not in TORCH_ENDINGS:
        keys = _keys_among(npz_names(path))
    else:
        keys = _keys_among(_json_keys(head)) if head.lstrip()[:1] == b"{" else None
    return keys.extractor if keys else ""


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording of exp_000 … and jaw_x, jaw_y, jaw_z (radians). Times or a rate from the file, else --fps.

    An array (N, T, C) without names is a corpus of N recordings. Without a jaw, its three coefficients are 0, and a
    note says so. Raises `DataError` for unknown keys and for shapes that fit no FLAME.
    """
    arrays = read_arrays(path, _WANTED)
    if ALONE in arrays and arrays[ALONE].ndim == 3 and 1 not in arrays[ALONE].shape[:2]:
        return _corpus(arrays[ALONE], path, options)
    if ALONE in arrays:
        expression, jaw, extractor, notes = _bare(arrays[ALONE], path)
    else:
        expression, jaw, extractor, notes = _keyed(arrays, path)
    if (rate := next((arrays[k] for k in RATES if k in arrays), None)) is not None and rate.size != 1:
        raise DataError(f"{path}, fps", f"{rate.size} numbers", "one")
    timing = array_timing(arrays, len(expression), options, path)
    return [
        _recording(
            path, expression, jaw, timing, options.extractor or extractor, notes, _eyelids(arrays, len(expression))
        )
    ]


def _corpus(array: np.ndarray, path: Path, options: ReadOptions) -> list[Recording]:
    """A recording each of N sequences of one length, as corpora of speakers and listeners come."""
    if len(array) > _MOST_SEQUENCES:
        raise DataError(path, f"{len(array):,} sequences", f"at most {_MOST_SEQUENCES:,} a file: split it")
    width, found = len(str(len(array) - 1)), []
    for number, part in enumerate(array):
        expression, jaw, extractor, notes = _bare(part, path)
        recording = _recording(
            path,
            expression,
            jaw,
            from_rate(len(part), options.fps, str(path)),
            options.extractor or extractor,
            notes,
            {},
        )
        found.append(replace(recording, name=f"{path.stem}-{number:0{width}d}"))
    return found


def flame_recording(path: Path, arrays: dict[str, np.ndarray], timing: Timing, extractor: str) -> Recording:
    """A recording of arrays under a tool's names, gathered by another reader. Raises `DataError` as `read` does."""
    expression, jaw, _, notes = _keyed(arrays, path)
    return _recording(path, expression, jaw, timing, extractor, notes, {})


def _recording(
    path: Path,
    expression: np.ndarray,
    jaw: np.ndarray | None,
    timing: Timing,
    extractor: str,
    notes: tuple[str, ...],
    extras: dict[str, np.ndarray],
) -> Recording:
    names = flame_names(expression.shape[1])
    psi = np.concatenate([expression, jaw if jaw is not None else np.zeros((len(expression), 3))], 1)
    found = checked_recording(path, psi, names, timing, space="flame", extractor=extractor, extras=extras)
    first, told = found.psi[found.valid, 0], list(notes)
    turn = found.psi[found.valid, -3]
    if jaw is not None and np.ptp(turn) < _STILL_JAW:
        told.append(
            f"The jaw never moves (jaw_x from {turn.min():.3f} to {turn.max():.3f} "
            "rad): the mouth opens by its expression components alone, or the tool did not write it."
        )
    told.append(f"exp_000 runs from {first.min():.2f} to {first.max():.2f}: extractors differ in scale.")
    return replace(found, notes=(*told, *found.notes, *motion_notes(found.psi, found.valid)))


def _json_keys(head: bytes) -> list[str]:
    return [k.decode("ascii") for k in re.findall(rb'"([a-z_]{3,20})"\s*:\s*\[', head)]


def _keys_among(names: list[str]) -> _Keys | None:
    return next((k for k in _KEYS if k.expression in names), None)


def _by_names(names: list[str]) -> str | None:
    keys = _keys_among(names)
    return f"its key {keys.expression}, as {keys.extractor} writes it" if keys else None


def _bare(array: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray | None, str, tuple[str, ...]]:
    values = _frames(array, path, "the array")
    if values.shape[1] not in _BARE:
        raise DataError(
            path,
            f"an array of {' x '.join(map(str, array.shape))}",
            f"(frames, {' or '.join(map(str, sorted(_BARE)))})",
        )
    expressions, pose = _BARE[values.shape[1]]
    if not pose:
        return values, None, "flame", (_without_jaw("no jaw columns"),)
    return (
        values[:, :expressions],
        values[:, -3:],
        "flame",
        (f"Array without names: taken as {expressions} expression and {pose} pose columns, the jaw last.",),
    )


def _keyed(arrays: dict[str, np.ndarray], path: Path) -> tuple[np.ndarray, np.ndarray | None, str, tuple[str, ...]]:
    keys = next((k for k in _KEYS if k.expression in arrays), None)
    if keys is None:
        raise DataError(
            path,
            "no FLAME expression in it" if not arrays else f"the arrays {', '.join(arrays)}",
            " or ".join(k.expression for k in _KEYS),
        )
    expression = _frames(arrays[keys.expression], path, keys.expression)
    if expression.shape[1] not in EXPRESSIONS:
        raise DataError(
            f"{path}, array {keys.expression}",
            f"{' x '.join(map(str, expression.shape))}",
            "(frames, 50 or 100)" + (": is it transposed?" if expression.shape[0] in EXPRESSIONS else ""),
        )
    for key in keys.jaw:
        if key in arrays:
            return (expression, *_jaw(arrays[key], key, len(expression), keys, path))
    return expression, None, keys.extractor, (_without_jaw(f"none of {', '.join(keys.jaw)}"),)


def _jaw(
    array: np.ndarray, key: str, frames: int, keys: _Keys, path: Path
) -> tuple[np.ndarray | None, str, tuple[str, ...]]:
    if key not in _WHOLE_POSES and array.ndim > 1 and (found := _JAW_FORMS.get(array[0].size)) is not None:
        return _turned(array, found, key, frames, keys, path)
    pose = _frames(array, path, key)
    if len(pose) != frames:
        raise DataError(f"{path}, array {key}", f"{len(pose)} frames", f"{frames}, as in {keys.expression}")
    if pose.shape[1] not in _JAW_IN:
        raise DataError(
            f"{path}, array {key}",
            f"{pose.shape[1]} columns",
            "3 of the jaw, 6 with the jaw last, 12 (neck, jaw, eyes) or 15 (head, neck, jaw, eyes)",
        )
    if pose.shape[1] == 3 and key in _WHOLE_POSES:
        return None, keys.extractor, (_without_jaw(f"{key} has 3 columns, the rotation of the head"),)
    start, said = _JAW_IN[pose.shape[1]], _SAID.get(pose.shape[1])
    return (
        pose[:, start : start + 3],
        keys.extractor,
        (f"{key} has {pose.shape[1]} columns, taken as {said}: the jaw is columns {start} to {start + 2}.",)
        if said
        else (),
    )


def _turned(
    array: np.ndarray, form: str, key: str, frames: int, keys: _Keys, path: Path
) -> tuple[np.ndarray, str, tuple[str, ...]]:
    """The jaw's axis-angle vectors from matrices or their 6-D form."""
    if len(array) != frames:
        raise DataError(f"{path}, array {key}", f"{len(array)} frames", f"{frames}, as in {keys.expression}")
    where = f"{path}, array {key}"
    vectors, told = from_matrices(array, where) if form == MATRIX else from_six(array, where)
    return vectors, keys.extractor, (f"The jaw ({key}) is given as {form}{told}.",)


def _frames(array: np.ndarray, path: Path, name: str) -> np.ndarray:
    """(T, C) float64 of an array that may have axes of length one more, or none for time."""
    values = np.asarray(array, np.float64)
    if values.ndim > 2:
        values = (
            values.reshape(len(values), -1)
            if values.ndim == 3 and 1 in values.shape[1:]
            else values[0]
            if values.ndim == 3 and len(values) == 1
            else values
        )
    if values.ndim == 1:
        values = values[None]
    if values.ndim != 2 or not values.size:
        raise DataError(f"{path}, {name}", f"shape {' x '.join(map(str, array.shape))}", "(frames, coefficients)")
    return values


def _eyelids(arrays: dict[str, np.ndarray], frames: int) -> dict[str, np.ndarray]:
    """SMIRK's two eyelids, beside ψ: FLAME's expression has no blink of its own."""
    lids = arrays.get(_EYELIDS)
    if lids is None or lids.size != 2 * frames:
        return {}
    lids = lids.reshape(frames, 2).astype(np.float32)
    return {"eyelidLeft": lids[:, 0], "eyelidRight": lids[:, 1]}


def _without_jaw(why: str) -> str:
    return f"No jaw ({why}): jaw_x, jaw_y and jaw_z are 0, and the mouth opens by its expression components alone."
