"""Reads where a voice is likely in the sound of the videos of a dataset, and keeps it with the links to them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.progress import Listener, Progress, silent
from dfe_core.video.film import Film, recording_film
from dfe_core.video.links import Voice, link, links
from dfe_core.video.sound import BIN_S, spans


@dataclass(frozen=True, kw_only=True)
class VoicesRead:
    """Recordings whose sound was read, that have a video without sound, and whose video cannot be read."""

    read: tuple[str, ...]
    silent: tuple[str, ...]
    unreadable: tuple[str, ...]


def read_voices(dataset: Dataset, progress: Listener = silent) -> VoicesRead:
    """Read the sound of every linked video, and write where a voice is likely into the links. The dataset's key does
    not change; what is made from speech does."""
    known = links(dataset)
    groups: dict[str, list[str]] = {"read": [], "silent": [], "unreadable": []}
    found = dict(known)
    for done, (name, one) in enumerate(known.items()):
        progress(Progress(task="sound", done=done, total=len(known), detail=name))
        film = recording_film(dataset, name)
        voice = None if film is None else voice_of(film, dataset.frames(name))
        found[name] = replace(one, voice=voice)
        groups["unreadable" if film is None else "silent" if voice is None else "read"].append(name)
    progress(Progress(task="sound", done=len(known), total=len(known)))
    if known:
        link(dataset, found)
    return VoicesRead(**{kind: tuple(names) for kind, names in groups.items()})


def voice_of(film: Film, frames: Frames) -> Voice | None:
    """Where a voice is likely, on the times of a recording; None without sound."""
    frame = film.frame_of(frames)
    there = np.flatnonzero(frame >= 0)
    if not len(film.sound) or not len(there):
        return None
    clock, time = film.shown_s[frame[there]], frames.time_s[there]
    clock, first = np.unique(clock, return_index=True)  # rows of one frame: from the first of them on
    time = time[first]
    until = min(len(film.sound) * BIN_S, float(clock[-1]))
    if until <= clock[0]:
        return None
    heard = np.interp((float(clock[0]), until), clock, time)
    inside = np.interp(np.clip(spans(film.sound.voice), clock[0], until), clock, time)
    kept = tuple((round(float(a), 3), round(float(b), 3)) for a, b in inside if b > a)
    return Voice(spans=kept, heard_s=(float(heard[0]), float(heard[1])))
