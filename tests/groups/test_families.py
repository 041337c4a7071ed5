"""Codewords, regions and AUs in one table: unions of intervals, onset latency, balance, and the corrections."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfe_core.groups.au_use import au_balance
from dfe_core.groups.comparison import GroupSettings
from dfe_core.groups.families import Family, compare_families, simes
from dfe_core.groups.measures import BalanceSums, UseSums, count_region_use, region_balance, region_transitions
from tests.groups.test_comparison import PLANTED, between, make_study, settings

REGION = np.array([-1, 0, 0, 1])


@pytest.fixture
def index(tmp_path: Path) -> SimpleNamespace:
    """One recording of 100 frames at 10 a second; codewords 1, 2 (left, right) move region 0, codeword 3 region 1."""
    runs = [(1, 10, 19), (2, 15, 29), (1, 50, 59), (3, 70, 74)]
    table = pd.DataFrame(runs, columns=["codeword", "start_frame", "end_frame"]).assign(recording="r")
    table = table.assign(start_s=table["start_frame"] / 10, end_s=(table["end_frame"] + 1) / 10)
    pq.write_table(pa.Table.from_pandas(table), tmp_path / "runs.parquet")
    counted = table.assign(frames=table["end_frame"] - table["start_frame"] + 1)
    presence = counted.groupby(["recording", "codeword"], as_index=False)["frames"].sum()
    return SimpleNamespace(
        path=tmp_path,
        codewords=4,
        presence=presence.assign(intensity=presence["frames"] * 0.5),
        recordings=pd.DataFrame({"recording": ["r"], "frames": [100], "duration_s": [10.0]}),
    )


def test_a_region_moves_where_any_of_its_codewords_does(index):
    measures = count_region_use(index, REGION, ["r"]).measures()
    assert measures["share"][0] == pytest.approx([0.30, 0.05]), "10 to 29 once, though two codewords share frames"
    assert measures["rate"][0] == pytest.approx([12, 6]), "two joined intervals in ten seconds"
    assert measures["duration"][0] == pytest.approx([1.5, 0.5])
    assert measures["latency"][0] == pytest.approx([1.0, 7.0])


def test_balance_counts_left_against_right(index):
    side = np.array(["rest", "left", "right", "both"])
    balance = region_balance(index, REGION, side, ["r"]).measures()["balance"][0]
    assert balance[0] == pytest.approx((20 - 15) / 35)
    assert balance.shape == (1,) or np.isnan(balance[1]), "a region without sided codewords has none"


def test_a_transition_is_the_next_onset_of_another_region_within_a_second(tmp_path: Path):
    onsets = [(1, 0.0), (3, 0.5), (1, 0.8), (1, 0.9), (3, 1.5), (3, 4.0), (1, 5.5), (2, 6.0), (3, 6.0)]
    rows = pd.DataFrame(onsets, columns=["codeword", "start_s"]).assign(recording="r")
    rows = rows.assign(start_frame=(rows["start_s"] * 10).astype(int), end_s=rows["start_s"] + 0.05)
    pq.write_table(pa.Table.from_pandas(rows.assign(end_frame=rows["start_frame"])), tmp_path / "runs.parquet")
    index = SimpleNamespace(
        path=tmp_path, recordings=pd.DataFrame({"recording": ["r"], "frames": [100], "duration_s": [10.0]})
    )
    sums = region_transitions(index, REGION, ["r", "empty"])
    # 0.0 → 0.5; 0.5 → 0.8; 0.8, joined with 0.9 → 1.5; 1.5: 2.5 s to the next; 4.0: 1.5 s; 5.5 → 6.0; at 6.0 both begin
    assert sums.count[0].tolist() == [0, 3, 1, 0] and not sums.count[1].any()
    assert sums.measures()["probability"][0].tolist() == [0, 1, 1, 0]
    assert np.isnan(sums.measures()["probability"][1]).all()


def test_latency_is_the_mean_of_the_recordings_that_have_an_onset():
    one = np.ones((3, 1))
    begun = np.array([[1.0], [0.0], [1.0]])
    sums = UseSums(
        **dict.fromkeys(("frames", "seconds", "present", "intensity", "intervals", "interval_s"), one),
        first_s=np.array([[2.0], [0.0], [6.0]]),
        begun=begun,
    )
    assert sums.pooled(np.zeros(3, int), 1).measures()["latency"][0, 0] == pytest.approx(4.0)


def test_aus_with_both_sides_have_a_balance():
    aus = (("AU2", "left"), ("AU2", "right"), ("AU12", "both"), ("AU14", "left"))
    sums = BalanceSums(frames=np.full((1, 4), 9.0), left=np.array([[6.0, 2, 3, 1]]), right=np.zeros((1, 4)))
    balance, names = au_balance(sums, aus)
    assert names == ["AU2"] and balance.measures()["balance"][0, 0] == pytest.approx(0.5)


def test_a_planted_difference_is_found_in_its_codeword_and_its_region(tmp_path: Path, toy_face):
    labels, rate = between()
    codebook, dataset, index = make_study(tmp_path, toy_face, labels, rate)
    found = compare_families(codebook, dataset, index, settings(permutations=999))
    assert [str(family) for family in found.parts][:2] == [Family.CODEWORDS, Family.REGIONS]
    best = found.table[found.table["family"] == Family.CODEWORDS].iloc[0]
    assert best["thing"] == str(PLANTED) and best["q"] < 0.05
    region = codebook.table["region"].iloc[PLANTED]
    regions = found.table[found.table["family"] == Family.REGIONS]
    assert regions.iloc[0]["thing"] == region
    known = found.table.dropna(subset="p")
    assert (known["q_all"] >= known["p"]).all() and set(known["measure"]) >= {"rate", "latency"}
    families = found.families.set_index("family")
    assert families.loc[Family.CODEWORDS, "q"] < 0.05
    assert len(found.to_json()["rows"]) == len(found.table)


def test_simes_is_the_least_corrected_p():
    assert simes(np.array([0.01, 0.04, 0.9])) == pytest.approx(0.03)
    assert simes(np.array([0.5])) == 0.5 and np.isnan(simes(np.array([])))


def test_latency_is_no_default_measure():
    assert GroupSettings(by="x").measures == ("rate", "share", "intensity", "duration")
