"""Named arrays out of .npz, .npy, .mat, .json and .pt files, none of which may run code or ask for all memory."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.column_names import TIMES
from dfe_core.expressions.readers.json_file import RATES, load_json
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.timing import Timing, column_seconds, from_rate, from_times
from dfe_core.faces.array_pickle import unpickled_arrays
from dfe_core.limits import check_unfolded
from dfe_core.mat_file import read_mat
from dfe_core.npz_file import plainly_stored, read_npy, read_npz

ARRAY_TIMES = (*TIMES, "timestamps_ms")
ALONE = ""
"""The name of the one array of an .npy file."""
ENDINGS = (".npz", ".npy", ".mat", ".json", ".pt", ".pth", ".frame")
TORCH_ENDINGS = (".pt", ".pth", ".frame")
_MAX_MEMBERS = 10_000
_MAX_PICKLE_BYTES = 128 << 20


def read_arrays(path: Path, wanted: frozenset[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of a file by name, only those in `wanted` where given; an .npy's array has the name `ALONE`.

    Raises `DataError` for pickled objects, for a header that promises other data than follow or more than
    fits, and for a broken or truncated file.
    """
    ending = path.suffix.lower()
    head = _head(path)
    if head[:6] == b"\x93NUMPY":
        with open(path, "rb") as handle:
            return {ALONE: read_npy(handle, path.stat().st_size, str(path))}
    if ending in TORCH_ENDINGS:
        return _read_torch(path, wanted)
    if head[:2] == b"PK":
        return read_npz(path, wanted)
    if ending == ".mat" or head.startswith(b"MATLAB"):
        return read_mat(path, wanted)
    if ending == ".json" or head.lstrip()[:1] == b"{":
        return _read_json(path, wanted)
    raise DataError(
        path,
        "no array file" + (" (a pickle, which could run code)" if head[:1] == b"\x80" else ""),
        "plain arrays as .npz, .npy, .mat or .json",
    )


def array_timing(arrays: Mapping[str, np.ndarray], frames: int, options: ReadOptions, path: Path) -> Timing:
    """Times of frames by an array of times, else by the file's own rate, else by --fps.

    Raises `DataError` where neither is there.
    """
    key = next((k for k in ARRAY_TIMES if k in arrays and arrays[k].size == frames), None)
    if key is not None and frames > 1:
        return from_times(column_seconds(arrays[key].astype(np.float64).ravel(), key)[0], str(path), 1, "frame")
    stated = next((float(arrays[k].ravel()[0]) for k in RATES if k in arrays and arrays[k].size == 1), None)
    return from_rate(frames, options.fps if stated is None else stated, str(path))


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as handle:
            return handle.read(256)
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None


def _read_json(path: Path, wanted: frozenset[str] | None) -> dict[str, np.ndarray]:
    content = load_json(path)
    if not isinstance(content, Mapping):
        raise DataError(path, f"JSON that is a {type(content).__name__}", "arrays by name")
    frames = content.get("frames")
    if isinstance(frames, list) and frames and all(isinstance(f, Mapping) for f in frames):  # IMavatar, INSTA
        content = {**content, **_by_key(frames, wanted, path)}
    return {
        str(k): _array(v, f"{path}, {k}")
        for k, v in content.items()
        if (wanted is None or k in wanted) and isinstance(v, (list, int, float)) and not isinstance(v, bool)
    }


def _by_key(frames: list[Mapping[str, Any]], wanted: frozenset[str] | None, path: Path) -> dict[str, Any]:
    """Lists of numbers that every frame of a list has, each as one list over the frames."""
    keys = [
        k
        for k, v in frames[0].items()
        if isinstance(v, (list, int, float)) and not isinstance(v, bool) and (wanted is None or k in wanted)
    ]
    for key in keys:
        bad = next((i for i, frame in enumerate(frames) if key not in frame), None)
        if bad is not None:
            raise DataError(f"{path}, frame {bad + 1}", f"no {key}", "the same keys in each frame")
    return {key: [frame[key] for frame in frames] for key in keys}


def _read_torch(path: Path, wanted: frozenset[str] | None) -> dict[str, np.ndarray]:
    """A mapping of tensors saved by torch, read with its restricted loader, which runs no code; of numpy arrays saved
    by it, read without unpickling."""
    if not zipfile.is_zipfile(path):
        raise DataError(path, "no file of torch ≥ 1.6", "tensors saved by torch.save, or an npz")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            check_unfolded(sum(member.file_size for member in members), path.stat().st_size, path)
            if len(members) > _MAX_MEMBERS:
                raise DataError(path, f"{len(members):,} tensors", f"at most {_MAX_MEMBERS:,}")
            own = next((m for m in members if m.filename.endswith("data.pkl")), None)
            if own is not None and own.file_size > _MAX_PICKLE_BYTES:
                raise DataError(path, f"{own.file_size >> 20} MB outside its tensors", "tensors, or an npz")
            pickled = b"" if own is None or not plainly_stored(own) else archive.read(own)
    except (
        OSError,
        zipfile.BadZipFile,
        ValueError,
        NotImplementedError,
        struct.error,
        RuntimeError,
        EOFError,
        zlib.error,
    ) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(path, f"a broken file ({error})", "a whole file") from None
    found = unpickled_arrays(pickled, path) if b"numpy" in pickled else _tensors(path)
    return {k: v for k, v in found.items() if wanted is None or k in wanted}


def _tensors(path: Path) -> dict[str, np.ndarray]:
    import torch

    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - the restricted loader raises whatever a damaged or forbidden file leads it to
        raise DataError(
            path, f"not readable without running code ({type(error).__name__})", "a mapping of plain tensors, or an npz"
        ) from None
    if not isinstance(content, Mapping):
        raise DataError(path, f"a {type(content).__name__}", "tensors by name")
    return {
        str(k): _array(v.detach().cpu().numpy() if isinstance(v, torch.Tensor) else v, f"{path}, {k}")
        for k, v in content.items()
    }


def _array(value: Any, where: str) -> np.ndarray:
    try:
        array = np.asarray(value)
        return array if array.dtype.kind in "fiub" else np.asarray(value, np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise DataError(where, "lists of different lengths, or entries that are no numbers", "numbers") from None
