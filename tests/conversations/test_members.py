"""Which recordings are together: by a label or by the faces of a video; what is no conversation is refused."""

from __future__ import annotations

import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.conversations.members import find_conversations, pair_roles
from dfe_core.conversations.settings import ConversationSettings


def rows(*names: str, **columns: list) -> pd.DataFrame:
    """Recordings of different people."""
    base = {"recording": names, "subject": [f"s{i}" for i in range(len(names))], "session": "", "fps": 30.0}
    return pd.DataFrame({**base, **columns})


def members(found: tuple) -> dict[str, list[str]]:
    return {one.name: [member.recording for member in one.members] for one in found}


def test_faces_of_one_video_are_a_conversation():
    table = rows("talk-face1", "talk-face0", "alone", "other-face0", "x-face0", "x-face2")
    found = find_conversations(table, ConversationSettings())
    assert members(found) == {"talk": ["talk-face0", "talk-face1"], "x": ["x-face0", "x-face2"]}


def test_a_label_names_them_and_recordings_without_one_are_in_none():
    table = rows("b", "a", "c", "d", dyad=[1.0, 1.0, float("nan"), 2.0]).drop(index=3)
    found = find_conversations(table, ConversationSettings(by="dyad"))
    assert members(found) == {"1": ["a", "b"]}


def test_a_role_says_who_is_first_and_an_offset_when_a_clock_starts():
    table = rows("a", "b", dyad=["x", "x"], part=["patient", "doctor"], clock=[2.5, 0])
    settings = ConversationSettings(by="dyad", role="part", offset="clock")
    found = find_conversations(table, settings)
    assert members(found) == {"x": ["b", "a"]}
    assert [one.offset_s for one in found[0].members] == [0, 2.5]
    assert pair_roles(found, settings) == ("doctor", "patient")


@pytest.mark.parametrize(
    ("table", "asked", "text"),
    [
        (rows("a", "b", dyad=["x", "y"]), {"by": "dyad"}, "dyad x: one face"),
        (rows("a", "b", subject=["s", "s"], dyad=["x", "x"]), {"by": "dyad"}, "several recordings of subject s"),
        (rows(*"abcdefghi", dyad=["x"] * 9), {"by": "dyad"}, "9 recordings; expected at most 8"),
        (rows("a", "b"), {"by": "dyad"}, "no column 'dyad'; expected one of session"),
        (rows("a", "b"), {}, "no recordings NAME-face0"),
        (rows("a", "b", dyad=[None, None]), {"by": "dyad"}, "no recording has a value"),
        (rows("a", "b", dyad=["x", "x"], p=["q", "q"]), {"by": "dyad", "role": "p"}, "several members with one p"),
        (rows("a", "b", dyad=["x", "x"], o=[1, None]), {"by": "dyad", "offset": "o"}, "no value for b"),
        (rows("a", "b", dyad=["x", "x"], o=["1", "soon"]), {"by": "dyad", "offset": "o"}, "'soon'; expected seconds"),
    ],
    ids=["one-face", "one-person", "too-many", "no-column", "no-video", "empty", "one-role", "no-offset", "no-number"],
)
def test_what_is_no_conversation_is_refused(table: pd.DataFrame, asked: dict, text: str):
    with pytest.raises(dfe.DataError, match=text):
        find_conversations(table, ConversationSettings(**asked))


@pytest.mark.parametrize(
    "asked",
    [{"max_lag_s": 0}, {"window_s": 5.0}, {"step_s": 2.0}, {"surrogates": 10}],
    ids=["lag", "window", "step", "n"],
)
def test_settings_out_of_range_are_refused(asked: dict):
    with pytest.raises(dfe.DataError):
        ConversationSettings(**asked)
