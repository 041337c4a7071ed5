"""Inputs after public bug reports (``$DFE_SHARED/data/cases``), and a small synthetic twin of each that always runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.facs.readers import AuReadOptions as AuOptions
from dfe_core.facs.readers import read_aus
from tests.captures import performance, write


@pytest.fixture
def cases(shared: Path) -> Path:
    folder = shared / "data" / "cases"
    if not folder.is_dir():
        pytest.skip("no cases in the shared data")
    return folder


def read(path: Path, fps: float | None = None) -> list:
    return find_reader(path)[0].read(path, ReadOptions(fps=fps))


def notes(found) -> str:
    return " ".join(found.notes)


def test_audio2face_is_read_at_its_own_rate_and_its_tongue_is_passed_over(cases: Path):
    folder = cases / "13_a2f_json_facsNames"
    (short,), (long,) = read(folder / "a2f_export_bsweight_52.json"), read(folder / "a2f_export_bsweight_68.json")
    assert short.fps == long.fps == 60 and np.allclose(short.psi, long.psi, atol=2e-4)
    assert "16 names" in notes(long)
    with pytest.raises(DataError, match="--fps"):
        read(folder / "a2f_without_exportFps.json")


def test_rounded_times_give_one_rate_to_landmarks_and_aus(cases: Path):
    path = cases / "15_ravdess_openface_layout" / "01-01-03-01-01-01-01.csv"
    (points,), (aus,) = read(path), read_aus(path)
    assert points.fps == aus.fps == 29.97 and points.valid.sum() == 100


def test_broken_cells_cost_their_frames_and_not_the_file(cases: Path):
    path = cases / "20_openface_nan_ind" / "bad_video.csv"
    (points,), (aus,) = read(path), read_aus(path)
    assert np.flatnonzero(~points.valid).tolist() == [60, 61, 62, 63, 64, 65, 101]
    twelve = aus.aus.index(("AU12", "both"))
    assert np.isnan(aus.intensity[60:66]).all() and np.isnan(aus.intensity[100, twelve])
    assert np.isfinite(aus.intensity[100, :twelve]).any() and np.isnan(aus.probability[60:66, twelve]).all()


def test_a_webcam_has_one_gap(cases: Path):
    (found,) = read(cases / "23_openface_uneven_times" / "webcam.csv")
    assert 22 < found.fps < 24 and "1 gap " in notes(found) and len(found.psi) == 900


def test_two_faces_are_followed_by_place_and_ghosts_left_out_by_both_importers(cases: Path):
    folder = cases / "26_pyfeat_faces_change_places"
    for faces in (
        read(folder / "video_call_two_faces.csv", 30),
        read_aus(folder / "video_call_two_faces.csv", AuOptions(fps=30)),
    ):
        assert [len(f.time_s) for f in faces] == [300, 300]
    left, right = read(folder / "video_call_two_faces.csv", 30)
    assert np.abs(np.diff(left.psi[:, 0])).max() < 50 and right.psi[:, 0].min() > left.psi[:, 0].max()
    assert [f.name for f in (left, right)] == ["video_call_two_faces-face0", "video_call_two_faces-face1"]
    for (one,) in (
        read(folder / "one_face_ghost_detections.csv", 30),
        read_aus(folder / "one_face_ghost_detections.csv", AuOptions(fps=30)),
    ):
        assert len(one.time_s) == 300 and "18 false detections" in notes(one)


def test_lost_decimal_points_are_named_and_decimal_commas_read(cases: Path):
    folder = cases / "27_excel_ate_the_decimals"
    for reads in (read, read_aus):
        with pytest.raises(DataError, match="decimal points are lost"):
            reads(folder / "subj01_opened_in_german_excel.csv")
        (fine,) = reads(folder / "subj01_decimal_comma_ok.csv")
        assert fine.fps == 30 and len(fine.time_s) == 200


def test_the_jaw_is_the_same_in_four_spellings(cases: Path):
    jaws = [read(p, 30)[0].psi[:, -3] for p in sorted((cases / "28_flame_pose_12_and_15").glob("*.[nj]*"))]
    assert len(jaws) == 4 and all(np.allclose(jaw, jaws[0], atol=1e-3) for jaw in jaws)
    assert jaws[0].max() == pytest.approx(0.25, abs=0.01)


def test_coefficients_that_a_tool_does_not_see_are_told(cases: Path):
    (found,) = read(cases / "30_mediapipe_dead_coefficients" / "mediapipe_scores.csv")
    assert "coefficients never exceed" in notes(found) and "MediaPipe hardly sees" in notes(found)


def test_elan_offsets_fractions_and_empty_slots(cases: Path):
    folder = cases / "32_elan_offset_and_empty_slots"
    plain, late, half, slot, names = (
        read_aus(folder / f"c_r_disagree_{n}.eaf")[0]
        for n in ("no_offset", "origin_1000", "float_times", "empty_slot", "tier_names")
    )
    assert [i.onset_s + 1 for i in plain.intervals] == pytest.approx([i.onset_s for i in late.intervals])
    assert "offset of 1 s" in notes(late) and half.intervals[0].onset_s % 0.001 == pytest.approx(0.0005)
    assert ("AU1", "both") in slot.aus and "evenly between" in notes(slot)
    assert ("AU12", "left") in names.aus and ("AU6", "both") in names.aus


def test_arrays_without_names_are_refused_for_that_reason(cases: Path):
    folder = cases / "33_bare_arrays_51_52_61"
    for path in folder.glob("*.npy"):
        with pytest.raises(DataError, match="without names"):
            read(path, 30)
    (emage,) = read(folder / "emage_output.npz")
    assert "jaw never moves" in notes(emage)


def test_the_headset_is_read_as_coefficients_and_as_aus_with_sides(cases: Path):
    path = cases / "16_headset_expressions" / "quest_pro_face.csv"
    (face,), (aus,) = read(path), read_aus(path)
    assert face.fps == pytest.approx(72, rel=5e-3) and face.extractor == "quest-pro"
    assert {("AU12", "left"), ("AU12", "right"), ("AU1", "left")} <= set(aus.aus) and len(aus.time_s) == 360
    column = face.names.index("mouthSmileLeft")
    assert np.allclose(face.psi[:, column], aus.probability[:, aus.aus.index(("AU12", "left"))], atol=1e-6)


# ---- twins


def test_a_loop_a_still_and_doubled_frames_are_told(tmp_path: Path):
    from tests.captures import table

    psi = performance(50)
    for name, rows, said in (
        ("loop", np.tile(psi, (4, 1)), "copies of one loop"),
        ("still", np.repeat(psi[:1], 80, 0), "Nothing moves"),
        ("double", np.repeat(psi, 2, 0), "copies of the one before"),
    ):
        (found,) = read(write(tmp_path / f"{name}.csv", table(rows)))
        assert said in notes(found), found.notes


def test_audio2faces_older_names_are_mapped(tmp_path: Path):
    names = [n for n in ARKIT_NAMES if not n.startswith(("eyeBlink", "mouthSmile"))]
    names += ["eyesCloseL", "eyesCloseR", "lipCornerPullerL", "lipCornerPullerR"]
    content = {"exportFps": 30, "facsNames": names, "weightMat": [[i / 99] * len(names) for i in range(20)]}
    (found,) = read(write(tmp_path / "a.json", json.dumps(content)))
    assert found.psi[3, found.names.index("mouthSmileLeft")] == pytest.approx(3 / 99)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.mov", b"\0\0\0\x14ftypqt  " + bytes(900), "dfe extract"),
        ("a.csv", b"0.1,0.2,0.3\n0.2,0.3,0.4\n", "numbers without names"),
    ],
)
def test_what_is_no_recording_is_named_with_the_way_to_one(tmp_path: Path, name: str, content: bytes, said: str):
    with pytest.raises(DataError, match=said):
        read(write(tmp_path / name, content))


def test_landmarks_learn_a_face_where_none_is_named(tmp_path: Path):
    from dfe_core.expressions.import_job import ImportOptions, start_job
    from dfe_core.progress import silent
    from tests.captures import table

    def face_of(folder: Path) -> str:
        job = start_job("points", ImportOptions(face="auto"), None, tmp_path, silent)
        job.find_files([folder])
        return job.options.face

    points = np.random.default_rng(0).random((20, 10))
    names = tuple(f"{axis}_{i}" for i in range(5) for axis in "xy")
    write(tmp_path / "points" / "a.csv", table(points, names=names))
    write(tmp_path / "mixed" / "a.csv", table(points, names=names))
    write(tmp_path / "mixed" / "b.csv", table(performance(20)))
    assert face_of(tmp_path / "points") == "learn" and face_of(tmp_path / "mixed") == "anny"


def test_openface_as_parquet_and_librefaces_points_are_landmarks(tmp_path: Path):
    import pandas as pd

    from tests.captures import table

    rng = np.random.default_rng(1)
    columns = {f"{axis}_{i}": rng.random(30) for axis in "XYZ" for i in range(68)}
    beside = {"frame": range(30), "timestamp": np.arange(30) / 30, "confidence": 0.9, "success": 1}
    frame = pd.DataFrame(beside | columns)
    frame.to_parquet(tmp_path / "a.parquet")
    (found,) = read(tmp_path / "a.parquet")
    assert found.fps == 30 and np.allclose(found.psi[:, 1], columns["Y_0"]) and found.extractor == "openface"
    libre = tuple(f"lm_mp_{i}_{axis}" for i in range(478) for axis in "xyz")
    (found,) = read(
        write(
            tmp_path / "b.csv",
            table(rng.random((20, 478 * 3)), names=libre, time="frame_time_in_ms", times=np.arange(20) * 40),
        )
    )
    assert found.fps == 25 and len(found.names) == 478 * 3


def test_named_participants_in_one_table_are_recordings_of_their_own(tmp_path: Path):
    from tests.captures import table

    lines = table(performance(40)).splitlines()
    rows = [f"{who},{line}" for who in ("P01", "P02") for line in lines[1:]]
    found = read(write(tmp_path / "all.csv", "\n".join([f"participant,{lines[0]}", *rows]) + "\n"))
    assert [f.subject for f in found] == ["P01", "P02"] and [len(f.psi) for f in found] == [40, 40]


def test_a_table_of_labels_by_id_joins_names_that_differ_by_a_prefix(tmp_path: Path):
    from dfe_core.expressions.labels import read_labels

    labels = read_labels(write(tmp_path / "people.csv", "ID,Framing\nP107,Team\nP103,Solo\nP999,Team\n"))
    assert labels.of("take1", "PP107") == {"Framing": "Team"} and labels.of("take2", "P103") == {"Framing": "Solo"}
    assert labels.of("take3", "C103") == {"Framing": None}
    said = " ".join(labels.unused())
    assert all(word in said for word in ("column ID is taken as the subject", "PP107 with P107", "P999", "C103"))


def test_pyfeats_blendshapes_are_a_tool_of_their_own(tmp_path: Path):
    from tests.captures import table

    psi = np.hstack([np.full((40, 2), 0.99), performance(40)])
    names = ("FaceScore", "_neutral", *ARKIT_NAMES)
    (found,) = read(write(tmp_path / "a.csv", table(psi, names=names, time="frame", times=np.arange(40) * 5)), 30)
    assert found.extractor == "py-feat" and found.fps == 6


def test_a_folder_of_videos_names_the_way_to_recordings(tmp_path: Path):
    from dfe_core.expressions.sources import find_files

    write(tmp_path / "videos" / "a.mov", b"\0" * 40)
    assert "dfe extract" in str(find_files([tmp_path / "videos"])[1][0][1])
