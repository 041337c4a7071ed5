"""Projects of BORIS (``.boris``, project format 7.0, which every later version opens): one observation per recording.

Codewords are behaviours of the type State event, their regions the categories; an interval is a start and a stop, with
the peak intensity in the comment of the start. Times are in s to the millisecond. Videos are named relative to the
project. Source: the project files and the user guide of BORIS (Friard and Gamba 2016, doi 10.1111/2041-210X.12584).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfe_core.exchange.interval_track import CodewordInterval, CodewordLabel, IntervalTrack
from dfe_core.table_rows import typed_rows

ENDING = ".boris"
DATE = "1970-01-01T00:00:00"
STATE, MEDIA, LIVE = "State event", "MEDIA", "LIVE"


def boris_project(
    tracks: Sequence[IntervalTrack], labels: Mapping[int, CodewordLabel], *, name: str, folder: Path | None
) -> dict[str, Any]:
    """A project of all recordings, as its JSON.

    folder: where the file will be, None for beside the videos. A recording without a video is an observation of the
    type LIVE.
    """
    about = ProjectFacts(name=name, description="Codewords, exported by dfe", folder=folder)
    behaviours = [
        Behaviour(code=behaviour_code(label.codeword), description=label.text, category=label.region)
        for label in labels.values()
    ]
    return text_project(tracks, about, behaviours, _events)


@dataclass(frozen=True, kw_only=True)
class ProjectFacts:
    """Of a project: its name, what it says of itself, and the folder it will be in (None: beside the videos)."""

    name: str
    description: str
    folder: Path | None


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """A state event: its code, what it says of itself, and its category."""

    code: str
    description: str
    category: str


def text_project(
    tracks: Sequence[IntervalTrack],
    about: ProjectFacts,
    behaviours: Sequence[Behaviour],
    events_of: Callable[[IntervalTrack], list[list[Any]]],
) -> dict[str, Any]:
    """A project of any state events. events_of: `event_rows` of a recording."""
    subjects = list(dict.fromkeys(track.subject for track in tracks))
    return {
        "time_format": "seconds",
        "project_date": DATE,
        "project_name": about.name,
        "project_description": about.description,
        "project_format_version": "7.0",
        "subjects_conf": {
            str(i): {"key": "", "name": subject, "description": ""} for i, subject in enumerate(subjects)
        },
        "behavioral_categories": sorted({one.category for one in behaviours}),
        "behaviors_conf": {str(i): _behaviour(one) for i, one in enumerate(behaviours)},
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
        "observations": {track.recording: _observation(track, about.folder, events_of(track)) for track in tracks},
    }


def behaviour_code(codeword: int) -> str:
    """The code of a codeword among the behaviours; no FACS code looks like it."""
    return f"codeword-{codeword}"


def _behaviour(one: Behaviour) -> dict[str, Any]:
    return {
        "type": STATE,
        "key": "",
        "code": one.code,
        "description": one.description,
        "category": one.category,
        "modifiers": "",
        "excluded": "",
        "coding map": "",
    }


def _observation(track: IntervalTrack, folder: Path | None, events: list[list[Any]]) -> dict[str, Any]:
    video = track.video_from(folder)
    files = {str(player): [video] if player == 1 else [] for player in range(1, 9)}
    known = {
        "length": {video: round(track.end_s, 3)},
        "fps": {video: track.fps},
        "hasVideo": {video: True},
        "hasAudio": {video: False},
        "offset": {str(player): 0.0 for player in range(1, 9)},
    }
    return {
        "type": LIVE if video is None else MEDIA,
        "date": DATE,
        "description": "",
        "time offset": 0.0,
        "file": [] if video is None else files,
        "media_info": {"offset": {}} if video is None else known,
        "independent_variables": {},
        "visualize_spectrogram": False,
        "close_behaviors_between_videos": False,
        "scan_sampling_time": 0,
        "events": events,
    }


def _events(track: IntervalTrack) -> list[list[Any]]:
    return event_rows(
        track.subject,
        [
            (row.onset_ms, row.offset_ms, behaviour_code(row.codeword), f"peak {row.peak_text}")
            for row in typed_rows(track.intervals, CodewordInterval)
        ],
    )


def event_rows(subject: str, intervals: Sequence[tuple[int, int, str, str]]) -> list[list[Any]]:
    """[time in s, subject, code, modifiers, comment] of every start and stop, in the order of time; of one time stops
    first, so that a state that ends where it begins again is two.

    intervals: onset and offset in ms, code and comment.
    """
    rows: list[tuple[int, int, int, str, str]] = []
    for number, (onset_ms, offset_ms, code, comment) in enumerate(intervals):
        rows += [(onset_ms, 1, number, code, comment), (offset_ms, 0, number, code, "")]
    return [[time / 1000, subject, code, "", comment] for time, _, _, code, comment in sorted(rows)]
