"""From filters, links and searches to codewords."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dashboard.selection.codeword_filter import (
    SORTS,
    Filter,
    codeword_of,
    matching,
    nearest_frame,
    nearest_frames,
    neighbours,
    numbers_in,
)

TABLE = pd.DataFrame(
    {
        "codeword": range(6),
        "region": ["none", "brow", "eye", "brow", "jaw", "eye"],
        "side": ["rest", "left", "symmetric", "right", "symmetric", "symmetric"],
        "symmetry": [1.0, 0.1, 0.9, 0.2, 0.99, 0.9],
        "main_stage": [-1, 0, 1, 0, 2, 1],
        "uses": [0, 1, 10, 7, 90, 10],  # tokens, faint ones as well: no order and no filter goes by them
        "presences": [0, 5, 1, 7, 0, 1],
        "share_of_frames": [0.0, 0.5, 0.1, 0.7, 0.0, 0.1],
        "peak_mm": [0, 3, 1, 4, 9, 2.0],
        "locality": [0, 0.9, 0.8, 0.7, 0.6, 0.5],
    }
)


def test_without_a_filter_all_codewords_come_most_used_first_and_ties_by_number():
    assert matching(TABLE, Filter()) == [3, 1, 2, 5, 0, 4]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Filter(regions=("brow",)), [3, 1]),
        (Filter(regions=("brow", "jaw")), [3, 1, 4]),
        (Filter(side="symmetric"), [2, 5, 4]),
        (Filter(stage=1), [2, 5]),
        (Filter(used_only=True), [3, 1, 2, 5]),
        (Filter(side="symmetric", regions=("eye",), stage=1), [2, 5]),
        (Filter(regions=("nose",)), []),
    ],
)
def test_filters_narrow_together(chosen, expected):
    assert matching(TABLE, chosen) == expected


@pytest.mark.parametrize(
    ("sort", "first"), [("Largest movement", 4), ("Least symmetric", 1), ("Most local", 1), ("Number", 0)]
)
def test_every_order_puts_its_own_first(sort, first):
    assert sort in SORTS
    assert matching(TABLE, Filter(sort=sort))[0] == first


def test_a_search_keeps_its_own_order_and_still_obeys_the_filters():
    assert matching(TABLE, Filter(ranked=(5, 1, 3), sort="Number")) == [5, 1, 3]
    assert matching(TABLE, Filter(ranked=(5, 1, 3), regions=("brow",))) == [1, 3]
    assert matching(TABLE, Filter(ranked=())) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("5", 5),
        ("6", None),
        ("-1", None),
        ("", None),
        (None, None),
        ("five", None),
        ("1.0", None),
        ("٣", None),
        ("99999999999", None),
    ],
)
def test_a_link_names_a_codeword_or_none(text, expected):
    assert codeword_of(text, 6) == expected


@pytest.mark.parametrize(("query", "expected"), [("42", []), ("3, 1", [3, 1]), ("3 smile", None), ("", None)])
def test_numbers_are_looked_up_as_numbers(query, expected):
    assert numbers_in(query, 6) == expected


def test_neighbours_follow_the_gallery_and_end_with_it():
    order = [3, 1, 2]
    assert neighbours(order, 1) == (3, 2)
    assert neighbours(order, 3) == (None, 1)
    assert neighbours(order, 2) == (1, None)
    assert neighbours(order, 0) == (None, 3)
    assert neighbours([], 0) == (None, None)


@pytest.mark.parametrize(("text", "row"), [("0.1", 3), ("99", 4), ("-5", 0), (None, 0), ("soon", 0), ("nan", 0)])
def test_a_time_in_a_link_finds_the_nearest_frame(text, row):
    assert nearest_frame(np.array([0, 0.033, 0.066, 0.1, 0.133]), text) == row


def test_a_mix_survives_the_link_and_nonsense_in_it_is_left_out():
    from dashboard.panels.mixes import parse, written

    assert parse(written({12: 0.8, 4: 1.25}), 40) == {12: 0.8, 4: 1.25}
    assert parse("12:0.8,x,0:1,40:1,7:9,8:nan,9", 40) == {12: 0.8, 9: 1.0}


def test_the_nearest_frame_of_each_of_some_seconds():
    found = nearest_frames(np.array([0.0, 1.0, 3.0]), np.array([-5.0, 0.4, 0.6, 1.9, 2.1, 3.0, 9.0]))
    assert found.tolist() == [0, 0, 1, 1, 2, 2, 2]
    assert nearest_frames(np.array([2.0]), np.array([0.0, 9.0])).tolist() == [0, 0]
    assert nearest_frames(np.array([]), np.array([])).tolist() == []
