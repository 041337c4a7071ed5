"""Importing files and folders into a dataset."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.coefficient_import import CoefficientImport
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.import_job import ImportJob
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.labels import Labels
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.sources import find_files
from dfe_core.faces import save_face
from dfe_core.faces.arkit import ARKIT_NAMES
from tests.captures import beat_json, live_link, performance, table, write


@pytest.fixture
def root(tmp_path: Path, toy_face) -> Path:
    """A cache that holds the toy face alone."""
    save_face(toy_face, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    """Two subjects, two sessions each, in a folder each."""
    folder = tmp_path / "captures"
    for subject in ("s01", "s02"):
        for session in (1, 2):
            psi = performance(60, seed=int(subject[1:]) * 10 + session)
            write(folder / subject / f"{subject}_take{session}.csv", live_link(psi, counts=np.arange(60) * 2.0))
    return folder


def _import(sources, root: Path, **options):
    report = import_dataset(
        sources if isinstance(sources, list) else [sources],
        "d",
        ImportOptions(**{"face": "toy-1", **options}),
        root=root,
    )
    return report, Dataset.open("d", root)


def test_a_folder_becomes_a_dataset_in_the_faces_coefficients(root: Path, captures: Path, toy_face):
    report, dataset = _import(captures, root)
    assert (
        [name for name, _, _ in report.imported]
        == dataset.recordings["recording"].tolist()
        == ["s01_take1", "s01_take2", "s02_take1", "s02_take2"]
    )
    assert dataset.names == toy_face.names and dataset.face_id == "toy-1" and not dataset.simulated
    np.testing.assert_allclose(dataset.frames("s02_take1").psi, performance(60, seed=21), atol=1e-6)
    assert not report.skipped and "4 recordings, 240 frames" in str(report)


def test_the_manifest_tells_where_every_frame_is_from_and_no_folder(root: Path, captures: Path):
    write(captures / "empty.csv", "")
    _, dataset = _import(captures, root)
    sources = dataset.manifest["sources"]
    assert [s["file"] for s in sources] == ["s01_take1.csv", "s01_take2.csv", "s02_take1.csv", "s02_take2.csv"]
    assert all(len(s["sha256"]) == 64 and s["reader"] == "live-link-face" for s in sources)
    assert dataset.manifest["dropped"][0]["file"] == "empty.csv"
    assert str(captures) not in json.dumps(dataset.manifest)


def test_subject_and_session_come_from_the_files_name(root: Path, captures: Path):
    _, dataset = _import(captures, root, subject_pattern=r"(?P<subject>s\d+)_take(?P<session>\d)")
    assert dataset.recordings[["subject", "session"]].values.tolist() == [
        ["s01", "1"],
        ["s01", "2"],
        ["s02", "1"],
        ["s02", "2"],
    ]


def test_without_a_pattern_each_recording_is_a_subject_of_its_own(root: Path, captures: Path):
    _, dataset = _import(captures, root)
    assert (dataset.recordings["subject"] == dataset.recordings["recording"]).all()


def test_a_name_that_the_pattern_does_not_fit_is_told(root: Path, captures: Path):
    write(captures / "other.csv", live_link(performance(30, seed=5)))
    report, dataset = _import(captures, root, subject_pattern=r"(s\d+)_")
    assert any("other.csv" in note for note in report.notes)
    assert dataset.recordings["subject"].tolist()[0] == "other"


@pytest.mark.parametrize("pattern", ["(s", "s\\d+", "()", "(q*)", "()(s\\d+)", "(?P<subject>)(?P<session>s)"])
def test_a_pattern_that_is_none_is_refused(root: Path, captures: Path, pattern: str):
    with pytest.raises(DataError, match="--subject-pattern"):
        _import(captures, root, subject_pattern=pattern)


def test_equal_names_take_their_folders(root: Path, tmp_path: Path):
    for i, folder in enumerate(("a", "b")):
        write(tmp_path / "in" / folder / "take.csv", live_link(performance(30, seed=i)))
    _, dataset = _import(tmp_path / "in", root)
    assert dataset.recordings["recording"].tolist() == ["a-take", "b-take"]


def test_the_same_content_twice_is_imported_once(root: Path, tmp_path: Path):
    text = live_link(performance(30))
    report, dataset = _import(
        [write(tmp_path / "a.csv", text), write(tmp_path / "b.csv", text), tmp_path / "a.csv"], root
    )
    assert dataset.recordings["recording"].tolist() == ["a"]
    assert len(report.skipped) == 1 and "same content" in str(report.skipped[0][1])


def test_labels_join_by_recording_and_keep_their_types(root: Path, captures: Path, tmp_path: Path):
    labels = write(
        tmp_path / "labels.csv",
        "recording,subject,stress,condition,code\ns01_take1.csv,A,3,calm,007\n"
        "s01_take2,A,4.5,tense,008\ns02_take1,B,,,009\nnobody,C,1,x,010\n",
    )
    report, dataset = _import(captures, root, labels=labels)
    rows = dataset.recordings.set_index("recording")
    assert dataset.labels == ("stress", "condition", "code")
    assert rows["subject"].tolist() == ["A", "A", "B", "s02_take2"]
    assert rows["stress"].tolist()[:2] == [3, 4.5] and rows["stress"].isna().tolist() == [False, False, True, True]
    assert rows["condition"].tolist()[:2] == ["calm", "tense"] and rows["code"].tolist()[0] == "007"
    assert any("1 rows of labels.csv match no recording: nobody" in note for note in report.notes)


def test_labels_join_by_subject(root: Path, captures: Path, tmp_path: Path):
    labels = write(tmp_path / "labels.csv", "subject;age\ns01;31\ns02;45\n")
    _, dataset = _import(captures, root, labels=labels, subject_pattern=r"(s\d+)_")
    assert dataset.recordings["age"].tolist() == [31, 31, 45, 45]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not readable"),
        ("name,age\na,1\n", "recording or subject"),
        ("recording,a\n", "no rows"),
        ("recording,a\nx,1\nx,2\n", "a second time"),
        ("recording,fps\nx,1\n", "datasets use themselves"),
        ("recording,a\n,1\n", "no recording"),
        (b"recording,a\n\xff\xfe,1\n", "UTF-8"),
        ("recording,a\nx,1,2,3\ny,1\n", "labels.csv"),
    ],
)
def test_tables_that_are_no_labels_are_refused(root: Path, captures: Path, tmp_path: Path, text, message: str):
    with pytest.raises(DataError, match=message):
        _import(captures, root, labels=write(tmp_path / "labels.csv", text))


def test_good_files_are_imported_and_bad_ones_named(root: Path, captures: Path):
    write(captures / "s03" / "bad.csv", "Timecode,Blend\n1,2\n")
    write(captures / "s03" / "binary.csv", bytes(range(256)) * 10)
    write(captures / "s03" / "notes.md", "not a recording")
    write(captures / ".hidden.csv", "x")
    report, dataset = _import([captures, captures / "missing.csv"], root)
    assert len(dataset.recordings) == 4
    assert sorted(path.name for path, _ in report.skipped) == ["bad.csv", "binary.csv", "missing.csv"]
    for path, error in report.skipped:
        assert error.where == str(path) and "\n" not in str(error) and str(error) in str(report)


def test_nothing_imported_is_an_error_that_names_each_file(root: Path, tmp_path: Path):
    files = [write(tmp_path / "a.csv", ""), write(tmp_path / "b.json", "{")]
    with pytest.raises(DataError) as error:
        _import(files, root)
    assert "a.csv: an empty file" in str(error.value) and "b.json" in str(error.value)
    assert not (root / "datasets" / "d").exists() and not list((root / "datasets").glob(".*"))


def test_one_bad_file_alone_is_its_own_error(root: Path, tmp_path: Path):
    with pytest.raises(DataError) as error:
        _import(write(tmp_path / "a.csv", ""), root)
    assert str(error.value) == f"{tmp_path / 'a.csv'}: an empty file; expected face-capture data"


def test_an_existing_dataset_is_left_alone(root: Path, captures: Path):
    _, before = _import(captures / "s01", root)
    with pytest.raises(DataError, match="dfe rm d"):
        _import(captures, root)
    assert Dataset.open("d", root).key == before.key


def test_all_are_resampled_only_when_a_rate_is_asked_for(root: Path, tmp_path: Path):
    psi = np.linspace(0, 1, 120)[:, None] * np.ones(52)
    files = [write(tmp_path / "a.csv", live_link(psi)), write(tmp_path / "b.csv", table(psi, fps=30))]
    _, dataset = _import(files, root, fps=30)
    assert dataset.recordings["fps"].tolist() == [30, 30] and dataset.recordings["frames"].tolist() == [60, 120]
    frames = dataset.frames("a")
    np.testing.assert_allclose(frames.psi[:, 0], frames.time_s * 60 / 1.001 / 119, atol=1e-4)
    np.testing.assert_allclose(dataset.frames("b").psi, psi, atol=1e-4)
    assert any("Resampled" in note for note in dataset.manifest["sources"][0]["notes"])
    assert not any("Resampled" in note for note in dataset.manifest["sources"][1]["notes"])


def test_long_gaps_stay_gaps_when_resampled(root: Path, tmp_path: Path):
    counts = np.concatenate([np.arange(60.0), np.arange(90.0, 150.0)])
    _, dataset = _import(write(tmp_path / "a.csv", live_link(performance(120), counts=counts)), root, fps=30)
    frames = dataset.frames("a")
    lost = frames.time_s[~frames.valid]
    assert len(frames.psi) == 75 and lost.min() > 59 / 60 and lost.max() < 1.5 and len(lost) in (14, 15)


@pytest.mark.parametrize("fps", [0.0, -1.0, 1e4, float("nan")])
def test_rates_that_are_none_are_refused(root: Path, captures: Path, fps: float):
    with pytest.raises(DataError, match="--fps"):
        _import(captures, root, fps=fps)


def test_flame_data_need_no_mesh_and_say_so(root: Path, tmp_path: Path):
    np.savez(tmp_path / "a.npz", exp=np.random.default_rng(0).normal(size=(40, 50)), pose=np.zeros((40, 6)))
    report, dataset = _import(tmp_path / "a.npz", root, face="anny", fps=25)
    assert dataset.face_id == "flame-50+jaw" and len(dataset.names) == 53
    assert any("--face flame:PATH" in note for note in report.notes)


def test_flame_and_arkit_are_not_mixed_in_either_order(root: Path, tmp_path: Path, anny):
    save_face(anny, root)
    np.savez(tmp_path / "a.npz", exp=np.zeros((40, 50)), pose=np.zeros((40, 6)))
    write(tmp_path / "b.csv", live_link(performance(40)))
    for order in (("a.npz", "b.csv"), ("b.csv", "a.npz")):
        with pytest.raises(DataError) as error:
            _import([tmp_path / name for name in order], root, face="anny", fps=30)
        assert "a.npz" in str(error.value) and "b.csv" in str(error.value)
        assert not (root / "datasets" / "d").exists()


def test_two_extractors_of_flame_are_not_mixed(root: Path, tmp_path: Path):
    np.savez(tmp_path / "a.npz", exp=np.zeros((40, 50)), pose=np.zeros((40, 6)))
    np.savez(tmp_path / "b.npz", expcode=np.ones((40, 50)), posecode=np.zeros((40, 6)))
    with pytest.raises(DataError, match=r"emoca.*a\.npz by deca"):
        _import([tmp_path / "a.npz", tmp_path / "b.npz"], root, face="anny", fps=25)


def test_mixed_extractors_are_brought_to_one_range_when_asked_for(root: Path, tmp_path: Path):
    rng = np.random.default_rng(0)
    exp, pose = rng.normal(size=(2, 40, 50)), rng.normal(size=(40, 6)) * 0.1
    np.savez(tmp_path / "a.npz", exp=exp[0], pose=pose)
    np.savez(tmp_path / "b.npz", expcode=exp[1] * 2.5, posecode=pose)
    report, dataset = _import([tmp_path / "a.npz", tmp_path / "b.npz"], root, face="anny", fps=25, mix_extractors=True)
    size = {name: np.sqrt((dataset.psi([name])[:, :50] ** 2).mean()) for name in "ab"}
    assert size["b"] == pytest.approx(size["a"], rel=1e-5)
    np.testing.assert_allclose(dataset.psi(["a"])[:, :50], exp[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(dataset.psi(["b"])[:, 50:], pose[:, 3:], rtol=1e-6, atol=1e-6)
    factor = dataset.manifest["settings"]["extractor_scales"]["emoca"]
    assert factor == pytest.approx(0.4, rel=0.1) and any(f"emoca times {factor:.4g}" in note for note in report.notes)
    assert set(dataset.recordings["extractor"]) == {"deca", "emoca"}


def test_the_extractor_that_files_do_not_tell_is_taken_from_the_user(root: Path, tmp_path: Path):
    np.savez(tmp_path / "a.npz", exp=np.ones((40, 50)), pose=np.zeros((40, 6)))
    assert _import(tmp_path / "a.npz", root, face="anny", fps=25, extractor="spectre")[1].recordings[
        "extractor"
    ].tolist() == ["spectre"]


def test_a_take_in_several_forms_is_read_once(root: Path, tmp_path: Path):
    folder = tmp_path / "20260101_MySlate_8"
    for seed, form in enumerate(("_cal", "_raw", "_neutral", "")):
        write(folder / f"MySlate_8_iPhone{form}.csv", live_link(performance(40, seed=seed)))
    write(folder / "MySlate_9_iPhone_raw.csv", live_link(performance(40, seed=9)))
    write(folder / "frame_log.csv", "type,index,time\nV,0,1.0\n")
    (folder / "MySlate_8_iPhone.mov").write_bytes(b"not read")
    report, dataset = _import(folder, root)
    assert set(dataset.recordings["recording"]) == {"MySlate_8_iPhone", "MySlate_8_iPhone_cal", "MySlate_9_iPhone_raw"}
    told = {path.name: str(error) for path, error in report.skipped}
    assert set(told) == {"MySlate_8_iPhone_raw.csv", "MySlate_8_iPhone_neutral.csv", "frame_log.csv"}
    assert "another form of the take MySlate_8_iPhone_cal.csv" in told["MySlate_8_iPhone_raw.csv"]
    report = import_dataset([folder / "MySlate_8_iPhone_raw.csv"], "raw", ImportOptions(face="toy-1"), root=root)
    assert len(report.imported) == 1


@pytest.fixture
def arkit_files(tmp_path: Path) -> dict[str, Path]:
    """One performance each of a phone app, of another, of MediaPipe, and of a tool that the file does not name."""
    packets = "".join(
        f"{i / 30:.4f},"
        + "".join(f"{name}-{100 * value:.0f}|" for name, value in zip(ARKIT_NAMES, row, strict=True))
        + "=head#1,2,3,0,0,0|\n"
        for i, row in enumerate(performance(40, seed=1))
    )
    scores = table(performance(40, seed=2), names=("_neutral", *ARKIT_NAMES[:-1]), time="timestamp_ms", scale=1000)
    return {
        "phone": write(tmp_path / "a.csv", live_link(performance(40))),
        "packets": write(tmp_path / "b.txt", packets),
        "mediapipe": write(tmp_path / "c.csv", scores),
        "unnamed": write(tmp_path / "d.json", beat_json(performance(40, seed=3))),
    }


@pytest.mark.parametrize("order", [("phone", "mediapipe"), ("mediapipe", "unnamed", "packets")])
def test_arkit_data_of_two_extractors_are_refused_unless_asked_for(root: Path, arkit_files, order):
    files = [arkit_files[name] for name in order]
    with pytest.raises(DataError, match="--mix-extractors") as error:
        _import(files, root)
    assert "mediapipe" in str(error.value) and "Apple's ARKit" in str(error.value)
    assert not (root / "datasets" / "d").exists()
    report, dataset = _import(files, root, mix_extractors=True)
    assert len(dataset.recordings) == len(order)
    assert any("several tools, taken as they are" in note for note in report.notes)
    for name, path in zip(dataset.recordings["recording"], files, strict=True):
        alone = import_dataset([path], f"alone-{name}", ImportOptions(face="toy-1"), root=root)
        np.testing.assert_array_equal(dataset.psi([name]), Dataset.open(alone.dataset, root).psi())


def test_phone_apps_are_one_extractor_and_a_file_that_names_none_is_told(root: Path, arkit_files):
    report, dataset = _import([arkit_files[name] for name in ("phone", "packets", "unnamed")], root)
    assert len(dataset.recordings) == 3 and any("several tools" in note for note in report.notes)
    with pytest.raises(DataError, match=r"d\.json: made by mediapipe, but .*a\.csv by Apple's ARKit"):
        import_dataset(
            [arkit_files["phone"], arkit_files["unnamed"]],
            "named",
            ImportOptions(face="toy-1", extractor="MediaPipe"),
            root=root,
        )


def test_raw_and_calibrated_takes_of_one_app_are_no_mix(root: Path, tmp_path: Path):
    files = [
        write(tmp_path / f"T_1_iPhone_{form}.csv", live_link(performance(40, seed=i)))
        for i, form in enumerate(("raw", "cal"))
    ]
    report, dataset = _import(files, root)
    assert len(dataset.recordings) == 2 and not any("several tools" in note for note in report.notes)


def test_arkit_data_on_a_flame_face_are_refused(root: Path, captures: Path):
    with pytest.raises(DataError, match="does not answer"):
        _import(captures / "s01" / "s01_take1.csv", root, face="flame-50+jaw")


def test_a_wrong_face_is_told_before_any_file_is_read(root: Path, captures: Path):
    with pytest.raises(DataError, match="nosuch"):
        _import(captures, root, face="nosuch")


def test_the_order_of_a_face_that_lacks_a_coefficient_is_kept(root: Path, captures: Path, ict):
    save_face(ict, root)
    report, dataset = _import(captures, root, face=ict.id)
    assert dataset.names == ict.names
    assert any("tongueOut" in note for note in report.imported[0][2])
    psi, source = dataset.frames("s01_take1").psi, performance(60, seed=11)
    from dfe_core.faces.arkit import ARKIT_NAMES

    for side in ("L", "R"):
        column = next(i for i, n in enumerate(ict.names) if n.lower().startswith("browinnerup") and n.endswith(side))
        np.testing.assert_allclose(psi[:, column], source[:, ARKIT_NAMES.index("browInnerUp")], atol=1e-6)


def test_many_short_recordings_share_groups_of_rows_and_come_back_one_by_one(root: Path, tmp_path: Path):
    import pyarrow.parquet as pq

    takes = {f"t{i:02d}": performance(100 + i, seed=i) for i in range(45)}
    for name, psi in takes.items():
        write(tmp_path / "in" / f"{name}.csv", table(psi))
    _, dataset = _import(tmp_path / "in", root)
    assert 2 <= pq.ParquetFile(dataset.path / "frames.parquet").metadata.num_row_groups <= 4
    for name, psi in takes.items():
        frames = dataset.frames(name)
        np.testing.assert_allclose(frames.psi, psi, atol=1e-4)
        assert len(frames.time_s) == len(psi) and frames.time_s[0] == 0
    import duckdb

    counted = duckdb.sql(f"select recording, count(*) from '{dataset.path / 'frames.parquet'}' group by 1").fetchall()
    assert dict(counted) == {name: len(psi) for name, psi in takes.items()}


def test_records_on_disk_come_back_as_they_were():
    from dfe_core.expressions.disk_buffer import Spool

    held = Spool()
    rows = [{"name": "zwölf\n", "fps": 29.97, "none": None, "notes": ["a", "b"]}, {"n": 2**40, "x": 0.1 + 0.2}]
    held.append(rows[0])
    assert list(held) == rows[:1]
    held.append(rows[1])
    assert list(held) == rows == list(held) and len(held) == 2
    held.append({"count": np.int64(3), "share": np.float32(0.5)})
    assert list(held)[2] == {"count": 3, "share": 0.5}


def test_an_import_that_kept_no_recording_cannot_be_finished(root):
    """Neither a face nor a writer is there before the first recording."""
    job = ImportJob(
        name="d", options=ImportOptions(), labels=Labels(), pattern=None, read_options=ReadOptions(), root=root
    )
    with contextlib.ExitStack() as stack, pytest.raises(DataError, match="no recording to write"):
        CoefficientImport(job, [], stack).finish()


def test_what_tools_write_beside_recordings_is_passed_over_and_a_recording_of_that_name_is_not(tmp_path: Path):
    take, other = tmp_path / "take", tmp_path / "other"
    for name in ("MySlate_1_iPhone.csv", "take.json", "frame_log.csv", "video_metadata.json", "~$MySlate_1_iPhone.csv"):
        write(take / name, "x")
    for name in ("take.json", "s1.csv", "s1_of_details.txt"):
        write(other / name, "x")
    files, unread = find_files([take, other])
    assert [path.name for path in files] == ["MySlate_1_iPhone.csv", "s1.csv", "take.json"] and not unread
