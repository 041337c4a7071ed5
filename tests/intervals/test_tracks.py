"""Tracks: refused where they are none, kept with who changed them, and the same after every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfe_core.errors import DataError
from dfe_core.events.store import EventSet
from dfe_core.exchange.track_files import TRACK_FORMATS, read_track_files, recording_tracks, track_file
from dfe_core.faces import save_face
from dfe_core.intervals.agreement import cohens_kappa, compare_tracks, matched_labels, tier_agreement
from dfe_core.intervals.annotate import IntervalInputs, IntervalSettings, annotate
from dfe_core.intervals.caption import actions_of, caption_parts, timeline_of_tracks, words_of_parts
from dfe_core.intervals.directions import WORDS
from dfe_core.intervals.editing import dataset_tracks, save_recording_tracks, tracks_key
from dfe_core.intervals.table import TRACK_COLUMNS, track_table
from dfe_core.motion.words import timeline_from_words
from tests.small_world import World, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, toy_face) -> World:
    root = tmp_path_factory.mktemp("tracks")
    save_face(toy_face, root)
    return make_world(root, toy_face, recordings=3, frames=90)


def table(*rows: tuple[str, float, float, str, str, str]) -> pd.DataFrame:
    return track_table(pd.DataFrame(rows, columns=list(TRACK_COLUMNS)))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda text: any(c.isprintable() and not c.isspace() for c in text) and " · " not in text
)


@st.composite
def tracks(draw: st.DrawFn) -> list[tuple[str, float, float, str, str, str]]:
    rows = []
    for tier in draw(st.lists(TEXT, min_size=1, max_size=3, unique_by=lambda t: t.strip().lower())):
        at = 0
        for _ in range(draw(st.integers(1, 4))):
            at += draw(st.integers(0, 400))
            end = at + draw(st.integers(1, 900))
            rows.append(
                ("r0", at / 1000, end / 1000, tier, draw(TEXT), draw(st.sampled_from(["hand", "ticc", "a: b"])))
            )
            at = end
    return rows


@pytest.mark.parametrize("format", list(TRACK_FORMATS))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(rows=tracks())
def test_no_format_loses_anything(world: World, tmp_path: Path, format: str, rows: list):
    try:
        given_rows = table(*rows)
    except DataError:  # two tiers that are one once they are cleaned
        return
    name = given_rows["recording"].iloc[0]
    recordings = [str(world.dataset.recordings["recording"].iloc[0])]
    given_rows = given_rows.assign(recording=recordings[0])
    path = tmp_path / f"{recordings[0]}{TRACK_FORMATS[format]}"
    path.write_bytes(track_file(format, recording_tracks(world.dataset, given_rows, recordings), name))
    pd.testing.assert_frame_equal(read_track_files([path], world.dataset), given_rows)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("r", 1.0, 1.0, "brow", "up", "hand")], "without length"),
        ([("r", -0.5, 1.0, "brow", "up", "hand")], "before the recording"),
        ([("r", 0.5, 1.0, "brow", " ", "hand")], "without a label"),
        ([("r", 0.5, 1.0, "brow", "up", "hand"), ("r", 0.9, 2.0, "brow", "down", "hand")], "overlap"),
    ],
    ids=["length", "before", "label", "overlap"],
)
def test_what_is_no_track_is_refused(rows: list, expected: str):
    with pytest.raises(DataError, match=expected):
        table(*rows)


def test_a_recording_is_replaced_and_another_persons_change_is_not_lost(world: World):
    names = world.dataset.recordings["recording"].astype(str).tolist()
    first = table((names[0], 0.5, 1.0, "brow", "up", "hand"), (names[0], 1.0, 1.4, "brow", "down", "hand"))
    save_recording_tracks(world.dataset, "mine", names[0], first)
    save_recording_tracks(world.dataset, "mine", names[1], table((names[1], 2.0, 3.0, "mouth", "smile", "hand")))
    held = dataset_tracks(world.dataset, "mine")
    assert held["annotation"].tolist() == ["up", "down", "smile"]
    seen = tracks_key(held[held["recording"] == names[0]])
    merged = table((names[0], 0.5, 1.4, "brow", "up", "hand"))
    save_recording_tracks(world.dataset, "mine", names[0], merged, seen)
    with pytest.raises(DataError, match="meanwhile"):
        save_recording_tracks(world.dataset, "mine", names[0], first, seen)
    assert dataset_tracks(world.dataset, "mine")["annotation"].tolist() == ["up", "smile"]
    edits = EventSet.open(world.dataset.name, "mine", world.root).manifest["sources"]
    assert [one["recordings"] for one in edits] == [[names[1]], [names[0]]] and all(one["time"] for one in edits)


def test_annotators_write_events_of_every_recording_within_its_time(world: World):
    inputs = IntervalInputs(codebook=world.codebook, face=world.face, dataset=world.dataset)
    found = annotate(inputs, "auto", IntervalSettings()).table
    again = annotate(inputs, "auto", IntervalSettings()).table
    pd.testing.assert_frame_equal(found, again)
    length = world.dataset.recordings.set_index("recording")["duration_s"]
    assert len(found) and (found["offset_s"] <= found["recording"].map(length) + 0.2).all()
    assert set(found["source"]) == {"displacement"} and (found["annotation"] != "").all()


def test_agreement_is_what_it_is_by_hand():
    assert cohens_kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)  # Cohen 1960's form: (0.7 - 0.5) / 0.5
    durations = {"r": 10.0}
    theirs = table(("r", 2.0, 4.0, "m", "smile", "hand"), ("r", 6.0, 8.0, "m", "frown", "hand"))
    same = tier_agreement("m", theirs, theirs, durations)
    assert (same.kappa, same.macro_f1, same.event_f1, same.iou) == (1, 1, 1, 1)
    ours = table(("r", 2.0, 5.0, "m", "A", "x"), ("r", 7.5, 8.0, "m", "B", "x"))
    labels = matched_labels(ours, theirs, durations)
    assert labels == {"A": "smile", "B": "frown"}
    half = tier_agreement("m", ours, theirs, durations, labels=labels)
    assert half.iou == pytest.approx((2 / 3 + 0.25) / 2)
    assert half.event_f1 == pytest.approx(0.5)
    assert half.f1["smile"] == pytest.approx(2 * 2 / (2 + 3), abs=0.02)


def test_tiers_are_compared_by_name_or_as_asked(world: World):
    name = str(world.dataset.recordings["recording"].iloc[0])
    ours, theirs = table((name, 1.0, 2.0, "mouth", "smile", "x")), table((name, 1.0, 2.0, "Mund", "smile", "hand"))
    with pytest.raises(DataError, match="none in both"):
        compare_tracks(ours, theirs, world.dataset)
    assert compare_tracks(ours, theirs, world.dataset, {"mouth": "Mund"})[0].kappa == 1


def test_a_caption_says_what_when_and_for_how_long():
    rows = table(
        ("r", 1.2, 2.0, "brow", "brows up", "x"),
        ("r", 1.5, 1.7, "eye", "eyes closed", "x"),
        ("r", 2.4, 4.3, "mouth", "smile and mouth open", "x"),
    )
    assert words_of_parts(caption_parts(rows, "r")) == (
        "Brows up at 1.2 s for 0.8 s; meanwhile blink at 1.5 s; then smile and mouth open at 2.4 s for 1.9 s."
    )
    assert words_of_parts(caption_parts(rows, "r", 2.5, 3.5)) == "Smile and mouth open at 2.5 s for 1.0 s."
    assert words_of_parts(caption_parts(rows, "r", 5.0, 6.0)) == "Nothing moves."


def test_tracks_play_as_the_actions_that_their_words_stand_for():
    rows = table(("r", 3.0, 4.0, "mouth", "smile left and mouth open", "x"), ("r", 3.5, 5.0, "head", "head up", "x"))
    timeline = timeline_of_tracks(caption_parts(rows, "r"))
    assert [(one.target, one.side, one.onset_s, one.end_s) for one in timeline.tracks] == [
        ("AU12", "left", 0.0, 1.0),
        ("AU26", "both", 0.0, 1.0),
    ]
    assert timeline.unread == ("head up",) and timeline.duration_s == 1.0


@pytest.mark.parametrize("words", [w for own in WORDS.values() for w in own])
def test_every_word_of_a_track_is_read_on_the_page_motion_as_the_same_actions(words: str):
    read = {track.target for track in timeline_from_words(words).tracks}
    assert {au for au, _, _ in actions_of(words)} == read
