"""AU templates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.facs.derive import truth_aus
from dfe_core.facs.templates import learn_templates, table_templates
from dfe_core.simulate.coupling import coupling_matrix
from dfe_core.simulate.dataset import simulate_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory, toy_face):
    root = tmp_path_factory.mktemp("templates")
    return simulate_dataset("sim", toy_face, subjects=8, minutes_per_subject=4, seed=2, effect="stress", root=root)


def test_a_sided_template_moves_its_own_half_of_the_face(toy_face):
    templates = table_templates(toy_face, (("AU12", "left"), ("AU12", "right"), ("AU12", "both")))
    left, right, both = (np.linalg.norm(d, axis=1) for d in templates.displacement(toy_face))
    assert left @ (toy_face.template[:, 0] > 0) > 5 * (left @ (toy_face.template[:, 0] < 0))
    assert np.allclose(left[toy_face.mirror], right, atol=1e-7)
    assert np.allclose(templates.psi[0] + templates.psi[1], templates.psi[2])
    assert both.max() > 0


def test_aus_without_a_coefficient_have_no_template(toy_face):
    templates = table_templates(toy_face, (("AU23", "both"), ("AU1", "both"), ("AU25", "both")))
    assert templates.aus == (("AU1", "both"),)


def test_the_cosine_equals_the_one_on_the_mesh(toy_face):
    templates = table_templates(toy_face)
    psi = np.random.default_rng(0).normal(size=(7, 52)).astype(np.float32)
    a = toy_face.displacement(psi).reshape(7, -1)
    b = templates.displacement(toy_face).reshape(len(templates.aus), -1)
    expected = a @ b.T / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)
    assert np.allclose(templates.cosine(toy_face, psi), expected, atol=1e-4)
    assert np.diag(templates.cosine(toy_face, templates.psi)) == pytest.approx(np.ones(len(templates.aus)))
    assert not templates.cosine(toy_face, np.zeros((1, 52))).any()


def test_templates_learned_from_aus_and_psi_are_those_of_the_table_with_what_moves_along(data, toy_face):
    learned = learn_templates(data, truth_aus(data), toy_face)
    table = table_templates(toy_face, learned.aus)
    coupled = replace(table, psi=table.psi @ coupling_matrix(toy_face.names))
    cosine, _plain = (np.diag(t.cosine(toy_face, learned.psi)) for t in (coupled, table))
    one_sided = np.array([side != "both" for _, side in learned.aus])
    assert len(learned.aus) > 35 and np.median(cosine[~one_sided]) > 0.95
    assert 0.8 < learned.explained_variance < 1


def test_too_few_frames_are_refused(data, toy_face):
    with pytest.raises(DataError, match="ten frames"):
        learn_templates(data, truth_aus(data), toy_face, recordings=[])


def test_a_face_without_arkit_coefficients_is_told_to_learn(toy_face):
    plain = replace(toy_face, names=tuple(f"exp{i}" for i in range(52)))
    with pytest.raises(DataError, match="learn"):
        table_templates(plain)
