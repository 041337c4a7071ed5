"""Shares of all codewords at once, against those of one at a time."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.embedding.shares import shares_by, subjects_showing
from dfe_core.errors import DataError
from dfe_core.tokens.dynamics import distribution_over
from dfe_core.tokens.intervals import build_runs
from tests.small_world import make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory, toy_face):
    return make_world(tmp_path_factory.mktemp("world") / "cache", toy_face)


@pytest.mark.parametrize("by", ["condition", "subject"])
def test_shares_of_all_codewords_are_those_of_each(world, by):
    index, recordings = build_runs(world.tokens), world.dataset.recordings
    together = shares_by(index, recordings, by)
    assert together.shape[0] == world.codebook.size
    for k in (1, 5, 17):
        alone = distribution_over(index, k, recordings, by, resamples=10)
        np.testing.assert_allclose(together.loc[k, alone["value"]], alone["share"])


def test_subjects_that_show_a_codeword_are_counted_once(world):
    shown = subjects_showing(build_runs(world.tokens), world.dataset.recordings)
    people = world.dataset.recordings.set_index("recording")["subject"]
    for k in (1, 9):
        assert shown[k] == len({people[r] for r in people.index if (world.tokens.recording(r).tokens == k).any()})


def test_a_column_that_is_not_there_is_named(world):
    with pytest.raises(DataError, match="weather"):
        shares_by(build_runs(world.tokens), world.dataset.recordings, "weather")
