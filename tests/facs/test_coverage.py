"""Coverage against FACS on a case whose answers are known: every planted action has its codeword."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs import coverage as module
from dfe_core.facs.aggregates import aggregates_of, open_coverage_inputs
from dfe_core.facs.agreement import agreement_examples, agreement_moments
from dfe_core.facs.association import associate
from dfe_core.facs.coverage import analyse_coverage
from dfe_core.facs.coverage_result import Coverage
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.status import Reason
from dfe_core.facs.store import AlignedAus
from dfe_core.reports.coverage_text import unmeasured
from dfe_core.simulate.repertoire import CHANNELS
from dfe_core.simulate.truth import presence
from dfe_core.tokens.cache import TokenCache

SETTINGS = CoverageSettings(resamples=100)


@pytest.fixture(scope="module")
def less(planted, planted_module) -> Coverage:
    """Against a tool that cannot emit some of the AUs."""
    dataset, few = Dataset.open(planted.dataset, planted.root), ("AU2", "AU12", "AU18", "AU26", "AD30")
    planted_module.write_aus(dataset, planted.root, "few", without=few)
    return analyse_coverage(planted.model, planted.dataset, "few", root=planted.root, settings=SETTINGS)


@pytest.fixture(scope="module")
def aggregates(planted):
    inputs = open_coverage_inputs(planted.model, planted.dataset, planted.aus, planted.root)
    return aggregates_of(inputs, settings=SETTINGS, root=planted.root)


def _row(table: pd.DataFrame, au: str, side: str) -> pd.Series:
    return table[(table["au"] == au) & (table["side"] == side)].iloc[0]


def test_a_planted_au_is_found_by_its_own_codeword(found, planted) -> None:
    for au, side in (("AU2", "left"), ("AU14", "left"), ("AU61", "both"), ("AU45", "both")):
        row = _row(found.per_au, au, side)
        assert row["best_codeword"] == planted.codeword[au, side]
        assert row["auroc"] > 0.95 and row["low"] <= row["auroc"] <= row["high"]
        assert row["q"] < 0.05 and row["status"] == "covered" and row["template_cosine"] > 0.95


def test_an_au_split_over_two_codewords_is_covered_by_the_set(found, planted) -> None:
    row = _row(found.per_au, "AU26", "both")
    assert {planted.codeword["AU26", "both"], planted.twin} <= set(row["sparse_codewords"])
    assert row["sparse_auroc"] > row["auroc"] + 0.1
    split = _row(found.splits, "AU26", "both")
    assert set(split["top"]) == {planted.codeword["AU26", "both"], planted.twin}
    assert 1.5 < split["effective_codewords"] <= 2


def test_planted_actions_outside_facs_are_listed_as_new(found, planted) -> None:
    expected = {planted.codeword[pair] for pair in CHANNELS if pair[0] in ("mouthSideways", "upperLipShrug")}
    assert set(found.new_codewords["codeword"]) == expected
    assert found.new_codewords["frames"].is_monotonic_decreasing
    assert (found.codewords["name"].str.len() > 3).all() and found.codewords["name"][0] == "Rest: nothing moves"
    assert set(found.new_moments["codeword"]) == expected


def test_new_codewords_come_with_moments_in_which_the_action_happens(found, planted) -> None:
    truth = Dataset.open(planted.dataset, planted.root).truth
    action = {planted.codeword[p]: p[0] for p in CHANNELS}
    for moment in found.new_moments.itertuples():
        events = truth[(truth["recording"] == moment.recording) & (truth["action"] == action[moment.codeword])]
        assert ((events["onset_s"] <= moment.peak_s) & (events["offset_s"] >= moment.peak_s)).any()


def test_codewords_that_are_the_same_face_are_redundant(found, planted) -> None:
    pairs = set(zip(found.redundancy["first"], found.redundancy["second"], strict=True))
    assert (planted.codeword["AU26", "both"], planted.twin) in pairs


def test_the_truth_is_scored(found) -> None:
    truth = found.to_json()["truth"]
    assert truth["in_facs_found"] > 0.9 and truth["outside_facs_found"] == 1
    judged = found.truth[found.truth["covered"].notna()]
    assert set(judged["found"].unique()) <= {True, False} and len(judged) < len(found.truth)


def test_json_is_that_of_the_contract(found) -> None:
    content = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert set(content) == {
        "aus",
        "estimate",
        "subjects",
        "frames",
        "per_au",
        "covered_aus",
        "beyond_facs_variance",
        "facs_only_variance",
        "new_codewords",
        "redundant_pairs",
        "truth",
    }
    assert set(content["per_au"][0]) == {
        "au",
        "side",
        "prevalence",
        "best_codeword",
        "auroc",
        "ci95",
        "q",
        "sparse3_auroc",
        "all_auroc",
        "template_cosine",
        "signal",
        "status",
    }
    assert content["subjects"] == 6 and 0 < content["beyond_facs_variance"] < 1


def test_aus_moved_away_from_the_tokens_are_associated_with_nothing(planted, planted_module) -> None:
    dataset = Dataset.open(planted.dataset, planted.root)
    planted_module.write_aus(dataset, planted.root, "moved", shift_s=5.0)
    inputs = open_coverage_inputs(planted.model, planted.dataset, "moved", planted.root)
    aggregates = aggregates_of(inputs, settings=SETTINGS, root=planted.root)
    result = associate(aggregates, None, SETTINGS)
    p = result.p[:, : aggregates.aus][result.enough[:, : aggregates.aus]]
    assert len(p) > 1000 and 0.03 < (p < 0.05).mean() < 0.07
    assert np.nanmin(result.q) > 0.05


def test_counts_are_those_of_the_frames(aggregates, planted) -> None:
    dataset = Dataset.open(planted.dataset, planted.root)
    tokens = TokenCache.open(planted.model, planted.dataset, planted.root)
    k, c = planted.codeword["AU4", "left"], aggregates.columns.index(("AU4", "left"))
    said, shown = [], []
    for frames in dataset.iter_frames():
        part = tokens.recording(frames.recording)
        said.append((part.tokens == k).any(1))
        shown.append(presence(dataset, frames.recording).presence[:, CHANNELS.index(("AU4", "left"))][frames.valid])
    said, shown = np.concatenate(said), np.concatenate(shown)
    result = associate(aggregates)
    assert result.uses[k, c] == said.sum() and result.present[c] == shown.sum()
    assert result.together[k, c] == (said & shown).sum()
    assert result.phi[k, c] == pytest.approx(np.corrcoef(said, shown)[0, 1])
    assert result.lift[k, c] == pytest.approx((said & shown).mean() / (said.mean() * shown.mean()))


def test_filters_count_the_chosen_frames_only(aggregates) -> None:
    where = aggregates.where(subjects=["s01", "s02"])
    assert 0 < where.sum() < len(where)
    part, rest, whole = associate(aggregates, where), associate(aggregates, ~where), associate(aggregates)
    np.testing.assert_allclose(part.together + rest.together, whole.together)
    name = aggregates.conditions[0]
    value = aggregates.groups[name].iloc[0]
    assert set(aggregates.groups.loc[aggregates.where(**{name: [value]}), name]) == {value}
    with pytest.raises(DataError, match="not a condition"):
        aggregates.where(weather=["rain"])


def test_too_little_data_gives_no_number(found) -> None:
    rare = found.per_au[found.per_au["status"] == "not enough data"]
    assert len(rare) and rare[["auroc", "sparse_auroc", "low", "covered"]].isna().all(axis=None)
    listed = found.to_json()["per_au"][rare.index[0]]
    assert listed["au"] == rare["au"].iloc[0] and listed["auroc"] is None and listed["ci95"] == [None, None]
    assert listed["status"].startswith("not enough data (n = ")


def test_an_au_that_the_tool_cannot_emit_is_not_measured(less, planted) -> None:
    assert "AU2" not in set(less.per_au["au"]) and "AU12" not in set(less.per_au["au"])
    why = less.not_measured.set_index("au")["reason"]
    assert why["AU2"] == why["AU12"] == Reason.NOT_EMITTED
    assert "(perfect cannot emit it)" in unmeasured(less)
    left_out = {planted.codeword["AU2", "left"], planted.codeword["AU12", "right"]}
    assert not set(less.new_codewords["codeword"]) & left_out


def test_an_au_that_only_the_absence_of_a_codeword_says_is_not_covered(planted, planted_module) -> None:
    dataset = Dataset.open(planted.dataset, planted.root)
    planted_module.write_absence(dataset, planted.root, "absence", ("AU26", "both"))
    result = analyse_coverage(planted.model, planted.dataset, "absence", root=planted.root, settings=SETTINGS)
    absent, shown = _row(result.per_au, "AU9", "both"), _row(result.per_au, "AU12", "both")
    assert absent["status"] == "not covered" and shown["status"] == "covered"
    assert absent["all_auroc"] > 0.9 and planted.codeword["AU26", "both"] not in absent["sparse_codewords"]


def test_what_the_aus_leave_out_is_beyond_facs(found, less) -> None:
    assert less.share("beyond FACS")[0] > found.share("beyond FACS")[0] + 0.02
    shares = found.variance.set_index("part")["share"]
    assert shares["AUs"] + shares["beyond FACS"] == pytest.approx(shares["AUs and tokens"])
    assert shares["tokens"] + shares["FACS only"] == pytest.approx(shares["AUs and tokens"])


def test_symmetry_is_told_per_subject(found, planted) -> None:
    by_subject = found.symmetry_by_subject
    np.testing.assert_allclose(by_subject[["still", "symmetric", "left", "right"]].sum(axis=1), 1)
    np.testing.assert_allclose(by_subject[["token_symmetric", "token_left", "token_right"]].sum(axis=1), 1)
    assert by_subject["balance"].between(-1, 1).all() and len(by_subject) == found.subjects


def test_deformation_has_every_condition_with_its_interval(found, planted) -> None:
    table = found.deformation
    assert set(table["condition"]) == {"all", "condition", "group"}  # arousal is continuous
    known = table[table["subjects"] >= 3]
    assert (known["mean_low"] <= known["mean_mm"]).all() and (known["mean_mm"] <= known["mean_high"]).all()
    assert (known["peak_mm"] >= known["mean_mm"]).all()
    whole = table[table["condition"] == "condition"].groupby("region")["frames"].sum()
    assert (whole == found.frames).all()


def test_the_face_map_is_the_root_mean_square_of_the_frames(found, planted) -> None:
    dataset = Dataset.open(planted.dataset, planted.root)
    moved = planted.face.displacement(dataset.psi()) * 1e3
    expected = np.sqrt((moved.astype(np.float64) ** 2).sum(2).mean(0))
    np.testing.assert_allclose(found.vertex_mm[found.vertex_levels.index(("all", "all"))], expected, rtol=1e-3)


def test_more_frames_find_more_displays(found) -> None:
    for _, curve in found.rarefaction.groupby("of"):
        assert curve["displays"].is_monotonic_increasing
    total = found.diversity.set_index(["of", "measure"])["value"]
    last = found.rarefaction.groupby("of")["displays"].last()
    assert total["tokens", "distinct displays"] == pytest.approx(last["tokens"])


def test_the_same_inputs_give_the_same_tables_and_are_read_back(found, planted, monkeypatch) -> None:
    monkeypatch.setattr(module, "_analyse", lambda *_: pytest.fail("worked out twice"))
    again = analyse_coverage(planted.model, planted.dataset, planted.aus, root=planted.root, settings=SETTINGS)
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name], check_dtype=False)
    assert again.to_json() == found.to_json()


def test_a_second_run_from_nothing_gives_the_same_numbers(found, planted) -> None:
    other = replace(SETTINGS, resamples=101)
    fresh = analyse_coverage(planted.model, planted.dataset, planted.aus, root=planted.root, settings=other)
    pd.testing.assert_series_equal(fresh.per_au["auroc"], found.per_au["auroc"])
    pd.testing.assert_series_equal(fresh.pairs["q"], found.pairs["q"])


def test_moments_of_agreement_are_what_they_say(planted) -> None:
    tokens = TokenCache.open(planted.model, planted.dataset, planted.root)
    aus = AlignedAus.open(planted.dataset, planted.aus, planted.root)
    k = planted.codeword["AU4", "left"]
    moments = agreement_moments(tokens, aus, k, "AU4", "left")
    assert "both" in set(moments["kind"]) and (moments.groupby("kind")["strength"].count() <= 5).all()
    for row in moments.itertuples():
        part, au = tokens.recording(row.recording), aus.recording(row.recording)
        said = k in part.tokens[part.frame == row.peak_frame]
        shown = au.presence[au.frame == row.peak_frame, aus.aus.index(("AU4", "left"))][0] == 1
        kind = {(True, True): "both", (True, False): "codeword only", (False, True): "AU only"}[said, shown]
        assert kind == row.kind
    with pytest.raises(DataError, match="was not measured"):
        agreement_moments(tokens, aus, k, "AU23", "both")


def test_strongest_moments_hold_the_codeword(planted) -> None:
    tokens = TokenCache.open(planted.model, planted.dataset, planted.root)
    table = agreement_examples(tokens, [2, 7], 2)
    assert table.groupby("codeword")["recording"].nunique().tolist() == [2, 2]
    for row in table.itertuples():
        part = tokens.recording(row.recording)
        assert row.codeword in part.tokens[part.frame == row.peak_frame]


def test_aus_of_another_version_of_the_dataset_are_refused(planted, planted_module, tmp_path) -> None:
    root = tmp_path / "cache"
    case = planted_module.build(root, planted.face, subjects=2, minutes=0.2)
    manifest = AlignedAus.open(case.dataset, case.aus, root).path / "manifest.json"
    manifest.write_text(manifest.read_text().replace(Dataset.open(case.dataset, root).key, "0" * 16))
    manifest.with_name("checksums.json").unlink(missing_ok=True)
    with pytest.raises(DataError, match="another version"):
        analyse_coverage(case.model, case.dataset, case.aus, root=root)


def test_one_subject_is_not_enough_for_held_out_figures(planted, planted_module, tmp_path) -> None:
    case = planted_module.build(tmp_path / "cache", planted.face, subjects=1, minutes=0.3)
    result = analyse_coverage(case.model, case.dataset, case.aus, root=case.root, settings=SETTINGS)
    assert result.per_au["auroc"].isna().all() and result.variance["share"].isna().all()
    assert result.per_au["status"].isin(["not enough data", "not measured"]).all()
    content = result.to_json()
    assert content["covered_aus"] is None and content["beyond_facs_variance"] is None


def test_nothing_is_new_where_nothing_could_match(planted, planted_module, tmp_path, monkeypatch) -> None:
    case = planted_module.build(tmp_path / "cache", planted.face, subjects=2, minutes=0.3)
    monkeypatch.setattr(module, "find_templates", lambda *_: None)
    result = analyse_coverage(case.model, case.dataset, case.aus, root=case.root, settings=SETTINGS)
    assert not result.codewords["judged"].any() and result.to_json()["new_codewords"] == []
    assert result.per_au["template_cosine"].isna().all()


def test_pairs_carry_the_cosine_of_the_faces(found, planted) -> None:
    own = found.pairs[(found.pairs["au"] == "AU4") & (found.pairs["side"] == "left")].set_index("codeword")
    assert own["template_cosine"][planted.codeword["AU4", "left"]] == pytest.approx(1, abs=1e-4)
    assert own["template_cosine"].drop(planted.codeword["AU4", "left"]).max() < 0.99
