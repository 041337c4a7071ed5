"""Projects of BORIS (``.boris``, project format 7.0, which every later version opens): one observation per recording.

Codewords are behaviours of the type State event, their regions the categories; an interval is a start and a stop, with
the peak intensity in the comment of the start. Times are in s to the millisecond. Videos are named relative to the
project. Source: the project files and the user guide of BORIS (Friard and Gamba 2016, doi 10.1111/2041-210X.12584).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    subjects = list(dict.fromkeys(track.subject for track in tracks))
    return {
        "time_format": "seconds",
        "project_date": DATE,
        "project_name": name,
        "project_description": "Codewords, exported by dfe",
        "project_format_version": "7.0",
        "subjects_conf": {
            str(i): {"key": "", "name": subject, "description": ""} for i, subject in enumerate(subjects)
        },
        "behavioral_categories": sorted({label.region for label in labels.values()}),
        "behaviors_conf": {str(i): _behaviour(label) for i, label in enumerate(labels.values())},
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
        "observations": {track.recording: _observation(track, folder) for track in tracks},
    }


def behaviour_code(codeword: int) -> str:
    """The code of a codeword among the behaviours; no FACS code looks like it."""
    return f"codeword-{codeword}"


def _behaviour(label: CodewordLabel) -> dict[str, Any]:
    return {
        "type": STATE,
        "key": "",
        "code": behaviour_code(label.codeword),
        "description": label.text,
        "category": label.region,
        "modifiers": "",
        "excluded": "",
        "coding map": "",
    }


def _observation(track: IntervalTrack, folder: Path | None) -> dict[str, Any]:
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
        "events": _events(track),
    }


def _events(track: IntervalTrack) -> list[list[Any]]:
    """[time in s, subject, code, modifiers, comment] of every start and stop, in the order of time; of one time stops
    first, so that a state that ends where it begins again is two."""
    rows: list[tuple[int, int, int, str]] = []
    for row in typed_rows(track.intervals, CodewordInterval):
        rows += [(row.onset_ms, 1, row.codeword, f"peak {row.peak_text}"), (row.offset_ms, 0, row.codeword, "")]
    return [
        [time / 1000, track.subject, behaviour_code(codeword), "", comment]
        for time, _, codeword, comment in sorted(rows)
    ]
