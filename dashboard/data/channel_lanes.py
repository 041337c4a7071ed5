"""Head pose, gaze, eyelids, jaw and confidence of a recording as lanes of the player's timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfe_core.channels.series import ChannelSeries
from dfe_core.expressions.recording_table import find_frames
from dfe_core.facs.store import AlignedAus
from dfe_core.gaps.settings import FILLED
from dfe_core.ontology import action_label

UNKNOWN, _STEPS = 255, 254
_LEAST_TURN_DEG, _LEAST_OPENING = 5.0, 0.2
MOST_AUS = 16
"""Action units on the timeline: those of the largest 98th percentile."""
_HIGH, _LEAST_LEVEL, _MOST_LEVEL = 98.0, 0.25, 5.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Lane:
    """Curves on one scale. names: of the curves. values: (C, T), NaN where unknown. low, high: ends of the scale.
    spans: (S, 2) seconds that are marked. marked: what is in them. rows: a row for each, its value as the height."""

    label: str
    names: tuple[str, ...]
    values: np.ndarray
    low: float
    high: float
    unit: str = ""
    spans: np.ndarray | None = None
    marked: str = ""
    rows: bool = False

    @property
    def steps(self) -> np.ndarray:
        """(C, T) uint8 from 0 at the low end to 254 at the high one, 255 where unknown."""
        share = np.clip((self.values - self.low) / (self.high - self.low), 0, 1)
        return np.where(np.isnan(share), UNKNOWN, np.rint(np.nan_to_num(share) * _STEPS)).astype(np.uint8)

    def header(self, first: int, time_s: np.ndarray) -> dict[str, Any]:
        """What the browser needs beside the curves; `first`: the row of its first curve. time_s: (T,) of what is
        shown."""
        spans = np.empty((0, 2)) if self.spans is None else self.spans
        shown = spans[(spans[:, 1] >= time_s[0]) & (spans[:, 0] <= time_s[-1])] if len(time_s) else spans[:0]
        return {
            "label": self.label,
            "names": list(self.names),
            "first": first,
            "low": self.low,
            "high": self.high,
            "unit": self.unit,
            "spans": shown.round(3).tolist(),
            "marked": self.marked,
            "rows": self.rows,
        }


def channel_lanes(series: ChannelSeries, rows: np.ndarray) -> list[Lane]:
    """The lanes of those channels that the recording has; rows: (T,) frames that are shown."""
    found = []
    if series.head_deg is not None:
        found.append(_turns("Head", ("pitch", "yaw", "roll"), series.head_deg[rows]))
    if series.gaze_deg is not None:
        found.append(_turns("Gaze", ("sideways", "up or down"), series.gaze_deg[rows]))
    if series.closure is not None:
        lids, blinks = series.closure[rows][None], series.blinks
        found.append(
            Lane(label="Eyelids", names=("closed",), values=lids, low=0.0, high=1.0, spans=blinks, marked="blink")
        )
    if series.jaw is not None and series.speech is not None:
        high = max(float(np.nanpercentile(series.jaw, 99.9)), _LEAST_OPENING)
        spans = _spans(series.speech == 1, series.time_s)
        jaw = series.jaw[rows][None]
        found.append(
            Lane(label="Jaw", names=("open",), values=jaw, low=0.0, high=high, spans=spans, marked="speech-like")
        )
    if series.confidence is not None:
        found.append(
            Lane(label="Tracking", names=("confidence",), values=series.confidence[rows][None], low=0.0, high=1.0)
        )
    return found


def au_lane(aus: AlignedAus, recording: str, frame: np.ndarray) -> Lane | None:
    """The action units that are strongest in frames (T,) of a recording, a row each in the order of their codes; None
    where there are none."""
    if recording not in aus.recordings:
        return None
    part = aus.recording(recording)
    if not len(part.frame) or not len(frame):
        return None
    at, there = find_frames(part.frame, frame)
    level = np.where(there[:, None], part.level[at], np.nan).T
    high = np.array([np.nanpercentile(row, _HIGH) if np.isfinite(row).any() else -1.0 for row in level])
    kept = np.sort(np.argsort(-high, kind="stable")[:MOST_AUS])
    kept = kept[high[kept] >= _LEAST_LEVEL]
    if not len(kept):
        return None
    names = tuple(action_label(*aus.aus[i]) for i in kept)
    return Lane(label="AUs", names=names, values=level[kept], low=0.0, high=_MOST_LEVEL, rows=True)


def filled_lane(extras: Mapping[str, np.ndarray], rows: np.ndarray, time_s: np.ndarray) -> Lane | None:
    """Where a gap was filled, of the columns beside ψ; None where nothing was. rows: (T,) frames that are shown; time_s
    of all frames."""
    if (filled := extras.get(FILLED)) is None or not filled.any():
        return None
    spans = _spans(filled > 0, time_s)
    values = (filled[rows] > 0).astype(np.float64)[None]
    return Lane(label="Filled", names=("filled",), values=values, low=0.0, high=1.0, spans=spans, marked="filled gap")


def pack_parts(lanes: list[Lane], time_s: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    """Header and (C, T) uint8 curves of all lanes for the pack of a recording."""
    firsts = np.cumsum([0, *(len(lane.names) for lane in lanes)])
    header = {"lanes": [lane.header(int(first), time_s) for lane, first in zip(lanes, firsts[:-1], strict=True)]}
    curves = [lane.steps for lane in lanes]
    return header, np.concatenate(curves) if curves else np.empty((0, len(time_s)), np.uint8)


def _turns(label: str, names: tuple[str, ...], angles: np.ndarray) -> Lane:
    """Angles about their medians, on a scale that nearly all of them fit."""
    known = np.isfinite(angles).all(1)
    centred = angles - (np.median(angles[known], 0) if known.any() else 0)
    high = float(np.percentile(np.abs(centred[known]), 99.5)) if known.any() else 0.0
    high = max(high, _LEAST_TURN_DEG)
    return Lane(label=label, names=names, values=centred.T, low=-high, high=high, unit="°")


def _spans(marked: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(S, 2) seconds of runs of frames."""
    edges = np.flatnonzero(np.diff(np.r_[False, marked, False].astype(int))).reshape(-1, 2)
    return np.column_stack([time_s[edges[:, 0]], time_s[edges[:, 1] - 1]]) if len(edges) else np.empty((0, 2))
