"""Tables and figures for the terminal."""

from __future__ import annotations

import math

import pytest

from train.tables import cell, duration, facts, size, table


def test_numbers_stand_right_and_text_left():
    lines = table(("name", "n"), [("a", 5), ("long name", 12345)]).splitlines()
    assert lines[0] == "name            n"
    assert lines[2] == "a               5"
    assert lines[3] == "long name  12,345"
    assert set(lines[1]) <= {"─", "-", " "} and len(lines[1]) == len(lines[3])


def test_a_table_without_rows_is_its_head():
    assert len(table(("a", "b"), []).splitlines()) == 2


def test_a_row_of_another_length_is_an_error():
    with pytest.raises(ValueError, match="shorter"):
        table(("a", "b"), [(1,)])


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.1235"), (1234567.0, "1,234,567"), (True, "yes"), (1234, "1,234"), ("a\nb", "a b")]
)
def test_cells_are_short_and_on_one_line(value, text):
    assert cell(value) == text


@pytest.mark.parametrize("value", [None, math.nan])
def test_what_is_not_known_is_a_dash(value):
    assert cell(value) in ("–", "-")


def test_facts_align_their_values():
    assert facts([("a", 1), ("long", "x")]) == "a     1\nlong  x"


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 B"), (1500, "1.5 kB"), (41_800_000, "41.8 MB"), (2.5e12, "2.5 TB")]
)
def test_sizes_are_for_people(count, text):
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.44, "8.4 s"), (42.4, "42 s"), (59.7, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")],
)
def test_durations_are_for_people(seconds, text):
    assert duration(seconds) == text
