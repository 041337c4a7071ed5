"""Curves of channels around events: how far head pose, gaze, voice, skin conductance … are from before the onset.

Of each event, the mean of the channel's known frames before the onset is taken off, so that neither a slow drift nor
frames that are unknown in some events look like an effect. What is left is averaged in steps over the events of a
subject, and subjects are tested as in curves of codewords (`dfe_core.groups.event_curves`). Letters: S subjects, L
levels, C channels, B steps, T frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dfe_core.channels.series import ChannelSeries, channel_series
from dfe_core.channels.sources import ChannelSources, channel_sources
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.recording_table import find_frames
from dfe_core.groups.event_curves import (
    CurveSettings,
    EventCurves,
    FollowedChannel,
    curve_clusters,
    curve_rows,
    events_of_levels,
    require_levels,
    step_numbers,
)
from dfe_core.progress import Listener, Progress, silent

CHANGE = "change"
"""The measure of a channel's curve: its mean less that of the frames before the onset."""
DATASET_CHANNELS = {
    "head_pitch": "°",
    "head_yaw": "°",
    "head_roll": "°",
    "head_speed": "°/s",
    "gaze_sideways": "°",
    "gaze_vertical": "°",
    "lid_closure": "0 … 1",
    "jaw_opening": "0 … 1",
    "speech_like": "share of frames",
    "voice": "share of frames",
    "confidence": "0 … 1",
}
"""Channels that a dataset may have and their units; columns beside ψ go by their own names, without a unit."""
_KEYS = ("recording", "frame", "time_s")


@dataclass(frozen=True, eq=False, kw_only=True)
class AlignedSignals:
    """Signals at frames, as ``dfe signals`` writes them. name: of the file. table: recording, frame, perhaps time_s,
    and a column of numbers for each channel, NaN where it is unknown."""

    name: str
    table: pd.DataFrame

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels."""
        return tuple(column for column in self.table.columns if column not in _KEYS)


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelChoice:
    """What is followed. names: of channels, in signals before the dataset; empty for all of the signals, or without
    signals all of `DATASET_CHANNELS` that the dataset has. signals: tables beside the dataset."""

    names: tuple[str, ...] = ()
    signals: Sequence[AlignedSignals] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class _Changes:
    """total, known: (S, L, B, C) sum of the changes and frames of it. unknown: (C,) frames of windows that are left
    out. without: (C,) events without a known frame before the onset."""

    total: np.ndarray
    known: np.ndarray
    unknown: np.ndarray
    without: np.ndarray

    def curves(self) -> np.ndarray:
        """(S, L, C, B), NaN at steps without a frame."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.moveaxis(self.total / self.known, 3, 2)


def channel_curves(
    dataset: Dataset, settings: CurveSettings, choice: ChannelChoice, progress: Listener = silent
) -> EventCurves:
    """Curves of channels around the events of a set, with tests over subjects; p_all is over all channels.

    Frames that are excluded or unknown are left out and counted. Raises `DataError` as `event_curves` does, for a
    channel that nothing holds or that two hold, and signals of other recordings or frames.
    """
    asked = replace(settings, measures=())
    events = events_of_levels(dataset, asked)
    levels = require_levels(events["level"], asked.by)
    source = _Source(dataset, choice, sorted(events["recording"].unique()))
    subjects = sorted(events["subject"].unique())
    sums = _summed(events, source, asked, (subjects, levels), progress)
    values, entered = sums.curves(), sums.known.sum((2, 3)) > 0
    curves = [curve_rows(values[entered[:, i], i], CHANGE, level, asked) for i, level in enumerate(levels)]
    clusters, tested = curve_clusters({CHANGE: values}, levels, asked, progress)
    return EventCurves(
        model="",
        dataset=dataset.name,
        simulated=dataset.simulated,
        settings=asked,
        levels=levels,
        events={level: int((events["level"] == level).sum()) for level in levels},
        subjects={level: int(entered[:, i].sum()) for i, level in enumerate(levels)},
        curves=_named(pd.concat(curves, ignore_index=True), source),
        clusters=_named(clusters, source),
        tested=tested,
        channels=tuple(
            FollowedChannel(
                name=name,
                unit=source.unit(name),
                files=source.files(name),
                frames=int(sums.known[..., i].sum()),
                unknown=int(sums.unknown[i]),
                events_without_baseline=int(sums.without[i]),
            )
            for i, name in enumerate(source.names)
        ),
    )


def _named(table: pd.DataFrame, source: _Source) -> pd.DataFrame:
    """The table with the name and unit of each channel in the place of its number."""
    names = [source.names[i] for i in table["codeword"]]
    named = table.rename(columns={"codeword": "channel"}).assign(channel=names)
    named.insert(1, "unit", [source.unit(name) for name in names])
    return named


def _summed(
    events: pd.DataFrame,
    source: _Source,
    settings: CurveSettings,
    axes: tuple[list[str], tuple[str, ...]],
    progress: Listener,
) -> _Changes:
    """axes: subjects and levels."""
    subjects, levels = axes
    count = len(source.names)
    shape = (len(subjects), len(levels), settings.times.size, count)
    sums = _Changes(
        total=np.zeros(shape), known=np.zeros(shape), unknown=np.zeros(count, int), without=np.zeros(count, int)
    )
    parts = events.groupby("recording", sort=True)
    for done, (recording, own) in enumerate(parts):
        progress(Progress(task="channels around events", done=done, total=parts.ngroups, detail=str(recording)))
        time_s, values = source.recording(str(recording))
        subject = subjects.index(str(own["subject"].iloc[0]))
        for onset, level in zip(own["onset_s"], own["level"], strict=True):
            step = step_numbers(time_s, float(onset), settings)
            inside = (step >= 0) & (step < settings.times.size)
            _add(sums, (subject, levels.index(level)), step[inside], values[inside], settings.edges[0])
    return sums


def _add(sums: _Changes, where: tuple[int, int], step: np.ndarray, values: np.ndarray, before: int) -> None:
    """Add one event. step: (T,) of its frames. values: (T, C). before: steps before the onset."""
    finite = np.isfinite(values)
    base = finite & (step < before)[:, None]
    count = base.sum(0)
    baseline = np.where(base, values, 0).sum(0) / np.maximum(count, 1)
    known = finite & (count > 0)
    np.add.at(sums.total[where], step, np.where(known, values - baseline, 0))
    np.add.at(sums.known[where], step, known)
    sums.unknown[:] += len(values) - known.sum(0)
    sums.without[:] += count == 0


class _Source:
    """The channels that are followed, recording by recording."""

    def __init__(self, dataset: Dataset, choice: ChannelChoice, recordings: list[str]) -> None:
        self._dataset, self._sources = dataset, channel_sources(dataset)
        self._signals: dict[str, list[AlignedSignals]] = {}
        for one in choice.signals:
            _require_recordings(one, dataset)
            for name in one.channels:
                self._signals.setdefault(name, []).append(one)
        self._parts = {
            (one.name, str(recording)): rows
            for one in choice.signals
            for recording, rows in one.table.groupby(one.table["recording"].astype(str))
        }
        self.names = choice.names or tuple(self._signals) or self._known(recordings)
        wanted = [name for name in self.names if name not in self._signals]
        if wanted:
            self._require(wanted, recordings)

    def unit(self, name: str) -> str:
        """Unit of a channel, empty where it is not known."""
        return "" if name in self._signals else DATASET_CHANNELS.get(name, "")

    def files(self, name: str) -> tuple[str, ...]:
        """Names of the files that a channel is read from; none for a channel of the dataset."""
        return tuple(one.name for one in self._signals.get(name, ()))

    def recording(self, recording: str) -> tuple[np.ndarray, np.ndarray]:
        """time_s (T,) and values (T, C) of a recording, NaN where unknown or excluded."""
        frames = self._dataset.frames(recording)
        values = np.full((len(frames.time_s), len(self.names)), np.nan)
        own = {} if all(n in self._signals for n in self.names) else _held(self._dataset, recording, self._sources)
        for i, name in enumerate(self.names):
            if name in self._signals:
                values[:, i] = self._signal(name, recording, frames.frame)
            elif name in own:
                values[:, i] = own[name]
        values[self._dataset.exclusions.covers(recording, frames.time_s)] = np.nan
        return frames.time_s, values

    def _signal(self, name: str, recording: str, frame: np.ndarray) -> np.ndarray:
        out = np.full(len(frame), np.nan)
        holding = [one for one in self._signals[name] if (one.name, recording) in self._parts]
        if len(holding) > 1:
            both = ", ".join(one.name for one in holding)
            raise DataError(f"{name}, {recording}", f"in {both}", "one file for a channel of a recording")
        for one in holding:
            part = self._parts[one.name, recording]
            rows, present = find_frames(frame, part["frame"].to_numpy(np.int64))
            if not present.all() or len(np.unique(rows)) < len(rows):
                raise DataError(one.name, f"frames that {recording} lacks, or twice", "a file that dfe signals wrote")
            out[rows] = part[name].to_numpy(float)
        return out

    def _known(self, recordings: list[str]) -> tuple[str, ...]:
        """The channels that any of the recordings has, one recording after the other until all are there."""
        held: set[str] = set()
        for recording in recordings:
            held |= set(_held(self._dataset, recording, self._sources)) & set(DATASET_CHANNELS)
            if len(held) == len(DATASET_CHANNELS):
                break
        if not held:
            raise DataError(self._dataset.name, "no channel beside the expression", "--signals FILE")
        return tuple(name for name in DATASET_CHANNELS if name in held)

    def _require(self, wanted: list[str], recordings: list[str]) -> None:
        """Raise `DataError` for a name that no file and none of the recordings has."""
        held: set[str] = set()
        for recording in recordings:
            held |= set(_held(self._dataset, recording, self._sources))
            if set(wanted) <= held:
                return
        missing = ", ".join(name for name in wanted if name not in held)
        raise DataError("channel", missing, ", ".join(sorted({*held, *self._signals})) or "--signals FILE")


def _require_recordings(signals: AlignedSignals, dataset: Dataset) -> None:
    known = set(dataset.recordings["recording"].astype(str))
    if unknown := sorted(set(signals.table["recording"].astype(str)) - known):
        raise DataError(signals.name, f"recording {unknown[0]}", f"recordings of {dataset.name}")


def _held(dataset: Dataset, recording: str, sources: ChannelSources) -> dict[str, np.ndarray]:
    """(T,) of every channel that a recording has, NaN in frames that are not valid, then its columns beside ψ."""
    valid = dataset.frames(recording).valid
    beside = {name: np.where(valid, values, np.nan) for name, values in dataset.extras(recording).items()}
    return {**beside, **_of_series(channel_series(dataset, recording, sources))}


def _of_series(series: ChannelSeries) -> dict[str, np.ndarray]:
    """The channels of `DATASET_CHANNELS` that there are."""
    head = (None,) * 3 if series.head_deg is None else series.head_deg.T
    gaze = (None,) * 2 if series.gaze_deg is None else series.gaze_deg.T
    every = (
        *head,
        series.head_speed,
        *gaze,
        series.closure,
        series.jaw,
        series.speech,
        series.voice,
        series.confidence,
    )
    return {name: one for name, one in zip(DATASET_CHANNELS, every, strict=True) if one is not None}
