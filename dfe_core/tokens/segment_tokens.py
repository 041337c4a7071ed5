"""Tokens of segments: those that their frames have in the whole recordings, where temporal smoothing saw all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.events.segments import segment_source, source_frames
from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.expressions.recording_table import find_frames
from dfe_core.tokens.cache import TokenCache, Tokens, TokenWriter


def whole_tokens(model: str, segments: Dataset, root: Path | None) -> TokenCache | None:
    """The tokens of the recordings that segments are of; None where their frames are not those any more."""
    source = segment_source(segments)
    if source is None:
        return None
    try:
        if Dataset.open(source.dataset, root).stored_key != source.stored_key:
            return None
        return TokenCache.open(model, source.dataset, root, excluding=False)
    except DataError:
        return None


def write_segment_tokens(writer: TokenWriter, whole: TokenCache, segments: Dataset) -> None:
    """Write the tokens of every segment. Raises `DataError` where a valid frame has none in the whole recordings."""
    for frames, tokens, rows in _rows(whole, segments):
        levels = np.searchsorted(whole.levels, tokens.intensities[rows]).clip(0, len(whole.levels) - 1)
        writer.add(
            frames.recording,
            frame=frames.frame[frames.valid],
            time_s=frames.time_s[frames.valid],
            tokens=tokens.tokens[rows],
            levels=levels,
            error_mm=tokens.error_mm[rows],
        )


def _rows(whole: TokenCache, segments: Dataset) -> Iterator[tuple[Frames, Tokens, np.ndarray]]:
    held: Tokens | None = None
    for source, frames in source_frames(segments):
        if held is None or held.recording != source:
            held = whole.recording(source)
        rows, present = find_frames(held.frame, frames.frame[frames.valid])
        if not present.all():
            raise DataError(frames.recording, "frames without tokens in the whole recording", "`dfe encode` again")
        yield frames, held, rows
