"""Weights under ICT-FaceKit's own names: all kept on its face, and told where another face lacks them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.faces.arkit import ARKIT_NAMES
from tests.captures import read_one, underscored, write

SPLIT = ("browInnerUp", "cheekPuff", "cheekRaiser")
NAMES = sorted(
    [
        *(underscored(n) for n in ARKIT_NAMES if n not in (*SPLIT, "tongueOut")),
        *(f"{n}_{side}" for n in SPLIT for side in "LR"),
    ]
)
WEIGHTS = np.round(np.random.default_rng(0).uniform(0, 0.9, (30, len(NAMES))), 3)


def as_csv(path: Path, names: list[str] = NAMES) -> Path:
    frame = pd.DataFrame(WEIGHTS[:, : len(names)], columns=names)
    return write(path, frame.assign(time_s=np.arange(30) / 30).to_csv(index=False))


def as_npz(path: Path, **other: object) -> Path:
    np.savez(path, **({"expression_names": np.array(NAMES), "weights": WEIGHTS, "fps": 30.0} | other))
    return path


@pytest.mark.parametrize("make", [as_csv, as_npz])
def test_every_weight_keeps_its_own_name(tmp_path: Path, make):
    path = make(tmp_path / ("a.csv" if make is as_csv else "a.npz"))
    recording = read_one(path)
    assert find_reader(path)[0].FORMAT == "ict-weights" and recording.extractor == "ict-facekit"
    assert set(recording.names) == set(NAMES) and recording.fps == pytest.approx(30)
    order = [recording.names.index(n) for n in NAMES]
    np.testing.assert_allclose(recording.psi[:, order], WEIGHTS, atol=1e-6)


def test_a_table_with_arkits_names_is_not_taken_for_one(tmp_path: Path):
    names = [underscored(n) for n in ARKIT_NAMES]
    path = write(tmp_path / "a.csv", pd.DataFrame(np.zeros((3, 52)), columns=names).to_csv(index=False))
    assert find_reader(path)[0].FORMAT == "arkit-table"


def test_on_icts_own_face_nothing_is_lost(tmp_path: Path, cache: Path, shared: Path):
    face = f"ict:{shared / 'data' / 'ict_facekit' / 'ict_narrow_face.npz'}"
    report = import_dataset([as_csv(tmp_path / "a.csv")], "study", ImportOptions(face=face))
    dataset = Dataset.open("study")
    assert not any("does not have" in note for _, _, notes in report.imported for note in notes)
    np.testing.assert_allclose(dataset.psi()[:, [dataset.names.index(n) for n in NAMES]], WEIGHTS, atol=1e-6)


def test_another_face_says_what_it_lacks_and_joins_the_sides(tmp_path: Path, cache: Path, toy_face):
    from dfe_core.faces import save_face

    save_face(toy_face)
    report = import_dataset([as_csv(tmp_path / "a.csv")], "study", ImportOptions(face=toy_face.id))
    assert any("does not have: cheekRaiser_L, cheekRaiser_R" in note for note in report.imported[0][2])
    psi = Dataset.open("study").psi()[:, toy_face.names.index("browInnerUp")]
    sides = WEIGHTS[:, [NAMES.index("browInnerUp_L"), NAMES.index("browInnerUp_R")]]
    np.testing.assert_allclose(psi, sides.mean(1), atol=1e-6)


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ({"weights": WEIGHTS[:, :20]}, "names and weights of shape 30 x 20"),
        ({"weights": WEIGHTS[0]}, "shape"),
        ({"expression_names": np.array([*NAMES[:-1], NAMES[0]])}, "twice"),
        ({"expression_names": np.array([f"mode{i}" for i in range(len(NAMES))])}, "0 names of ICT-FaceKit"),
    ],
)
def test_weights_that_do_not_fit_their_names_are_refused(tmp_path: Path, other: dict, found: str):
    with pytest.raises(DataError, match=found):
        read_one(as_npz(tmp_path / "a.npz", **other))


def test_names_that_are_no_text_are_refused(tmp_path: Path):
    names = np.array(NAMES)
    broken = np.frombuffer(names.tobytes().replace(b"b\0\0\0r", b"b\0\xff\xffr", 1), names.dtype)
    with pytest.raises(DataError, match="0 names"):
        read_one(as_npz(tmp_path / "a.npz", expression_names=broken), format="ict-weights")
