"""Labels that only say how somebody was recorded: none of it may pass for expression without a word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.probes.checks import duration_tells
from dfe_core.probes.features.spans import make_spans
from dfe_core.probes.limits import Finding
from dfe_core.probes.run import run_probe
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.validation import make_folds
from dfe_core.tokens.cache import Tokens
from dfe_core.tokens.common_rate import common_rate, thinned_tokens
from tests.conftest import make_toy_face
from tests.probe_world import ideal_psi, write_counts
from tests.small_world import write_model, write_tokens

FPS, SECONDS, PEOPLE = 10.0, 60, 30
FEW = {"repeats": 1, "resamples": 100, "permutations": 99, "swaps": 99, "inner_folds": 2}


@pytest.fixture(scope="module")
def face():
    return make_toy_face(ARKIT_NAMES)


def cut_world(
    root,
    face,
    seconds: np.ndarray,
    label: list[str],
    offset: np.ndarray | None = None,
    seed: int = 0,
    session: list[str] | None = None,
    copies: int = 0,
    extras: list[dict[str, np.ndarray]] | None = None,
):
    """One recording a person: codewords in bouts of half a second to two, the same habits for all, cut to `seconds`.
    The last `copies` people are the first ones again, their start cut off."""
    codebook = write_model(root, face, ideal_psi(face), stages=3)
    rng = np.random.default_rng(seed)
    held = {}
    with open_writer("d", face.names, root) as writer:
        for i, length in enumerate(seconds):
            frames = int(length * FPS)
            words = np.zeros((frames, 3), int)
            for stage in range(3):
                at = 0
                while at < frames:
                    stop = at + int(rng.integers(5, 20))
                    words[at:stop, stage] = rng.integers(1, codebook.size) if rng.random() < 0.4 else 0
                    at = stop
            if i >= len(seconds) - copies:
                words = held[f"r{i - copies}"][0][-frames:]
            levels = np.ones_like(words)
            psi = codebook.decode(words, np.asarray(codebook.levels)[levels])
            psi[:, :20] += 0 if offset is None else offset[i]
            held[f"r{i}"] = words, levels
            writer.add(
                Recording(
                    name=f"r{i}",
                    names=face.names,
                    psi=psi.astype(np.float32),
                    time_s=np.arange(frames) / FPS,
                    frame=np.arange(frames),
                    valid=np.ones(frames, bool),
                    fps=FPS,
                    space="arkit",
                    extractor="test",
                    subject=f"s{i}",
                    session=session[i] if session else "",
                    extras=extras[i] if extras else {},
                ),
                {"trap": label[i]},
            )
        writer.close({"name": "d", "face": face.id, "simulated": False})
    from dfe_core.expressions.dataset import Dataset

    tokens = write_tokens(root, codebook, Dataset.open("d", root), held)
    write_counts(tokens, held)


def probe(root, **changes):
    settings = {"features": ("bow-intensity", "bow", "psi")} | FEW | changes
    return run_probe(ProbeSettings(model="m", dataset="d", label="trap", **settings), root)


@pytest.fixture(scope="module")
def lengths(face, tmp_path_factory):
    root = tmp_path_factory.mktemp("lengths")
    long = np.random.default_rng(1).permutation(np.arange(PEOPLE) % 2 == 1)
    cut_world(root, face, np.where(long, 100, 20), ["long" if x else "short" for x in long])
    return root


def scores_of(result) -> dict[str, float]:
    return {row["features"]: row["score"] for row in result.to_json()["rows"]}


def test_length_is_read_from_whole_recordings_and_not_from_matched_windows(lengths):
    whole, matched = probe(lengths, lengths="as-recorded", features=("bow-intensity",)), probe(lengths)
    assert scores_of(whole)["bow-intensity"] > 0.9
    assert all(row["p_holm"] > 0.05 for row in matched.to_json()["rows"]), scores_of(matched)
    assert matched.to_json()["windows"] == {"seconds": 20, "per_unit": 1, "equal": True}


@pytest.mark.parametrize(("group", "tells"), [("subject", True), ("time", False)])
def test_a_duration_without_a_permutation_test_tells_nothing(group, tells):
    """Blocks of one performer's time cannot be exchanged, so there is no p-value to compare with alpha."""
    n = 40
    y = np.arange(n) % 2
    settings = ProbeSettings(model="m", dataset="d", label="trap", group=group, models=("linear",), **FEW)
    target = Target(
        task="classify",
        unit="recording",
        units=np.arange(n).astype(str),
        groups=np.arange(n).astype(str),
        y=y,
        classes=("short", "long"),
        member=np.arange(n),
        table=pd.DataFrame({"unit": np.arange(n), "duration_s": np.where(y, 100.0, 20.0)}),
    )
    permuted = np.stack([np.random.default_rng(i).permutation(y) for i in range(99)])
    assert duration_tells(target, make_folds(target, settings), permuted, settings) is tells


def test_length_is_named_in_headline_json_and_what_is_left_is_given(lengths):
    found = probe(lengths).to_json()
    check = next(c for c in found["confound_checks"] if c["column"] == "duration_s")
    assert check["state"] == Finding.PREDICTIVE and check["score"] == pytest.approx(1) and check["p_holm"] <= 0.05
    assert set(check["without"]) == {"bow-intensity", "bow", "psi"}
    assert all(left["p"] > 0.05 for left in check["without"].values())
    assert "CAUTION: duration alone predicts trap" in found["summary"]


def test_a_session_offset_is_named_as_session_and_as_resting_face(face, tmp_path):
    second = np.random.default_rng(2).permutation(np.arange(PEOPLE) % 2 == 1)
    cut_world(
        tmp_path,
        face,
        np.full(PEOPLE, 40),
        ["b" if x else "a" for x in second],
        0.3 * second,
        session=["2" if x else "1" for x in second],
    )
    result = probe(tmp_path, features=("psi", "bow"))
    found = result.to_json()
    telling = {c["column"] for c in found["confound_checks"] if c["state"] == Finding.PREDICTIVE}
    assert telling == {"session", "resting face"} and scores_of(result)["psi"] > 0.9
    assert "the resting face alone predicts trap" in found["summary"]
    session = next(c for c in found["confound_checks"] if c["column"] == "session")
    assert session["without"]["psi"]["score"] < 0.65


def test_where_all_are_recorded_alike_nothing_is_claimed(face, tmp_path):
    cut_world(tmp_path, face, np.full(PEOPLE, 20), ["ab"[i % 2] for i in range(PEOPLE)])
    found = probe(tmp_path, features=("bow",)).to_json()
    states = {c["column"]: c["state"] for c in found["confound_checks"]}
    assert states["duration_s"] == states["fps"] == states["missing"] == "constant"
    assert "CAUTION" not in found["summary"]


def test_how_somebody_was_recorded_may_be_asked_for_by_name(lengths):
    found = probe(lengths, features=("bow",), confounds=("duration_s",), regress_out=("duration_s",)).to_json()
    rows = {row["kind"]: row for row in found["confounds"]}
    assert rows["predicted"]["metric"] == "UAR" and rows["regressed out"]["without"] < 0.6


def test_regressing_out_what_determines_the_group_is_refused(lengths):
    with pytest.raises(DataError, match="determines the subject") as refusal:
        probe(lengths, features=("bow",), regress_out=("subject",))
    assert "such as session" in refusal.value.expected


def test_windows_have_one_length_and_cover_every_recording():
    recordings = pd.DataFrame({"recording": list("abc"), "duration_s": [20.0, 100.0, 47.0]})
    spans = make_spans(
        type("D", (), {"recordings": recordings, "name": "d"})(), ProbeSettings(model="m", dataset="d", label="x")
    )
    assert spans.groupby("recording").size().to_dict() == {"a": 1, "b": 5, "c": 3}
    inner = spans[np.isfinite(spans["start_s"])]
    np.testing.assert_allclose(inner["end_s"] - inner["start_s"], 20)
    assert inner.groupby("recording")["end_s"].max().to_dict() == {"b": 100, "c": 47}


def test_frame_rates_are_brought_to_the_lowest():
    fast = Tokens(
        recording="r",
        frame=np.arange(300),
        time_s=np.arange(300) / 30,
        tokens=np.arange(300)[:, None],
        intensities=np.ones((300, 1)),
        error_mm=np.zeros(300),
    )
    slow = thinned_tokens(fast, common_rate(pd.DataFrame({"fps": [30.0, 15.0]})))
    np.testing.assert_allclose(np.diff(slow.time_s), 1 / 15)
    assert len(slow.frame) == 150 and common_rate(pd.DataFrame({"fps": [30.0, 29.5]})) is None
    gap = replace(fast, time_s=fast.time_s + 5 * (fast.frame >= 150))
    assert thinned_tokens(gap, 15.0).time_s.max() == pytest.approx(gap.time_s.max(), abs=0.05)
    assert not np.any((thinned_tokens(gap, 15.0).time_s > 5.1) & (thinned_tokens(gap, 15.0).time_s < 9.9))


def test_people_under_two_names_stay_on_one_side_of_every_fold(face, tmp_path, monkeypatch):
    """Twenty people, each recorded once and there again with half a second less: a random label is not told."""
    label = list(np.random.default_rng(5).permutation([f"{'ab'[i % 2]}" for i in range(20)])) * 2
    cut_world(tmp_path, face, np.r_[np.full(20, 40.0), np.full(20, 39.5)], label, copies=20)
    found = probe(tmp_path, features=("psi", "bow")).to_json()
    assert len(found["duplicates"]) == 20 and found["groups"] == 20 and found["subjects"] == 40
    assert {(d["first"], d["second"]) for d in found["duplicates"]} == {(f"r{i}", f"r{i + 20}") for i in range(20)}
    assert all(row["p_holm"] > 0.05 for row in found["rows"])
    assert any("one person" in warning for warning in found["warnings"])
    monkeypatch.setattr("dfe_core.probes.run.find_duplicates", lambda *_: ())
    assert scores_of(probe(tmp_path, features=("psi",), seed=1))["psi"] > 0.9


@pytest.fixture(scope="module")
def nodding(face, tmp_path_factory):
    """Half of the people turn their heads twice as fast; what their faces do is the same."""
    root = tmp_path_factory.mktemp("nodding")
    rng = np.random.default_rng(5)
    fast = rng.permutation(np.arange(PEOPLE) % 2 == 1)
    time = np.arange(20 * int(FPS)) / FPS
    speed = np.where(fast, 12.0, 6.0) + rng.normal(0, 1, PEOPLE)
    yaw = [np.radians(s) * np.abs((time % 4) - 2) for s in speed]
    extras = [
        {name: (y if name == "HeadYaw" else 0 * y).astype(np.float32) for name in ("HeadPitch", "HeadYaw", "HeadRoll")}
        for y in yaw
    ]
    cut_world(root, face, np.full(PEOPLE, 20), ["fast" if x else "slow" for x in fast], extras=extras)
    return root


def test_head_movement_that_predicts_the_label_alone_is_said(nodding):
    result = probe(nodding, features=("bow", "pose", "other"))
    found = result.to_json()
    checks = {check["column"]: check for check in found["confound_checks"]}
    assert checks["head_movement"]["state"] is Finding.PREDICTIVE and checks["head_movement"]["score"] > 0.9
    assert set(checks["head_movement"]["matches"]) >= {"bow"}, "tokens do not do better than the head alone"
    assert checks["speech_share"]["state"] is not Finding.PREDICTIVE and "confidence" not in checks
    assert "head movement alone predicts trap" in result.headline
    scores = scores_of(result)
    assert scores["pose"] > 0.9 and scores["other"] > 0.8 > scores["bow"]


def test_a_channel_that_a_dataset_lacks_is_no_feature_row(nodding):
    with pytest.raises(DataError, match="no confidence"):
        probe(nodding, features=("confidence",))
