"""Spotting of short movements: what counts as a hit, and what is found in faces whose movements are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.probes.spotting import spot
from dfe_core.probes.spotting_candidates import METHODS, SpottingSettings, find_transients, make_signals, transient
from dfe_core.probes.spotting_scores import (
    NO_MATCH,
    SpottingScore,
    best_threshold,
    bootstrap_f1,
    match_intervals,
    overlap,
)

FPS, SECONDS, SUBJECTS = 100.0, 12.0, 4
SMILE, BROW, BLINK = "mouthSmileLeft", "browInnerUp", "eyeBlinkLeft"


def test_overlap_counts_both_ends():
    spotted, coded = np.array([[10, 19]]), np.array([[10, 19], [15, 24], [20, 29], [10, 14]])
    np.testing.assert_allclose(overlap(spotted, coded), [[1.0, 5 / 15, 0.0, 0.5]])


def test_half_an_overlap_is_a_hit_and_every_coded_interval_counts_once():
    coded = np.array([[10, 19], [50, 59]])
    spotted = np.array([[10, 19], [11, 20], [50, 54], [50, 53]])
    assert match_intervals(spotted, coded, np.array([1.0, 9.0, 2.0, 3.0])).tolist() == [NO_MATCH, 0, 1, NO_MATCH]
    assert match_intervals(spotted, np.zeros((0, 2), int), np.ones(4)).tolist() == [NO_MATCH] * 4


def test_scores_are_of_all_videos_together():
    score = SpottingScore(hits=3, spotted=4, coded=8)
    assert (score.precision, score.recall, score.f1) == (0.75, 0.375, 0.5)
    assert SpottingScore(hits=0, spotted=0, coded=0).f1 == SpottingScore(hits=0, spotted=0, coded=5).precision == 0.0


def test_the_threshold_is_that_of_the_highest_f1():
    score, hit = np.array([5.0, 4.0, 4.0, 2.0, 1.0]), np.array([True, True, False, True, False])
    f1 = {limit: 2 * hit[score >= limit].sum() / ((score >= limit).sum() + 3) for limit in score}
    assert max(f1, key=f1.get) == 2.0
    assert best_threshold(score, hit, coded=3) == 1.5
    assert best_threshold(score[:1], hit[:1], coded=1) == 2.5
    assert best_threshold(score, np.zeros(5, bool), coded=3) == np.inf


def test_an_interval_over_subjects_holds_the_score_and_grows_with_their_differences():
    alike, apart = np.tile([2, 4, 4], (10, 1)), np.array([[4, 4, 4], [0, 4, 4]] * 5)
    (low, high), drawn = bootstrap_f1(alike, 200, 0)
    assert low == high == drawn[0] == 0.5
    (low, high), _ = bootstrap_f1(apart, 200, 0)
    assert low < 0.35 and high > 0.65


def test_what_comes_back_is_transient_and_what_stays_is_not():
    time = np.arange(100)
    bump, step = np.zeros((2, 100, 1))
    bump[45:55], step[50:] = 1, 1
    assert transient(bump, 12)[50] == 1
    assert transient(step, 12).max() == 0
    assert transient(np.stack([time, -time], 1).astype(float), 12).max() == pytest.approx(0)


def bump(time_s: np.ndarray, onset: float, length: float) -> np.ndarray:
    """A raised cosine from onset to onset + length."""
    share = np.clip((time_s - onset) / length, 0, 1)
    return 0.5 - 0.5 * np.cos(2 * np.pi * share)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, toy_face) -> tuple[Dataset, pd.DataFrame]:
    """Four people at 100 frames a second: each three short movements, two of 0.9 s and blinks, in a little noise."""
    root = tmp_path_factory.mktemp("spotting")
    time_s, rows = np.arange(int(SECONDS * FPS)) / FPS, []
    with open_writer("d", toy_face.names, root) as writer:
        for subject in range(SUBJECTS):
            rng = np.random.default_rng(subject)
            psi = 0.002 * rng.standard_normal((len(time_s), toy_face.coefficients))
            for at, (name, length) in enumerate(((SMILE, 0.3), (BROW, 0.4), (SMILE, 0.24))):
                onset = 1.0 + 3.5 * at + rng.uniform(0, 0.5)
                psi[:, toy_face.names.index(name)] += 0.3 * bump(time_s, onset, length)
                rows.append((f"r{subject}", onset, onset + length / 2, onset + length, "happy"))
            psi[:, toy_face.names.index(BROW)] += 0.6 * bump(time_s, 2.4, 0.9) + 0.6 * bump(time_s, 6.4, 0.9)
            for onset in (3.5, 7.5, 11.0):
                psi[:, toy_face.names.index(BLINK)] += 0.9 * bump(time_s, onset, 0.3)
            writer.add(
                Recording(
                    name=f"r{subject}",
                    names=toy_face.names,
                    psi=psi.astype(np.float32),
                    time_s=time_s,
                    frame=np.arange(len(time_s)),
                    valid=np.ones(len(time_s), bool),
                    fps=FPS,
                    space="arkit",
                    extractor="test",
                    subject=f"s{subject}",
                ),
                {},
            )
        writer.close({"name": "d", "face": toy_face.id, "simulated": True})
    coded = pd.DataFrame(rows, columns=["recording", "start_s", "apex_s", "end_s", "emotion"])
    return Dataset.open("d", root), coded


@pytest.fixture(scope="module")
def found(world, toy_face):
    return spot(world[0], toy_face, world[1], SpottingSettings(resamples=200))


def test_short_movements_are_found_where_they_are_and_long_ones_and_blinks_are_not(world, found):
    score = found.scores.set_index("method")
    assert score.loc["transient", ["hits", "spotted", "coded"]].tolist() == [12, 12, 12]
    assert score.loc["speed", "f1"] < 1 and score.loc["speed", "difference"] == pytest.approx(
        1 - score.loc["speed", "f1"]
    )
    assert found.missed.empty and found.spotted["hit"].all()
    assert (found.spotted["overlap"] > 0.6).all()
    assert set(found.spotted["region"]) <= {
        "brow",
        "mouth corner",
        "upper lip",
        "lower lip",
        "cheek",
        "jaw",
        "eye",
        "nose",
    }


def test_what_no_threshold_reaches_is_missed_and_listed(world, toy_face):
    few = spot(world[0], toy_face, world[1], SpottingSettings(resamples=50, threshold=1e6))
    assert len(few.spotted) == 0 and len(few.missed) == 12
    assert few.scores["f1"].tolist() == [0.0] * len(METHODS)


def test_the_threshold_of_a_subject_does_not_depend_on_that_subject(world, toy_face):
    data, coded = world
    moved = coded.copy()
    own = moved["recording"] == "r0"
    moved.loc[own, ["start_s", "apex_s", "end_s"]] += 0.9  # nothing is where this subject is coded
    wrong = spot(data, toy_face, moved, SpottingSettings(resamples=50))
    spotted = wrong.spotted[wrong.spotted["subject"] == "s0"]
    assert len(spotted) == 3 and not spotted["hit"].any()
    assert len(wrong.missed) == 3


def test_without_coded_intervals_everything_is_searched_and_nothing_is_scored(world, toy_face):
    alone = spot(world[0], toy_face, None, SpottingSettings(resamples=50))
    assert alone.scores.empty and alone.spotted["hit"].isna().all()
    assert alone.facts["recordings"] == SUBJECTS and alone.facts["coded"] == 0


def test_lost_frames_hide_what_is_in_them(world, toy_face):
    frames = world[0].frames("r0")
    signals, settings = make_signals(toy_face), SpottingSettings()
    spans = find_transients(frames.psi, FPS, signals, settings).frames
    assert signals.lids
    here = world[1].iloc[0]
    assert overlap(spans, np.array([[here["start_s"] * FPS, here["end_s"] * FPS]])).max() > 0.6
    still = frames.psi.copy()
    still[int(here["start_s"] * FPS) - 1 : int(here["end_s"] * FPS) + 2] = 0
    again = find_transients(still, FPS, signals, settings).frames
    assert overlap(again, np.array([[here["start_s"] * FPS, here["end_s"] * FPS]])).max() < 0.5


def test_what_cannot_be_searched_is_refused(world, toy_face):
    data, coded = world
    for made, words in (
        (lambda: SpottingSettings(longest_s=0.8), "0.5 s"),
        (lambda: SpottingSettings(methods=("wavelets",)), "'wavelets'"),
        (lambda: spot(data, toy_face, coded[coded["recording"] == "r0"]), "coded for 1 subject"),
    ):
        with pytest.raises(DataError, match=words):
            made()
    said = " ".join(spot(data, replace(toy_face, names=tuple(f"c{i}" for i in range(52)))).warnings())
    assert "blinks cannot be left out" in said and "Simulated" in said
