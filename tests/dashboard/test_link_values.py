"""What a link names and is not there is said on the page, and errors speak of fields."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import streamlit as st

from dashboard.data import artefact_cache, examples
from dashboard.data.last_choice import compare_with_link, content_of, last_choice, notice
from dashboard.panels import mixes
from dashboard.panels.error_text import FIELDS, in_fields, sentence
from dashboard.selection.codeword_filter import is_within
from dfe_core.errors import DataError
from tests.dashboard.test_pages import opened, said


@pytest.mark.parametrize(
    ("page", "link", "words"),
    [
        ("motion", {"mix": "4711:1,3:0.5"}, "mix “4711\\:1”"),
        ("find", {"shape": "jawOpen:0.5,tailWag:1"}, "face “tailWag\\:1”"),
        ("recordings", {"t": "1e9"}, "second “1e9”"),
        ("recordings", {"t": "soon"}, "second “soon”"),
        ("codebook", {"sort": "nonsense"}, "sort “nonsense”"),
    ],
    ids=["mix", "shape", "late", "word", "sort"],
)
def test_a_value_that_is_not_there_is_said(filled: Path, page: str, link: dict[str, str], words: str):
    test = opened(page, **link)
    assert not test.exception and f"{words} is not there and is passed over" in said(test)


def test_a_link_to_a_dataset_that_is_not_here_says_which_one_is_shown(filled: Path):
    test = opened("overview", dataset="nobody's")
    assert "no dataset “nobody's” is here, “simulated” is shown" in said(test)
    test.run()
    assert "no dataset" in said(test)  # until something is chosen


def test_a_link_made_before_a_change_says_so(filled: Path):
    choice = artefact_cache.Choice(root=filled, model="default", dataset="simulated")
    held = {"model": "default", "dataset": "simulated", "content": content_of(choice)}
    assert "have changed since" not in said(opened("overview", **held))
    assert "have changed since" in said(opened("overview", **{**held, "content": "00000000"}))


def test_what_changes_while_a_page_is_open_is_no_news(filled: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(st, "session_state", {})
    choice = artefact_cache.Choice(root=filled, model="default", dataset="simulated")
    known = {"model": ["default"], "dataset": ["simulated", "other"]}
    compare_with_link(choice, {}, known)
    st.session_state["content"] = "00000000"  # as it was in the run before
    compare_with_link(choice, {"model": "default", "dataset": "simulated", "content": "00000000"}, known)
    assert notice() == ""
    compare_with_link(choice, {"model": "default", "dataset": "other"}, known)  # chosen away from, and here
    assert notice() == ""


@pytest.mark.parametrize("held", ["", "nonsense", "[1, 2]", '{"a": 1}', '["a"]'])
def test_a_browser_that_was_elsewhere_begins_with_the_default(held: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(st.context), "cookies", {"dfe-last": quote(held)})
    assert last_choice() == ("", "")


def test_a_browser_begins_where_it_was(filled: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(st.context), "cookies", {"dfe-last": quote(json.dumps(["default", "simulated"]))})
    assert last_choice() == ("default", "simulated")


def test_parts_that_are_read_are_not_among_the_others():
    assert mixes.unread("3:0.5,x,9:1,,2:7", 8) == ["x", "9:1", "2:7"] and mixes.unread(None, 8) == []
    limits = {"jawOpen": (0.0, 1.0)}
    assert examples.unread("jawOpen:0.5,jawOpen:0,jawOpen:2,other:1", limits) == ["jawOpen:2", "other:1"]
    times = np.arange(10) / 10
    assert is_within(times, "1.2") and not is_within(times, "1.9") and not is_within(times, "-1")


def test_errors_on_pages_name_fields():
    assert in_fields("give --fps RATE, or --time COLUMN/RATE") == "give “Frames a second”, or “Column of times”"
    assert in_fields("`dfe import F --fps 30` reads it") == "`dfe import F --fps 30` reads it"
    assert in_fields("--face flame:PATH") == "“Face” flame:PATH"
    said_as = sentence(DataError("a.csv", "no times", "--fps RATE"))
    assert said_as == "a.csv: no times. Expected: “Frames a second”."
    assert all(field[0].isupper() for field in FIELDS.values())
