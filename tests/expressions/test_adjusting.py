"""Resting face and pose field taken off coefficients whose truth is planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.pose_leak import stored_pose_leak
from dfe_core.expressions.recording import Recording
from dfe_core.faces import save_face

FPS = 30.0


def performance(face, number: int, frames: int = 2400) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Behaviour (T, E), rest (E,), artefact (T, E) and angles (T, 3) of one person: events that come and go from rest,
    smiles with a nod."""
    rng = np.random.default_rng(number)
    psi = np.zeros((frames, face.coefficients))
    for _ in range(frames // 40):
        start, length = rng.integers(0, frames - 40), 30
        psi[start : start + length, rng.integers(0, face.coefficients)] += rng.uniform(0.3, 1) * np.hanning(length)
    angles = gaussian_filter1d(rng.normal(size=(frames, 3)), 25, axis=0)
    angles = 0.1 * angles / angles.std(0)
    smile = psi[:, face.names.index("mouthSmileLeft")]
    angles[:, 0] += 0.15 * smile
    rest = rng.uniform(0, 0.15, face.coefficients) * (rng.random(face.coefficients) < 0.4)
    weights = rng.normal(0, 0.03, (9, face.coefficients)) * np.r_[np.ones(3), np.full(6, 0.3)][:, None]
    unit = angles / 0.1
    pairs = np.stack([unit[:, i] * unit[:, j] for i in range(3) for j in range(i, 3)], 1)
    return psi, rest, np.concatenate([unit, pairs], 1) @ weights, angles


@pytest.fixture
def planted(tmp_path, toy_face):
    """A dataset of four people with rest and artefact, and what each performed."""
    save_face(toy_face, tmp_path)
    truth = {}
    with open_writer("planted", toy_face.names, tmp_path) as writer:
        for i in range(4):
            psi, rest, artefact, angles = performance(toy_face, i)
            index = np.arange(len(psi))
            noise = np.random.default_rng(i).normal(0, 0.002, psi.shape)
            writer.add(
                Recording(
                    name=f"r{i}",
                    names=toy_face.names,
                    psi=(psi + rest + artefact + noise).astype(np.float32),
                    time_s=index / FPS,
                    frame=index,
                    valid=np.ones(len(psi), bool),
                    fps=FPS,
                    space=toy_face.id,
                    extractor="toy",
                    subject=f"s{i}",
                    extras=dict(zip(("HeadPitch", "HeadYaw", "HeadRoll"), angles.T, strict=True)),
                )
            )
            truth[f"r{i}"] = (psi, rest, artefact)
        writer.close({"name": "planted", "face": toy_face.id, "simulated": False})
    return tmp_path, truth


def energy(face, values: np.ndarray) -> float:
    return float(np.einsum("te,ef,tf->", values, face.gram, values) / len(values))


def test_the_resting_face_of_each_person_goes_and_can_be_put_back(planted, toy_face):
    root, truth = planted
    report = import_dataset(
        [root / "datasets" / "planted"],
        "rested",
        ImportOptions(face=toy_face.id, rest="remove", pose_correction="field"),
        root=root,
    )
    data, before = Dataset.open("rested", root), Dataset.open("planted", root)
    held = data.manifest["adjusted"]["rest"]["by_subject"]
    assert data.recordings["recording"].tolist() == before.recordings["recording"].tolist()
    for name, (psi, rest, _) in truth.items():
        found = np.array(held[f"s{name[1:]}"])
        assert np.abs(found - rest).max() < 0.06
        left = data.psi([name]) - psi
        assert energy(toy_face, left) < 0.3 * energy(toy_face, before.psi([name]) - psi)
    assert any("resting face of each of 4 subjects" in note for note in report.notes)


def test_rest_alone_is_exactly_what_the_manifest_holds(planted, toy_face):
    root, _ = planted
    import_dataset([root / "datasets" / "planted"], "rested", ImportOptions(face=toy_face.id, rest="remove"), root=root)
    data, before = Dataset.open("rested", root), Dataset.open("planted", root)
    held = data.manifest["adjusted"]["rest"]["by_subject"]
    for name in ("r0", "r3"):
        assert np.allclose(data.psi([name]) + np.array(held[f"s{name[1:]}"]), before.psi([name]), atol=1e-5)
    assert data.extras("r1").keys() == before.extras("r1").keys()


def test_a_planted_pose_artefact_goes_and_behaviour_stays(planted, toy_face):
    root, truth = planted
    import_dataset(
        [root / "datasets" / "planted"], "posed", ImportOptions(face=toy_face.id, pose_correction="field"), root=root
    )
    data, before = Dataset.open("posed", root), Dataset.open("planted", root)
    leaks = [stored_pose_leak(d.manifest) for d in (before, data)]
    assert leaks[0].leak > 0.2 and leaks[1].leak < 0.5 * leaks[0].leak
    assert data.manifest["adjusted"]["pose"]["leak_before"] == pytest.approx(leaks[0].leak)
    column = toy_face.names.index("mouthSmileLeft")
    for name, (psi, _, artefact) in truth.items():
        after = data.psi([name]) - psi
        assert energy(toy_face, after - after.mean(0)) < 0.5 * energy(toy_face, artefact - artefact.mean(0))
        smile = psi[:, column] - psi[:, column].mean()
        slope = (
            smile
            @ (data.psi([name])[:, column] - before.psi([name])[:, column] + artefact[:, column])
            / (smile @ smile)
        )
        assert abs(slope) < 0.2  # what was taken off, less what should have been, holds next to nothing of the smile


def test_without_an_option_coefficients_stay_as_they_are(planted, toy_face):
    root, _ = planted
    import_dataset([root / "datasets" / "planted"], "same", ImportOptions(face=toy_face.id), root=root)
    assert np.array_equal(Dataset.open("same", root).psi(), Dataset.open("planted", root).psi())
    assert "adjusted" not in Dataset.open("same", root).manifest
