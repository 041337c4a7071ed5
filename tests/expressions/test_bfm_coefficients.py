"""Deep3DFaceRecon's coefficients of the Basel Face Model, in each of the shapes that its relatives write."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.faces import open_face
from tests.captures import read_one

RNG = np.random.default_rng(0)
ALL = RNG.normal(size=(30, 257)).astype(np.float32)
EXP, ANGLE, TRANS = ALL[:, 80:144], ALL[:, 224:227] * 0.1, ALL[:, 254:257]
ALL[:, 224:227] = ANGLE
MOTION = np.concatenate([EXP, ANGLE, TRANS, np.ones((30, 3), np.float32)], 1)
KEYED = {
    "exp": {"exp": EXP, "angle": ANGLE, "trans": TRANS, "id": np.zeros((30, 80)), "gamma": np.zeros((30, 27))},
    "coeff": {"coeff": ALL},
    "full_3dmm": {"full_3dmm": ALL},
    "coeff_3dmm 73": {"coeff_3dmm": MOTION},
    "coeff_3dmm 70": {"coeff_3dmm": MOTION[:, :70]},
}


@pytest.mark.parametrize("suffix", [".mat", ".npz"])
@pytest.mark.parametrize("keys", KEYED)
def test_the_expression_is_found_under_every_key(tmp_path: Path, keys: str, suffix: str):
    path = tmp_path / f"a{suffix}"
    (savemat if suffix == ".mat" else lambda p, arrays: np.savez(p, **arrays))(path, KEYED[keys])
    recording = read_one(path, fps=25)
    assert recording.space == "bfm" and recording.names[0] == "bfm_00" and recording.extractor == "deep3dfacerecon"
    np.testing.assert_array_equal(recording.psi, EXP)
    np.testing.assert_array_equal(recording.extras["HeadYaw"], ANGLE[:, 1])
    np.testing.assert_array_equal(recording.extras["HeadZ"], TRANS[:, 2])


def test_a_bare_array_and_json_are_read_as_well(tmp_path: Path):
    np.save(tmp_path / "a.npy", ALL)
    (tmp_path / "b.json").write_text(json.dumps({"coeff_3dmm": MOTION.tolist(), "fps": 25}))
    for path, fps in ((tmp_path / "a.npy", 30), (tmp_path / "b.json", None)):
        np.testing.assert_allclose(read_one(path, fps=fps).psi, EXP, rtol=1e-6)


def write_frames(folder: Path, numbers: list[int]) -> Path:
    folder.mkdir()
    for row, number in enumerate(numbers):
        savemat(folder / f"frame{number}.mat", {"exp": EXP[row : row + 1], "angle": ANGLE[row : row + 1]})
    return folder


def test_a_folder_of_frames_is_one_recording_in_the_order_of_its_numbers(tmp_path: Path, cache: Path):
    folder = write_frames(tmp_path / "s01", [8, 9, 10, 11, 14])
    import_dataset([tmp_path], "study", ImportOptions(fps=25))
    frames = Dataset.open("study").frames("s01")
    np.testing.assert_array_equal(frames.psi[frames.valid], EXP[:5])
    assert frames.time_s[-1] - frames.time_s[0] == pytest.approx(6 / 25)
    assert find_reader(folder)[0].FORMAT == "bfm"


def test_a_frame_of_another_kind_is_named(tmp_path: Path):
    folder = write_frames(tmp_path / "s01", [1, 2, 3])
    savemat(folder / "frame3.mat", {"exp": EXP[:4]})
    with pytest.raises(DataError, match=r"frame3\.mat: 4 frames of exp"):
        read_one(folder, fps=25)


def test_without_the_basis_data_are_on_the_coefficient_face(tmp_path: Path, cache: Path):
    savemat(tmp_path / "a.mat", {"coeff": ALL})
    report = import_dataset([tmp_path / "a.mat"], "study", ImportOptions(fps=25))
    assert report.face == "bfm-64" and any("--face bfm:PATH" in note for note in report.notes)
    np.testing.assert_array_equal(Dataset.open("study").psi(), EXP)
    assert open_face("bfm-64").names == Dataset.open("study").names
    import_dataset([cache / "datasets" / "study"], "again")
    assert Dataset.open("again").face_id == "bfm-64"
    np.testing.assert_array_equal(Dataset.open("again").psi(), EXP)


def test_flame_and_bfm_are_not_mixed(tmp_path: Path, cache: Path):
    savemat(tmp_path / "a.mat", {"coeff": ALL})
    np.savez(tmp_path / "b.npz", exp=EXP[:, :50], pose=np.zeros((30, 6)))
    with pytest.raises(DataError, match="flame coefficients, but .* holds bfm"):
        import_dataset([tmp_path / "a.mat", tmp_path / "b.npz"], "study", ImportOptions(fps=25))


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"coeff": ALL[:, :200]}, "shape 30 x 200"),
        ({"exp": np.zeros((2, 3, 64))}, "shape 2 x 3 x 64"),
        ({"lm68": np.zeros((30, 68))}, "none that are known"),
        ({"coeff": ALL * 1e6}, "values up to"),
        ({"coeff": np.full((30, 257), np.nan)}, "no frame without"),
    ],
)
def test_arrays_that_are_no_such_coefficients_are_refused(tmp_path: Path, arrays: dict, found: str):
    savemat(tmp_path / "a.mat", arrays)
    with pytest.raises(DataError, match=found):
        read_one(tmp_path / "a.mat", fps=25, format="bfm")
