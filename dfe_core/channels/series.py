"""The channels of one recording, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dfe_core.channels import rules
from dfe_core.channels.sources import ChannelSources, closure_of_aus, gaze_degrees, tracking_confidence
from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.expressions.head_pose import head_pose
from dfe_core.video.links import Voice

_STILL = 1e-3
"""A channel that changes by less in all of a recording is one that the tool does not measure but writes."""
_BESIDE_BLINK_S = 0.1


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelSeries:
    """Channels of one recording; None where the tool gives none, NaN in frames that are not valid or not counted.

    Attributes
    ----------
    time_s: (T,) seconds. counted: (T,) bool, not in a span that is excluded. lost: (T,) bool, counted and not valid.
    head_deg, head_speed: (T, 3) pitch, yaw, roll in degrees, and (T,) degrees a second.
    gaze_deg, gaze_velocity, shifts: (T, 2) sideways and up or down in degrees, (T, 2) degrees a second, (T,) 1 where a
        saccade-like shift begins; NaN around blinks.
    closure, blinks: (T,) of the eyelids, 0 open … 1 closed, and (B, 2) seconds from and to.
    jaw, speech, rhythm: (T,) opening 0 … 1, whether it moves as in speech (1, 0), and by how much.
    voice: (T,) whether a voice is likely in the video's sound (1, 0): anybody's.
    confidence: (T,) 0 … 1.
    """

    recording: str
    time_s: np.ndarray
    counted: np.ndarray
    lost: np.ndarray
    head_deg: np.ndarray | None = None
    head_speed: np.ndarray | None = None
    gaze_deg: np.ndarray | None = None
    gaze_velocity: np.ndarray | None = None
    shifts: np.ndarray | None = None
    closure: np.ndarray | None = None
    blinks: np.ndarray | None = None
    jaw: np.ndarray | None = None
    speech: np.ndarray | None = None
    rhythm: np.ndarray | None = None
    voice: np.ndarray | None = None
    confidence: np.ndarray | None = None


def channel_series(dataset: Dataset, recording: str, sources: ChannelSources) -> ChannelSeries:
    """The channels of a recording. Frames in excluded spans are not counted, and not lost either.

    Raises `DataError` for an unknown recording.
    """
    frames = dataset.frames(recording)
    counted = ~dataset.exclusions.covers(recording, frames.time_s)
    stored = frames.valid if counted.all() else dataset.whole().frames(recording).valid
    rows = dataset.recordings
    extractor = str(rows.loc[rows["recording"] == recording, "extractor"].iloc[0])
    extras = dataset.extras(recording)
    closure, jaw = _lids_and_jaw(frames, sources)
    lids = _of_lids(_masked(closure, frames.valid), frames.time_s)
    pose = head_pose(extras, extractor)
    confidence = tracking_confidence(extras)
    return ChannelSeries(
        recording=recording,
        time_s=frames.time_s,
        counted=counted,
        lost=counted & ~stored,
        voice=_heard(sources.voices.get(recording), frames.time_s, counted),
        confidence=None if confidence is None else np.where(counted, confidence, np.nan),
        **_of_head(_masked(None if pose is None else np.degrees(_unwrapped(pose.angles)), frames.valid), frames.time_s),
        **_of_gaze(
            _masked(gaze_degrees(extras, extractor, frames.psi, sources), frames.valid),
            frames.time_s,
            lids.get("blinks"),
        ),
        **lids,
        **_of_jaw(_masked(jaw, frames.valid), frames.time_s),
    )


def _lids_and_jaw(frames: Frames, sources: ChannelSources) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Closure of the lids and opening of the jaw, from ψ where it has them, else from action units."""
    closure, jaw = (
        frames.psi[:, list(columns)].mean(1, dtype=np.float64) if columns else None
        for columns in (sources.lids, sources.jaw)
    )
    aus = sources.aus
    if aus is None or frames.recording not in aus.recordings:
        return closure, jaw
    part = aus.recording(frames.recording)
    rows, count = frames.rows(part.frame), len(frames.time_s)
    lids, opening = closure_of_aus(aus, part.presence, part.level)
    return (
        closure if closure is not None else _placed(lids, rows, count),
        jaw if jaw is not None else _placed(opening, rows, count),
    )


def _placed(values: np.ndarray | None, rows: np.ndarray, count: int) -> np.ndarray | None:
    if values is None:
        return None
    out = np.full(count, np.nan)
    out[rows] = values
    return out


def _masked(values: np.ndarray | None, valid: np.ndarray) -> np.ndarray | None:
    """Values of valid frames alone; None where they do not change at all."""
    if values is None:
        return None
    values = np.where(valid if values.ndim == 1 else valid[:, None], values, np.nan)
    known = values[np.isfinite(values).reshape(len(values), -1).all(1)]
    return values if len(known) and np.ptp(known, axis=0).max() >= _STILL else None


def _unwrapped(angles: np.ndarray) -> np.ndarray:
    """(T, 3) radians without jumps of a whole turn between known frames."""
    known = np.isfinite(angles).all(1)
    out = np.array(angles)
    out[known] = np.unwrap(angles[known], axis=0)
    return out


def _of_head(head: np.ndarray | None, time_s: np.ndarray) -> dict[str, Any]:
    return {} if head is None else {"head_deg": head, "head_speed": rules.angular_speed(head, time_s)}


def _of_gaze(gaze: np.ndarray | None, time_s: np.ndarray, blinks: np.ndarray | None) -> dict[str, Any]:
    if gaze is None:
        return {}
    for start, stop in () if blinks is None else blinks:
        gaze[(time_s >= start - _BESIDE_BLINK_S) & (time_s <= stop + _BESIDE_BLINK_S)] = np.nan
    velocity = rules.frame_velocity(gaze, time_s)
    return {"gaze_deg": gaze, "gaze_velocity": velocity, "shifts": rules.gaze_shifts(velocity)}


def _of_lids(closure: np.ndarray | None, time_s: np.ndarray) -> dict[str, Any]:
    if closure is None:
        return {}
    blinks = rules.find_blinks(closure, time_s) if rules.sees_events(time_s) else None
    return {"closure": closure, "blinks": blinks}


def _heard(voice: Voice | None, time_s: np.ndarray, counted: np.ndarray) -> np.ndarray | None:
    """(T,) 1 within a span of voice, else 0; NaN where nothing was heard or is counted. None without sound."""
    if voice is None:
        return None
    within = np.zeros(len(time_s))
    for start, stop in voice.spans:
        within[(time_s >= start) & (time_s < stop)] = 1
    first, last = voice.heard_s
    return np.where(counted & (time_s >= first) & (time_s <= last), within, np.nan)


def _of_jaw(jaw: np.ndarray | None, time_s: np.ndarray) -> dict[str, Any]:
    if jaw is None:
        return {}
    speech, rhythm = rules.speech_like(jaw, time_s)
    return {"jaw": jaw, "speech": speech, "rhythm": rhythm}
