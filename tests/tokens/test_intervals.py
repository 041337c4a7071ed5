"""Runs, moments and dynamics over small token caches written by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.tokens.cache import TokenCache, Tokens, TokenWriter
from dfe_core.tokens.dynamics import (
    bootstrap_mean,
    contexts,
    cooccurring,
    distribution_over,
    dynamics,
    intensity_distribution,
    lift_table,
)
from dfe_core.tokens.intervals import build_runs, find_runs, iter_recordings, open_runs
from dfe_core.tokens.peak_frames import quantile_examples, strongest_moments, suppress
from dfe_core.tokens.presence import PresenceRule
from dfe_core.tokens.usage import usage

LEVELS = [0.5, 1.0, 2.0]


def write_tokens(
    folder: Path,
    recordings: dict[str, tuple[np.ndarray, np.ndarray]],
    codewords: int,
    fps: float = 10.0,
    row_group: int = 1 << 16,
) -> TokenCache:
    """A token cache of {recording: (tokens (T, N), level indices (T, N))}."""
    folder.mkdir(parents=True)
    stages = next(iter(recordings.values()))[0].shape[1]
    writer = TokenWriter(folder, stages=stages, codewords=codewords, levels=LEVELS, row_group=row_group)
    for name, (tokens, levels) in recordings.items():
        rows = np.arange(len(tokens))
        writer.add(name, frame=rows, time_s=rows / fps, tokens=tokens, levels=levels, error_mm=np.zeros(len(rows)))
    writer.close()
    return TokenCache(folder)


def random_recordings(count: int = 6, frames: int = 300, stages: int = 3, codewords: int = 12, seed: int = 0):
    rng = np.random.default_rng(seed)
    held = {}
    for i in range(count):
        tokens = np.repeat(rng.integers(0, codewords, (frames // 5, stages)), 5, axis=0)
        held[f"r{i}"] = tokens, rng.integers(0, len(LEVELS), tokens.shape)
    return held


def who(recordings, subjects: int = 3) -> pd.DataFrame:
    names = list(recordings)
    return pd.DataFrame(
        {
            "recording": names,
            "subject": [f"s{i % subjects}" for i in range(len(names))],
            "condition": ["calm" if i % subjects < 2 else "stress" for i in range(len(names))],
        }
    )


@pytest.fixture(scope="module")
def cache_of(tmp_path_factory):
    return write_tokens(tmp_path_factory.mktemp("c") / "tokens" / "m--d", random_recordings(), 12, row_group=170)


def one(tokens: list[list[int]], levels: list[list[int]] | None = None, fps: float = 10.0) -> Tokens:
    array = np.array(tokens)
    chosen = np.zeros_like(array) if levels is None else np.array(levels)
    return Tokens(
        recording="r",
        frame=np.arange(len(array)),
        time_s=np.arange(len(array)) / fps,
        tokens=array,
        intensities=np.where(array == 0, 0, np.array(LEVELS)[chosen]),
        error_mm=np.zeros(len(array)),
    )


def test_a_run_is_a_stretch_of_presence_with_its_peak_in_the_plateaus_middle():
    runs = find_runs(one([[0], [3], [3], [3], [3], [3], [0]], [[0], [0], [2], [2], [2], [1], [0]]))
    assert len(runs) == 1
    run = runs.iloc[0]
    assert (run["codeword"], run["start_frame"], run["peak_frame"], run["end_frame"]) == (3, 1, 3, 5)
    assert (run["start_s"], run["end_s"]) == pytest.approx((0.1, 0.6))
    assert (run["peak"], run["mean"], run["frames"]) == pytest.approx((2, 1.5, 5))


def test_intensity_of_a_frame_is_the_sum_over_stages_and_dominance_its_share():
    runs = find_runs(one([[3, 3, 5]], [[1, 2, 0]])).set_index("codeword")
    assert runs.loc[3, "peak"] == pytest.approx(3) and runs.loc[3, "dominance"] == pytest.approx(3 / 3.5)


def test_a_flicker_is_bridged_and_a_longer_absence_is_not():
    assert len(find_runs(one([[3], [0], [3]]))) == 1
    assert len(find_runs(one([[3], [0], [0], [3]]))) == 2
    assert len(find_runs(one([[3], [0], [3]]), rule=PresenceRule(bridge_s=0))) == 2


def test_missing_frames_of_the_source_end_a_run():
    tokens = one([[3], [3], [3], [3]])
    jump = Tokens(
        recording="r",
        frame=np.array([0, 1, 90, 91]),
        time_s=np.array([0, 0.1, 9.0, 9.1]),
        tokens=tokens.tokens,
        intensities=tokens.intensities,
        error_mm=tokens.error_mm,
    )
    assert find_runs(jump)[["start_frame", "end_frame"]].to_numpy().tolist() == [[0, 1], [90, 91]]


def test_recordings_stream_whole_across_row_groups(cache_of):
    streamed = list(iter_recordings(cache_of))
    assert [t.recording for t in streamed] == [f"r{i}" for i in range(6)]
    for part in streamed:
        whole = cache_of.recording(part.recording)
        np.testing.assert_array_equal(part.tokens, whole.tokens)
        np.testing.assert_allclose(part.intensities, whole.intensities)


def test_the_index_agrees_with_sql_over_the_events(cache_of):
    index = build_runs(cache_of)
    frames = cache_of.query(
        "SELECT codeword, count(DISTINCT (recording, frame)) AS n FROM events GROUP BY 1"
    ).set_index("codeword")["n"]
    np.testing.assert_array_equal(np.diag(index.cooccurrence)[1:], frames.reindex(range(1, 12), fill_value=0))
    both = cache_of.query(
        "SELECT count(DISTINCT (a.recording, a.frame)) AS n FROM events a JOIN events b "
        "USING (recording, frame) WHERE a.codeword = 3 AND b.codeword = 7"
    )["n"][0]
    assert index.cooccurrence[3, 7] == index.cooccurrence[7, 3] == both > 0
    assert index.presence.groupby("codeword")["frames"].sum().to_dict() == frames.to_dict()
    assert index.intensities.groupby("codeword")["frames"].sum().to_dict() == frames.to_dict()
    total = cache_of.query("SELECT sum(intensity) AS s FROM events WHERE codeword = 5")["s"][0]
    assert index.presence.query("codeword == 5")["intensity"].sum() == pytest.approx(total)


def test_followed_counts_agree_with_a_loop_over_pairs_of_runs(cache_of):
    index = build_runs(cache_of)
    expected = np.zeros((12, 12), int)
    everything = pd.concat([index.runs(k).assign(codeword=k) for k in range(12)])
    for _, group in everything.groupby("recording"):
        rows = list(zip(group["codeword"], group["start_s"], strict=True))
        for a, start_a in rows:
            for b, start_b in rows:
                expected[a, b] += 0 < start_b - start_a <= 1.0
    np.testing.assert_array_equal(index.followed, expected)


def test_an_index_is_built_once_and_again_when_the_tokens_change(cache_of, tmp_path):
    first = build_runs(cache_of)
    stamp = (first.path / "manifest.json").stat().st_mtime_ns
    assert build_runs(cache_of).path.joinpath("manifest.json").stat().st_mtime_ns == stamp
    other = write_tokens(tmp_path / "tokens" / "m--d", random_recordings(seed=1), 12)
    assert open_runs(other) is None and build_runs(other).path.name != first.path.name


def test_a_codeword_outside_the_codebook_is_refused(cache_of):
    with pytest.raises(DataError, match="0 to 11"):
        build_runs(cache_of).runs(12)


def test_strongest_moments_are_one_an_event_and_spread_over_subjects(cache_of):
    recordings = who(random_recordings())
    moments = strongest_moments(build_runs(cache_of), 4, recordings, limit=6, per_subject=2)
    assert moments["subject"].value_counts().to_dict() == {"s0": 2, "s1": 2, "s2": 2}
    assert moments["peak"].is_monotonic_decreasing
    for _, group in moments.groupby("recording"):
        assert (np.diff(np.sort(group["peak_s"])) >= 1).all()
    best = cache_of.query(
        "SELECT max(s) AS m FROM (SELECT sum(intensity) AS s FROM events WHERE codeword = 4 GROUP BY recording, frame)"
    )["m"][0]
    assert moments["peak"][0] == pytest.approx(best)


def test_moments_of_recordings_that_are_left_out_are_left_out(cache_of):
    recordings = who(random_recordings())
    some = recordings[recordings["subject"] != "s1"]
    moments = strongest_moments(build_runs(cache_of), 4, some, limit=6, per_subject=3)
    assert len(moments) == 6 and set(moments["recording"]) <= set(some["recording"])


def test_the_limit_is_filled_from_one_subject_when_there_is_no_other(cache_of):
    alone = who(random_recordings()).assign(subject="only")
    assert len(strongest_moments(build_runs(cache_of), 4, alone, limit=9, per_subject=2)) == 9


def test_suppression_keeps_the_strongest_and_forgets_its_neighbours():
    runs = pd.DataFrame(
        {
            "recording": "r",
            "start_frame": range(4),
            "peak_s": [0.0, 0.6, 1.2, 5.0],
            "peak": [1.0, 3.0, 2.0, 0.5],
            "mean": 1.0,
            "dominance": 1.0,
        }
    )
    assert suppress(runs, 1.0)["peak_s"].tolist() == [0.6, 5.0]


def test_quantile_bands_hold_equal_parts_in_order_and_repeat_with_the_seed(cache_of):
    index, recordings = build_runs(cache_of), who(random_recordings())
    bands = quantile_examples(index, 4, recordings, bands=4, each=3)
    assert bands["band"].value_counts().to_dict() == {0: 3, 1: 3, 2: 3, 3: 3}
    edges = bands.groupby("band")[["low", "high"]].first()
    assert (edges["low"].to_numpy()[1:] >= edges["high"].to_numpy()[:-1]).all()
    assert ((bands["peak"] >= bands["low"]) & (bands["peak"] <= bands["high"])).all()
    assert bands.groupby("band")["subject"].nunique().tolist() == [3, 3, 3, 3]
    pd.testing.assert_frame_equal(bands, quantile_examples(index, 4, recordings, bands=4, each=3))


def test_dynamics_give_the_median_rise_and_duration(tmp_path):
    tokens = np.zeros((600, 1), int)
    levels = np.zeros_like(tokens)
    for start in (100, 200, 300):
        tokens[start : start + 20] = 2
        levels[start + 8] = 2
    index = build_runs(write_tokens(tmp_path / "tokens" / "m--d", {"r": (tokens, levels)}, 4))
    found = dynamics(index, 2)
    assert found.runs == 3 and found.runs_per_minute == pytest.approx(3)
    assert found.duration_s == pytest.approx((2, 2, 2)) and found.onset_s == pytest.approx((0.8, 0.8, 0.8))
    assert found.share_of_frames == pytest.approx(0.1)
    assert np.isnan(dynamics(index, 3).duration_s).all() and dynamics(index, 3).runs == 0


def planted(tmp_path):
    """Codeword 1 always half a second before 2; 3 in the frames of 2; 4 and 5 at random."""
    rng = np.random.default_rng(0)
    tokens = np.zeros((60000, 3), int)
    for start in range(50, 59900, 100):
        tokens[start : start + 4, 0] = 1
        tokens[start + 5 : start + 10, 0] = 2
        tokens[start + 5 : start + 10, 1] = 3
    tokens[:, 2] = np.repeat(np.where(rng.random(15000) < 0.2, rng.integers(4, 6, 15000), 0), 4)
    return build_runs(write_tokens(tmp_path / "tokens" / "m--d", {"r": (tokens, np.zeros_like(tokens))}, 6))


def test_contexts_find_what_comes_before_and_after(tmp_path):
    index = planted(tmp_path)
    after = contexts(index, 1).query("direction == 'after'").set_index("codeword")
    assert after.index[0] in (2, 3) and after.loc[2, "lift"] > 1.5 and after.loc[2, "count"] == 599
    before = contexts(index, 2).query("direction == 'before'").set_index("codeword")
    assert before.index[0] == 1 and 3 not in before.index
    assert 4 not in after.index or after.loc[4, "lift"] < 1.2


def test_cooccurrence_lift_is_one_for_independent_codewords_and_high_for_joined_ones(tmp_path):
    index = planted(tmp_path)
    table = cooccurring(index, 2).set_index("codeword")
    assert table.index[0] == 3 and table.loc[3, "share"] == 1
    assert table.loc[3, "lift"] == pytest.approx(60000 / (599 * 5)) and table.loc[3, "pmi_bits"] > 4
    assert 0.7 < table.loc[4, "lift"] < 1.3 and 2 not in table.index and 1 not in table.index
    assert np.isnan(lift_table(index)[0]).all() and lift_table(index)[2, 3] == pytest.approx(table.loc[3, "lift"])


def test_intensity_histograms_count_every_frame_once(cache_of):
    index = build_runs(cache_of)
    table = intensity_distribution(index, 5)
    assert table["frames"].sum() == index.cooccurrence[5, 5] and len(table) == 50
    assert len(intensity_distribution(index, 0)) == 0


def test_shares_over_conditions_are_means_over_subjects_with_intervals(cache_of):
    index, recordings = build_runs(cache_of), who(random_recordings())
    table = distribution_over(index, 4, recordings, "condition").set_index("value")
    assert table["subjects"].to_dict() == {"calm": 2, "stress": 1}
    counts = (
        index.presence.query("codeword == 4")
        .set_index("recording")["frames"]
        .reindex(recordings["recording"], fill_value=0)
        .to_numpy()
    )
    by_subject = counts.reshape(2, 3).sum(0) / 600
    assert table.loc["calm", "share"] == pytest.approx(by_subject[:2].mean())
    assert table.loc["calm", "low"] <= table.loc["calm", "share"] <= table.loc["calm", "high"]
    assert np.isnan(table.loc["stress", "low"])
    assert distribution_over(index, 4, recordings, "subject")["share"].tolist() == pytest.approx(by_subject)
    with pytest.raises(DataError, match="no such column"):
        distribution_over(index, 4, recordings, "mood")


def test_the_bootstrap_interval_of_a_mean_covers_at_its_nominal_rate():
    rng = np.random.default_rng(0)
    hits = [
        low <= 0 <= high for low, high in (bootstrap_mean(rng.normal(size=40), rng, resamples=400) for _ in range(200))
    ]
    assert 0.88 <= np.mean(hits) <= 0.99


@pytest.mark.parametrize("limit", [3, 6, 40])
def test_looking_at_the_strongest_runs_first_changes_nothing(cache_of, monkeypatch, limit):
    index, recordings = build_runs(cache_of), who(random_recordings())
    whole = strongest_moments(index, 4, recordings, limit=limit)
    monkeypatch.setattr("dfe_core.tokens.peak_frames._FIRST", 7)
    pd.testing.assert_frame_equal(strongest_moments(index, 4, recordings, limit=limit), whole)


def test_use_counts_frames_in_which_the_face_moves_not_tokens(tmp_path):
    """Codeword 1 moves 2 mm at intensity 1; codeword 2, in every frame, moves 0.05 mm."""
    words = np.zeros((100, 2), int)
    words[10:30, 0], words[50:54, 0], words[:, 1] = 1, 1, 2
    levels = np.zeros_like(words)
    levels[50:54] = 2
    tokens = write_tokens(tmp_path / "tokens" / "m--d", {"r": (words, levels)}, 3)
    (tmp_path / "models" / "m").mkdir(parents=True)
    pd.DataFrame({"codeword": range(3), "peak_mm": [0, 2.0, 0.05]}).to_parquet(
        tmp_path / "models" / "m" / "codewords.parquet"
    )
    index = build_runs(tokens)
    write_counts(tokens, words, levels)
    table = usage(tokens, index).set_index("codeword")
    assert table["uses"].tolist() == [0, 24, 100] and table["presences"].tolist() == [0, 2, 0]
    assert table["share_of_frames"].tolist() == pytest.approx([0, 0.24, 0])
    assert (table.loc[1, "typical_mm"], table.loc[1, "largest_mm"]) == pytest.approx((1.0, 4.0))
    assert np.isnan(table.loc[2, "typical_mm"]) and index.cooccurrence[1, 2] == 0
    assert index.manifest["presence"]["onset_mm"] == 1 and index.manifest["presence"]["measured"] == "mm"


def write_counts(tokens: TokenCache, words: np.ndarray, levels: np.ndarray) -> None:
    """counts.parquet as encoding writes it, of one recording ``r``."""
    stage = np.broadcast_to(np.arange(words.shape[1]), words.shape)
    table = pd.DataFrame(
        {
            "recording": "r",
            "stage": stage.ravel(),
            "codeword": words.ravel(),
            "intensity": tokens.levels[levels].ravel(),
        }
    ).query("codeword != 0")
    table.groupby(["recording", "stage", "codeword"], as_index=False).agg(
        uses=("intensity", "size"), intensity=("intensity", "sum")
    ).to_parquet(tokens.path / "counts.parquet")
