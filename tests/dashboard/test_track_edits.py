"""Changes to tracks in a link: they come back exactly, and only to the tracks that they were made to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.links.track_edits import applied, written
from dfe_core.motion.timeline import Timeline
from dfe_core.motion.words import timeline_from_words

MADE = timeline_from_words("neutral, then a one-sided smile, then brows up, over 2 s")


def with_track(timeline: Timeline, index: int, **changes: float) -> Timeline:
    """The timeline with one track changed."""
    tracks = list(timeline.tracks)
    tracks[index] = replace(tracks[index], **changes)
    return replace(timeline, tracks=tuple(tracks))


def test_changed_numbers_come_back_and_the_others_stay():
    changed = with_track(with_track(MADE, 0, intensity=0.35), 1, onset_s=1.4583)
    text = written(MADE.tracks, changed.tracks)
    assert applied(text, MADE) == changed
    assert len(text) < 24 and text.split(".", 1)[1].startswith("0i0.35_1o")


def test_nothing_changed_is_nothing_in_the_link():
    assert written(MADE.tracks, MADE.tracks) is None
    assert applied(None, MADE) == MADE


def test_changes_do_not_reach_the_tracks_of_other_words():
    text = written(MADE.tracks, with_track(MADE, 0, intensity=0.35).tracks)
    other = timeline_from_words("neutral, then a one-sided smile, then brows up, over 3 s")
    assert applied(text, other) == other


@pytest.mark.parametrize("body", ["", "9i0.5", "0x1", "0i", "0i1e5", "0a99", "i0.5_0", "0i0.5.5", "0i-1"])
def test_changes_that_cannot_be_are_left_out(body):
    mark = written(MADE.tracks, with_track(MADE, 0, intensity=0.35).tracks).split(".")[0]
    assert applied(f"{mark}.{body}", MADE) == MADE
