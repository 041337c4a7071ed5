"""Arrays out of MATLAB files to version 7, which may not ask for all memory."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dfe_core.errors import DataError
from dfe_core.limits import MAX_ARRAY_BYTES, MAX_FOLDED_BYTES, MOST_FOLDED, check_unfolded

_HEADER = 128
_COMPRESSED = 15
_CHUNK = 1 << 20


def read_mat(path: Path, wanted: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The numeric arrays of a MATLAB file by name, only those in `wanted` where given.

    Raises `DataError` for version 7.3, for what unfolds beyond the limits, and for a broken file.
    """
    _check(path)
    from scipy.io import loadmat, whosmat

    try:
        for name, shape, _ in whosmat(path):
            if math.prod(shape) * 8 > MAX_ARRAY_BYTES:
                raise DataError(
                    f"{path}, array {name}", f"{' x '.join(map(str, shape))[:80]} numbers", "a recording of one face"
                )
        content = loadmat(path, variable_names=sorted(wanted) if wanted else None, struct_as_record=False)
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - scipy raises whatever a damaged file leads it to
        raise DataError(path, f"a broken MATLAB file ({type(error).__name__}: {error})"[:200], "a whole file") from None
    return {
        name: value
        for name, value in content.items()
        if not name.startswith("__") and isinstance(value, np.ndarray) and value.dtype.kind in "fiub"
    }


def mat_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every array of a MATLAB file; none for a broken one, never raises."""
    from scipy.io import whosmat

    try:
        _check(path)
        return {name: tuple(shape) for name, shape, _ in whosmat(path)}
    except Exception:  # noqa: BLE001 - as in `read_mat`
        return {}


def _check(path: Path) -> None:
    """Refuse version 7.3, and compressed variables that unfold beyond the limit, counted without keeping them."""
    total, stored = 0, path.stat().st_size
    most = max(MAX_FOLDED_BYTES, MOST_FOLDED * stored)
    with open(path, "rb") as handle:
        head = handle.read(_HEADER)
        if head[1:4] == b"HDF" or b"MATLAB 7.3" in head[:20]:
            raise DataError(path, "a MATLAB 7.3 file", "one saved with -v7, or an npz")
        order = ">" if head[_HEADER - 2 :] == b"MI" else "<"
        while len(tag := handle.read(8)) == 8:
            kind, size = struct.unpack(order + "II", tag)
            if kind != _COMPRESSED:
                handle.seek(size, 1)
                continue
            total += _unfolded(handle, size, most - total, path)
            check_unfolded(total, stored, path)


def _unfolded(handle: BinaryIO, size: int, limit: int, path: Path) -> int:
    inflate, total = zlib.decompressobj(), 0
    while size > 0 and (block := handle.read(min(size, _CHUNK // 8))):
        size -= len(block)
        try:
            total += len(inflate.decompress(block, _CHUNK))
            while inflate.unconsumed_tail and total <= limit:
                total += len(inflate.decompress(inflate.unconsumed_tail, _CHUNK))
        except zlib.error as error:
            raise DataError(path, f"a broken MATLAB file ({error})", "a whole file") from None
        if total > limit:
            return total
    return total
