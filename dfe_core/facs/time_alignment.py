"""Joining AUs to the frames of an expression recording, by time.

A frame of the recording takes the AUs of the nearest frame of the detector, where that lies within the tolerance. The
default tolerance is half the frame period of the slower of the two, so that rates may differ and gaps stay gaps. An
offset (AU time = recording time + offset) can be given, or found by cross-correlation.

Letters of the shapes: T frames of the recording, S frames of the detector, A AU columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Frames
from dfe_core.facs.detections import Detections
from dfe_core.facs.lag import MIN_CORRELATION, LagState, Offset, cross_correlate, judge_lag
from dfe_core.facs.remarks import Remark, Topic
from dfe_core.facs.store import AlignedFrames

MIN_OVERLAP = 0.2
"""Where less than this share of the shorter side finds a partner, the file is taken for another recording's."""
LENGTH_MISMATCH = 0.1
"""Lengths that differ by more than this share (and by a second) are told."""


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """How one recording was joined: file, frames of the recording, how many got AUs, tolerance and offset in s, median
    distance in s, detector frames that no frame took, correlation at the offset (NaN where not computed), the lag that
    fits best (s, beside the offset that was given; NaN where none could be measured) with its correlation, what became
    of it (`lag.LagState`), and notes."""

    source: str
    recording_frames: int
    aligned: int
    tolerance_s: float
    offset_s: float
    median_distance_s: float
    unused_detector_frames: int
    correlation: float
    lag_s: float = float("nan")
    lag_correlation: float = float("nan")
    lag: str = LagState.NOT_MEASURABLE
    notes: tuple[str, ...] = ()

    def report(self) -> dict:
        """As the manifest has it: NaN as None."""
        rows = {k: getattr(self, k) for k in self.__dataclass_fields__}
        return {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in rows.items()}


def align(
    detections: Detections,
    frames: Frames,
    names: tuple[str, ...],
    fps: float,
    *,
    tolerance_s: float | None = None,
    offset: float | str | None = None,
    max_offset_s: float = 5.0,
) -> tuple[AlignedFrames, Alignment]:
    """Join `detections` to the valid frames of one recording.

    Parameters
    ----------
    names, fps: coefficient names of the dataset, nominal frame rate of the recording.
    tolerance_s: largest distance in time; default half a frame of the slower side.
    offset: seconds (AU time = recording time + offset). A lag within ± `max_offset_s` is measured in any case: without
        an offset it is applied where it clearly fits better (`lag.judge_lag`); with ``auto`` it is applied, and an
        error where none can be measured; with seconds those are used, and the lag beside them is told.

    Returns the AUs of the frames that could be aligned and the account of it. Raises `DataError` where fewer than
    `MIN_OVERLAP` of the frames can be, or no offset is found.
    """
    if detections.is_intervals:
        return _align_intervals(detections, frames, offset)
    own = detections.per_frame()
    found, best, lag = _offset(detections, frames, names, offset, max_offset_s, fps)
    tolerance = tolerance_s if tolerance_s is not None else 0.5 / min(r for r in (fps, detections.fps) if r > 0) + 1e-6
    usable = ~np.all(np.isnan(own.probability), axis=1) | ~np.all(np.isnan(own.intensity), axis=1)
    nearest, distance = _nearest(own.time_s, frames.time_s + found.offset_s)
    keep = frames.valid & (distance <= tolerance) & usable[nearest]
    aligned = AlignedFrames(frames.frame[keep], own.probability[nearest[keep]], own.intensity[nearest[keep]])
    notes = (*_length_notes(own.time_s, frames), *_video_notes(found), *_lag_notes(found, best, lag))
    account = Alignment(
        source=detections.source,
        recording_frames=int(frames.valid.sum()),
        aligned=int(keep.sum()),
        tolerance_s=float(tolerance),
        offset_s=found.offset_s,
        median_distance_s=float(np.median(distance[keep])) if keep.any() else float("nan"),
        unused_detector_frames=int(len(own.time_s) - len(np.unique(nearest[keep]))),
        correlation=found.correlation,
        lag_s=best.offset_s - (0.0 if lag is LagState.APPLIED else found.offset_s) if best else float("nan"),
        lag_correlation=best.correlation if best else float("nan"),
        lag=str(lag),
        notes=notes,
    )
    possible = min(frames.valid.sum(), usable.sum() * max(1.0, fps / detections.fps if detections.fps else 1.0))
    if keep.sum() < max(MIN_OVERLAP * possible, 1):
        raise DataError(
            detections.source,
            f"only {int(keep.sum())} of {int(frames.valid.sum())} frames of recording "
            f"{frames.recording} are within {tolerance:.3g} s of a frame of it "
            f"({_span(own.time_s)} against {_span(frames.time_s)})",
            "AUs at this recording's times",
        )
    return aligned, account


def _span(time_s: np.ndarray) -> str:
    return f"{time_s[0]:.1f} to {time_s[-1]:.1f} s" if len(time_s) else "no time"


def _nearest(times: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index into sorted `times` (S,) of the nearest to each of `wanted` (T,), and the distance in s."""
    right = np.clip(np.searchsorted(times, wanted), 1, max(len(times) - 1, 1))
    left = right - 1
    right = np.minimum(right, len(times) - 1)
    index = np.where(np.abs(times[right] - wanted) < np.abs(wanted - times[left]), right, left)
    return index, np.abs(times[index] - wanted)


def _align_intervals(
    detections: Detections, frames: Frames, offset: float | str | None
) -> tuple[AlignedFrames, Alignment]:
    """A coding covers every frame: 1 from onset to offset of an event, 0 elsewhere; intensity as the coder gave it."""
    shift = 0.0 if isinstance(offset, str) or offset is None else float(offset)
    time, notes = frames.time_s[frames.valid] + shift, []
    presence = np.zeros((len(time), len(detections.aus)), np.float32)
    intensity = np.zeros_like(presence)
    first = np.searchsorted(time, [event.onset_s for event in detections.intervals], "left")
    last = np.searchsorted(time, [event.offset_s for event in detections.intervals], "right")
    for event, start, stop in zip(detections.intervals, first, last, strict=True):
        inside, column = slice(start, stop), detections.aus.index((event.au, event.side))
        presence[inside, column] = 1
        intensity[inside, column] = event.intensity
    end = float(time[-1]) if len(time) else 0.0
    beyond = sum(event.onset_s > end for event in detections.intervals)
    if beyond == len(detections.intervals):
        raise DataError(
            detections.source,
            f"every event begins after the end of recording {frames.recording} ({end:.1f} s)",
            "a coding of this recording, in seconds from its start",
        )
    if beyond:
        notes.append(f"{beyond} of {len(detections.intervals)} events begin after the recording's end ({end:.1f} s)")
    if not isinstance(offset, float):
        notes.append("no offset was searched: a coding has no frames to correlate")
    account = Alignment(
        source=detections.source,
        recording_frames=int(frames.valid.sum()),
        aligned=len(time),
        tolerance_s=0.0,
        offset_s=shift,
        median_distance_s=0.0,
        unused_detector_frames=0,
        correlation=float("nan"),
        notes=tuple(notes),
    )
    return AlignedFrames(frames.frame[frames.valid], presence, intensity), account


def _length_notes(time_s: np.ndarray, frames: Frames) -> list[str]:
    own, other = (float(t[-1] - t[0]) if len(t) > 1 else 0.0 for t in (frames.time_s, time_s))
    if abs(own - other) <= max(1.0, LENGTH_MISMATCH * own):
        return []
    return [
        f"lengths differ: {other:.1f} s of AUs, {own:.1f} s of recording {frames.recording}; "
        "the rest has no AUs or is not used"
    ]


def _video_notes(found: Offset) -> list[str]:
    if np.isnan(found.correlation) or found.correlation >= MIN_CORRELATION:
        return []
    return [f"the AUs hardly move with the recording (correlation {found.correlation:.2f}): perhaps of another video"]


def _lag_notes(used: Offset, best: Offset | None, lag: LagState) -> list[str]:
    """What became of the lag, in words; nothing where AUs and expressions are in time."""
    if lag is LagState.IN_TIME:
        return []
    text = "no lag could be measured: none applied"
    if best is not None and lag is LagState.APPLIED:
        text = (
            f"the AUs lag by {best.offset_s:.2f} s (correlation {best.correlation:.2f}, {best.at_zero:.2f} without "
            "it): applied"
        )
    elif best is not None and lag is LagState.REFUSED:
        text = (
            f"a lag of {best.offset_s - used.offset_s:.2f} s fits better (correlation {best.correlation:.2f} "
            f"against {best.at_zero:.2f}): not applied"
        )
    return [Remark(text, Topic.LAG)]


def _offset(
    detections: Detections,
    frames: Frames,
    names: tuple[str, ...],
    offset: float | str | None,
    largest: float,
    fps: float,
) -> tuple[Offset, Offset | None, LagState]:
    """The offset that is used, the one that fits best, and what became of the lag between them."""
    if isinstance(offset, str) and offset != "auto":
        raise DataError("offset", repr(offset), "seconds, or auto")
    given = float(offset) if isinstance(offset, int | float) else None
    best = cross_correlate(detections, frames, names, largest, given or 0.0)
    if offset == "auto":
        if best is None or best.correlation < MIN_CORRELATION:
            seen = "too short to compare" if best is None else f"best correlation {best.correlation:.2f}"
            raise DataError(
                detections.source,
                f"no offset to recording {frames.recording} found within {largest:g} s ({seen})",
                f"a correlation of {MIN_CORRELATION} or more, or an offset in seconds",
            )
        return best, best, LagState.APPLIED if abs(best.offset_s) > 1.5 / fps else LagState.IN_TIME
    lag, used = judge_lag(best, given, 1 / min(r for r in (fps, detections.fps) if r > 0))
    if best is not None and lag is LagState.APPLIED:
        return best, best, lag
    return Offset(used, best.at_zero if best else float("nan"), float("nan")), best, lag
