"""FLAME coefficients under the keys of the tools that estimate them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader
from tests.captures import read_one

RNG = np.random.default_rng(0)
EXP, JAW, GLOBAL = RNG.normal(size=(30, 50)), RNG.normal(size=(30, 3)) * 0.1, RNG.normal(size=(30, 3))
POSE = np.concatenate([GLOBAL, JAW], 1)
TOOLS = {
    "emoca": {"expcode": EXP, "posecode": POSE, "shapecode": np.zeros((30, 100))},
    "deca": {"exp": EXP, "pose": POSE, "shape": np.zeros((30, 100)), "cam": np.zeros((30, 3))},
    "smirk": {
        "expression_params": EXP,
        "jaw_params": JAW,
        "pose_params": GLOBAL,
        "eyelid_params": np.full((30, 2), 0.25),
    },
    "vhap": {"expr": EXP, "jaw_pose": JAW},
}
NAMES = (*(f"exp_{i:03d}" for i in range(50)), "jaw_x", "jaw_y", "jaw_z")


def save(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".mat":
        from scipy.io import savemat

        savemat(path, arrays, do_compression=True)
    elif path.suffix == ".pt":
        import torch

        torch.save({k: torch.from_numpy(v) for k, v in arrays.items()}, path)
    else:
        path.write_text(json.dumps({k: v.tolist() for k, v in arrays.items()}))
    return path


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".json", ".pt"])
@pytest.mark.parametrize("tool", TOOLS)
def test_expression_and_jaw_of_every_tool_and_container(tmp_path: Path, tool: str, suffix: str):
    recording = read_one(save(tmp_path / f"a{suffix}", TOOLS[tool]), fps=25)
    assert recording.names == NAMES and recording.space == "flame" and recording.extractor == tool
    np.testing.assert_allclose(recording.psi, np.concatenate([EXP, JAW], 1), rtol=1e-5, atol=1e-6)
    assert recording.fps == 25 and any("exp_000 runs from" in note for note in recording.notes)
    if tool == "smirk":
        np.testing.assert_allclose(recording.extras["eyelidLeft"], 0.25)


@pytest.mark.parametrize(
    ("columns", "expressions", "jaw"),
    [(50, 50, False), (53, 50, True), (56, 50, True), (100, 100, False), (103, 100, True), (106, 100, True)],
)
def test_a_bare_array_is_told_by_its_width(tmp_path: Path, columns: int, expressions: int, jaw: bool):
    array = RNG.normal(size=(20, columns))
    np.save(tmp_path / "a.npy", array.astype(np.float32))
    recording = read_one(tmp_path / "a.npy", fps=30)
    assert recording.psi.shape == (20, expressions + 3)
    np.testing.assert_allclose(recording.psi[:, :expressions], array[:, :expressions], rtol=1e-5)
    np.testing.assert_allclose(recording.psi[:, expressions:], array[:, -3:] if jaw else 0, rtol=1e-5)


def test_a_missing_jaw_is_said_aloud(tmp_path: Path):
    recording = read_one(save(tmp_path / "a.npz", {"exp": EXP}), fps=25)
    assert not recording.psi[:, 50:].any()
    assert any(note.startswith("No jaw") for note in recording.notes)


def jaw_forms() -> dict[str, np.ndarray]:
    from scipy.spatial.transform import Rotation

    matrices = Rotation.from_rotvec(np.abs(JAW)).as_matrix()
    return {
        "matrices": matrices,
        "flat matrices": matrices.reshape(30, 9),
        "matrices of one joint": matrices[:, None],
        "two rows": matrices[:, :2].reshape(30, 6),
        "two columns": matrices[..., :2].transpose(0, 2, 1).reshape(30, 6),
        "scaled rows": 3 * matrices[:, None, :2],
    }


@pytest.mark.parametrize("form", jaw_forms())
@pytest.mark.parametrize("key", ["jaw_pose", "jaw"])
def test_a_jaw_as_matrix_or_in_six_numbers_becomes_its_axis_and_angle(tmp_path: Path, form: str, key: str):
    recording = read_one(save(tmp_path / "a.npz", {"exp": EXP, key: jaw_forms()[form]}), fps=25)
    np.testing.assert_allclose(recording.psi[:, 50:], np.abs(JAW), atol=1e-6)
    assert any(f"The jaw ({key}) is given as" in note for note in recording.notes)


@pytest.mark.parametrize(
    "jaw",
    [
        np.ones((30, 3, 3)),
        -np.eye(3)[None].repeat(30, 0),
        np.zeros((30, 6)),
        np.ones((30, 6)),
        np.eye(3)[None].repeat(20, 0),
    ],
)
def test_a_jaw_that_is_no_rotation_is_refused(tmp_path: Path, jaw: np.ndarray):
    with pytest.raises(DataError, match="array jaw_pose: (matrices that|vectors that|20 frames)"):
        read_one(save(tmp_path / "a.npz", {"exp": EXP, "jaw_pose": jaw}), fps=25)


def test_missing_jaws_make_their_frames_invalid(tmp_path: Path):
    matrices = jaw_forms()["matrices"].copy()
    matrices[7] = np.nan
    recording = read_one(save(tmp_path / "a.npz", {"exp": EXP, "jaw_pose": matrices}), fps=25)
    assert np.flatnonzero(~recording.valid).tolist() == [7]


def test_a_corpus_of_sequences_makes_a_recording_of_each(tmp_path: Path):
    array = RNG.normal(size=(12, 64, 56)).astype(np.float32)
    np.save(tmp_path / "listeners.npy", array)
    found = find_reader(tmp_path / "listeners.npy")[0].read(tmp_path / "listeners.npy", ReadOptions(fps=30))
    assert [r.name for r in found] == [f"listeners-{i:02d}" for i in range(12)]
    np.testing.assert_array_equal(found[5].psi, array[5][:, [*range(50), 53, 54, 55]])


def _tracked(folder: Path) -> Path:
    import torch

    for i, matrix in enumerate(jaw_forms()["matrices"]):
        torch.save(
            {
                "flame": {
                    "exp": np.tile(EXP[i : i + 1], 2).astype(np.float32),
                    "shape": np.zeros((1, 300)),
                    "jaw": matrix[None, :2].reshape(1, 6),
                },
                "frame_id": i,
                "img_size": [512, 512],
            },
            folder / f"{i + 1:05d}.frame",
        )
    return folder


def test_the_frames_of_metrical_tracker_are_one_recording(tmp_path: Path):
    recording = read_one(_tracked(tmp_path), fps=25)
    assert recording.extractor == "metrical-tracker" and recording.psi.shape == (30, 103)
    np.testing.assert_allclose(recording.psi, np.concatenate([EXP, EXP, np.abs(JAW)], 1), atol=1e-5)


def test_a_frame_that_would_run_code_is_refused(tmp_path: Path):
    import os

    import torch

    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({"flame": {"exp": np.zeros((1, 50)), "x": Evil()}}, _tracked(tmp_path) / "00002.frame")
    with pytest.raises(DataError, match=r"00002\.frame: a pickle that asks for"):
        read_one(tmp_path, fps=25)
    assert not (tmp_path / "ran").exists()


def test_the_jaw_of_a_whole_body_pose_is_taken(tmp_path: Path):
    poses = RNG.normal(size=(30, 165))
    recording = read_one(
        save(tmp_path / "a.npz", {"expressions": np.tile(EXP, 2), "poses": poses, "mocap_frame_rate": np.array(30)})
    )
    assert recording.psi.shape == (30, 103) and recording.fps == 30
    np.testing.assert_allclose(recording.psi[:, 100:], poses[:, 66:69], rtol=1e-5)


def test_an_axis_of_one_between_is_taken_off(tmp_path: Path):
    recording = read_one(save(tmp_path / "a.npz", {"expcode": EXP[:, None], "posecode": POSE[:, None]}), fps=25)
    np.testing.assert_allclose(recording.psi[:, :50], EXP, rtol=1e-5)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"exp": EXP, "pose": POSE[:20]}, "20 frames; expected 30"),
        ({"exp": EXP[:, :40]}, "30 x 40"),
        ({"exp": np.zeros((50, 300))}, "transposed"),
        ({"exp": EXP, "jaw_pose": POSE[:, :4]}, "4 columns"),
        ({"exp": np.zeros((0, 50))}, "shape 0 x 50"),
        ({"exp": EXP * 1e6}, "values up to"),
        ({"exp": np.full((5, 50), np.nan)}, "missing or infinite"),
    ],
)
def test_arrays_that_are_no_flame_are_refused_with_their_name(tmp_path: Path, arrays: dict, message: str):
    with pytest.raises(DataError, match=message):
        read_one(save(tmp_path / "a.npz", arrays), fps=25)


def test_without_a_rate_it_is_asked_for(tmp_path: Path):
    with pytest.raises(DataError, match="--fps"):
        read_one(save(tmp_path / "a.npz", TOOLS["deca"]))


def _emoca_video(folder: Path, numbers=range(1, 31), face: str = "000") -> Path:
    for i, number in enumerate(numbers):
        frame = folder / f"{number:06d}_{face}"
        frame.mkdir(parents=True)
        np.save(frame / "exp.npy", EXP[i])
        np.save(frame / "pose.npy", POSE[i])
        (frame / "inputs.png").write_bytes(b"not read")
    return folder


def test_a_folder_of_frames_is_one_recording(tmp_path: Path):
    _emoca_video(tmp_path / "in" / "s01_smile", [n for n in range(1, 32) if n != 12])
    report = import_dataset(
        [tmp_path / "in"], "d", ImportOptions(fps=25, subject_pattern=r"(s\d+)_"), root=tmp_path / "cache"
    )
    dataset = Dataset.open("d", tmp_path / "cache")
    assert dataset.recordings[["recording", "subject", "extractor", "frames"]].values.tolist() == [
        ["s01_smile", "s01", "emoca", 30]
    ]
    frames = dataset.frames("s01_smile")
    np.testing.assert_allclose(frames.psi, np.concatenate([EXP, JAW], 1), rtol=1e-5, atol=1e-6)
    assert np.flatnonzero(np.diff(frames.frame) == 2).tolist() == [10]
    assert any("1 gaps" in note for note in report.imported[0][2])


def test_frames_that_deca_wrote_as_matlab_files(tmp_path: Path):
    from scipy.io import savemat

    for i in range(30):
        name = f"clip_frame{i:04d}"
        (tmp_path / name).mkdir()
        savemat(tmp_path / name / f"{name}.mat", {"exp": EXP[i : i + 1], "pose": POSE[i : i + 1]})
    recording = read_one(tmp_path, fps=30)
    assert recording.extractor == "deca"
    np.testing.assert_allclose(recording.psi, np.concatenate([EXP, JAW], 1), rtol=1e-5, atol=1e-6)


def test_two_faces_in_a_folder_of_frames_are_refused(tmp_path: Path):
    _emoca_video(tmp_path), _emoca_video(tmp_path, [3, 4], "001")
    with pytest.raises(DataError, match=r"two faces in one frame.* of \d+ frames.*cropped to one person.*_001"):
        read_one(tmp_path, fps=30)


def test_a_broken_frame_of_a_folder_is_named(tmp_path: Path):
    _emoca_video(tmp_path)
    (tmp_path / "000007_000" / "exp.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match=r"000007_000"):
        read_one(tmp_path, fps=30)
