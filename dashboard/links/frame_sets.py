"""A set of frames of a map as text for the link: exact, and short because frames drawn around lie together."""

from __future__ import annotations

import base64
import binascii
import zlib
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.store import artefact_path, content_key, read_json, write_json

LONGEST = 1500
"""Characters that a set may take in a link; a longer one is kept beside the model and the link names it."""
_BITS = 10
_STORED = "set-"


def encoded(rows: list[int], places: np.ndarray) -> str:
    """Rows of the (n, 2 or 3) places of a map as text: points in the order of a curve that fills the space (Morton
    1966), runs of points outside and inside the set in turn, as numbers of variable length, deflated."""
    inside = np.zeros(len(places), bool)
    inside[np.asarray(rows, np.int64)] = True
    along = inside[_order(places)]
    edges = np.flatnonzero(np.diff(along)) + 1
    runs = np.diff(np.r_[0, edges, len(along)])
    runs = np.r_[0, runs] if along[0] else runs
    return base64.urlsafe_b64encode(zlib.compress(_varints(runs), 9)).decode().rstrip("=")


def decoded(text: str, places: np.ndarray) -> list[int] | None:
    """The inverse of `encoded`, None for what is no set of this map."""
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        runs = _numbers(zlib.decompressobj().decompress(packed, 8 * len(places) + 16))
    except (ValueError, zlib.error, binascii.Error):
        return None
    if int(runs.sum()) != len(places):
        return None
    along = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.sort(_order(places)[along]).tolist()


def written(rows: list[int], places: np.ndarray, map_name: str, model: str, root: Path) -> str | None:
    """What stands in the link: which map, and the set or the name under which it is kept. None for no frames."""
    if not rows:
        return None
    text = encoded(rows, places)
    if len(text) > LONGEST:
        name = _STORED + content_key([map_name, text])
        path = _kept(model, name, root)
        if not path.is_file():
            write_json(path, {"map": map_name, "frames": text})
        text = name
    return f"{_mark(map_name)}.{text}"


def read(text: str | None, places: np.ndarray, map_name: str, model: str, root: Path) -> list[int]:
    """The rows that a link names; none for a set of another map, which has other frames."""
    _, _, body = (text or "").partition(".")
    if not belongs(text, map_name) or not body:
        return []
    if body.startswith(_STORED):
        try:
            held = read_json(_kept(model, body, root))
        except DataError:
            return []
        body = str(held.get("frames", "")) if held.get("map") == map_name else ""
    return decoded(body, places) or []


def belongs(text: str | None, map_name: str) -> bool:
    """Whether a link's set was drawn on this map."""
    return (text or "").partition(".")[0] == _mark(map_name)


def _mark(map_name: str) -> str:
    return content_key(map_name)[:6]


def _kept(model: str, name: str, root: Path) -> Path:
    return artefact_path("models", model, root) / "selections" / (name.replace("/", "_") + ".json")


def _order(places: np.ndarray) -> np.ndarray:
    """The points along the curve: the bits of their rounded coordinates taken in turn."""
    places = np.asarray(places, np.float64)
    low, span = places.min(0), max(float(np.ptp(places, axis=0).max()), 1e-12)
    steps = np.clip((places - low) / span * (1 << _BITS), 0, (1 << _BITS) - 1).astype(np.int64)
    code = np.zeros(len(places), np.int64)
    for bit in range(_BITS - 1, -1, -1):
        for d in range(places.shape[1]):
            code = (code << 1) | ((steps[:, d] >> bit) & 1)
    return np.argsort(code, kind="stable")


def _varints(values: np.ndarray) -> bytes:
    """Seven bits a byte, the highest set while more follow."""
    out = bytearray()
    for value in values.tolist():
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        out.append(value)
    return bytes(out)


def _numbers(data: bytes) -> np.ndarray:
    values, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            values.append(value)
            value, shift = 0, 0
        elif shift > 35:
            raise ValueError("not a number of variable length")
    return np.array(values, np.int64)
