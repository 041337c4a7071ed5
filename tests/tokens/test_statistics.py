"""Figures about the use of codewords: one definition each, and what the threshold does to them."""

from __future__ import annotations

import importlib

import numpy as np
import pandas as pd
import pytest

from dfe_core.tokenizer.geometry import codeword_geometry, largest_by_region
from dfe_core.tokens.fidelity import measure_fidelity
from dfe_core.tokens.intervals import build_runs, find_runs
from dfe_core.tokens.presence import RULE, rule_from
from dfe_core.tokens.statistics import STATISTICS, in_use, middle_stages
from dfe_core.tokens.usage import recording_usage, usage
from tests.small_world import make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory, toy_face):
    return make_world(tmp_path_factory.mktemp("statistics"), toy_face)


def test_every_statistic_names_what_makes_it():
    for known in STATISTICS.values():
        module, _, name = known.where.rpartition(".")
        assert callable(getattr(importlib.import_module(module), name)), known.where
        assert known.help.endswith(".") and known.label


def test_the_default_threshold_is_the_rule_and_a_higher_one_counts_less(world):
    assert rule_from(RULE.onset_mm) == RULE
    indexes = [build_runs(world.tokens, rule=rule_from(mm)) for mm in (RULE.onset_mm, 4.0)]
    assert indexes[0].path == build_runs(world.tokens).path != indexes[1].path
    assert [index.onset_mm for index in indexes] == [RULE.onset_mm, 4.0]
    one, four = (usage(world.tokens, index) for index in indexes)
    assert (four["share_of_frames"] <= one["share_of_frames"]).all()
    assert four["share_of_frames"].sum() < one["share_of_frames"].sum()
    shown = four["typical_mm"].notna()
    assert (four.loc[shown, "typical_mm"] >= 2.0).all() and (four["largest_mm"] >= four["typical_mm"])[shown].all()
    assert one["uses"].equals(four["uses"])  # tokens are counted whatever they move


def test_in_use_counts_what_is_seen_and_never_rest():
    table = pd.DataFrame({"side": ["rest", "left", "symmetric"], "presences": [9, 0, 3], "uses": [0, 40, 3]})
    assert in_use(table) == (1, 2)


def test_the_stages_of_a_codeword_are_those_of_the_middle_half_of_its_tokens():
    assert middle_stages(np.array([0, 10, 80, 10])) == (2, 2)
    assert middle_stages(np.array([14, 15, 13, 14, 16, 14, 14])) == (1, 5)
    assert middle_stages(np.zeros(4, int)) is None


def test_the_codewords_of_a_recording_are_counted_as_everywhere(world):
    index = build_runs(world.tokens)
    found = recording_usage(index, "r1").set_index("codeword")
    runs = find_runs(world.tokens.recording("r1"), np.asarray(world.codebook.table["peak_mm"]))
    frames = runs.groupby("codeword")["frames"].sum() / 120
    assert found["share_of_frames"].to_dict() == pytest.approx(frames[found.index].to_dict())
    assert found["first_s"].to_dict() == pytest.approx(runs.groupby("codeword")["start_s"].min()[found.index].to_dict())
    assert found["share_of_frames"].is_monotonic_decreasing and set(found.index) == set(frames.index)


def test_fidelity_over_a_dataset_is_that_of_its_frames(world, toy_face):
    found = measure_fidelity(world.tokens, world.dataset, toy_face)
    error = np.concatenate([world.tokens.recording(f"r{i}").error_mm for i in range(6)]).astype(float)
    moved = np.concatenate([toy_face.displacement(world.dataset.frames(f"r{i}").psi) for i in range(6)])
    energy = (1e6 * (moved.astype(float) ** 2).sum(2)).mean(1).sum()
    assert found.frames == 720 and found.subjects == world.dataset.recordings["subject"].nunique()
    assert found.rmse_mm == pytest.approx(np.sqrt((error**2).mean()))
    assert found.explained_variance == pytest.approx(1 - (error**2).sum() / energy, abs=1e-6)


def test_the_regions_reach_as_far_as_the_codeword(anny):
    psi = np.zeros(anny.coefficients, np.float32)
    psi[anny.names.index("tongueOut")] = 1
    reach = largest_by_region(psi, anny)
    assert max(reach.values()) == pytest.approx(codeword_geometry(psi[None], anny)["peak_mm"].iloc[0], rel=1e-5)
    assert max(reach, key=reach.get)[0] == "inner mouth" and reach["brow", "left"] == pytest.approx(0, abs=1e-3)
    psi[:] = 0
    psi[[anny.names.index(n) for n in ("eyeLookOutLeft", "eyeLookInRight")]] = 1
    reach = largest_by_region(psi, anny)
    assert max(reach["eye", "left"], reach["eye", "right"]) == pytest.approx(
        codeword_geometry(psi[None], anny)["peak_mm"].iloc[0], rel=1e-5
    )
