"""What was changed by hand in the tracks that words became, as text for the link."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from dfe_core.errors import DataError
from dfe_core.motion.timeline import Timeline, Track
from dfe_core.store import content_key

COLUMNS = {"i": "intensity", "o": "onset_s", "a": "apex_s", "f": "offset_s", "e": "end_s"}
"""The letter of a number in the link, and the number."""
_CHANGE = re.compile(r"(\d{1,3})([ioafe])(\d{1,4}(?:\.\d{1,4})?)")


def written(before: tuple[Track, ...], after: tuple[Track, ...]) -> str | None:
    """The numbers that differ, ``4f2a.2i0.35_3o0.1``: first a mark of the tracks that they belong to, then for each its
    track (from 0), which number, and its value. None where nothing differs."""
    parts = [
        f"{row}{letter}{getattr(new, name):.4f}".rstrip("0").rstrip(".")
        for row, (old, new) in enumerate(zip(before, after, strict=True))
        for letter, name in COLUMNS.items()
        if abs(getattr(old, name) - getattr(new, name)) > 5e-5
    ]
    return f"{_mark(before)}.{'_'.join(parts)}" if parts else None


def applied(text: str | None, made: Timeline) -> Timeline:
    """The timeline with the changes of a link; as it was where they belong to other tracks or cannot be."""
    mark, _, body = (text or "").partition(".")
    if not made.tracks or mark != _mark(made.tracks):
        return made
    tracks = list(made.tracks)
    for part in body.split("_"):
        found = _CHANGE.fullmatch(part)
        if found and int(found[1]) < len(tracks):
            row = int(found[1])
            tracks[row] = with_numbers(tracks[row], {COLUMNS[found[2]]: float(found[3])})
    try:
        return dataclasses.replace(made, tracks=tuple(tracks))
    except DataError:
        return made


def with_numbers(track: Track, numbers: Mapping[str, float]) -> Track:
    """The track with other `numbers`, by the names of `COLUMNS`; those that are not there stay."""
    return dataclasses.replace(
        track,
        intensity=numbers.get("intensity", track.intensity),
        onset_s=numbers.get("onset_s", track.onset_s),
        apex_s=numbers.get("apex_s", track.apex_s),
        offset_s=numbers.get("offset_s", track.offset_s),
        end_s=numbers.get("end_s", track.end_s),
    )


def _mark(tracks: tuple[Track, ...]) -> str:
    return content_key(
        [[t.kind, t.target, t.side, *(round(getattr(t, name), 3) for name in COLUMNS.values())] for t in tracks]
    )[:4]
