"""Arrays out of .npy and .npz files, which may not run code nor ask for all memory."""

from __future__ import annotations

import io
import math
import struct
import sys
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO

import numpy as np

from dfe_core.errors import DataError
from dfe_core.limits import MAX_ARRAY_BYTES, check_unfolded

_MAX_MEMBERS = 10_000
_MAX_AXES = 8
_HEADER_BYTES = 4096
_MAX_TEXT_BYTES = 1 << 20
_BROKEN = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    KeyError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    SyntaxError,
    TypeError,
    MemoryError,
    OverflowError,
)
"""What numpy and zipfile raise for damaged files."""


def read_npz(path: Path, wanted: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The numeric arrays of an .npz by name, only those in `wanted` where given.

    Raises `DataError` as `read_npy` does, and for more or larger arrays than `limits` admits.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                m
                for m in archive.infolist()
                if m.filename.endswith(".npy") and (wanted is None or m.filename.removesuffix(".npy") in wanted)
            ]
            if len(members) > _MAX_MEMBERS:
                raise DataError(path, f"{len(members):,} arrays", f"at most {_MAX_MEMBERS:,}")
            check_unfolded(sum(m.file_size for m in members), sum(m.compress_size for m in members), path)
            out = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                plainly_stored(member)
                with archive.open(member) as handle:
                    out[name] = read_npy(handle, member.file_size, f"{path}, array {name}")
            return out
    except _BROKEN as error:
        if isinstance(error, DataError):
            raise
        raise DataError(path, f"a broken npz ({error})", "a whole file") from None


def read_npy(handle: IO[bytes], size: int, where: str) -> np.ndarray:
    """One array of a stream of `size` bytes, of which no more is read than its header promises.

    Raises `DataError` for pickled objects and texts, a header that promises more than there is, and damaged data.
    """
    try:
        shape, fortran, dtype = _npy_header(handle)
    except _BROKEN:
        raise DataError(where, "a broken array header", "an array saved by numpy") from None
    if dtype.hasobject:
        raise DataError(where, "pickled objects, which could run code", "plain arrays of numbers")
    if dtype.kind not in "fiub":
        raise DataError(where, f"an array of {dtype}"[:80], "numbers")
    promised = math.prod(shape) * dtype.itemsize
    odd = len(shape) > _MAX_AXES or any(isinstance(n, bool) or not 0 <= n < 1 << 40 for n in shape)
    if odd or promised > min(MAX_ARRAY_BYTES, size):
        raise DataError(
            where, f"a header that promises an array of {_text(shape)} in {size:,} bytes", "as many numbers as it says"
        )
    try:
        data = handle.read(promised)
    except _BROKEN as error:
        raise DataError(where, f"damaged data ({error})", "a whole file") from None
    if len(data) < promised:
        raise DataError(where, f"{len(data):,} bytes of {promised:,} (cut off?)", "a whole file")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def is_npz(path: Path) -> bool:
    """Whether a file begins as an npz does. Raises `DataError` where it cannot be read."""
    try:
        with open(path, "rb") as handle:
            return handle.read(2) == b"PK"
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None


def npz_names(path: Path) -> list[str]:
    """Names of the arrays in an .npz, without reading them; none for a broken file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()[:_MAX_MEMBERS]]
    except _BROKEN:
        return []


def npz_shape(path: Path, name: str) -> tuple[int, ...] | None:
    """The shape that an array of an .npz states, None where there is no readable one."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(f"{name}.npy")
            plainly_stored(member)
            with archive.open(member) as handle:
                return npy_shape(handle.read(_HEADER_BYTES))
    except _BROKEN:
        return None


def npy_shape(head: bytes) -> tuple[int, ...] | None:
    """The shape that an .npy header states, None where there is no readable one."""
    try:
        return _npy_header(io.BytesIO(head))[0]
    except _BROKEN:
        return None


def npz_texts(path: Path, name: str) -> list[str] | None:
    """A one-dimensional array of texts in an .npz, None where there is none that can be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(f"{name}.npy")
            plainly_stored(member)
            with archive.open(member) as handle:
                shape, _, dtype = _npy_header(handle)
                size = math.prod(shape) * dtype.itemsize
                if len(shape) != 1 or dtype.kind not in "US" or size > min(_MAX_TEXT_BYTES, member.file_size):
                    return None
                data = handle.read(size)
                found = np.frombuffer(data, dtype, shape[0])
                if (
                    dtype.kind == "U"
                    and (np.frombuffer(data, np.dtype("u4").newbyteorder(dtype.byteorder)) > sys.maxunicode).any()
                ):  # numpy would make texts that Python cannot hold
                    return None
    except _BROKEN:
        return None
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in found.tolist()]


def plainly_stored(member: zipfile.ZipInfo) -> bool:
    """True. Raises `zipfile.BadZipFile` for a member packed in another way than numpy and torch do."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"packed by method {member.compress_type}, which numpy never does")
    return True


def _npy_header(handle: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
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


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))[:80] or "one number"
