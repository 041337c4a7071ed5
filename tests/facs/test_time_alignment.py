"""Joining AUs to recordings by time, and importing whole batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Frames
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.facs.detections import Detections, Interval
from dfe_core.facs.importing import AuImportOptions, import_aus
from dfe_core.facs.lag import LagState, Offset, cross_correlate, judge_lag
from dfe_core.facs.readers import AuReadOptions
from dfe_core.facs.store import AlignedAus, present
from dfe_core.facs.time_alignment import align
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.simulate.truth import presence

DETECTED = ("AU1", "AU2", "AU4", "AU6", "AU12", "AU15", "AU26", "AU45")


@pytest.fixture(scope="module")
def data(tmp_path_factory, toy_face):
    root = tmp_path_factory.mktemp("align")
    return simulate_dataset("sim", toy_face, subjects=2, minutes_per_subject=2, seed=3, effect="stress", root=root)


def frames_of(seconds, fps, names=ARKIT_NAMES):
    count = int(seconds * fps)
    return Frames(
        recording="r",
        frame=np.arange(count),
        time_s=np.arange(count) / fps,
        valid=np.ones(count, bool),
        psi=np.zeros((count, len(names)), np.float32),
    )


def detected(time_s, value=None, fps=30.0):
    level = (np.asarray(time_s) if value is None else value)[:, None].astype(np.float32)
    return Detections(
        source="f.csv",
        tool="openface",
        version="2",
        estimate=False,
        aus=(("AU1", "both"),),
        emits=("AU1",),
        frame=np.arange(len(time_s)),
        time_s=np.asarray(time_s, float),
        probability=np.full_like(level, np.nan),
        intensity=level,
        fps=fps,
    )


def openface(data, recording, path, *, fps=30.0, shift=0.0, start=0.0, end=1e9, noise=0.15):
    """A detector's file with the truth of a recording, seen at `fps` by a clock that is `shift` seconds ahead."""
    truth, frames = presence(data, recording), data.frames(recording)
    time = np.arange(max(start, 0), min(end, frames.time_s[-1]), 1 / fps)
    rng = np.random.default_rng(0)
    table = {"frame": np.arange(len(time)) + 1, "timestamp": time + shift, "confidence": 0.95, "success": 1}
    for au in DETECTED:
        columns = [i for i, (code, _) in enumerate(truth.actions) if code == au]
        level = np.interp(time, frames.time_s, truth.intensity[:, columns].mean(1))
        table[f"AU{int(au[2:]):02d}_r"] = np.clip(level + rng.normal(0, noise, len(time)), 0, 5)
        table[f"AU{int(au[2:]):02d}_c"] = (level >= 1).astype(int)
    pd.DataFrame(table).to_csv(path, index=False)
    return path


def test_each_frame_takes_the_nearest_detection_within_half_a_frame_of_the_slower_side():
    aligned, account = align(detected(np.arange(0, 4, 1 / 25), fps=25), frames_of(4, 60), ARKIT_NAMES, 60)
    assert np.abs(aligned.intensity[:, 0] - aligned.frame / 60).max() <= 0.5 / 25 + 1e-5
    assert account.tolerance_s == pytest.approx(0.02, abs=1e-4) and account.aligned == len(aligned.frame) > 230


def test_a_gap_in_the_detections_stays_a_gap():
    time = np.concatenate([np.arange(0, 1, 1 / 30), np.arange(2, 3, 1 / 30)])
    aligned, account = align(detected(time), frames_of(3, 30), ARKIT_NAMES, 30)
    inside = (aligned.frame / 30 > 1.02) & (aligned.frame / 30 < 1.98)
    assert not inside.any() and account.aligned == 60


def test_frames_that_were_not_measured_or_not_valid_have_no_row():
    value = np.ones(90)
    value[:30] = np.nan
    frames = frames_of(3, 30)
    frames.valid[60:] = False
    aligned, _ = align(detected(np.arange(90) / 30, value), frames, ARKIT_NAMES, 30)
    assert aligned.frame.tolist() == list(range(30, 60))


def test_a_given_offset_moves_the_clock():
    aligned, account = align(detected(np.arange(90) / 30 + 1.5), frames_of(3, 30), ARKIT_NAMES, 30, offset=1.5)
    assert account.offset_s == 1.5
    assert np.allclose(aligned.intensity[:, 0], aligned.frame / 30 + 1.5, atol=1e-4)


def test_aus_at_other_times_are_refused_with_both_spans():
    with pytest.raises(DataError, match=r"0 of 90 .*100\.0 to 103\.0 s against 0\.0 to 3\.0 s"):
        align(detected(np.arange(90) / 30 + 100), frames_of(3, 30), ARKIT_NAMES, 30)


def test_a_file_of_another_length_is_told_and_used_as_far_as_it_goes():
    _, account = align(detected(np.arange(60) / 30), frames_of(10, 30), ARKIT_NAMES, 30)
    assert account.aligned == 60 and "lengths differ: 2.0 s of AUs, 10.0 s" in account.notes[0]


def test_intervals_cover_every_frame_from_onset_to_offset():
    events = (
        Interval(au="AU12", side="left", onset_s=1.0, apex_s=1.5, offset_s=2.0, intensity=3.0),
        Interval(au="AU4", side="both", onset_s=0.0, apex_s=0.1, offset_s=0.5),
    )
    coding = Detections(
        source="c.csv",
        tool="manual",
        version="",
        estimate=False,
        aus=(("AU12", "left"), ("AU4", "both")),
        emits=("AU12", "AU4"),
        intervals=events,
    )
    aligned, account = align(coding, frames_of(3, 30), ARKIT_NAMES, 30)
    assert account.aligned == 90 and aligned.presence[:, 0].nonzero()[0].tolist() == list(range(30, 61))
    assert aligned.intensity[45, 0] == 3 and aligned.intensity[80, 0] == 0
    assert aligned.presence[5, 1] == 1 and np.isnan(aligned.intensity[5, 1])


def test_frames_without_times_are_refused_with_what_is_missing():
    timeless = replace(detected(np.arange(60) / 30), time_s=None)
    with pytest.raises(DataError, match=r"f\.csv: no AUs frame by frame"):
        align(timeless, frames_of(2, 30), ARKIT_NAMES, 30)


def test_a_folder_is_taken_as_the_tables_in_it(data, tmp_path):
    for recording in ("s01-1", "s02-1"):
        openface(data, recording, tmp_path / f"{recording}.csv")
    (tmp_path / "notes.docx").write_text("not a table")
    report = import_aus([tmp_path], data, "folder")
    assert list(report.alignments) == ["s01-1", "s02-1"] and not report.skipped
    assert str(report).splitlines() == report.lines()


def test_a_coding_of_a_longer_recording_is_told_or_refused():
    late = Detections(
        source="c.csv",
        tool="manual",
        version="",
        estimate=False,
        aus=(("AU12", "both"),),
        emits=("AU12",),
        intervals=(Interval(au="AU12", side="both", onset_s=50.0, apex_s=51.0, offset_s=52.0),),
    )
    with pytest.raises(DataError, match="every event begins after the end"):
        align(late, frames_of(3, 30), ARKIT_NAMES, 30)


@pytest.mark.parametrize("shift", [0.0, 1.234, -2.5])
def test_cross_correlation_finds_the_offset_of_the_clocks(data, tmp_path, shift):
    from dfe_core.facs.readers import read_aus

    (found,) = read_aus(openface(data, "s01-1", tmp_path / "s01-1.csv", fps=25, shift=shift + 5))
    result = cross_correlate(found, data.frames("s01-1"), data.names, 4.0, 5.0)
    assert result.offset_s == pytest.approx(shift + 5, abs=0.04) and result.correlation > 0.5


def test_without_arkit_names_the_offset_is_found_by_how_fast_both_move(data, tmp_path):
    from dfe_core.facs.readers import read_aus

    (found,) = read_aus(openface(data, "s01-1", tmp_path / "s01-1.csv", shift=1.0, noise=0.0))
    result = cross_correlate(found, data.frames("s01-1"), tuple(f"exp{i}" for i in range(52)), 4.0)
    assert result.offset_s == pytest.approx(1.0, abs=0.1)


def test_an_import_brings_back_what_the_detector_saw(data, tmp_path):
    files = [openface(data, r, tmp_path / f"{r}.csv") for r in ("s01-1", "s02-2")]
    report = import_aus(files, data, "of")
    aus = AlignedAus.open("sim", "of", data.path.parent.parent)
    assert aus.recordings == ("s01-1", "s02-2") and report.unmatched == ("s01-2", "s02-1")
    assert aus.tool == "openface" and not aus.estimate and "AU28" in aus.emits and "DISFA+" in aus.manifest["notes"][0]
    truth, got = presence(data, "s02-2"), aus.recording("s02-2")
    left = truth.intensity[got.frame][:, [truth.actions.index(("AU12", s)) for s in ("left", "right")]].mean(1)
    assert np.corrcoef(got.intensity[:, aus.aus.index(("AU12", "both"))], left)[0, 1] > 0.95


def test_a_batch_goes_on_past_its_bad_files_and_says_why(data, tmp_path):
    good = openface(data, "s01-1", tmp_path / "s01-1.csv")
    (tmp_path / "empty.csv").write_text("")
    stranger = openface(data, "s01-2", tmp_path / "nobody.csv")
    double = openface(data, "s01-1", tmp_path / "s01-1_again.csv")
    lost = openface(data, "s02-1", tmp_path / "s02-1.csv", shift=500)
    other = tmp_path / "s02-2.csv"
    pd.DataFrame({"frame_idx": range(9), "frame_time_in_ms": range(0, 360, 40), "au_7": [0, 1, 0] * 3}).to_csv(other)
    files = [tmp_path / "empty.csv", good, stranger, double, lost, other, tmp_path / "gone.csv"]
    report = import_aus(files, data, "batch")
    assert list(report.alignments) == ["s01-1"]
    told = "\n".join(map(str, report.skipped.values()))
    for part in (
        "empty.csv: the file is empty",
        "nobody",
        "has AUs from",
        "only 0 of",
        "one tool a name",
        "no such file",
    ):
        assert part in told
    assert len(report.skipped) == 6 and all("\n" not in line for line in report.lines())


def test_aus_of_another_video_are_told_by_their_movement(data, tmp_path):
    wrong = openface(data, "s02-1", tmp_path / "x.csv")
    report = import_aus([wrong], data, "wrong", AuImportOptions(recordings={"x": "s01-1"}))
    assert "another video" in " ".join(report.lines())
    right = openface(data, "s01-1", tmp_path / "y.csv")
    assert "another video" not in " ".join(
        import_aus([right], data, "right", AuImportOptions(recordings={"y": "s01-1"})).lines()
    )


def test_an_unknown_offset_is_found_during_the_import(data, tmp_path):
    report = import_aus(
        [openface(data, "s01-1", tmp_path / "s01-1.csv", shift=-1.7)], data, "shifted", AuImportOptions(offset="auto")
    )
    assert report.alignments["s01-1"].offset_s == pytest.approx(-1.7, abs=0.04)
    noise = openface(data, "s01-1", tmp_path / "s01-2.csv", noise=0)
    table = pd.read_csv(noise)
    rng = np.random.default_rng(0)
    for name in [c for c in table if c.startswith("AU")]:
        table[name] = rng.permutation(table[name])
    table.to_csv(noise, index=False)
    with pytest.raises(DataError, match="no offset"):
        import_aus([noise], data, "noise", AuImportOptions(offset="auto"))


def test_nothing_imported_at_all_is_an_error_and_leaves_nothing(data, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="nothing could be imported.*bad.csv"):
        import_aus([path], data, "none")
    with pytest.raises(DataError, match="no AUs of this name"):
        AlignedAus.open("sim", "none", data.path.parent.parent)


def test_an_au_that_one_file_lacks_is_not_measured_there(data, tmp_path):
    full, part = (openface(data, r, tmp_path / f"{r}.csv") for r in ("s01-1", "s01-2"))
    pd.read_csv(part).drop(columns=["AU12_r", "AU12_c"]).to_csv(part, index=False)
    import_aus([full, part], data, "mixed")
    aus = AlignedAus.open("sim", "mixed", data.path.parent.parent)
    column = aus.aus.index(("AU12", "both"))
    assert np.isnan(aus.recording("s01-2").presence[:, column]).all()
    assert not np.isnan(aus.recording("s01-1").presence[:, column]).any()
    assert np.isnan(present(aus.recording("s01-2").presence, aus.recording("s01-2").intensity)[:, column]).all()


def test_the_face_of_a_file_with_several_can_be_chosen(data, tmp_path):
    path = openface(data, "s01-1", tmp_path / "s01-1.csv")
    table = pd.read_csv(path)
    pd.concat([table.assign(face_id=0), table.iloc[:600].assign(face_id=1, AU12_r=4.5)]).to_csv(path, index=False)
    most, one = (import_aus([path], data, f"face{f}", AuImportOptions(face=f)) for f in (None, "1"))
    assert most.alignments["s01-1"].aligned > 1500 and one.alignments["s01-1"].aligned <= 600
    assert any("2 faces: face 0 taken" in line for line in most.lines())
    with pytest.raises(DataError, match="no face 7"):
        import_aus([path], data, "face7", AuImportOptions(face="7"))


def test_a_coding_in_frames_needs_the_rate_and_then_imports(data, tmp_path):
    path = tmp_path / "coding.csv"
    path.write_text("recording,au,onset_frame,offset_frame\ns01-1,12C,30,60\ns02-1,4,0,15\n")
    report = import_aus([path], data, "coded", AuImportOptions(read=AuReadOptions(fps=30)))
    assert set(report.alignments) == {"s01-1", "s02-1"} and report.aus.tool == "manual"
    frames = report.aus.recording("s01-1")
    column = report.aus.aus.index(("AU12", "both"))
    assert frames.frame[frames.presence[:, column] == 1].tolist() == list(range(30, 61))
    assert np.isnan(report.aus.recording("s02-1").presence[:, column]).all()


def test_a_lag_is_applied_or_refused_in_words_and_never_silently(data, tmp_path):
    late = openface(data, "s01-1", tmp_path / "s01-1.csv", shift=0.4)
    applied = import_aus([late], data, "late").alignments["s01-1"]
    assert applied.lag == "applied" and applied.offset_s == pytest.approx(0.4, abs=0.04)
    given = import_aus([late], data, "given", AuImportOptions(offset=0.0))
    refused = given.alignments["s01-1"]
    assert refused.lag == "refused" and refused.offset_s == 0 and refused.lag_s == pytest.approx(0.4, abs=0.04)
    assert any("refused in 1 (median 0.40 s)" in line for line in given.lines())
    in_time = import_aus([openface(data, "s01-1", tmp_path / "s01-1.csv")], data, "in_time").alignments["s01-1"]
    assert in_time.lag == "in time" and in_time.offset_s == 0 and not in_time.notes
    assert AlignedAus.open("sim", "late", data.path.parent.parent).manifest["alignment"][0]["lag"] == "applied"


def test_a_better_fit_by_a_hair_is_no_reason_to_move_the_clock():
    assert judge_lag(Offset(-2.9, 0.27, 0.21), None, 0.1) == (LagState.REFUSED, 0.0)
    assert judge_lag(Offset(-2.9, 0.47, 0.21), None, 0.1) == (LagState.APPLIED, -2.9)
    assert judge_lag(Offset(0.1, 0.8, 0.2), None, 0.1) == (LagState.IN_TIME, 0.0)
    assert judge_lag(Offset(0.5, 0.1, 0.0), None, 0.1) == (LagState.NOT_MEASURABLE, 0.0)
    assert judge_lag(Offset(5.4, 0.8, 0.2), 5.0, 0.1) == (LagState.REFUSED, 5.0)


def test_folders_of_aus_are_searched_as_those_of_recordings(data, tmp_path):
    """Before, the command took every file at any depth, and the function those of the folder itself alone."""
    from dfe_core.expressions.sources import find_files

    folder, outside = tmp_path / "aus", tmp_path / "outside.csv"
    (folder / "deep").mkdir(parents=True)
    openface(data, "s01-1", folder / "deep" / "s01-1.csv")
    openface(data, "s02-1", outside)
    (folder / ".hidden.csv").write_text("x")
    (folder / "notes.docx").write_text("no table")
    (folder / "s02-1.csv").symlink_to(outside)
    report = import_aus([folder, folder / "deep" / "s01-1.csv", tmp_path / "gone.csv"], data, "nested")
    assert list(report.alignments) == ["s01-1"]
    assert {Path(where).name: error.found for where, error in report.skipped.items()} == {
        "s02-1.csv": "a link out of its folder",
        "gone.csv": "no such file",
    }
    files, unread = find_files([folder])
    assert [path.name for path in files] == ["s01-1.csv"] and [path.name for path, _ in unread] == ["s02-1.csv"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no files to read in this folder; expected .csv, .tsv, .txt, .eaf"):
        import_aus([tmp_path / "empty"], data, "empty")
