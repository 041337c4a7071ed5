"""Planted answers come back with their lag, strength and direction, and nothing is found where there is nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.conversations.analysis import analyse_faces
from dfe_core.conversations.answering import beyond_chance
from dfe_core.conversations.pairing import TalkingFaces
from dfe_core.conversations.result import ANSWERS, BACKWARD, CORRELATION, FORWARD, RARE, PairTables
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.conversations.simulation import PlantedAnswers, plant_answers, plant_turns

STEP_S = 0.1
SMALL = PlantedAnswers(conversations=8, minutes=1.5, things=2, strength=0.6, lag_s=0.8, step_s=STEP_S)
FEW = ConversationSettings(max_lag_s=2, window_s=10, surrogates=199, resamples=200)


def analysed(planted: PlantedAnswers, settings: ConversationSettings = FEW) -> PairTables:
    faces, things = plant_answers(planted)
    return analyse_faces(faces, things, STEP_S, settings)


def row(tables: PairTables, measure: str, direction: str = "both", thing: str = "1") -> pd.Series:
    table = tables.table
    own = (table["measure"] == measure) & (table["direction"] == direction) & (table["thing"] == thing)
    (found,) = table[own].to_dict("records")
    return pd.Series(found)


@pytest.fixture(scope="module")
def planted() -> PairTables:
    return analysed(SMALL)


def test_the_lag_the_strength_and_the_leader_come_back(planted: PairTables):
    together, answer = row(planted, CORRELATION), row(planted, ANSWERS, FORWARD)
    assert together["lag_s"] == pytest.approx(0.8, abs=STEP_S) and together["lag_low"] <= 0.8 <= together["lag_high"]
    assert answer["strength"] == pytest.approx(0.6, abs=0.15)
    assert answer["strength_low"] < 0.6 < answer["strength_high"]
    assert together["lead"] > 0 and together["lead_low"] > 0 and together["p_lead"] <= 0.05
    for one in (together, answer):
        assert one["p_shift"] == one["p_shuffled"] == pytest.approx(1 / 200)
        assert one["q_shift"] <= 0.05 and one["q_shuffled"] <= 0.05


def test_what_is_not_answered_is_not_found(planted: PairTables):
    for measure, direction, thing in ((ANSWERS, BACKWARD, "1"), (CORRELATION, "both", "2"), (ANSWERS, FORWARD, "2")):
        assert row(planted, measure, direction, thing)["q_shuffled"] > 0.05


def test_the_other_way_round_the_lag_and_the_lead_change_sign(planted: PairTables):
    faces, things = plant_answers(SMALL)
    swapped = analyse_faces([TalkingFaces(f.name, f.tracks[::-1]) for f in faces], things, STEP_S, FEW)
    one, other = row(planted, CORRELATION), row(swapped, CORRELATION)
    assert other["lag_s"] == pytest.approx(-one["lag_s"]) and other["lead"] == pytest.approx(-one["lead"])
    assert row(swapped, ANSWERS, BACKWARD)["value"] == pytest.approx(row(planted, ANSWERS, FORWARD)["value"])


def test_the_curve_peaks_at_the_lag_outside_the_band_of_chance(planted: PairTables):
    curve = planted.curves[planted.curves["thing"] == "1"]
    peak = curve.loc[curve["r"].idxmax()]
    assert peak["lag_s"] == pytest.approx(0.8, abs=STEP_S) and peak["low"] <= peak["r"] <= peak["high"]
    assert peak["r"] > peak["null_high"] and len(curve) == 41
    assert set(planted.pairs["conversation"]) == {f"c{i:02d}" for i in range(8)}


def test_windows_of_what_is_answered_have_the_lag_too(planted: PairTables):
    windows = planted.windows[planted.windows["thing"] == "1"]
    strong = windows[windows["r"] > windows["r"].median()]
    assert set(windows["conversation"]) == set(planted.pairs["conversation"])
    assert strong["lag_s"].median() == pytest.approx(0.8, abs=2 * STEP_S)
    assert windows["time_s"].between(0, 90).all() and (windows.groupby("conversation").size() > 5).all()


def test_stronger_answers_have_larger_effects():
    weak, strong = (analysed(replace(SMALL, strength=s, conversations=4)) for s in (0.2, 0.9))
    assert row(weak, ANSWERS, FORWARD)["strength"] < row(strong, ANSWERS, FORWARD)["strength"]
    assert row(weak, CORRELATION)["value"] < row(strong, CORRELATION)["value"]


def test_without_answers_p_keeps_its_rate():
    few = ConversationSettings(max_lag_s=1, window_s=10, surrogates=99, resamples=100)
    null = PlantedAnswers(conversations=5, minutes=0.5, things=2, answered=0, per_minute=15, lost=0.1, step_s=STEP_S)
    rows = [analysed(replace(null, seed=seed), replace(few, seed=seed)).table for seed in range(12)]
    for name in ("p_shift", "p_shuffled"):
        low = sum(int((t.loc[t["measure"] == CORRELATION, name] <= 0.05).sum()) for t in rows)
        assert low <= 4  # binomial(24, 0.05): 4 or fewer with probability 0.99


def test_a_task_that_both_follow_is_known_by_shuffled_pairs():
    tables = analysed(replace(SMALL, answered=0, common_s=10, minutes=2, per_minute=10))
    together = row(tables, CORRELATION)
    assert together["p_shift"] <= 0.05 < together["p_shuffled"]


def test_few_conversations_are_tested_by_shifts_alone_and_what_is_rare_by_none():
    faces, things = plant_answers(replace(SMALL, conversations=2))
    tables = analyse_faces(faces, things, STEP_S, replace(FEW, min_conversations=2))
    assert tables.table["p_shuffled"].isna().all() and row(tables, CORRELATION)["p_shift"] <= 0.05
    rare = analyse_faces(faces, things, STEP_S, replace(FEW, min_onsets=1000)).table
    assert (rare["status"] == RARE).all() and rare["p_shift"].isna().all()


def test_three_faces_are_compared_two_by_two():
    faces, things = plant_answers(replace(SMALL, conversations=4))
    third, _ = plant_answers(replace(SMALL, conversations=4, answered=0, seed=9))
    three = [
        TalkingFaces(f.name, (*f.tracks, replace(t.tracks[0], recording="third")))
        for f, t in zip(faces, third, strict=True)
    ]
    tables = analyse_faces(three, things, STEP_S, FEW)
    assert len(tables.pairs.query("thing == '1'")) == 12
    best = tables.pairs.query("thing == '1'").groupby("second")["r"].mean()
    assert best.drop("third").min() > best["third"]


def test_speech_in_turn_overlaps_less_than_by_chance():
    faces, things = plant_answers(replace(SMALL, conversations=4))
    spoken = []
    for i, one in enumerate(faces):
        speech = plant_turns(SMALL.minutes, STEP_S, gap_s=0.3, seed=i)
        tracks = [replace(t, speech=s, speech_from="jaw") for t, s in zip(one.tracks, speech, strict=True)]
        spoken.append(TalkingFaces(one.name, tuple(tracks)))
    tables = analyse_faces(spoken, things, STEP_S, FEW)
    (found,) = tables.overlap.to_dict("records")
    assert found["value"] == 0 < found["base"] and found["p_shift"] <= 0.05
    assert tables.turns["gap_s"].between(0.2, 0.4).all() and (tables.turns["changes"] > 10).all()


def test_the_same_seed_gives_the_same_tables(planted: PairTables):
    pd.testing.assert_frame_equal(analysed(SMALL).table, planted.table)


def test_a_conversation_that_is_too_short_is_refused():
    with pytest.raises(dfe.DataError, match="eight of the largest lag"):
        analysed(replace(SMALL, minutes=0.1))


def test_strength_is_what_is_beyond_chance():
    assert beyond_chance(np.array([0.2, 0.6, 1.0]), np.array([0.2, 0.2, 0.2])) == pytest.approx([0, 0.5, 1])
