"""JSON files from anywhere: read whole within a limit, every fault told."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.json_stream import NotStreamed, stream_json
from dfe_core.expressions.readers.packed_list import PackedList

MAX_JSON_BYTES = 256 << 20
MAX_CONTAINER_BYTES = 256 << 20
"""Lists and mappings may take so much memory themselves; a frame needs about four of them."""
_LIST, _MAPPING = 72, 232  # bytes of an empty one and its place in another
STREAM_FROM_BYTES = 8 << 20
"""Larger files are read through a window by `load_frames`; smaller ones at once, which is a little faster."""
LISTS = (list, array, PackedList)
"""What `load_frames` gives for a list."""
_COUNTED_BYTES = 1 << 20
RATES = ("fps", "frame_rate", "framerate", "frameRate", "mocap_frame_rate", "sample_rate", "exportFps")


def load_json(path: Path) -> Any:
    """The content. Raises `DataError` for what is too large, cut off, no JSON, no text, or nested too deeply."""
    _check_size(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
    return parse_json(content, path)


def load_frames(path: Path) -> Any:
    """The content as `load_json` gives it, in at most about twice the file's size of memory where the file is large.

    Its long lists are then a `PackedList` or an ``array('d')``: see `LISTS`, `batches` and `json_numbers`. Raises
    `DataError` as `load_json` does.
    """
    _check_size(path)
    if path.stat().st_size < STREAM_FROM_BYTES:
        return load_json(path)
    try:
        with open(path, "rb") as handle:
            parts = iter(partial(handle.read, _COUNTED_BYTES), b"")
            _check_containers(sum(map(_container_bytes, parts)), path)
        return stream_json(path)
    except (NotStreamed, OSError):
        pass  # and out of this block, which would keep what has been read
    return load_json(path)


def parse_json(content: bytes, where: str | Path) -> Any:
    """The value of a JSON text. Raises `DataError` as `load_json` does."""
    _check_containers(_container_bytes(content), where)
    try:
        return json.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except json.JSONDecodeError as error:
        cut = " (the file is cut off?)" if error.pos >= len(error.doc.rstrip()) - 1 else ""
        raise DataError(
            f"{where}, line {error.lineno}, character {error.colno}", f"no JSON: {error.msg}{cut}", "JSON"
        ) from None
    except UnicodeDecodeError:
        raise DataError(where, "bytes that are not UTF-8 text", "JSON in UTF-8") from None
    except RecursionError:
        raise DataError(where, "JSON nested too deeply", "frames of numbers") from None
    except ValueError as error:
        raise DataError(where, f"no JSON ({error})", "JSON") from None


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size > MAX_JSON_BYTES:
        raise DataError(path, f"{size >> 20} MB of JSON", f"at most {MAX_JSON_BYTES >> 20} MB: a table or npz instead")


def _container_bytes(content: bytes) -> int:
    """Bytes that the lists and mappings of a JSON text take in memory, without what they hold."""
    return _LIST * content.count(b"[") + _MAPPING * content.count(b"{")


def _check_containers(containers: int, where: str | Path) -> None:
    if containers > MAX_CONTAINER_BYTES:
        raise DataError(
            where,
            f"JSON that would take over {containers >> 20} MB in memory",
            "fewer lists in lists: a table or npz instead",
        )


def json_numbers(values: Any, where: str, dimensions: int) -> np.ndarray:
    """Nested lists as a float64 array of so many dimensions; null becomes NaN. Raises `DataError` for anything else."""
    try:
        array = np.asarray(values, np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise DataError(where, "lists of different lengths, or entries that are no numbers", "numbers") from None
    if array.ndim != dimensions:
        raise DataError(where, f"{array.ndim} dimensions", f"{dimensions}")
    return array


def rate(content: Any, where: str) -> float | None:
    """The frame rate that a mapping states, None without one. Raises `DataError` when it is no number."""
    if not isinstance(content, Mapping):
        return None
    value = next((content[k] for k in RATES if k in content), None)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DataError(f"{where}, fps", f"{str(value)[:40]!r}", "a number")
    return float(value)


def first_key(content: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    """The key of `content` that comes first among `keys`, without regard to case."""
    by_lower = {str(key).lower(): key for key in reversed(list(content))}
    return next((by_lower[key] for key in keys if key in by_lower), None)
