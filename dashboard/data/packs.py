"""Codebooks and time series for the browser.

Packs have the layout of `dfe_core.render.scene`, which packs the faces; web/src/shared/pack.js reads both.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

_STEPS = 32767


def pack(header: dict[str, Any], **arrays: np.ndarray) -> bytes:
    """Named arrays (float32 or integers) and JSON-serialisable `header` as one binary."""
    entries, blobs, offset = {}, [], 0
    for name, array in arrays.items():
        blob = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
        entries[name] = {"dtype": array.dtype.name, "shape": list(array.shape), "offset": offset}
        blobs.append(blob + b"\0" * (-len(blob) % 8))
        offset += len(blobs[-1])
    text = json.dumps(header | {"arrays": entries}).encode()
    text += b" " * (-len(text) % 8)
    return b"DFE1" + len(text).to_bytes(4, "little") + text + b"".join(blobs)


def quantised(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R, …) float to int16 of the same shape and (R,) float32 scales: ``values ≈ int * scale``.

    The error is at most half a step, 1/65534 of each row's largest value.
    """
    rows = values.reshape(len(values), -1)
    scale = np.abs(rows).max(1, initial=0).astype(np.float32) / _STEPS
    steps = np.rint(rows / np.where(scale > 0, scale, 1)[:, None]).astype(np.int16)
    return steps.reshape(values.shape), scale


def codebook_pack(psi: np.ndarray) -> bytes:
    """ψ of every codeword."""
    return pack({}, psi=psi.astype(np.float32))
