"""The page Intervals: the way to tracks where there are none, tracks that are edited and kept, words and agreement."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dashboard.data import region_tracks
from dashboard.links import track_edits
from dashboard.pages import intervals
from dfe_core.events.store import write_events
from dfe_core.expressions.dataset import Dataset
from dfe_core.intervals.caption import caption_parts, timeline_of_tracks
from dfe_core.intervals.editing import dataset_tracks, tracks_key
from dfe_core.motion.words import timeline_from_words
from tests.dashboard.test_pages import opened, said
from train.cli import build_parser

ROWS = [
    (0.5, 1.5, "brow", "brows up", "displacement"),
    (1.0, 2.5, "mouth", "smile left", "displacement"),
    (3.0, 4.0, "eye", "eyes closed", "displacement"),
]


def with_tracks(root: Path, name: str, rows: list = ROWS) -> tuple[Dataset, str]:
    dataset = Dataset.open("simulated", root)
    recording = str(dataset.recordings["recording"].iloc[0])
    table = pd.DataFrame(rows, columns=["onset_s", "offset_s", "tier", "annotation", "source"])
    write_events(dataset, name, table.assign(recording=recording), kind="annotation")
    return dataset, recording


def test_the_page_offers_to_find_tracks_by_a_command_that_the_parser_takes(filled: Path):
    test = opened("intervals", dataset="simulated")
    assert not test.exception and "No tracks yet" in said(test)
    assert any(b.label == "Find intervals" for b in test.button)
    read = build_parser(line := ["intervals", "m", "d", "--annotator=ticc", "--states=7"]).parse_args(line)
    assert (read.annotator, read.states) == ("ticc", 7)


def test_tracks_are_said_in_words_and_compared(filled: Path):
    _, name = with_tracks(filled, "auto")
    with_tracks(filled, "coder", [(0.5, 1.5, "brow", "brows up", "hand"), (1.0, 2.5, "mouth", "pucker", "hand")])
    test = opened("intervals", dataset="simulated", tracks="auto", against="coder", recording=name)
    assert not test.exception
    assert "Brows up at 0.5 s for 1.0 s; meanwhile smile left at 1.0 s for 1.5 s" in said(test)
    table = next(e.value for e in test.dataframe if "Kappa" in e.value)
    assert (
        table[["Tier", "Kappa", "F1 of intervals"]].to_numpy().tolist()
        == [
            ["brow", "1.00", "1.00"],
            ["mouth", "0.00", "0.00"],
        ]
        or table["Kappa"].tolist()[0] == "1.00"
    )


def test_what_the_view_saves_is_kept_and_what_was_changed_meanwhile_is_not_lost(filled: Path):
    dataset, name = with_tracks(filled, "auto")
    table = region_tracks.tracks_of_set(dataset, "auto")
    tiers = region_tracks.edited_tiers(table, name)
    assert [tier["name"] for tier in tiers] == ["brow", "eye", "cheek", "mouth", "head"]
    assert tiers[0]["rows"] == [{"tier": "brow", "on": 500, "off": 1500, "label": "brows up", "source": "displacement"}]
    assert tiers[0]["words"][0] == "brows up" and "brows down" in tiers[0]["words"]
    rows = [{**row, "off": row["off"] + 7} for tier in tiers for row in tier["rows"]]
    seen = tracks_key(table[table["recording"] == name])
    for _ in range(2):  # the second one has seen what is no longer there
        intervals.save(dataset, "auto", name, {"rows": rows, "seen": seen})
    kept = dataset_tracks(dataset, "auto")
    assert sorted(kept["offset_s"]) == [1.507, 2.507, 4.007]


def test_a_caption_is_played_as_the_tracks_that_it_is_of(filled: Path):
    dataset, name = with_tracks(filled, "auto")
    parts = caption_parts(dataset_tracks(dataset, "auto"), name)
    link = intervals.play_link(parts)
    played = track_edits.applied(link["edits"], timeline_from_words(link["words"]))
    assert [(t.label, t.onset_s, t.apex_s, t.end_s) for t in played.tracks] == [
        (t.label, t.onset_s, t.apex_s, t.end_s) for t in timeline_of_tracks(parts).tracks
    ]
