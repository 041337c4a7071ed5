"""The stretches of recordings that raw material is counted over: whole recordings, or segments in blocks of time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.probes.settings import ProbeSettings


def make_spans(dataset: Dataset, settings: ProbeSettings) -> pd.DataFrame:
    """One row a span: recording, segment (int), span (its row), start_s, end_s, time (its block of time).

    Whole recordings unless the unit is a segment. Where the group is ``time`` a recording is cut into blocks of
    `block_s`, `gap_s` is left out at both ends of each, and segments never cross a block.
    """
    if "time" in dataset.recordings and settings.group == "time":
        raise DataError("time", "is also a label of the dataset", "another name of that label")
    if settings.unit != "segment" and settings.group != "time":
        names = dataset.recordings["recording"].astype(str)
        return pd.DataFrame({"recording": names, "segment": 0, "span": np.arange(len(names)), "start_s": -np.inf,
                             "end_s": np.inf, "time": names})
    parts = [_segments(row, settings) for row in dataset.recordings.itertuples()]
    spans = pd.concat(parts, ignore_index=True)
    if not len(spans):
        raise DataError(dataset.name, "no recording holds a whole segment",
                        "a smaller --segment or --block, or longer recordings")
    return spans.assign(span=np.arange(len(spans)))


def _segments(row, settings: ProbeSettings) -> pd.DataFrame:
    blocks = settings.group == "time"
    length, gap = (settings.block_s, settings.gap_s) if blocks else (row.duration_s, 0.0)
    starts = np.arange(0, max(row.duration_s - 1e-9, 0), length)
    found = []
    for block, start in enumerate(starts):
        first, last = start + gap, min(start + length, row.duration_s) - gap
        edges = first + settings.segment_s * np.arange(int(np.floor((last - first) / settings.segment_s + 1e-9)))
        found += [(row.recording, edge, edge + settings.segment_s, f"{row.recording}@{block}") for edge in edges]
    table = pd.DataFrame(found, columns=["recording", "start_s", "end_s", "time"])
    return table.assign(segment=np.arange(len(table)))


class SpanIndex:
    """Which span a moment of a recording lies in, for many moments at once."""

    def __init__(self, spans: pd.DataFrame) -> None:
        self.size = len(spans)
        self._of = {name: (part["start_s"].to_numpy(), part["end_s"].to_numpy(), part["span"].to_numpy())
                    for name, part in spans.groupby("recording", sort=False)}

    @property
    def recordings(self) -> list[str]:
        """Those that have a span, in order."""
        return list(self._of)

    def __call__(self, recording: str, time_s: np.ndarray) -> np.ndarray:
        """(T,) seconds to (T,) span, −1 outside all of them."""
        if recording not in self._of:
            return np.full(len(time_s), -1)
        start, end, span = self._of[recording]
        at = np.searchsorted(start, time_s, "right") - 1
        return np.where((at >= 0) & (time_s < end[np.maximum(at, 0)]), span[np.maximum(at, 0)], -1)

    def groups(self, recording: str, time_s: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """(span, rows (…,)) of each span of the recording that has any of these moments."""
        where = self(recording, time_s)
        return [(int(span), np.flatnonzero(where == span)) for span in np.unique(where[where >= 0])]
