"""Measures of the channels: of each recording, of parts of it, and pooled over the recordings of a person.

Letters: R recordings, U units, M measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from dfe_core.channels.series import ChannelSeries, channel_series
from dfe_core.channels.sources import Channel, ChannelSources, channel_sources, has_jaw, known_channels
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Listener, Progress, silent

VERSION = 2
"""Of the rules: what was counted by others is counted again."""


@dataclass(frozen=True, kw_only=True)
class ChannelMeasure:
    """One measure. text: what it is; unit; compared: in the tables of groups and the checks of probes, not only as a
    feature or a covariate."""

    channel: Channel
    text: str
    unit: str
    compared: bool = True


def _detail(channel: Channel, text: str, unit: str) -> ChannelMeasure:
    return ChannelMeasure(channel=channel, text=text, unit=unit, compared=False)


CHANNEL_MEASURES: Mapping[str, ChannelMeasure] = {
    "head_movement": ChannelMeasure(channel=Channel.POSE, text="mean speed of the head", unit="°/s"),
    "head_range": ChannelMeasure(
        channel=Channel.POSE, text="5th to 95th percentile of pitch, yaw or roll, the widest", unit="°"
    ),
    "head_pitch": _detail(Channel.POSE, "mean pitch of the head", "°"),
    "head_yaw": _detail(Channel.POSE, "mean yaw of the head", "°"),
    "head_roll": _detail(Channel.POSE, "mean roll of the head", "°"),
    "gaze_movement": ChannelMeasure(channel=Channel.GAZE, text="mean speed of gaze", unit="°/s"),
    "gaze_range": ChannelMeasure(
        channel=Channel.GAZE, text="5th to 95th percentile of gaze sideways or up and down, the wider", unit="°"
    ),
    "gaze_shifts": ChannelMeasure(channel=Channel.GAZE, text="saccade-like shifts of gaze", unit="/min"),
    "gaze_sideways": _detail(Channel.GAZE, "mean gaze sideways", "°"),
    "gaze_vertical": _detail(Channel.GAZE, "mean gaze up or down", "°"),
    "blink_rate": ChannelMeasure(channel=Channel.BLINKS, text="blinks", unit="/min"),
    "blink_duration": ChannelMeasure(channel=Channel.BLINKS, text="mean duration of a blink", unit="s"),
    "lid_closure": _detail(Channel.BLINKS, "mean closure of the eyelids, 0 … 1", ""),
    "speech_share": ChannelMeasure(
        channel=Channel.SPEECH, text="share of time in which the jaw moves as in speech, 0 … 1", unit=""
    ),
    "jaw_rhythm": _detail(Channel.SPEECH, "mean movement of the jaw at 2 to 8 Hz", ""),
    "voice_share": ChannelMeasure(
        channel=Channel.SPEECH, text="share of time with a voice in the sound of the video, 0 … 1", unit=""
    ),
    "confidence": ChannelMeasure(channel=Channel.CONFIDENCE, text="mean confidence of the tracker, 0 … 1", unit=""),
    "frames_lost": ChannelMeasure(
        channel=Channel.CONFIDENCE, text="share of frames without a valid face, 0 … 1", unit=""
    ),
}
"""Name → what it is."""
_OF_VOICE = "voice_share"
COMPARED = tuple(name for name, measure in CHANNEL_MEASURES.items() if measure.compared)


@dataclass(frozen=True, eq=False, kw_only=True)
class MeasuredChannels:
    """Measures of recordings, stretches or units. values: (R, M) in the order of `CHANNEL_MEASURES`, NaN where one is
    not known. weights: (R, M) of what each is a mean over: seconds, or for the duration of a blink the blinks."""

    values: np.ndarray
    weights: np.ndarray

    def pooled(self, member: np.ndarray, units: int) -> MeasuredChannels:
        """Weighted means over the recordings of each unit; member (R,) is the unit of a recording, −1 for none."""
        matrix = (member[None, :] == np.arange(units)[:, None]).astype(float)
        weights = matrix @ self.weights
        total = matrix @ (self.weights * np.nan_to_num(self.values))
        values = np.divide(total, weights, out=np.full(weights.shape, np.nan), where=weights > 0)
        return MeasuredChannels(values=values, weights=weights)

    def of(self, name: str) -> np.ndarray:
        """(R,) of one measure."""
        return self.values[:, list(CHANNEL_MEASURES).index(name)]


_MEASURED: WeakKeyDictionary[Dataset, tuple[str, MeasuredChannels]] = WeakKeyDictionary()
"""Of datasets that are open: a comparison of several families asks more than once."""


def measure_recordings(dataset: Dataset, progress: Listener = silent) -> MeasuredChannels:
    """The measures of every recording of a dataset, in its order; one recording is in memory at a time."""
    sources = channel_sources(dataset)
    key, kept = _MEASURED.get(dataset, ("", None))
    if kept is None or key != sources.key:
        kept = _measured(dataset, sources, progress)
        _MEASURED[dataset] = sources.key, kept
    return kept


def _measured(dataset: Dataset, sources: ChannelSources, progress: Listener) -> MeasuredChannels:
    names, rows = dataset.recordings["recording"].astype(str).tolist(), []
    for done, name in enumerate(names):
        progress(Progress(task="head, gaze, blinks, speech", done=done, total=len(names), detail=name))
        series = channel_series(dataset, name, sources)
        rows.append(measure_stretch(series, slice(0, len(series.time_s))))
    progress(Progress(task="head, gaze, blinks, speech", done=len(names), total=len(names)))
    return stacked(rows)


def known_measures(dataset: Dataset) -> tuple[str, ...]:
    """The measures that a dataset may have: those of its channels, of a voice only where sound was read."""
    known, heard = known_channels(dataset), bool(channel_sources(dataset).voices)
    jaw = not heard or has_jaw(dataset)
    return tuple(
        name
        for name, one in CHANNEL_MEASURES.items()
        if one.channel in known and (heard if name == _OF_VOICE else one.channel is not Channel.SPEECH or jaw)
    )


def measured_table(dataset: Dataset, progress: Listener = silent) -> pd.DataFrame:
    """One row a recording: its name, subject and every measure, NaN where it is not known."""
    table = pd.DataFrame(measure_recordings(dataset, progress).values, columns=list(CHANNEL_MEASURES))
    return pd.concat([dataset.recordings[["recording", "subject"]].reset_index(drop=True), table], axis=1)


def stacked(rows: list[tuple[np.ndarray, np.ndarray]]) -> MeasuredChannels:
    """Rows of `measure_stretch`, one below the other."""
    values, weights = zip(*rows, strict=True) if rows else ([], [])
    shape = (len(rows), len(CHANNEL_MEASURES))
    return MeasuredChannels(values=np.reshape(values, shape), weights=np.reshape(weights, shape))


def measure_stretch(series: ChannelSeries, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """(M,) measures of frames `rows` of a recording, and the weights they are pooled by."""
    time_s = series.time_s
    step = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0
    found = {**_head(series, rows), **_gaze(series, rows), **_lids(series, rows), **_speech(series, rows)}
    found |= _tracking(series, rows)
    values, frames = np.full(len(CHANNEL_MEASURES), np.nan), np.zeros(len(CHANNEL_MEASURES))
    for i, name in enumerate(CHANNEL_MEASURES):
        value, count = found.get(name, (np.nan, 0))
        if count and np.isfinite(value):
            rate = CHANNEL_MEASURES[name].unit == "/min"
            values[i], frames[i] = (value * 60 / step if rate else value), count
    return values, np.where(np.array(list(CHANNEL_MEASURES)) == "blink_duration", frames, frames * step)


_Found = dict[str, tuple[float, int]]
"""Name → mean over frames (of rates, a frame), and over how many frames."""


def _mean(values: np.ndarray) -> tuple[float, int]:
    known = np.isfinite(values)
    return (float(values[known].mean()), int(known.sum())) if known.any() else (np.nan, 0)


def _widest(angles: np.ndarray) -> tuple[float, int]:
    known = angles[np.isfinite(angles).all(1)]
    if not len(known):
        return np.nan, 0
    low, high = np.percentile(known, (5, 95), axis=0)
    return float((high - low).max()), len(known)


def _head(series: ChannelSeries, rows: slice) -> _Found:
    if series.head_deg is None or series.head_speed is None:
        return {}
    angles = series.head_deg[rows]
    means = {f"head_{axis}": _mean(angles[:, i]) for i, axis in enumerate(("pitch", "yaw", "roll"))}
    return {"head_movement": _mean(series.head_speed[rows]), "head_range": _widest(angles), **means}


def _gaze(series: ChannelSeries, rows: slice) -> _Found:
    if series.gaze_deg is None or series.gaze_velocity is None or series.shifts is None:
        return {}
    angles = series.gaze_deg[rows]
    return {
        "gaze_movement": _mean(np.linalg.norm(series.gaze_velocity[rows], axis=1)),
        "gaze_range": _widest(angles),
        "gaze_shifts": _mean(series.shifts[rows]),
        "gaze_sideways": _mean(angles[:, 0]),
        "gaze_vertical": _mean(angles[:, 1]),
    }


def _lids(series: ChannelSeries, rows: slice) -> _Found:
    if series.closure is None:
        return {}
    closure, known = _mean(series.closure[rows])
    found = {"lid_closure": (closure, known)}
    if series.blinks is None or not known:
        return found
    time_s = series.time_s[rows]
    middle = series.blinks.mean(1)
    inside = series.blinks[(middle >= time_s[0]) & (middle <= time_s[-1])]
    found["blink_rate"] = (len(inside) / known, known)
    return found | ({"blink_duration": (float(np.diff(inside).mean()), len(inside))} if len(inside) else {})


def _speech(series: ChannelSeries, rows: slice) -> _Found:
    heard = {} if series.voice is None else {"voice_share": _mean(series.voice[rows])}
    if series.speech is None or series.rhythm is None:
        return heard
    return {**heard, "speech_share": _mean(series.speech[rows]), "jaw_rhythm": _mean(series.rhythm[rows])}


def _tracking(series: ChannelSeries, rows: slice) -> _Found:
    counted = int(series.counted[rows].sum())
    found = {"frames_lost": (float(series.lost[rows].sum() / max(counted, 1)), counted)}
    return found if series.confidence is None else found | {"confidence": _mean(series.confidence[rows])}
