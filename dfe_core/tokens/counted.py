"""Tokens without the frames that are excluded: a copy in ``analyses/counted-<key>/``, made when it is first read.

Temporal smoothing saw the whole recording, so that the tokens of the other frames are the same with and without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dfe_core.artefact import ArtefactId, source_labels
from dfe_core.artefact_names import ANALYSES, COUNTED_TOKENS, EXCLUDED, TOKENS_FILE, events_name, keyed_name
from dfe_core.errors import DataError
from dfe_core.expressions.recording_table import iter_recording_tables
from dfe_core.integrity import check, is_whole
from dfe_core.store import atomic_directory, content_key

if TYPE_CHECKING:
    from dfe_core.tokens.cache import TokenCache

VERSION = 1


def counted_folder(tokens: TokenCache) -> Path:
    """The folder of the tokens of all frames that are not excluded, written where it is not there.

    Raises `DataError` where every frame is excluded.
    """
    key = content_key([VERSION, content_key(tokens.manifest)])
    path = tokens.root / ANALYSES / keyed_name(COUNTED_TOKENS, key)
    if not is_whole(path):
        with atomic_directory(path) as folder:
            _write(tokens, folder)
    return path


def _write(tokens: TokenCache, folder: Path) -> None:
    from dfe_core.tokens.cache import TokenWriter

    writer = TokenWriter(
        folder, stages=tokens.stages, codewords=tokens.codewords, levels=list(map(float, tokens.levels))
    )
    for name, table in iter_recording_tables(check(tokens.path / TOKENS_FILE)):
        time_s = table["time_s"].to_numpy()
        keep = ~tokens.exclusions.covers(name, time_s)
        if keep.any():
            writer.add(
                name,
                frame=table["frame"].to_numpy()[keep],
                time_s=time_s[keep],
                tokens=_matrix(table, "tokens")[keep],
                levels=_matrix(table, "levels")[keep],
                error_mm=table["error_mm"].to_numpy()[keep],
            )
    if not writer.frames:
        raise DataError(tokens.path.name, "every frame with tokens is excluded", "fewer exclusions")
    excluded = ArtefactId(ANALYSES, events_name(tokens.dataset, EXCLUDED))
    writer.close({"model": tokens.model, "dataset": tokens.dataset, **source_labels(*tokens.sources, excluded)})


def _matrix(table: pa.Table, column: str) -> np.ndarray:
    """(T, N) a column of fixed-size lists."""
    flat = table[column].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(table), -1)
