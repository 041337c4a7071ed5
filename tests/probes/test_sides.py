"""Features that do not know left from right, and the kappa of ordered scales."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from dfe_core.probes.features.sides import asymmetry_columns, mirrored_codewords
from dfe_core.probes.scores import on_scale, quadratic_kappa
from tests.asymmetry.two_sided_face import people_with, performed, recovering_people, two_sided_face


def test_quadratic_kappa_is_that_of_scikit_learn_on_rounded_predictions():
    rng = np.random.default_rng(0)
    y = rng.integers(1, 7, 200)
    p = y + rng.normal(0, 1.2, 200)
    rounded = np.clip(np.round(p), 1, 6).astype(int)
    expected = cohen_kappa_score(y, rounded, weights="quadratic")
    assert quadratic_kappa(y.astype(float), p[:, None], np.ones(200)) == pytest.approx(expected)
    twice = cohen_kappa_score(np.repeat(y, 2), np.repeat(rounded, 2), weights="quadratic")
    assert quadratic_kappa(y.astype(float), p[:, None], np.full(200, 2.0)) == pytest.approx(twice)


def test_predictions_go_to_the_nearest_level_that_there_is_and_nan_stays():
    y = np.array([0.0, 10.0, 20.0])
    values = np.array([[-3.0], [14.0], [np.nan], [99.0]])
    np.testing.assert_equal(on_scale(y, values)[:, 0], [0.0, 10.0, np.nan, 20.0])
    assert quadratic_kappa(y, np.full((3, 1), 10.0), np.ones(3)) == 0.0


def test_columns_of_asymmetry_are_the_same_for_a_face_and_its_mirror_image(tmp_path, monkeypatch):
    import pandas as pd

    from dfe_core.progress import silent

    def columns(data):
        spans = pd.DataFrame({"recording": data.recordings["recording"]})
        return asymmetry_columns(SimpleNamespace(dataset=data, spans=spans, progress=silent), mm=True)

    values, names = columns(recovering_people(tmp_path / "one"))
    other, _ = columns(recovering_people(tmp_path / "two", mirrored=True))
    assert len(names) == values.shape[1] and np.isfinite(values).all()
    np.testing.assert_allclose(values, other, atol=1e-5)
    share = values[:, names.index("mean share")]
    assert share[:2].max() < 0.2 and share[4:].min() > 0.9


def test_codewords_that_are_mirror_images_are_pairs_and_others_alone(toy_face):
    psi = np.zeros((5, toy_face.coefficients), np.float32)
    for row, name in enumerate(("mouthSmileLeft", "browInnerUp", "mouthSmileRight", "eyeBlinkLeft"), start=1):
        psi[row, toy_face.names.index(name)] = 1
    partner = mirrored_codewords(SimpleNamespace(psi=psi, face=toy_face))
    assert partner.tolist() == [0, 3, 2, 1, 4]


def test_a_pucker_without_a_weaker_side_is_missing_and_not_that_of_the_right_one(tmp_path):
    import pandas as pd

    from dfe_core.progress import silent

    face = two_sided_face()
    data = people_with({("p", "1"): [performed(face, {"pucker": 1.0}, {"pucker": 0.8})]}, tmp_path)
    spans = pd.DataFrame({"recording": data.recordings["recording"]})
    values, names = asymmetry_columns(SimpleNamespace(dataset=data, spans=spans, progress=silent), mm=True)
    assert np.isnan(
        values[0, [names.index("weaker side of pucker, mm"), names.index("other side of pucker, mm")]]
    ).all()
