"""The stretches of recordings that raw material is counted over: windows of one length, or segments in blocks of time.

A bag counted over 100 s and one over 20 s differ in more than the face: rare codewords are absent from the short one,
and its means scatter more. Every unit is therefore described by windows of one length, over which whatever is not
linear is worked out before the unit's windows are averaged: the expected value of a feature then does not hang on how
long somebody was recorded.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.probes.settings import ProbeSettings

LEAST_WINDOW_S = 5.0
"""Shorter recordings do not shorten everybody's windows: they are one window as they are."""
_SPARE = 0.1  # of a window: so much of a recording may stay unused before one more, overlapping, window is laid


def make_spans(dataset: Dataset, settings: ProbeSettings) -> pd.DataFrame:
    """One row a span: recording, segment (int), span (its row), start_s, end_s, time (its block of time).

    Windows as long as the shortest recording (at least `LEAST_WINDOW_S`), evenly spaced over each recording and
    overlapping where they do not fit; whole recordings where `settings.lengths` is ``as-recorded``; else segments.
    Where the group is ``time`` a recording is cut into blocks of `block_s`, `gap_s` is left out at both ends of each,
    and segments never cross a block.
    """
    if "time" in dataset.recordings and settings.group == "time":
        raise DataError("time", "is also a label of the dataset", "another name of that label")
    if settings.unit == "segment" or settings.group == "time":
        parts = [_segments(row, settings) for row in dataset.recordings.itertuples()]
        spans = pd.concat(parts, ignore_index=True)
    elif settings.lengths == "matched":
        spans = _windows(dataset.recordings)
    else:
        names = dataset.recordings["recording"].astype(str)
        spans = pd.DataFrame({"recording": names, "segment": 0, "start_s": -np.inf, "end_s": np.inf, "time": names})
    if not len(spans):
        raise DataError(
            dataset.name, "no recording holds a whole segment", "a smaller --segment or --block, or longer recordings"
        )
    return spans.assign(span=np.arange(len(spans)))


def window_length(recordings: pd.DataFrame) -> float:
    """Seconds of the windows that all recordings are described by."""
    return max(float(recordings["duration_s"].min()), LEAST_WINDOW_S)


def _windows(recordings: pd.DataFrame) -> pd.DataFrame:
    length = window_length(recordings)
    found = []
    for recording, duration_s in zip(recordings["recording"], recordings["duration_s"], strict=True):
        count = max(1, int(np.ceil(duration_s / length - _SPARE)))
        whole = duration_s < length * (1 + _SPARE)  # one window, up to its ends whatever the rounding of times
        starts = np.linspace(0, max(duration_s - length, 0), count) if not whole else [-np.inf]
        found += [(str(recording), float(s), float(s) + length if not whole else np.inf) for s in starts]
    table = pd.DataFrame(found, columns=["recording", "start_s", "end_s"])
    return table.assign(segment=table.groupby("recording", sort=False).cumcount(), time=table["recording"])


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
    """Which frames of a recording lie in which span, for all its spans at once. Spans may overlap."""

    def __init__(self, spans: pd.DataFrame) -> None:
        self.size = len(spans)
        self._of = {
            str(name): (part["start_s"].to_numpy(), part["end_s"].to_numpy(), part["span"].to_numpy())
            for name, part in spans.groupby("recording", sort=False)
        }

    @property
    def recordings(self) -> list[str]:
        """Those that have a span, in order."""
        return list(self._of)

    def __call__(self, recording: str, time_s: np.ndarray) -> np.ndarray:
        """(T,) seconds, in any order, to (T,) span, −1 outside all of them; where spans overlap, the later one."""
        if recording not in self._of:
            return np.full(len(time_s), -1)
        start, end, span = self._of[recording]
        at = np.searchsorted(start, time_s, "right") - 1
        return np.where((at >= 0) & (time_s < end[np.maximum(at, 0)]), span[np.maximum(at, 0)], -1)

    def edges(self, recording: str) -> list[tuple[int, float, float]]:
        """(span, start_s, end_s) of each span of the recording."""
        start, end, span = self._of.get(recording, (np.empty(0), np.empty(0), np.empty(0)))
        return [(int(k), float(a), float(b)) for k, a, b in zip(span, start, end, strict=True)]

    def groups(self, recording: str, time_s: np.ndarray) -> list[tuple[int, slice]]:
        """(span, rows) of each span of the recording that has any of these moments; time_s: (T,) increasing."""
        start, end, span = self._of.get(recording, (np.empty(0), np.empty(0), np.empty(0)))
        low, high = np.searchsorted(time_s, start - 1e-9), np.searchsorted(time_s, end - 1e-9)
        return [(int(k), slice(a, b)) for k, a, b in zip(span, low, high, strict=True) if b > a]
