"""Syllables of planted displays: what is found, how it is coded, what is kept and written."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dfe_core.artefact import Artefact
from dfe_core.errors import DataError
from dfe_core.groups.syllable_use import count_syllable_use
from dfe_core.probes.features.material import CodebookTokens, Sources, syllable_onsets
from dfe_core.syllables.explain import POINTS, apex_distances
from dfe_core.syllables.fitting import choose_duration, fit_syllables, hold_out
from dfe_core.syllables.model import bigram_table, counted_changes, log_emission
from dfe_core.syllables.store import SyllableSettings, list_syllables, open_syllables, require_syllables
from dfe_core.syllables.symbols import EDGES_MM, LEVELS, level_changes, token_stretches
from dfe_core.tokens.cache import Tokens
from dfe_core.workspace.graph import ArtefactGraph
from dfe_core.workspace.study import Study
from tests.syllables.conftest import SETTINGS, WORDS


def _display_of(found) -> dict[int, int]:
    """Syllable to the planted display, by the codewords of its apex."""
    words = found.codewords[(found.codewords["phase"] == "apex") & (found.codewords["share"] > 0.5)]
    held = {kind: set(own["codeword"]) for kind, own in words.groupby("syllable")}
    return {kind: display for kind, own in held.items() for display, pair in WORDS.items() if set(pair) <= own}


def test_planted_displays_are_found_with_their_edges(planted, found):
    display = {0: 0, **_display_of(found)}
    assert sorted(display) == [0, 1, 2] and len(set(display.values())) == 3
    for recording, own in found.segments.groupby("recording"):
        shown = np.repeat(own["syllable"].map(display).to_numpy(), own["frames"].to_numpy())
        real = planted.shown[str(recording)]
        assert (shown == real).mean() >= 0.9
        onsets = np.flatnonzero((real[1:] > 0) & (real[:-1] == 0)) + 1
        starts = own.loc[own["syllable"] > 0, "start_frame"].to_numpy()
        assert len(starts) == len(onsets) and np.abs(starts - onsets).max() <= 1


def test_segments_fill_every_stretch_and_phases_are_in_order(found):
    for _, own in found.segments.groupby("recording"):
        assert (own["start_frame"].to_numpy()[1:] == own["end_frame"].to_numpy()[:-1] + 1).all()
        assert own["end_s"].to_numpy()[:-1] == pytest.approx(own["start_s"].to_numpy()[1:])
    times = found.segments[["start_s", "apex_s", "release_s", "end_s"]].to_numpy()
    assert (np.diff(times, axis=1) >= 0).all()


def test_codewords_come_on_at_the_onset_and_are_strongest_at_the_apex(found):
    one = found.codewords[found.codewords["syllable"] == 1].pivot(index="codeword", columns="phase", values="mean_mm")
    strongest = one["apex"].idxmax()
    assert strongest in WORDS[_display_of(found)[1]]
    assert one.loc[strongest, "apex"] > 1.3 * max(one.loc[strongest, ["onset", "offset"]])


def test_a_moving_face_rises_to_the_apex_and_falls(planted, found):
    assert found.faces.shape == (3, POINTS, planted.world.face.coefficients)
    size = np.abs(found.faces[1]).sum(1)
    middle = size[POINTS // 3 : 2 * POINTS // 3].mean()
    assert middle > 1.5 * size[0] and middle > 1.5 * size[-1]


def test_no_syllable_follows_itself_and_every_transition_is_counted(found):
    segments = found.segments
    pairs = [
        (int(a), int(b))
        for _, own in segments.groupby("recording")
        for a, b in zip(own["syllable"][:-1], own["syllable"][1:], strict=True)
    ]
    assert found.transitions.sum() == sum(a != b for a, b in pairs) and not np.diag(found.transitions).any()
    first = found.followers().iloc[0]
    assert first["count"] == found.transitions.max()


def test_moments_are_the_nearest_to_the_mean_and_from_several_recordings(found):
    moments = found.moments(1, limit=6)
    assert moments["distance_mm"].is_monotonic_increasing
    assert moments["recording"].value_counts().max() <= 2
    with pytest.raises(DataError, match="syllable 9"):
        found.moments(9)


def test_the_same_frames_give_the_same_model(inputs):
    stretches = inputs.drawn(10_000, 0)
    models = [fit_syllables(stretches, inputs.shapes, count=2, duration_s=1.5, steps=2) for _ in range(2)]
    assert np.array_equal(models[0].tables, models[1].tables)
    assert np.array_equal(models[0].chain.transition, models[1].chain.transition)


def test_held_out_people_take_fewer_bits_than_by_bigrams(inputs):
    stretches = inputs.drawn(10_000, 0)
    fitted, held_out = hold_out(stretches, inputs.subjects(), 0)
    assert not {s.recording for s in fitted} & {s.recording for s in held_out}
    owner = inputs.subjects()
    assert not {owner[s.recording] for s in fitted} & {owner[s.recording] for s in held_out}
    counts = sum(counted_changes(np.ones((len(s), 1)), level_changes(s.levels)) for s in fitted)
    tables = bigram_table(counts)
    bigrams = -sum(log_emission(tables, level_changes(s.levels)).sum() for s in held_out) / np.log(2)
    bits, frames = fit_syllables(fitted, inputs.shapes, count=2, duration_s=1.5, steps=3).bits(held_out)
    assert frames == sum(len(s) - 1 for s in held_out)
    assert bits < 0.9 * bigrams


def test_the_duration_of_the_planted_displays_is_chosen(inputs):
    stretches = inputs.drawn(10_000, 0)
    duration, tried = choose_duration(stretches, inputs.shapes, inputs.subjects(), count=2)
    assert duration in (1.0, 2.0)  # they last 1.5 s
    assert min(tried, key=lambda one: one.bits_per_frame).duration_s == duration
    with pytest.raises(DataError, match="--duration"):
        choose_duration(stretches[:1], inputs.shapes, inputs.subjects(), count=2)


def test_syllables_are_kept_and_made_again_for_other_settings(inputs, found):
    assert open_syllables(inputs.tokens, SETTINGS).path == found.path
    assert open_syllables(inputs.tokens, replace(SETTINGS, seed=1)) is None
    assert require_syllables(inputs.tokens).path == found.path
    assert [one.path for one in list_syllables(inputs.tokens)] == [found.path]
    model = found.model()
    table = model.path(inputs.drawn(10_000, 0)[0].levels)[0]
    assert model.syllables == found.count == 3 and table.max() <= 6


def test_they_go_with_the_tokens_they_were_found_in(planted, found):
    graph = ArtefactGraph.of(planted.world.root)
    users = graph.dependants(Artefact(planted.world.dataset.path))
    assert found.path in [user.path for user in users]
    assert next(user for user in users if user.path == found.path).made_at_need


def test_lost_frames_end_a_stretch():
    rows = np.r_[0:10, 14:20, 30]
    tokens = Tokens(
        recording="r",
        frame=rows,
        time_s=rows / 10,
        tokens=np.ones((17, 1), np.uint16),
        intensities=np.full((17, 1), 0.5, np.float32),
        error_mm=np.zeros(17),
    )
    found = token_stretches(tokens, np.array([0.0, np.nan]))
    assert [(s.frame[0], len(s)) for s in found] == [(0, 10), (14, 6)]
    assert (found[0].amounts_mm[:, 1] == 2.5).all() and (found[0].levels[:, 1] == 2).all()


def test_level_changes_by_hand():
    levels = np.array([[0, 2], [1, 2], [1, 0]], np.uint8)
    changes = level_changes(levels).toarray().reshape(3, 2, LEVELS, LEVELS)
    assert not changes[0].any() and changes.sum() == 4
    assert changes[1, 0, 0, 1] == changes[1, 1, 2, 2] == changes[2, 0, 1, 1] == changes[2, 1, 2, 0] == 1
    counts = counted_changes(np.ones((3, 1)), level_changes(np.zeros((3, 2), np.uint8)))
    assert (counts[0, :, 0, 0] == 2).all() and counts.sum() == 4
    assert len(EDGES_MM) + 1 == LEVELS


def test_distances_of_apexes_are_from_the_mean_of_the_own_syllable():
    apexes = np.array([[1.0, 0], [3, 0], [0, 5]])
    assert apex_distances(np.array([0, 0, 2]), apexes, np.eye(2)) == pytest.approx([1, 1, 0])


def test_use_of_syllables_by_hand():
    segments = pd.DataFrame(
        {
            "syllable": [0, 1, 0, 1],
            "recording": ["a", "a", "a", "b"],
            "start_s": [0.0, 2, 3, 0],
            "end_s": [2.0, 3, 6, 4],
            "frames": [20, 10, 30, 40],
        }
    )
    sums = count_syllable_use(segments, 2, ["b", "a", "c"])
    measures = sums.measures()
    assert measures["rate"][:2, 1] == pytest.approx([15, 10]) and measures["share"][1, 1] == pytest.approx(1 / 6)
    assert measures["duration"][:2, 1].tolist() == [4, 1] and np.isnan(measures["rate"][2]).all()


def test_nothing_moves_and_wrong_settings_are_refused(inputs):
    still = [replace(s, amounts_mm=np.zeros_like(s.amounts_mm)) for s in inputs.drawn(10_000, 0)]
    with pytest.raises(DataError, match="no display"):
        fit_syllables(still, inputs.shapes, count=2, duration_s=1.0)
    for wrong in ({"count": 0}, {"duration_s": 0.01}, {"frames": 3}):
        with pytest.raises(DataError):
            SyllableSettings(**wrong)


def test_the_command_prints_a_table_and_writes_segments(planted, found, monkeypatch, tmp_path, capsys):
    from train.cli import main

    monkeypatch.setenv("DFE_CACHE", str(planted.world.root))
    monkeypatch.setattr(Study, "_encoded", lambda self: planted.world.tokens)
    monkeypatch.setattr(Study, "face", planted.world.face)
    out, facts = tmp_path / "segments.csv", tmp_path / "syllables.json"
    command = ["syllables", "m", "d", "--count", "2", "--duration", "1.5", "--progress", "none"]
    assert main([*command, "--out", str(out), "--json", str(facts)]) == 0
    printed = capsys.readouterr().out
    assert "share of time" in printed and "segments.csv" in printed
    table, written = pd.read_csv(out), json.loads(facts.read_text())
    assert list(table.columns) == list(found.segments.columns) and len(written["rows"]) == 3
    assert main([*command, "--out", str(tmp_path / "x.doc")]) == 1


def test_groups_and_probes_take_syllables(planted, found, monkeypatch, tmp_path):
    monkeypatch.setattr(Study, "_encoded", lambda self: planted.world.tokens)
    study = Study(planted.world.codebook, planted.world.dataset)
    compared = study.compare_syllables("condition", permutations=99, resamples=100)
    assert set(compared.table["syllable"]) == {1, 2}
    assert set(compared.table["measure"]) == {"rate", "share", "duration"}
    sources = Sources(
        dataset=study.dataset,
        spans=pd.DataFrame({"recording": ["r0", "r1"], "start_s": -np.inf, "end_s": [np.inf, 10.0], "span": [0, 1]}),
        folder=tmp_path,
        encoded=CodebookTokens(codebook=study.codebook, tokens=planted.world.tokens),
    )
    counts = syllable_onsets(sources)
    own = found.segments[(found.segments["recording"] == "r1") & (found.segments["start_s"] < 10)]
    assert counts["onsets"][1].tolist() == [int((own["syllable"] == k).sum()) for k in (1, 2)]
    assert counts["observed"] == pytest.approx([30.0, 10.0])
