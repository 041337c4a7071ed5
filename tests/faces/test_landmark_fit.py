"""Landmarks fitted to a face give back the expression that made them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import import_dataset
from dfe_core.expressions.landmark_fit import FittingReader
from dfe_core.faces import FaceModel, save_face
from dfe_core.faces.fitting import FittingTarget, fit_face, target_of
from dfe_core.faces.layouts import layout_of
from dfe_core.faces.names import coefficient_map
from tests.moving_points import openface_csv, rotations, template68

USED = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft", "eyeBlinkRight", "browDownLeft")
FRAMES, CALM = 300, 60


def performed(target: FittingTarget, face: FaceModel, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(T, L, 3) m of someone else's turning head, (T, 6) weights of `USED`, and which coefficients they are (6, E)."""
    rng, matrix = np.random.default_rng(seed), coefficient_map(USED, face)[0]
    time = np.arange(FRAMES)[:, None] / 25
    weights = np.sin(2 * np.pi * (time * rng.uniform(0.2, 0.5, len(USED)) + rng.uniform(0, 1, len(USED))))
    weights = np.clip(2 * weights - 1, 0, 1)
    weights[:CALM] = 0
    identity = 0.3 * np.abs(rng.normal(size=len(target.identity)))
    points = target.rest + np.tensordot(identity, target.identity, 1) + np.tensordot(weights @ matrix, target.fields, 1)
    points = points + rng.normal(0, 2e-4, points.shape)
    turn = rotations(0.3 * np.sin(time * rng.uniform(0.5, 2, 3)))
    return points @ turn.transpose(0, 2, 1) + [0.05, 0, -0.5], weights, matrix


@pytest.mark.parametrize("dimensions", [3, 2])
def test_expression_comes_back_whoever_makes_it_and_however_the_head_turns(face: FaceModel, dimensions: int):
    target = target_of(face, layout_of(68))
    points, weights, matrix = performed(target, face)
    found = fit_face(points[..., :dimensions], np.arange(CALM), target)
    for i, name in enumerate(USED):
        own = found.psi[:, matrix[i] > 0].mean(1)
        assert np.corrcoef(own, weights[:, i])[0, 1] > (0.9 if dimensions == 3 else 0.75), name
        assert np.sqrt(((own - weights[:, i]) ** 2).mean()) < 0.25, name
    others = found.psi[:, matrix.sum(0) == 0]
    assert np.sqrt((others**2).mean()) < 0.12 and found.psi.min() >= 0 and found.psi.max() <= 1
    assert found.moving_mm.mean() < 0.8 and (found.error_mm < 3).all()


def test_what_a_face_cannot_do_shows_in_the_error(anny: FaceModel):
    target = target_of(anny, layout_of(68))
    points, _, _ = performed(target, anny)
    good = fit_face(points, np.arange(CALM), target).moving_mm
    points[200:, :5] += 0.02 * np.sin(np.arange(100))[:, None, None]
    bad = fit_face(points, np.arange(CALM), target).moving_mm
    assert bad[200:].mean() > 3 * good[200:].mean() and bad[:150].mean() < 2 * good[:150].mean()


def test_a_face_without_shared_landmarks_is_refused(toy_face: FaceModel):
    with pytest.raises(DataError, match="1 landmarks that iBUG 68 has as well"):
        target_of(toy_face, layout_of(68))


def test_an_openface_file_becomes_coefficients_of_the_face(tmp_path: Path, cache: Path, anny: FaceModel):
    save_face(anny)
    layout, target = layout_of(68), target_of(anny, layout_of(68))
    marks, weights, matrix = performed(target, anny)
    points = np.repeat(marks[:, :1], 68, 1) + 0.5 * template68()  # the other landmarks are not looked at
    points[:, target.indices] = marks
    path = openface_csv(tmp_path / "s01.csv", points, success=(np.arange(FRAMES) != 100).astype(int))
    report = import_dataset([path], "fitted", reader=FittingReader(anny))
    dataset = Dataset.open("fitted")
    frames = dataset.frames("s01")
    assert dataset.face_id == anny.id and report.imported[0][1] == FRAMES and not frames.valid[100]
    assert np.corrcoef(frames.psi[:, matrix[0] > 0].mean(1), weights[:, 0])[0, 1] > 0.85
    assert any("reprojection error" in note for note in report.imported[0][2])
    error = dataset.extras("s01")["fit_error_mm"]
    assert np.isnan(error[100]) and np.nanmedian(error) < 5 and layout.name == "iBUG 68"


def test_files_that_need_no_fit_are_refused(tmp_path: Path, cache: Path, anny: FaceModel):
    from tests.captures import live_link, performance, write

    with pytest.raises(DataError, match="has coefficients already"):
        import_dataset([write(tmp_path / "a.csv", live_link(performance(30)))], "d", reader=FittingReader(anny))
