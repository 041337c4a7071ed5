"""Named arrays out of .npz, .npy, .mat, .json and .pt files, none of which may run code or ask for all memory."""

from __future__ import annotations

import io
import math
import struct
import sys
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.json_file import load_json
from dfe_core.faces.array_pickle import unpickled_arrays
from dfe_core.limits import MAX_ARRAY_BYTES, check_unfolded
from dfe_core.mat_file import read_mat

ALONE = ""
"""The name of the one array of an .npy file."""
ENDINGS = (".npz", ".npy", ".mat", ".json", ".pt", ".pth", ".frame")
TORCH_ENDINGS = (".pt", ".pth", ".frame")
_MAX_MEMBERS = 10_000
_MAX_AXES = 8
_HEADER_BYTES = 4096
_MAX_TEXT_BYTES = 1 << 20
_MAX_PICKLE_BYTES = 128 << 20


def read_arrays(path: Path, wanted: frozenset[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of a file by name, only those in `wanted` where given; an .npy's array has the name `ALONE`.

    Raises `DataError` for pickled objects, for a header that promises other data than follow or more than
    `MAX_ARRAY_BYTES`, and for a broken or truncated file.
    """
    ending = path.suffix.lower()
    head = _head(path)
    if head[:6] == b"\x93NUMPY":
        with open(path, "rb") as handle:
            return {ALONE: _read_npy(handle, path.stat().st_size, path, str(path))}
    if ending in TORCH_ENDINGS:
        return _read_torch(path, wanted)
    if head[:2] == b"PK":
        return _read_npz(path, wanted)
    if ending == ".mat" or head.startswith(b"MATLAB"):
        return read_mat(path, wanted)
    if ending == ".json" or head.lstrip()[:1] == b"{":
        return _read_json(path, wanted)
    raise DataError(path, "no array file" + (" (a pickle, which could run code)" if head[:1] == b"\x80" else ""),
                    "plain arrays as .npz, .npy, .mat or .json")


def array_names(path: Path) -> list[str]:
    """Names of the arrays in an .npz, without reading them; none for a broken file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()[:_MAX_MEMBERS]]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, RuntimeError):
        return []


def npz_texts(path: Path, name: str) -> list[str] | None:
    """A one-dimensional array of texts in an .npz, None where there is none that can be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(f"{name}.npy")
            with archive.open(member) as handle:
                shape, _, dtype = _npy_header(handle)
                size = math.prod(shape) * dtype.itemsize
                if len(shape) != 1 or dtype.kind not in "US" or size > min(_MAX_TEXT_BYTES, member.file_size):
                    return None
                data = handle.read(size)
                found = np.frombuffer(data, dtype, shape[0])
                if dtype.kind == "U" and (np.frombuffer(data, np.dtype("u4").newbyteorder(dtype.byteorder))
                                          > sys.maxunicode).any():  # numpy would make texts that Python cannot hold
                    return None
    except (OSError, KeyError, zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, RuntimeError,
            EOFError, zlib.error, SyntaxError, TypeError, RecursionError, MemoryError, OverflowError):
        return None
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in found.tolist()]


def npz_shape(path: Path, name: str) -> tuple[int, ...] | None:
    """The shape that an array of an .npz states, None where there is no readable one."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as handle:
            return npy_shape(handle.read(_HEADER_BYTES))
    except (OSError, KeyError, zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, RuntimeError,
            EOFError, zlib.error):
        return None


def npy_shape(head: bytes) -> tuple[int, ...] | None:
    """The shape that an .npy header states, None where there is no readable one."""
    try:
        return _npy_header(io.BytesIO(head))[0]
    except (ValueError, EOFError, SyntaxError, TypeError, RecursionError, MemoryError, UnicodeDecodeError):
        return None


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as handle:
            return handle.read(256)
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None


def _npy_header(handle: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(handle)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"version {version}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that such a header opens slowly is no news for the user
            return read(handle)
    except tokenize.TokenError as error:  # from numpy's second try at headers that Python 2 wrote
        raise ValueError(str(error)) from None


def _read_npy(handle: BinaryIO, size: int, path: Path, where: str) -> np.ndarray:
    """One array of a stream of `size` bytes, of which no more is read than its header promises."""
    try:
        shape, fortran, dtype = _npy_header(handle)
    except (ValueError, EOFError, SyntaxError, TypeError, RecursionError, MemoryError, UnicodeDecodeError,
            zlib.error, zipfile.BadZipFile, OSError):
        raise DataError(where, "a broken array header", "an array saved by numpy") from None
    if dtype.hasobject:
        raise DataError(where, "pickled objects, which could run code", "plain arrays of numbers")
    if dtype.kind not in "fiub":
        raise DataError(where, f"an array of {dtype}"[:80], "numbers")
    promised = math.prod(shape) * dtype.itemsize
    odd = len(shape) > _MAX_AXES or any(isinstance(n, bool) or not 0 <= n < 1 << 40 for n in shape)
    if odd or promised > min(MAX_ARRAY_BYTES, size):
        raise DataError(where, f"a header that promises an array of {_text(shape)} in {size:,} bytes",
                        "as many numbers as it says")
    try:
        data = handle.read(promised)
    except (zlib.error, zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(where, f"damaged data ({error})", "a whole file") from None
    if len(data) < promised:
        raise DataError(where, f"{len(data):,} bytes of {promised:,} (cut off?)", "a whole file")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))[:80] or "one number"


def _read_npz(path: Path, wanted: frozenset[str] | None) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".npy")
                       and (wanted is None or m.filename.removesuffix(".npy") in wanted)]
            if len(members) > _MAX_MEMBERS:
                raise DataError(path, f"{len(members):,} arrays", f"at most {_MAX_MEMBERS:,}")
            check_unfolded(sum(m.file_size for m in members), sum(m.compress_size for m in members), path)
            out = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                with archive.open(member) as handle:
                    out[name] = _read_npy(handle, member.file_size, path, f"{path}, array {name}")
            return out
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, struct.error, ValueError,
            zlib.error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(path, f"a broken npz ({error})", "a whole file") from None


def _read_json(path: Path, wanted: frozenset[str] | None) -> dict[str, np.ndarray]:
    content = load_json(path)
    if not isinstance(content, Mapping):
        raise DataError(path, f"JSON that is a {type(content).__name__}", "arrays by name")
    return {str(k): _array(v, f"{path}, {k}") for k, v in content.items()
            if (wanted is None or k in wanted) and isinstance(v, (list, int, float)) and not isinstance(v, bool)}


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
            pickled = b"" if own is None else archive.read(own)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, RuntimeError, EOFError,
            zlib.error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(path, f"a broken file ({error})", "a whole file") from None
    found = unpickled_arrays(pickled, path) if b"numpy" in pickled else _tensors(path)
    return {k: v for k, v in found.items() if wanted is None or k in wanted}


def _tensors(path: Path) -> dict[str, np.ndarray]:
    import torch
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the restricted loader raises whatever a damaged or forbidden file leads it to
        raise DataError(path, f"not readable without running code ({type(error).__name__})",
                        "a mapping of plain tensors, or an npz") from None
    if not isinstance(content, Mapping):
        raise DataError(path, f"a {type(content).__name__}", "tensors by name")
    return {str(k): _array(v.detach().cpu().numpy() if isinstance(v, torch.Tensor) else v, f"{path}, {k}")
            for k, v in content.items()}


def _array(value: Any, where: str) -> np.ndarray:
    try:
        array = np.asarray(value)
        return array if array.dtype.kind in "fiub" else np.asarray(value, np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise DataError(where, "lists of different lengths, or entries that are no numbers", "numbers") from None
