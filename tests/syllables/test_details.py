"""One syllable for a reader: codewords by phase, its movement in seconds, durations, rates and what is beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.syllables import details
from tests.syllables.conftest import WORDS


def test_the_codewords_of_a_display_come_first_and_are_more_frequent_than_at_rest(found):
    words = {tuple(sorted(details.codewords_by_phase(found, k)["codeword"].head(2))) for k in (1, 2)}
    assert words == {tuple(sorted(pair)) for pair in WORDS.values()}
    table = details.codewords_by_phase(found, 1)
    assert (table["apex"].head(2) > 0.9).all() and (table["rest"].head(2) < 0.2).all()
    assert table["above_mm"].is_monotonic_decreasing


def test_a_movement_takes_as_long_as_its_phases_and_is_largest_at_the_apex(found):
    lasting = details.phase_seconds(found, 1)
    own = found.segments[found.segments["syllable"] == 1]
    assert lasting[1] == pytest.approx(np.median(own["release_s"] - own["apex_s"]))
    time_s, psi, edges = details.moving_face(found, 1, fps=20)
    assert edges[-1] == pytest.approx(np.maximum(lasting, 0.1).sum()) and abs(time_s[-1] - edges[-1]) < 0.05
    size = np.abs(psi).sum(1)
    assert edges[1] <= time_s[size.argmax()] <= edges[2]
    assert np.abs(details.apex_face(found, 1)).sum() > 1.5 * size[0]


def test_every_segment_is_in_the_histogram_once(found):
    own = found.segments[found.segments["syllable"] == 2]
    table = details.duration_histogram(found, 2, bins=7)
    assert table["segments"].sum() == len(own) and len(table) == 7
    assert details.duration_histogram(found, 9).empty


def test_rates_are_segments_a_minute_of_each_person(found, planted):
    rows = planted.world.dataset.recordings
    table = details.rates(found, rows, 1, "subject")
    one = rows["recording"].astype(str)[rows["subject"].astype(str) == table["value"].iloc[0]]
    own = found.segments[found.segments["recording"].isin(set(one))]
    minutes = (own["end_s"] - own["start_s"]).sum() / 60
    assert table["per_minute"].iloc[0] == pytest.approx((own["syllable"] == 1).sum() / minutes)
    assert table["low"].isna().all() and table["segments"].sum() == (found.segments["syllable"] == 1).sum()
    both = details.rates(found, rows.assign(place=["a", "a", "b", "b"]), 1, "place")
    assert (both["low"] <= both["per_minute"]).all() and (both["per_minute"] <= both["high"]).all()
    with pytest.raises(DataError, match="nobody"):
        details.rates(found, rows, 1, "nobody")


def test_rest_is_passed_over_between_displays_and_chance_is_that_of_the_others(found):
    counts = details.successions(found, over_rest=True)
    assert not counts[0].any() and not counts[:, 0].any() and not np.diag(counts).any()
    moving = found.segments[found.segments["syllable"] > 0]
    kinds = [own["syllable"].to_numpy() for _, own in moving.groupby("recording")]
    assert counts.sum() == sum(int((k[1:] != k[:-1]).sum()) for k in kinds)
    table = details.before_and_after(np.array([[0, 6, 2], [3, 0, 1], [5, 0, 0]]), 0)
    after = table[table["direction"] == "after"].set_index("syllable")
    assert after["share"].to_dict() == {1: 0.75, 2: 0.25}
    assert after.loc[1, "lift"] == pytest.approx(0.75 / (6 / 9))
    assert isinstance(table, pd.DataFrame) and set(table["direction"]) == {"before", "after"}
