"""The video of a recording on the recording's own time: when each of its frames is shown, and its sound.

Times are those of the file, read once and kept beside the stills: they go when the videos are forgotten. The first
frame of the video is the recording's time 0. Letters: T rows of a recording, F frames of a video.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfe_core.artefact import source_labels
from dfe_core.artefact_names import MANIFEST
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.npz_file import read_npz
from dfe_core.store import atomic_file, content_key, write_json
from dfe_core.text_enum import StrEnum
from dfe_core.video.ffmpeg import run_ffmpeg
from dfe_core.video.links import Link, links
from dfe_core.video.sound import Sound, read_sound
from dfe_core.video.stills import stills_folder

VERSION = 1
"""Of what is kept of a video: counted up where it means something else."""
_PATIENCE_S = 300.0
_PAST_END = 1.5  # usual steps


class Matched(StrEnum):
    """How rows of a recording find their frames: one by one, where there are as many, else by their times."""

    FRAMES = "frames"
    TIMES = "times"


@dataclass(frozen=True, eq=False, kw_only=True)
class Film:
    """The video of a recording. video: its file. shown_s: (F,) increasing seconds at which each frame is shown, on the
    clock that a player of the file has. sound: empty where it has none."""

    video: Path
    shown_s: np.ndarray
    sound: Sound

    def matched(self, frames: Frames) -> Matched:
        """Frame by frame where the recording has as many as the video: right even where a tool wrote times of a
        nominal rate for a video of a variable one."""
        count = int(frames.frame[-1] - frames.frame[0]) + 1 if len(frames.frame) else 0
        return Matched.FRAMES if count == len(self.shown_s) else Matched.TIMES

    def frame_of(self, frames: Frames) -> np.ndarray:
        """(T,) frame of the video that each row of a recording is of, −1 where the video has none."""
        if self.matched(frames) is Matched.FRAMES:
            return (frames.frame - frames.frame[0]).astype(np.int32)
        start = self.shown_s - self.shown_s[0]
        after = np.clip(np.searchsorted(start, frames.time_s), 1, max(len(start) - 1, 1))
        before = after - 1
        after = np.minimum(after, len(start) - 1)
        nearest = np.where(frames.time_s - start[before] <= start[after] - frames.time_s, before, after)
        step = float(np.median(np.diff(start))) if len(start) > 1 else 1.0
        past = (frames.time_s > start[-1] + _PAST_END * step) | (frames.time_s < -_PAST_END * step)
        return np.where(past, -1, nearest).astype(np.int32)


def recording_film(dataset: Dataset, recording: str) -> Film | None:
    """The film of a recording; None where it has no video, or one that is gone or cannot be read. The first time it is
    read through, which takes seconds for an hour."""
    one = links(dataset).get(recording)
    return None if one is None else _kept(dataset, one)


def frame_times(video: Path) -> np.ndarray:
    """(F,) increasing seconds at which a video's frames are shown, from its packets, without decoding; none where it
    cannot be read."""
    found = run_ffmpeg(video, (), ("-map", "0:v:0", "-c", "copy", "-f", "framecrc", "pipe:1"), _PATIENCE_S)
    return _times_of((found or b"").decode("ascii", "replace"))


def _times_of(listed: str) -> np.ndarray:
    """Of the lines of ffmpeg's framecrc: ``#tb 0: 1/1000``, then ``stream, dts, pts, duration, size, checksum``."""
    base, times = 0.0, []
    for line in listed.splitlines():
        if line.startswith("#tb 0:"):
            above, _, below = line.partition(":")[2].partition("/")
            base = float(above) / float(below)
        elif line and not line.startswith("#"):
            times.append(int(line.split(",")[2]))
    return np.unique(np.asarray([time for time in times if time >= 0], np.float64)) * base


def _kept(dataset: Dataset, one: Link) -> Film | None:
    try:
        state = one.video.stat()
    except OSError:
        return None
    if not one.video.is_file():
        return None
    key = content_key(["film", VERSION, str(one.video), state.st_size, state.st_mtime_ns])
    path = stills_folder(dataset) / f"{key}.npz"
    film = _read(path, one.video)
    if film is None and (film := _made(one.video)) is not None:
        _write(dataset, path, film)
    return film


def _made(video: Path) -> Film | None:
    shown_s = frame_times(video)
    return Film(video=video, shown_s=shown_s, sound=read_sound(video)) if len(shown_s) else None


def _read(path: Path, video: Path) -> Film | None:
    if not path.is_file():
        return None
    try:
        held = read_npz(path, ("shown_s", "low", "high", "voice"))
        return Film(
            video=video,
            shown_s=held["shown_s"],
            sound=Sound(low=held["low"], high=held["high"], voice=held["voice"].astype(bool)),
        )
    except (DataError, KeyError):  # a broken file is made again
        return None


def _write(dataset: Dataset, path: Path, film: Film) -> None:
    if not (path.parent / MANIFEST).is_file():
        write_json(path.parent / MANIFEST, {**source_labels(dataset.id), "kind": "stills", "dataset": dataset.name})
    buffer, sound = io.BytesIO(), film.sound
    np.savez_compressed(
        buffer, shown_s=film.shown_s, low=sound.low, high=sound.high, voice=sound.voice.astype(np.uint8)
    )
    with atomic_file(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
