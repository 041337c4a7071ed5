"""Still pictures: OpenFace's FaceLandmarkImg, tables of pictures with --stills, and a dataset of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.facs.readers import AuReadOptions, read_aus
from tests.moving_points import movements68, template68


def ibug_face(jaw: float = 0.0) -> np.ndarray:
    """(68, 3) mm in camera space: y down, z away, half a metre off; the jaw open by a share."""
    return (template68() + jaw * movements68()[0]) * [1000, -1000, -1000] + [0, 0, 500]


def landmark_img(path: Path, faces: list[np.ndarray], confidence: float = 0.9) -> Path:
    """A file as FaceLandmarkImg writes it: a row a face, 68 points in 3-D, blanks after the commas."""
    rows = [
        {"face": i, "confidence": confidence, "gaze_0_x": 0.1, "pose_Tx": 5.0}
        | {f"{axis}_{k}": face[k, j] for j, axis in enumerate("XYZ") for k in range(68)}
        | {"AU12_r": 1.5 + i, "AU12_c": 1.0}
        for i, face in enumerate(faces)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(pd.DataFrame(rows).to_csv(index=False).replace(",", ", "))
    return path


def test_facelandmarkimg_makes_a_recording_of_one_frame_of_every_face(tmp_path):
    path = landmark_img(tmp_path / "group.csv", [ibug_face(), ibug_face() + 90])
    found = find_reader(path)[0].read(path, ReadOptions())
    assert [(r.name, len(r.psi), r.fps) for r in found] == [("group-face0", 1, 1.0), ("group-face1", 1, 1.0)]
    assert np.allclose(found[1].raw[0], ibug_face() + 90, atol=1e-3) and "2 still pictures" in " ".join(found[0].notes)
    aus = read_aus(path)
    assert [(a.face, a.intensity[0, 0], len(a.time_s)) for a in aus] == [("0", 1.5, 1), ("1", 2.5, 1)]


def test_pictures_of_different_names_are_offered_as_stills(tmp_path):
    rows = pd.DataFrame({"input": [f"people/{n}.jpg" for n in "abcdefghijkl"], "frame": 0, "AU01": 0.5, "AU02": 0.4})
    rows["AU04"] = np.arange(12) / 12
    (tmp_path / "fex.csv").write_text(rows.to_csv(index=False))
    with pytest.raises(DataError, match="--stills"):
        read_aus(tmp_path / "fex.csv", AuReadOptions(fps=30))
    found = read_aus(tmp_path / "fex.csv", AuReadOptions(stills=True))
    assert [a.recording for a in found] == list("abcdefghijkl") and found[6].probability[0, 2] == pytest.approx(0.5)


def test_stills_of_a_person_share_a_resting_face(tmp_path, cache):
    rng = np.random.default_rng(0)
    for person in range(3):
        for picture in range(12):
            face = ibug_face(picture / 11) * (1 + 0.05 * person)
            landmark_img(tmp_path / "in" / f"p{person}_{picture:02d}.csv", [face + rng.normal(0, 0.05, face.shape)])
    options = ImportOptions(face="learn", subject_pattern=r"(p\d)_")
    report = import_dataset([tmp_path / "in"], "stills", options)
    data = Dataset.open("stills")
    assert len(data.recordings) == 36 and not report.skipped and data.recordings["subject"].nunique() == 3
    psi = np.concatenate([data.frames(name).psi for name in data.recordings["recording"]]).reshape(3, 12, -1)
    steps = np.diff(psi[..., 0], axis=1)
    assert (np.abs(steps) > 0.1).all() and len(np.unique(np.sign(steps))) == 1  # each jaw opens further in each picture
