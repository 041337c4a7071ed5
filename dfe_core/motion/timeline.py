"""A timeline: tracks of actions, codewords and whole faces, each with onset, apex, offset and end; and what it plays.

A timeline is data: it goes to JSON or TOML and back, so that it can be edited by hand, saved and shared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.motion.actions import action_psi
from dfe_core.ontology import action_label
from dfe_core.simulate.curves import minimum_jerk
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.toml_file import parse_toml, toml_value

KINDS = ("action", "codeword", "face")
SIDES = ("both", "left", "right")
FASTEST_FPS = 240.0
LONGEST_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Track:
    """One thing that comes and goes.

    kind, target: ``action`` with an AU (``AU12``), ``codeword`` with its number, or ``face`` with a name for people
        and the expression itself in `psi` (coefficient by name).
    side: of an action.
    intensity: reached at the apex.
    onset_s, apex_s, offset_s, end_s: it begins to show, is whole, begins to leave, is gone. A track whose offset is
        the timeline's end stays.
    rule: why it is there, for people.
    course: points of the way up, in order, each (share of the time from onset to apex, share of the way); joined by a
        curve without overshoot that is still at both ends. Empty for minimum jerk.
    """

    kind: str
    target: str
    onset_s: float
    apex_s: float
    offset_s: float
    end_s: float
    intensity: float = 1.0
    side: str = "both"
    rule: str = ""
    psi: Mapping[str, float] = field(default_factory=dict)
    course: tuple[tuple[float, float], ...] = ()

    @property
    def label(self) -> str:
        """``AU12 left``, ``codeword 17`` or the face's name."""
        return {"action": action_label(self.target, self.side), "codeword": f"codeword {self.target}"}.get(
            self.kind, self.target
        )


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Tracks over `duration_s` seconds; text: the words it was made from; unread: words that no rule knows."""

    duration_s: float
    tracks: tuple[Track, ...]
    fps: float = 30.0
    text: str = ""
    unread: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(0 < self.duration_s <= LONGEST_S, "duration_s", self.duration_s, f"above 0, at most {LONGEST_S:g}")
        _require(0 < self.fps <= FASTEST_FPS, "fps", self.fps, f"above 0, at most {FASTEST_FPS:g}")
        for number, track in enumerate(self.tracks, 1):
            _check(track, f"track {number} ({track.label})", self.duration_s)

    @property
    def time_s(self) -> np.ndarray:
        """(T,) float64: one frame at 0, the last at the end."""
        return np.arange(round(self.duration_s * self.fps) + 1) / self.fps


def track_envelope(track: Track, time_s: np.ndarray) -> np.ndarray:
    """(T,) float64 0 … 1: minimum jerk (or the track's own course) from onset to apex, whole until the offset, minimum
    jerk to the end. An onset at its apex is whole at once; an offset at its end is whole to the last."""
    if track.course and track.apex_s > track.onset_s:
        rise = course_share(track.course, (time_s - track.onset_s) / (track.apex_s - track.onset_s))
    else:
        rise = _ramp(time_s, track.onset_s, track.apex_s, time_s >= track.onset_s - 1e-9)
    return rise * (1 - _ramp(time_s, track.offset_s, track.end_s, time_s > track.end_s + 1e-9))


def course_share(course: tuple[tuple[float, float], ...], u: np.ndarray) -> np.ndarray:
    """(T,) share of the way at shares `u` (T,) of the time, through the points of a course: piecewise cubic without
    overshoot (Fritsch & Butland 1984; scipy), still before 0 and after 1."""
    from scipy.interpolate import PchipInterpolator

    inner = np.asarray(course, np.float64)
    time, way = np.r_[-0.1, 0, inner[:, 0], 1, 1.1], np.r_[0, 0, inner[:, 1], 1, 1]
    return PchipInterpolator(time, way)(np.clip(u, 0, 1))


def play(timeline: Timeline, names: tuple[str, ...], codebook: Codebook | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The timeline as expression coefficients: the sum of its tracks.

    Parameters
    ----------
    names: (E,) coefficients of the face it plays on.
    codebook: needed when a track is of a codeword; with the same coefficients.

    Returns
    -------
    time_s (T,) float64, ψ (T, E) float32. Raises `DataError` for a target that cannot be shown.
    """
    time_s = timeline.time_s
    psi = np.zeros((len(time_s), len(names)))
    for track in timeline.tracks:
        psi += np.outer(track.intensity * track_envelope(track, time_s), target_psi(track, names, codebook))
    return time_s, psi.astype(np.float32)


def target_psi(track: Track, names: tuple[str, ...], codebook: Codebook | None = None) -> np.ndarray:
    """(E,) float ψ of a track's target at intensity 1. Raises `DataError` when it cannot be shown."""
    if track.kind == "action":
        return action_psi(names, track.target, track.side)
    if track.kind == "codeword":
        if codebook is None or codebook.names != names:
            raise DataError(track.label, "no codebook of these coefficients", "the model's own face")
        return codebook.decode(np.array([[int(track.target)]]))[0]
    psi, index = np.zeros(len(names)), {name: i for i, name in enumerate(names)}
    if unknown := [name for name in track.psi if name not in index]:
        raise DataError(track.label, f"no coefficient {unknown[0]!r} on this face", ", ".join(names[:3]) + " …")
    psi[[index[name] for name in track.psi]] = list(track.psi.values())
    return psi


def to_json(timeline: Timeline) -> str:
    """The timeline as JSON."""
    return json.dumps(as_data(timeline), indent=1, ensure_ascii=False)


def from_json(text: str) -> Timeline:
    """A timeline from JSON. Raises `DataError` for what is none, naming the field."""
    try:
        return from_data(json.loads(text))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError("timeline", f"not readable as JSON ({error})", "JSON of a timeline") from None


def to_toml(timeline: Timeline) -> str:
    """The timeline as TOML, one [[track]] table a track: easiest to edit by hand."""
    data = as_data(timeline)
    lines = [f"{key} = {toml_value(value)}" for key, value in data.items() if key != "tracks"]
    for track in data["tracks"]:
        lines += ["", "[[tracks]]", *(f"{key} = {toml_value(value)}" for key, value in track.items())]
    return "\n".join(lines) + "\n"


def from_toml(text: str) -> Timeline:
    """A timeline from TOML. Raises `DataError` for what is none, naming the field."""
    return from_data(parse_toml(text, "timeline", "TOML of a timeline"))


def as_data(timeline: Timeline) -> dict[str, Any]:
    """Plain values; what is at its default is left out of a track."""
    tracks = []
    for track in timeline.tracks:
        row = {**asdict(track), "psi": dict(track.psi), "course": [list(point) for point in track.course]}
        tracks.append({key: value for key, value in row.items() if value not in ("", {}, None, [])})
    return {
        "duration_s": timeline.duration_s,
        "fps": timeline.fps,
        "text": timeline.text,
        "unread": list(timeline.unread),
        "tracks": tracks,
    }


def from_data(data: Any) -> Timeline:
    """A timeline from plain values. Raises `DataError` naming the track and field that is wrong."""
    if not isinstance(data, dict) or not isinstance(data.get("tracks"), list):
        raise DataError("timeline", "no list of tracks", "duration_s and tracks")
    tracks = tuple(_track(row, f"track {number}") for number, row in enumerate(data["tracks"], 1))
    return Timeline(
        duration_s=_number(data, "duration_s", "timeline"),
        tracks=tracks,
        fps=_number({"fps": 30.0} | data, "fps", "timeline"),
        text=str(data.get("text", "")),
        unread=tuple(map(str, data.get("unread", ()))),
    )


def _track(row: Any, where: str) -> Track:
    if not isinstance(row, dict):
        raise DataError(where, f"a {type(row).__name__}", "a table of its fields")
    if unknown := set(row) - set(Track.__dataclass_fields__):
        raise DataError(where, f"unknown field {min(unknown)!r}", ", ".join(Track.__dataclass_fields__))
    times = {key: _number(row, key, where) for key in ("onset_s", "apex_s", "offset_s", "end_s")}
    psi = row.get("psi", {})
    if not isinstance(psi, dict):
        raise DataError(f"{where}, psi", f"a {type(psi).__name__}", "coefficients by name")
    return Track(
        kind=str(row.get("kind", "action")),
        target=str(row.get("target", "")),
        **times,
        intensity=_number({"intensity": 1.0} | row, "intensity", where),
        side=str(row.get("side", "both")),
        rule=str(row.get("rule", "")),
        psi={str(k): _number(psi, k, f"{where}, psi") for k in psi},
        course=_course(row.get("course", []), f"{where}, course"),
    )


def _course(rows: Any, where: str) -> tuple[tuple[float, float], ...]:
    if not isinstance(rows, list) or any(not isinstance(row, list) or len(row) != 2 for row in rows):
        raise DataError(where, "not a list of pairs", "[share of the time, share of the way], …")
    return tuple((_number({0: row[0]}, 0, where), _number({0: row[1]}, 0, where)) for row in rows)


def _check(track: Track, where: str, duration_s: float) -> None:
    _require(track.kind in KINDS, f"{where}, kind", track.kind, " or ".join(KINDS))
    _require(track.side in SIDES, f"{where}, side", track.side, " or ".join(SIDES))
    _require(bool(track.target), f"{where}, target", track.target, "an AU, a codeword or a name")
    _require(track.kind != "codeword" or track.target.isdecimal(), f"{where}, target", track.target, "a number")
    times = (track.onset_s, track.apex_s, track.offset_s, track.end_s)
    _require(all(np.isfinite(t) for t in (*times, track.intensity)), where, times, "finite times and intensity")
    _require(
        0 <= times[0] <= times[1] <= times[2] <= times[3] <= duration_s + 1e-6,
        where,
        f"onset, apex, offset, end at {', '.join(f'{t:g}' for t in times)} s",
        f"times in this order from 0 to {duration_s:g} s",
    )
    at = [time for time, _ in track.course]
    rising = all(0 < a < 1 for a in at) and all(a < b for a, b in pairwise(at))
    _require(rising, f"{where}, course", at, "rising times between 0 and 1")
    sound = all(np.isfinite(way) and -1 <= way <= 2 for _, way in track.course)
    _require(sound, f"{where}, course", [way for _, way in track.course], "shares of the way, -1 to 2")
    _require(abs(track.intensity) <= 10, f"{where}, intensity", track.intensity, "-10 to 10")


def _require(good: bool, where: str, found: Any, expected: str) -> None:
    if not good:
        raise DataError(where, str(found) if found != "" else "empty", expected)


def _number(row: dict, key: Any, where: str) -> float:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DataError(f"{where}, {key}", repr(value), "a number")
    return float(value)


def _ramp(time_s: np.ndarray, start: float, stop: float, at_once: np.ndarray) -> np.ndarray:
    return minimum_jerk((time_s - start) / (stop - start)) if stop > start else at_once.astype(np.float64)
