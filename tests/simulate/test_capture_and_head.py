"""What the tracker adds, and what a turning head adds: noise, dead coefficients, pose and its artefact."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.simulation_statistics import dataset_statistics
from dfe_core.errors import DataError
from dfe_core.expressions.pose_leak import measure_pose_leak
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.simulate.capture import CAPTURES, find_capture, observe
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.simulate.head import POSE, artefact, clean_psi, draw_weights, pose_functions

SMALL = {"subjects": 3, "minutes_per_subject": 1.0, "seed": 2, "effect": "stress"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("captures")


@pytest.fixture(scope="module")
def plain(root, toy_face):
    return simulate_dataset("plain", toy_face, root=root, **SMALL)


@pytest.fixture(scope="module")
def turned(root, toy_face):
    return simulate_dataset("turned", toy_face, root=root, pose_artefact=0.4, **SMALL)


def test_presets_jitter_as_much_as_they_say(root, toy_face, plain):
    jitter = {"livelink": dataset_statistics(plain, toy_face)["jitter"].median()}
    for name in ("camera", "landmarks"):
        data = simulate_dataset(name, toy_face, root=root, capture=name, **SMALL)
        jitter[name] = dataset_statistics(data, toy_face)["jitter"].median()
    assert 0.00003 < jitter["livelink"] < 0.0002
    assert 0.002 < jitter["camera"] < 0.006 < jitter["landmarks"] < 0.012


def test_another_capture_shows_the_same_performance(root, toy_face, plain):
    camera = simulate_dataset("same", toy_face, root=root, capture="camera", **SMALL)
    pd.testing.assert_frame_equal(camera.truth, plain.truth)
    jaw = ARKIT_NAMES.index("jawOpen")
    a, b = (d.frames("s01-1").psi[:, jaw] for d in (camera, plain))
    assert not np.array_equal(a, b) and np.corrcoef(a, b)[0, 1] > 0.95
    assert all(np.array_equal(camera.extras("s01-1")[c], plain.extras("s01-1")[c]) for c in POSE)


def test_a_camera_is_blind_to_its_dozen_and_to_no_other():
    rng = np.random.default_rng(0)
    clean = rng.random((400, 52), np.float32)
    seen = observe(rng, clean, find_capture("camera"), ARKIT_NAMES, 30.0)
    still = {name for name, spread in zip(ARKIT_NAMES, seen.std(0), strict=True) if spread < 0.05}
    assert still == set(CAPTURES["camera"].blind) and len(still) == 12


def test_landmarks_have_their_own_frame_rate_unless_another_is_asked_for(root, toy_face):
    data = simulate_dataset("slow", toy_face, root=root, capture="landmarks", subjects=1, minutes_per_subject=0.5)
    assert data.recordings["fps"].eq(15).all()
    asked = simulate_dataset(
        "asked", toy_face, root=root, capture="landmarks", fps=10.7, subjects=1, minutes_per_subject=0.5
    )
    assert asked.recordings["fps"].eq(10.7).all()


def test_an_unknown_capture_and_an_artefact_of_everything_are_refused(root, toy_face):
    with pytest.raises(DataError, match="livelink, camera, landmarks"):
        simulate_dataset("x", toy_face, root=root, capture="webcam")
    with pytest.raises(DataError, match="pose artefact"):
        simulate_dataset("x", toy_face, root=root, pose_artefact=1.0)


def test_heads_turn_some_degrees_and_nod_more_where_people_smile(plain):
    pose = np.concatenate([np.stack([plain.extras(r)[c] for c in POSE], 1) for r in plain.recordings["recording"]])
    assert (np.degrees(pose.std(0)) > 1).all() and (np.degrees(np.abs(pose)).max(0) < 45).all()


def test_without_an_artefact_no_pose_leaks_and_with_one_it_does(plain, turned, toy_face):
    assert abs(measure_pose_leak(plain, toy_face.gram).leak) < 0.1
    assert measure_pose_leak(turned, toy_face.gram).leak > 0.2


def test_the_clean_truth_of_an_artefact_is_recovered_to_the_bit_of_a_float(plain, turned):
    for name in plain.recordings["recording"]:
        assert np.abs(turned.frames(name).psi - plain.frames(name).psi).max() > 0.02
        assert np.allclose(clean_psi(turned, name), plain.frames(name).psi, atol=1e-6)
        assert np.array_equal(clean_psi(plain, name), plain.frames(name).psi)


def test_the_artefact_holds_its_share_of_every_subjects_variance(plain, turned, toy_face):
    for subject, rows in plain.recordings.groupby("subject"):

        def energy(data, rows=rows, turned_by=None):
            psi = np.concatenate(
                [data.frames(r).psi - (turned_by.frames(r).psi if turned_by else 0) for r in rows["recording"]]
            )
            psi = psi - psi.mean(0)
            return np.einsum("te,ef,tf->", psi, toy_face.gram, psi)

        added, clean = energy(turned, turned_by=plain), energy(plain)
        assert added / (added + clean) == pytest.approx(0.4, abs=1e-3), subject


def test_a_head_turned_the_other_way_moves_the_other_side():
    weights = draw_weights(np.random.default_rng(3), ARKIT_NAMES)
    pose = np.array([[0.1, 0.2, -0.1]])
    there, back = (artefact(p, weights, 1.0)[0] for p in (pose, pose * [1, -1, -1]))
    mirrored = [
        ARKIT_NAMES.index(n.replace("Left", "~").replace("Right", "Left").replace("~", "Right")) for n in ARKIT_NAMES
    ]
    assert np.allclose(there, back[mirrored], atol=1e-6) and np.abs(there).max() > 0.1
    assert pose_functions(pose).shape == (1, 9)
