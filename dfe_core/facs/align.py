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
from dfe_core.facs.lag import Offset, cross_correlate
from dfe_core.facs.store import AlignedFrames

MIN_OVERLAP = 0.2
"""Where less than this share of the shorter side finds a partner, the file is taken for another recording's."""
LENGTH_MISMATCH = 0.1
"""Lengths that differ by more than this share (and by a second) are told."""
MIN_CORRELATION = 0.2
"""A cross-correlation below this finds no offset, and at the best lag hints at another video."""


@dataclass(frozen=True)
class Alignment:
    """How one recording was joined: file, frames of the recording, how many got AUs, tolerance and offset in s, median
    distance in s, detector frames that no frame took, correlation at the offset (NaN where not computed) and notes."""

    source: str
    recording_frames: int
    aligned: int
    tolerance_s: float
    offset_s: float
    median_distance_s: float
    unused_detector_frames: int
    correlation: float
    notes: tuple[str, ...] = ()

    def report(self) -> dict:
        """As the manifest has it: NaN as None."""
        rows = {k: getattr(self, k) for k in self.__dataclass_fields__}
        return {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in rows.items()}


def align(detections: Detections, frames: Frames, names: tuple[str, ...], fps: float, *,
          tolerance_s: float | None = None, offset: float | str = 0.0,
          max_offset_s: float = 5.0) -> tuple[AlignedFrames, Alignment]:
    """Join `detections` to the valid frames of one recording.

    Parameters
    ----------
    names, fps: coefficient names of the dataset, nominal frame rate of the recording.
    tolerance_s: largest distance in time; default half a frame of the slower side.
    offset: seconds (AU time = recording time + offset), or ``auto`` for a search within ± `max_offset_s`.

    Returns the AUs of the frames that could be aligned and the account of it. Raises `DataError` where fewer than
    `MIN_OVERLAP` of the frames can be, or no offset is found.
    """
    if detections.is_intervals:
        return _align_intervals(detections, frames, offset)
    found = _offset(detections, frames, names, offset, max_offset_s)
    tolerance = tolerance_s if tolerance_s is not None else 0.5 / min(r for r in (fps, detections.fps) if r > 0) + 1e-6
    usable = ~np.isnan(detections.probability).all(1) | ~np.isnan(detections.intensity).all(1)
    nearest, distance = _nearest(detections.time_s, frames.time_s + found.offset_s)
    keep = frames.valid & (distance <= tolerance) & usable[nearest]
    aligned = AlignedFrames(frames.frame[keep], detections.probability[nearest[keep]],
                            detections.intensity[nearest[keep]])
    notes = (*_length_notes(detections, frames), *_video_notes(found))
    account = Alignment(detections.source, int(frames.valid.sum()), int(keep.sum()), float(tolerance), found.offset_s,
                        float(np.median(distance[keep])) if keep.any() else float("nan"),
                        int(len(detections.time_s) - len(np.unique(nearest[keep]))), found.correlation, notes)
    possible = min(frames.valid.sum(), usable.sum() * max(1.0, fps / detections.fps if detections.fps else 1.0))
    if keep.sum() < max(MIN_OVERLAP * possible, 1):
        raise DataError(detections.source, f"only {int(keep.sum())} of {int(frames.valid.sum())} frames of recording "
                        f"{frames.recording} lie within {tolerance:.3g} s of a frame of it "
                        f"({_span(detections.time_s)} against {_span(frames.time_s)})", "AUs at this recording's times")
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


def _align_intervals(detections: Detections, frames: Frames, offset: float | str) -> tuple[AlignedFrames, Alignment]:
    """A coding covers every frame: 1 from onset to offset of an event, 0 elsewhere; intensity as the coder gave it."""
    shift = 0.0 if isinstance(offset, str) else float(offset)
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
        raise DataError(detections.source, f"every event begins after the end of recording {frames.recording} "
                        f"({end:.1f} s)", "a coding of this recording, in seconds from its start")
    if beyond:
        notes.append(f"{beyond} of {len(detections.intervals)} events begin after the recording's end ({end:.1f} s)")
    if isinstance(offset, str):
        notes.append("no offset was searched: a coding has no frames to correlate")
    account = Alignment(detections.source, int(frames.valid.sum()), len(time), 0.0, shift, 0.0, 0, float("nan"),
                        tuple(notes))
    return AlignedFrames(frames.frame[frames.valid], presence, intensity), account


def _length_notes(detections: Detections, frames: Frames) -> list[str]:
    own, other = (float(t[-1] - t[0]) if len(t) > 1 else 0.0 for t in (frames.time_s, detections.time_s))
    if abs(own - other) <= max(1.0, LENGTH_MISMATCH * own):
        return []
    return [f"lengths differ: {other:.1f} s of AUs, {own:.1f} s of recording {frames.recording}; "
            "the rest has no AUs or is not used"]


def _video_notes(found: Offset) -> list[str]:
    if np.isnan(found.correlation) or found.correlation >= MIN_CORRELATION:
        return []
    return [f"the AUs hardly move with the recording (correlation {found.correlation:.2f}): perhaps of another video"]


def _offset(detections: Detections, frames: Frames, names: tuple[str, ...], offset: float | str,
            largest: float) -> Offset:
    if not isinstance(offset, str):
        given = float(offset)
        found = cross_correlate(detections, frames, names, 0.0, given)
        return Offset(given, found.correlation if found else float("nan"), float("nan"))
    if offset != "auto":
        raise DataError("offset", repr(offset), "seconds, or auto")
    found = cross_correlate(detections, frames, names, largest)
    if found is None or found.correlation < MIN_CORRELATION:
        seen = "too short to compare" if found is None else f"best correlation {found.correlation:.2f}"
        raise DataError(detections.source, f"no offset to recording {frames.recording} found within {largest:g} s "
                        f"({seen})", f"a correlation of {MIN_CORRELATION} or more, or an offset in seconds")
    return found
