"""Points of weight 0 leave the rest of the face as it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.import_job import ImportOptions
from dfe_core.expressions.importing import import_dataset
from dfe_core.expressions.landmark_fit import HIDDEN, FittingReader
from dfe_core.expressions.readers import mediapipe_landmarks
from dfe_core.expressions.readers.landmarks import read
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.faces import save_face
from dfe_core.faces.fitting import fit_face, target_of
from dfe_core.faces.hidden_points import fill_hidden, without_doubtful
from dfe_core.faces.layouts import layout_of
from dfe_core.faces.model import REGIONS, FaceModel
from tests.faces.test_landmark_fit import CALM, performed
from tests.moving_points import rotations, template68

MOUTH = ("mouth", "lip", "chin")
COVERED = slice(150, 250)


def mm_of_region(face: FaceModel, region: str, psi: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square distance of a region's vertices, mm, over the covered frames."""
    own = face.basis[:, face.regions == REGIONS.index(region)]
    return 1e3 * float(np.sqrt((np.tensordot((psi - truth)[COVERED], own, 1) ** 2).sum(2).mean()))


@pytest.mark.parametrize("dimensions", [3, 2])
def test_a_covered_mouth_leaves_the_brows(anny: FaceModel, dimensions: int):
    target = target_of(anny, layout_of(68))
    points, acted, matrix = performed(target, anny)
    points = points[..., :dimensions]
    covered = [i for i, name in enumerate(target.names) if any(part in name for part in MOUTH)]
    calm = np.arange(CALM)
    whole = fit_face(points, calm, target).psi
    hand, weights = points.copy(), np.ones(points.shape[:2])
    rng = np.random.default_rng(1)
    for i in covered:
        hand[COVERED, i] += rng.normal(0, 0.02, (100, dimensions))
    weights[COVERED, covered] = 0
    weighted = fit_face(fill_hidden(hand, weights), calm, target, weights).psi
    plain = fit_face(hand, calm, target).psi
    open_face, kept, spoilt = (mm_of_region(anny, "brow", psi, acted @ matrix) for psi in (whole, weighted, plain))
    assert kept < 1.05 * open_face < 0.5 and spoilt > 3 * kept


def test_hidden_points_go_where_the_persons_own_shape_has_them():
    shape, rng = template68() * [1.05, 0.97, 1], np.random.default_rng(0)
    turned = shape @ rotations(rng.normal(0, 0.3, (40, 3))).transpose(0, 2, 1) + rng.normal(0, 0.1, (40, 1, 3))
    weights = np.ones((40, 68))
    weights[10:30, 48:] = 0
    spoilt = np.where(weights[..., None] > 0, turned, rng.normal(size=turned.shape))
    filled = fill_hidden(spoilt, weights)
    np.testing.assert_allclose(filled, turned, atol=1e-9)
    assert without_doubtful(np.array([[0.1, 0.5, 3.0]])).tolist() == [[0.0, 0.5, 1.0]]


def weighted_table(path: Path, weights: np.ndarray, words: tuple[str, ...]) -> Path:
    """A table of 68 points in 2-D with a column of weights each, in `words`' name; three header rows where there are
    none."""
    points = np.repeat(100 * template68()[None, :, :2], len(weights), 0) + 1
    cells = np.concatenate([points, weights[..., None]], 2).reshape(len(weights), -1)
    if words:
        header = "frame," + ",".join(f"x_{i},y_{i},{words[0]}_{i}" for i in range(68))
    else:
        parts = [part for i in range(68) for part in [f"point{chr(97 + i // 26)}{chr(97 + i % 26)}"] * 3]
        axes = ["x", "y", "likelihood"] * 68
        header = "\n".join(
            ",".join([h, *row])
            for h, row in zip(("scorer", "bodyparts", "coords"), (["net"] * 204, parts, axes), strict=True)
        )
    rows = "\n".join(",".join([str(i), *map(repr, map(float, row))]) for i, row in enumerate(cells))
    path.write_text(f"{header}\n{rows}\n")
    return path


@pytest.mark.parametrize("words", [("likelihood",), ("c",), ("visibility",), ()])
def test_tables_hand_over_the_weight_of_each_point(tmp_path: Path, words: tuple[str, ...]):
    weights = np.random.default_rng(0).uniform(0.1, 1, (6, 68)).round(3)
    path = weighted_table(tmp_path / "a.csv", weights, words)
    track = read(path, ReadOptions(fps=25))[0]
    np.testing.assert_allclose(track.weights, weights, atol=1e-6)
    assert len(track.names) == 136


def test_weights_that_are_nought_throughout_are_none(tmp_path: Path):
    path = weighted_table(tmp_path / "a.csv", np.zeros((6, 68)), ("visibility",))
    assert read(path, ReadOptions(fps=25))[0].weights is None


def test_json_points_hand_over_their_scores(tmp_path: Path):
    points = [{"x": 5.0 * x, "y": 5.0 * y, "score": i / 70} for i, (x, y, _) in enumerate(template68() * 1000)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"fps": 25, "frames": [{"keypoints": points}] * 4}))
    track = mediapipe_landmarks.read(path, ReadOptions())[0]
    np.testing.assert_allclose(track.weights, np.tile(np.arange(68) / 70, (4, 1)), atol=1e-6)


@pytest.mark.parametrize("weighted", [True, False])
def test_an_import_names_hidden_regions(tmp_path: Path, cache: Path, anny: FaceModel, weighted: bool):
    save_face(anny)
    weights = np.ones((40, 68))
    weights[10:, 48:] = 0
    weights[30:, 17:] = 0
    path = weighted_table(tmp_path / "s01.csv", weights, ("confidence",))
    import_dataset([path], "d", ImportOptions(fps=25), reader=FittingReader(anny, weighted=weighted))
    data = Dataset.open("d")
    hidden = {name: values for name, values in data.extras("s01").items() if name.startswith(HIDDEN)}
    if not weighted:
        assert not hidden and data.frames("s01").valid.all()
        return
    assert data.frames("s01").valid.tolist() == [True] * 30 + [False] * 10
    assert (
        hidden["hidden brow"][:30].tolist() == [0] * 30
        and hidden["hidden upper lip"][:30].tolist() == [0] * 10 + [1] * 20
    )
