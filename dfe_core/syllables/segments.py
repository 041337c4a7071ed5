"""From a fitted model to segments: the most likely path, and edges where the movement begins and ends.

Tokens are coarse and smoothed, so a display is well under way before the first codeword changes its level. Its
beginning is therefore put where a movement of minimum jerk (Flash & Hogan 1985) begins that passes 15 % and 50 % of the
display's height when this one does, and its end likewise; only against rest, by `FURTHEST_S` at most, never into a
neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.syllables.chain import PHASES
from dfe_core.syllables.model import SyllableModel
from dfe_core.syllables.symbols import TokenStretch

REST = 0
FURTHEST_S = 0.25
COLUMNS = ("syllable", "recording", "start_frame", "end_frame", "start_s", "apex_s", "release_s", "end_s", "frames")
_LOW, _HALF = 0.15, 0.5
_SHARE_AT_LOW = 0.2899
"""Share of its duration at which a movement of minimum jerk has covered 15 % of its way."""


@dataclass(frozen=True, eq=False, kw_only=True)
class _Segment:
    """A syllable from frame first to before end, its apex from frame apex to before release."""

    syllable: int
    first: int
    apex: int
    release: int
    end: int


def segments_of(model: SyllableModel, stretch: TokenStretch, shapes: np.ndarray) -> pd.DataFrame:
    """Segments of one stretch, rest included, in time and without a gap between them.

    Parameters
    ----------
    shapes: (K, D) what a codeword does to the face for each mm of its displacement.

    Returns
    -------
    One row a segment: syllable (0 for rest), recording, start_frame and end_frame (its last), start_s, apex_s (the
    apex begins), release_s (the offset begins), end_s (of the frame after the last), frames.
    """
    path, begun = model.path(stretch.levels)
    found = _with_edges(_segments(path, begun), stretch, shapes, model.step_s)
    time = np.r_[stretch.time_s, stretch.time_s[-1] + model.step_s]
    rows = [
        (
            one.syllable,
            stretch.recording,
            stretch.frame[one.first],
            stretch.frame[one.end - 1],
            time[one.first],
            time[one.apex],
            time[one.release],
            time[one.end],
            one.end - one.first,
        )
        for one in found
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _segments(path: np.ndarray, begun: np.ndarray) -> list[_Segment]:
    edges = np.r_[np.flatnonzero(begun), len(path)]
    found = []
    for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        state = int(path[first])
        syllable = 0 if state == 0 else 1 + (state - 1) // len(PHASES)
        phase = np.where(path[first:end] == 0, 1, (path[first:end] - 1) % len(PHASES))
        apex, release = (first + int(np.searchsorted(phase, p)) for p in (1, 2))
        found.append(_Segment(syllable=syllable, first=first, apex=apex, release=release, end=end))
    return found


def _with_edges(
    segments: Sequence[_Segment], stretch: TokenStretch, shapes: np.ndarray, step_s: float
) -> list[_Segment]:
    """The segments with their edges against rest moved to where the movement begins and ends."""
    furthest = max(1, round(FURTHEST_S / step_s))
    edges = np.array([one.first for one in segments] + [segments[-1].end])
    for number, one in enumerate(segments):
        if one.syllable == REST:
            continue
        moved = _movement(one, stretch, shapes, furthest)
        if number and segments[number - 1].syllable == REST:
            at = movement_start(moved, one.first, furthest)
            edges[number] = int(np.clip(at, max(segments[number - 1].first + 1, one.first - furthest), one.apex))
        if number + 1 < len(segments) and segments[number + 1].syllable == REST:
            at = len(moved) - movement_start(moved[::-1], len(moved) - one.end, furthest)
            edges[number + 1] = int(np.clip(at, one.release, min(segments[number + 1].end - 1, one.end + furthest)))
    edges = np.maximum.accumulate(edges)
    return [
        _Segment(
            syllable=one.syllable,
            first=int(first),
            apex=int(np.clip(one.apex, first, end)),
            release=int(np.clip(one.release, first, end)),
            end=int(end),
        )
        for one, first, end in zip(segments, edges[:-1], edges[1:], strict=True)
        if end > first
    ]


def _movement(one: _Segment, stretch: TokenStretch, shapes: np.ndarray, furthest: int) -> np.ndarray:
    """(T,) share of the way from the face before to the face at the apex; 0 far from the segment."""
    low, high = max(one.first - furthest, 0), min(one.end + furthest, len(stretch))
    face = stretch.amounts_mm[low:high] @ shapes
    apex = min(one.apex, one.end - 1)
    release = max(one.release, apex + 1)
    top = face[apex - low : release - low].mean(0)
    found = np.zeros(len(stretch))
    before, after = face[: max(one.first - low, 1)].mean(0), face[min(one.end, high - 1) - low :].mean(0)
    half = (apex + release) // 2 - low
    for rows, ground in ((slice(0, half), before), (slice(half, None), after)):
        way = top - ground
        found[low:high][rows] = (face[rows] - ground) @ way / max(float(way @ way), 1e-9)
    return found


def movement_start(moved: np.ndarray, first: int, furthest: int) -> float:
    """The frame in which a rise that crosses 15 % and 50 % near `first` begins; `first` where it crosses neither."""
    low = max(first - furthest, 0)
    above = np.flatnonzero(moved[first:] >= _HALF)
    if not len(above):
        return first
    half = first + int(above[0])
    below = np.flatnonzero(moved[low:half] < _LOW)
    if not len(below) or half == low:
        return first
    crossed = _crossing(moved, low + int(below[-1]) + 1, _LOW)
    whole = (_crossing(moved, half, _HALF) - crossed) / (0.5 - _SHARE_AT_LOW)
    return float(np.ceil(crossed - _SHARE_AT_LOW * whole))


def _crossing(moved: np.ndarray, at: int, share: float) -> float:
    """Where between the frames at − 1 and at the movement crosses a share."""
    if at == 0:
        return 0.0
    before, now = moved[at - 1], moved[at]
    return at - 1 + float(np.clip((share - before) / max(now - before, 1e-9), 0, 1))
