"""Codebooks and time series for the browser.

Packs have the layout of `dfe_core.render.scene`, which packs the faces; web/src/shared/pack.js reads both.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np


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


def codebook_pack(psi: np.ndarray) -> bytes:
    """ψ of every codeword."""
    return pack({}, psi=psi.astype(np.float32))
