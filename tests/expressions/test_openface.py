"""An OpenFace CSV is enough for everything: landmarks to ψ, labels from names, AUs beside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.learned import basis
from dfe_core.expressions.readers import landmarks, openface
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.faces import open_face
from dfe_core.facs.importing import import_aus
from dfe_core.tokenizer.config import TrainConfig
from tests.moving_points import FPS, openface_csv, take


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> tuple[Path, dict[str, np.ndarray]]:
    """Six people, two takes each, as OpenFace files; the true weights of their movements by recording."""
    folder = tmp_path_factory.mktemp("openface")
    truth = {}
    for person in range(6):
        for session in range(2):
            found = take(person, session, frames=150)
            openface_csv(folder / f"s{person}_t{session}.csv", found.points)
            truth[f"s{person}_t{session}"] = found.weights
    return folder, truth


@pytest.fixture(scope="module")
def learned(study, tmp_path_factory) -> tuple[Path, Dataset, str]:
    root = tmp_path_factory.mktemp("cache")
    report = import_dataset([study[0]], "of", ImportOptions(face="learn", subject_pattern=r"(s\d+)_"), root=root)
    return root, Dataset.open("of", root), str(report)


def test_the_reader_knows_its_files(study):
    path = study[0] / "s0_t0.csv"
    reader, why = find_reader(path)
    assert reader is openface and "OpenFace" in why
    (track,) = openface.read(path, ReadOptions())
    assert track.points.shape == (150, 68, 3) and track.fps == FPS
    assert track.points[0, 8, 1] < track.points[0, 27, 1]  # the chin is below: our axes
    assert "pose_Tx" in track.extras


def test_psi_tells_the_movements_whoever_makes_them_however_the_head_turns(study, learned):
    _, dataset, _ = learned
    face = open_face(dataset.face_id, learned[0])
    psi, weights = [], []
    for name, truth in study[1].items():
        frames = dataset.frames(name)
        assert frames.valid.all()
        psi.append(frames.psi)
        weights.append(truth)
    moved = face.displacement(np.concatenate(psi))
    weights = np.concatenate(weights)
    for movement, point, axis in ((0, 8, 1), (1, 54, 1)):
        assert abs(np.corrcoef(moved[:, point, axis], weights[:, movement])[0, 1]) > 0.98
    resting = (weights == 0).all(1)
    assert np.linalg.norm(moved[resting], axis=2).mean() < 4e-4  # rest is near ψ = 0 for every person
    assert np.linalg.norm(moved[weights[:, 0] > 0.95][:, 8], axis=1).mean() == pytest.approx(0.0145, rel=0.15)


def test_the_report_says_what_went_with_pose_and_with_identity(learned):
    _, dataset, report = learned
    shares = dataset.manifest["learned"]["variance"]
    assert shares["pose"] + shares["identity"] + shares["expression"] == pytest.approx(1)
    assert shares["pose"] > 0.8 and shares["identity"] > 0 and 0 < shares["expression"] < 0.1
    assert f"pose {shares['pose']:.1%}" in report and "identity" in report
    assert dataset.manifest["learned"]["variance_kept"] >= 0.99


def test_only_the_people_that_train_teach_the_basis(study, learned):
    _, dataset, _ = learned
    taught = dataset.manifest["learned"]["learned_from"]
    assert 0 < len(taught) < 12 and len({name[:2] for name in taught}) * 2 == len(taught)
    assert (TrainConfig.test_share, TrainConfig.validation_share) == (basis.TEST_SHARE, basis.VALIDATION_SHARE)
    assert basis.SEED == 0


def test_labels_and_subjects_come_from_names_and_tables(study, tmp_path, cache):
    table = tmp_path / "labels.csv"
    table.write_text("subject,mood\n" + "".join(f"s{i},{'calm' if i % 2 else 'tense'}\n" for i in range(6)))
    import_dataset([study[0]], "of", ImportOptions(face="learn", subject_pattern=r"(s\d+)_", labels=table))
    rows = Dataset.open("of").recordings.set_index("recording")
    assert rows.loc["s3_t1", "subject"] == "s3" and rows.loc["s3_t1", "mood"] == "calm"


def test_the_au_columns_of_the_same_files_join_the_dataset(study, learned):
    root, dataset, _ = learned
    report = import_aus([study[0]], dataset, "of-aus", root=root)
    assert not report.unmatched and report.alignments["s0_t0"].aligned == 150


def test_new_recordings_go_onto_the_basis_learned_before(study, learned, tmp_path):
    root, dataset, _ = learned
    import_dataset([study[0]], "again", ImportOptions(face=dataset.face_id, subject_pattern=r"(s\d+)_"), root=root)
    again = Dataset.open("again", root)
    assert again.face_id == dataset.face_id
    assert np.abs(again.psi() - dataset.psi()).max() < 1e-2
    few = tmp_path / "few.csv"
    np.savetxt(
        few,
        np.random.default_rng(0).normal(size=(30, 20)),
        delimiter=",",
        comments="",
        header=",".join(f"{a}_{i}" for a in "xy" for i in range(10)),
    )
    with pytest.raises(DataError, match="68"):
        import_dataset([few], "few", ImportOptions(face=dataset.face_id, fps=25), root=root)


def test_frames_without_a_face_are_invalid_and_the_rest_is_kept(tmp_path, cache):
    found = take(0, frames=120)
    success = np.ones(120, int)
    success[30:50] = 0
    found.points[30:50] = 0
    found.points[80] += np.random.default_rng(0).normal(0, 0.05, (68, 3))  # the tracker slips
    path = openface_csv(tmp_path / "lost.csv", found.points, success=success)
    report = import_dataset([path], "lost", ImportOptions(face="learn"))
    frames = Dataset.open("lost").frames("lost")
    assert not frames.valid[30:50].any() and not frames.valid[80] and frames.valid.sum() == 99
    assert (frames.psi[~frames.valid] == 0).all()
    assert "20 frames with success 0" in str(report) and "1 frames that fit no pose" in str(report)


def test_frame_numbers_that_jump_are_gaps(tmp_path, cache):
    found = take(0, frames=120)
    rows = np.concatenate([np.arange(60), np.arange(90, 150)])
    import_dataset([openface_csv(tmp_path / "jump.csv", found.points, rows=rows)], "jump", ImportOptions(face="learn"))
    frames = Dataset.open("jump").frames("jump")
    assert frames.frame[60] - frames.frame[59] == 31
    assert frames.time_s[60] == pytest.approx(90 / FPS, abs=1e-4)


def test_a_counter_in_place_of_time_needs_the_frame_rate(tmp_path, cache):
    path = openface_csv(tmp_path / "old.csv", take(0, frames=100).points, fps=None, blanks=True)
    with pytest.raises(DataError, match=r"timestamp.*no real time.*--fps"):
        import_dataset([path], "old", ImportOptions(face="learn"))
    assert not (cache / "datasets" / "old").exists()
    report = import_dataset([path], "old", ImportOptions(face="learn", fps=30))
    assert Dataset.open("old").recordings["fps"].iloc[0] == 30 and "no real time" in str(report)


def test_several_faces_make_a_recording_each_and_slips_are_left_out(tmp_path, cache):
    one, two = take(0, frames=80), take(1, frames=60)
    points = np.concatenate([one.points, two.points, one.points[:4]])
    faces = np.repeat([0, 1, 2], [80, 60, 4])
    rows = np.concatenate([np.arange(80), np.arange(20, 80), np.arange(4)])
    path = openface_csv(tmp_path / "pair.csv", points, faces=faces, rows=rows)
    import_dataset([path], "pair", ImportOptions(face="learn"))
    recordings = Dataset.open("pair").recordings
    assert recordings["recording"].tolist() == ["pair-face0", "pair-face1"]
    assert recordings["frames"].tolist() == [80, 60]
    assert any("face 2 (4 frames)" in note for s in Dataset.open("pair").manifest["sources"] for note in s["notes"])


def test_two_dimensional_landmarks_are_used_where_there_are_no_others(tmp_path, cache):
    found = take(0, frames=150, turn=0.05)
    report = import_dataset(
        [openface_csv(tmp_path / "flat.csv", found.points, deep=False)], "flat", ImportOptions(face="learn")
    )
    dataset = Dataset.open("flat")
    face = open_face(dataset.face_id)
    assert not face.basis[..., 2].any() and "turning and nodding are not" in str(report)
    opening = face.displacement(dataset.frames("flat").psi)[:, 8, 1]
    assert np.corrcoef(opening, found.weights[:, 0])[0, 1] < -0.95


def test_files_that_cannot_be_used_are_skipped_with_their_reason(study, tmp_path, cache):
    aus_only = tmp_path / "aus.csv"
    aus_only.write_text("frame,timestamp,confidence,success,AU01_r\n" + "1,0.04,0.9,1,0.2\n2,0.08,0.9,1,0.2\n")
    lost = openface_csv(tmp_path / "nobody.csv", take(0, frames=30).points, success=np.zeros(30, int))
    flat = openface_csv(tmp_path / "z_flat.csv", take(0, frames=30).points, deep=False)
    report = import_dataset([study[0] / "s0_t0.csv", aus_only, lost, flat], "some", ImportOptions(face="learn"))
    why = {path.name: str(error) for path, error in report.skipped}
    assert "no landmark columns" in why["aus.csv"] and "-3Dfp" in why["aus.csv"]
    assert "no frame in which a face was found" in why["nobody.csv"]
    assert "68 landmarks in 2-D" in why["z_flat.csv"] and "3-D" in why["z_flat.csv"]


def test_positions_are_refused_where_coefficients_are_wanted(study, cache):
    with pytest.raises(DataError, match="positions of a landmark sequence.*--face learn"):
        import_dataset([study[0] / "s0_t0.csv"], "wrong", ImportOptions(face="flame-50+jaw"))


@pytest.mark.parametrize("fps", [10.0])
def test_the_real_file_of_the_older_layout(shared, cache, fps):
    path = shared / "data" / "pyfeat_csv" / "OpenFace_Test.csv"
    report = import_dataset([path], "real", ImportOptions(face="learn", fps=fps))
    dataset = Dataset.open("real")
    assert dataset.frame_count == 100 and 5 <= len(dataset.names) <= 34  # OpenFace's own shape model has 34 modes
    face = open_face(dataset.face_id)
    assert 0.08 < face.template[45, 0] - face.template[36, 0] < 0.1  # metres
    assert dataset.manifest["learned"]["variance"]["pose"] > 0.9
    assert "taken as mm" in str(report)


def test_the_real_py_feat_table_has_landmarks_in_two_dimensions(shared, cache):
    path = shared / "data" / "pyfeat_csv" / "001.csv"
    (track,) = landmarks.read(path, ReadOptions(fps=30))
    assert track.extractor == "py-feat" and track.points.shape == (40, 68, 2)
    import_dataset([path], "real", ImportOptions(face="learn", fps=30))
    assert Dataset.open("real").frame_count == 40


def test_head_pose_and_confidence_lie_beside_the_frames(study, learned):
    _, dataset, _ = learned
    beside = dataset.extras("s1_t0")
    assert set(beside) >= {"pose_Tx", "confidence"} and len(beside["pose_Tx"]) == 150
    assert beside["confidence"] == pytest.approx(0.98)
    assert dataset.extras("nobody") == {}
