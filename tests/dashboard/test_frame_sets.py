"""Sets of frames in a link: exact, short, bound to their map, and harmless when they are nonsense."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.links import frame_sets

RNG = np.random.default_rng(0)
PLACES = np.concatenate([RNG.normal(c, 1, (2500, 2)) for c in ((0, 0), (9, 1), (3, 8), (-7, 5))])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 79), max_size=80), st.integers(2, 3))
def test_any_set_comes_back_exactly(rows, dimensions):
    places = np.random.default_rng(1).normal(size=(80, dimensions))
    assert frame_sets.decoded(frame_sets.encoded(rows, places), places) == sorted(set(rows))


def test_what_is_drawn_around_is_short_and_exact():
    rows = np.flatnonzero(np.linalg.norm(PLACES - (9, 1), axis=1) < 1.2).tolist()
    text = frame_sets.encoded(rows, PLACES)
    assert len(rows) > 1000 and len(text) < 700
    assert frame_sets.decoded(text, PLACES) == rows


def test_a_set_too_long_for_a_link_is_kept_beside_the_model_and_named(cache):
    rows = np.flatnonzero(np.random.default_rng(2).random(len(PLACES)) < 0.5).tolist()
    text = frame_sets.written(rows, PLACES, "map-1", "m", cache)
    assert len(text) < 60 and len(list((cache / "models/m/selections").iterdir())) == 1
    assert frame_sets.read(text, PLACES, "map-1", "m", cache) == rows
    assert frame_sets.written(rows, PLACES, "map-1", "m", cache) == text
    assert frame_sets.read(text, PLACES, "map-1", "other", cache) == []


def test_a_short_set_is_in_the_link_itself_and_nothing_is_written(cache):
    text = frame_sets.written([5, 6], PLACES, "map-1", "m", cache)
    assert not (cache / "models").exists()
    assert frame_sets.read(text, PLACES, "map-1", "m", cache) == [5, 6]


def test_a_set_of_another_map_is_not_taken_for_one_of_this():
    text = frame_sets.written([5, 6], PLACES, "map-1", "m", None)
    assert frame_sets.read(text, PLACES, "map-2", "m", None) == []


@pytest.mark.parametrize("text", ["", None, ".", "abc", "../..", "set-../../x", "!!!!", "eNoDAAAAAAE", "set-", "é"])
def test_nonsense_is_no_set(cache, text):
    mark = frame_sets.written([1], PLACES, "map-1", "m", cache).split(".")[0]
    assert frame_sets.read(text, PLACES, "map-1", "m", cache) == []
    assert frame_sets.read(f"{mark}.{text}", PLACES, "map-1", "m", cache) == []


def test_a_bomb_is_not_unpacked():
    import base64
    import zlib

    bomb = base64.urlsafe_b64encode(zlib.compress(b"\x01" * 10**7)).decode()
    assert frame_sets.decoded(bomb, PLACES[:10]) is None
