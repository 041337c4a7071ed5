"""The content key of a recording: what was made from one whose key is unchanged need not be made again.

keys.parquet of a dataset has recording and key, and in its schema the SHA-256 of the frames.parquet that the keys are
of, so that keys of other frames count as none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dfe_core.errors import DataError
from dfe_core.integrity import check

_OF_FRAMES = b"frames_sha256"


def recording_key(name: str, frame: np.ndarray, time_s: np.ndarray, valid: np.ndarray, psi: np.ndarray) -> str:
    """32 hex digits that change with the name, any frame number, time, validity (each (T,)) or ψ (T, E)."""
    digest = hashlib.sha256(f"{name}\n{psi.shape[1]}\n".encode("utf-8", "surrogatepass"))
    for values, kind in ((frame, np.int64), (time_s, np.float64), (valid, np.bool_), (psi, np.float32)):
        digest.update(np.ascontiguousarray(values, kind).data)
    return digest.hexdigest()[:32]


def write_keys(path: Path, names: Sequence[str], keys: Sequence[str], frames_sha256: str) -> None:
    """Write keys.parquet: one row a recording, in the dataset's order."""
    schema = pa.schema([("recording", pa.string()), ("key", pa.string())], {_OF_FRAMES: frames_sha256.encode()})
    pq.write_table(pa.table([list(names), list(keys)], schema=schema), path)


def read_keys(path: Path, frames_sha256: str) -> dict[str, str]:
    """{recording: key}; empty where the file is missing, damaged or of other frames."""
    try:
        table = pq.read_table(check(path))
    except (DataError, OSError, pa.ArrowInvalid):
        return {}
    if (table.schema.metadata or {}).get(_OF_FRAMES) != frames_sha256.encode():
        return {}
    return dict(zip(table["recording"].to_pylist(), table["key"].to_pylist(), strict=True))
