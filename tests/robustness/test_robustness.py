"""Perturbations of known effect on a toy face: what they do to frames, tokens, shares and probes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.robustness.agreement import (
    alike_codewords,
    matched_agreement,
    set_agreement,
    share_divergence,
    token_sets,
)
from dfe_core.robustness.measure import PLAIN, Condition, PerturbationSums, make_workbench, measure_perturbations
from dfe_core.robustness.perturb import SeenFrames, bursts, extractor_profile, perturbed
from dfe_core.robustness.probe_scores import labelled_people, probe_changes
from dfe_core.robustness.settings import (
    NO_PURIFIER,
    PROJECTION,
    Perturbation,
    PerturbationKind,
    RobustnessSettings,
)
from dfe_core.robustness.surroundings import Surroundings, surroundings
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.geometry import codeword_geometry
from dfe_core.tokenizer.model import Tokenizer
from tests.small_world import write_dataset
from tests.tiny_tokenizer import moving_face, tiny_tokenizer

SETTINGS = RobustnessSettings(
    model="m", dataset="d", label="condition", folds=3, purifiers=(NO_PURIFIER, PROJECTION), resamples=200
)


@pytest.fixture(scope="module")
def around(toy_face: FaceModel) -> Surroundings:
    return surroundings(toy_face, tiny_codebook(toy_face, tiny_tokenizer(toy_face)).psi, [moving_face(400)])


@pytest.fixture(scope="module")
def dataset(toy_face: FaceModel, tmp_path_factory) -> Dataset:
    """Twelve recordings of six people; under stress the smile moves, in the calm it stays."""
    root = tmp_path_factory.mktemp("robustness") / "cache"
    psi = {f"r{i:02d}": moving_face(40, seed=i) for i in range(12)}
    smile = [toy_face.names.index(name) for name in ("mouthSmileLeft", "mouthSmileRight")]
    for i, frames in enumerate(psi.values()):
        frames[:, smile] = 0.9 * (np.arange(40)[:, None] // 6 % 2) if i % 2 == 0 else 0
    return write_dataset(root, toy_face, psi, subjects=6)


@pytest.fixture(scope="module")
def measured(dataset: Dataset, toy_face: FaceModel) -> PerturbationSums:
    model = tiny_tokenizer(toy_face)
    kinds = ("landmark noise", "random offset", "adversarial offset", "offset by gradient", "frame rate")
    bench = make_workbench(
        model, tiny_codebook(toy_face, model), dataset, toy_face, replace(SETTINGS, kinds=kinds, queries=3)
    )
    return measure_perturbations(bench, dataset)


def tiny_codebook(face: FaceModel, model: Tokenizer) -> Codebook:
    psi = model.codeword_psi()
    table = codeword_geometry(psi, face)
    levels = model.quantizer.levels.numpy()
    return Codebook(model="m", psi=psi, levels=levels, stages=6, names=face.names, face_id=face.id, table=table)


def seen(frames: int = 400, fps: float = 60.0) -> SeenFrames:
    rows = np.arange(frames)
    return SeenFrames(recording="r", psi=moving_face(frames), time_s=rows / fps, number=rows, fps=fps)


def disturbed(around: Surroundings, kind: PerturbationKind, size: float, part: str = "", frames: int = 400):
    what = Perturbation(kind=kind, size=size, part=part)
    return perturbed(what, seen(frames), around, np.random.default_rng(0))


def kept(measured: PerturbationSums, kind: PerturbationKind, size: float, purifier: str = NO_PURIFIER) -> float:
    tally = measured.tallies[Condition(Perturbation(kind=kind, size=size), purifier)]
    return float(tally.kept.sum() / tally.frames.sum())


def test_agreement_of_known_sets():
    one = token_sets(np.array([[1, 2, 3], [1, 1, 0], [0, 0, 0], [4, 0, 0]]), 6)
    other = token_sets(np.array([[3, 2, 5], [1, 0, 0], [0, 0, 0], [0, 0, 0]]), 6)
    np.testing.assert_allclose(set_agreement(one, other), [0.5, 1, np.nan, 0])
    alike = np.eye(6, dtype=bool)
    alike[1, 5] = alike[5, 1] = True
    np.testing.assert_allclose(matched_agreement(one, other, alike), [1, 1, np.nan, 0])


def test_codewords_that_move_the_face_alike_stand_for_each_other():
    psi = np.array([[0, 0], [1, 0], [2, 0.1], [-1, 0], [0, 1]], float)
    found = alike_codewords(psi, np.eye(2))
    assert found[1, 2] and not found[1, 3] and not found[1, 4] and not found[0, 1]


def test_divergence_of_shares_is_0_for_one_use_and_1_for_two():
    found = share_divergence(
        np.array([[2, 2, 0], [4, 0, 0], [0, 0, 0], [1, 0, 0]]), np.array([[1, 1, 0], [0, 1, 3], [0, 0, 0], [0, 0, 0]])
    )
    np.testing.assert_allclose(found, [0, 1, 0, 1], atol=1e-12)


def test_a_slower_camera_sees_fewer_moments_each_as_it_was(around: Surroundings):
    found, plain = disturbed(around, PerturbationKind.FRAME_RATE, 15.0), seen()
    np.testing.assert_array_equal(found.rows, np.arange(0, 400, 4))
    np.testing.assert_array_equal(found.psi, plain.psi[::4])
    assert not found.linked[0] and found.linked[1:].all() and found.lost
    assert disturbed(around, PerturbationKind.FRAME_RATE, 60.0) is None


def test_landmark_noise_grows_with_its_size_and_is_smaller_than_the_points(around: Surroundings):
    plain = seen().psi.astype(float)
    sizes = [
        float(
            np.sqrt(
                (
                    around.size_mm(s * np.random.default_rng(1).standard_normal(plain.shape) @ around.noise_of_points)
                    ** 2
                ).mean()
            )
        )
        for s in (0.5, 1.0)
    ]
    assert sizes[1] == pytest.approx(2 * sizes[0]) and 0.05 < sizes[1] < np.sqrt(3)


def test_a_weak_side_halves_its_own_coefficients_and_leaves_the_other(around: Surroundings, toy_face: FaceModel):
    psi = np.zeros((2, toy_face.coefficients), np.float32)
    left, right = (toy_face.names.index(f"mouthSmile{side}") for side in ("Left", "Right"))
    psi[0, left], psi[1, right] = 0.8, 0.8
    still = SeenFrames(recording="r", psi=psi, time_s=np.arange(2) / 10, number=np.arange(2), fps=10.0)
    what = Perturbation(kind=PerturbationKind.ONE_SIDED, size=0.5, part="left")
    found = perturbed(what, still, around, np.random.default_rng(0))
    before, after = (around.size_mm(frames.astype(float)) for frames in (psi, found.psi))
    assert after[0] == pytest.approx(0.5 * before[0], rel=0.15) and after[1] == pytest.approx(before[1], rel=0.05)


def test_a_hidden_half_stays_at_rest_where_it_is_hidden(around: Surroundings, toy_face: FaceModel):
    found, plain = disturbed(around, PerturbationKind.OCCLUDED, 0.3, "lower", frames=2000), seen(2000)
    assert 0.1 < found.touched.mean() < 0.6 and found.hidden == "lower"
    np.testing.assert_allclose(found.psi[~found.touched], plain.psi[~found.touched], atol=1e-6)
    from dfe_core.gaps.observation import half_vertices

    moved = np.linalg.norm(toy_face.displacement(found.psi[found.touched][::20]), axis=2)
    before = np.linalg.norm(toy_face.displacement(plain.psi[found.touched][::20]), axis=2)
    lower = half_vertices(toy_face, "lower")
    assert moved[:, lower].mean() < 0.35 * before[:, lower].mean()
    assert moved[:, ~lower].mean() > 0.7 * before[:, ~lower].mean()


def test_bursts_have_their_share_and_their_length():
    lost = bursts(60_000, 0.2, 5, np.random.default_rng(0))
    assert lost.mean() == pytest.approx(0.2, abs=0.02)
    assert lost.sum() / np.sum(np.diff(lost.astype(int), prepend=0) == 1) == pytest.approx(5, rel=0.1)


def test_four_bits_leave_at_most_sixteen_values_and_smoothing_keeps_the_mean(around: Surroundings):
    found = disturbed(around, PerturbationKind.QUANTISED, 4.0)
    assert max(len(np.unique(column)) for column in found.psi.T) <= 16
    smoothed = disturbed(around, PerturbationKind.SMOOTHED, 0.5)
    assert np.abs(np.diff(smoothed.psi, axis=0)).mean() < 0.5 * np.abs(np.diff(seen().psi, axis=0)).mean()


def test_an_extractor_has_one_profile_for_all_recordings(around: Surroundings):
    one, other = extractor_profile(around, 0.4), extractor_profile(around, 0.4)
    np.testing.assert_array_equal(one, other)
    assert np.count_nonzero(one - np.diag(np.diag(one))) > 20 and np.allclose(
        extractor_profile(around, 0.0), np.eye(52)
    )


def test_nothing_done_keeps_every_token_and_every_share(measured: PerturbationSums):
    plain = measured.tallies[PLAIN]
    assert plain.frames.sum() > 0 and plain.kept.sum() == plain.frames.sum() and plain.energy.sum() == 0


def test_more_noise_keeps_fewer_tokens_and_an_attacker_beats_chance(measured: PerturbationSums):
    noise = [kept(measured, PerturbationKind.LANDMARK_NOISE, size) for size in (0.25, 0.5, 1.0)]
    assert 1 > noise[0] > noise[1] > noise[2]
    for size in (0.05, 0.2):
        attacked = kept(measured, PerturbationKind.ADVERSARIAL, size)
        assert attacked < kept(measured, PerturbationKind.RANDOM, size) < 1
        assert kept(measured, PerturbationKind.GRADIENT, size) < kept(measured, PerturbationKind.RANDOM, size)


def test_offsets_have_the_size_that_is_stated(around: Surroundings):
    plain = np.full((50, 52), 0.5)
    frames = SeenFrames(recording="r", psi=plain, time_s=np.arange(50) / 10, number=np.arange(50), fps=10.0)
    found = perturbed(Perturbation(kind=PerturbationKind.RANDOM, size=0.1), frames, around, np.random.default_rng(0))
    np.testing.assert_allclose(around.size_mm(found.psi - plain), 0.1, rtol=1e-3)


def test_rates_that_are_not_below_the_recordings_own_are_left_out(measured: PerturbationSums):
    assert {one.size for one in measured.absent} == {30.0, 15.0}
    assert kept(measured, PerturbationKind.FRAME_RATE, 5.0) > 0.5


def test_a_probe_that_learned_from_whole_recordings_fails_where_the_smile_is_gone(dataset: Dataset):
    people = labelled_people(dataset, SETTINGS)
    rng = np.random.default_rng(0)
    bag = rng.uniform(0, 1, (12, 2))
    bag[::2, 1] += 40  # stress
    gone = {PLAIN: bag, "same": bag.copy(), "gone": np.zeros_like(bag)}
    found = probe_changes(people, gone, PLAIN, 200, 0)
    assert found[PLAIN].score > 0.8 and found["same"].change == 0 == found["same"].change_low
    assert found["gone"].change < -0.3 and found["gone"].change_high <= 0


def test_settings_that_cannot_be_served_are_refused():
    for wrong in ({"kinds": ("fog",)}, {"purifiers": ("soap",)}, {"queries": 1}, {"feature": "psi"}):
        with pytest.raises(DataError):
            RobustnessSettings(model="m", dataset="d", **wrong)


def test_figure_table_and_page_of_a_result(tmp_path: Path, measured: PerturbationSums, dataset: Dataset):
    from dfe_core.reports.robustness import robustness_sentence, write_robustness_report
    from dfe_core.robustness.result import RobustnessResult, robustness_table_of

    people = labelled_people(dataset, SETTINGS)
    bags = {key: tally.bag("bow-counts") for key, tally in measured.tallies.items()}
    table = robustness_table_of(measured, probe_changes(people, bags, PLAIN, 200, 0), SETTINGS)
    facts = {"model": "m", "dataset": "d", "simulated": True, "subjects": 6, "recordings": 12, "frames": 480}
    facts |= {"unit": "mm", "own_divergence": 0.1, "metric": "macro-F1", "units": 12, "absent": [], "sealed": None}
    result = RobustnessResult(settings=SETTINGS, table=table, facts=facts)
    write_robustness_report(result, tmp_path)
    read = pd.read_csv(tmp_path / "tables" / "robustness.csv")
    assert len(read) == len(table) and {"kept", "matched", "divergence", "gain", "change"} <= set(read)
    plain = read[(read["kind"] == "nothing") & (read["purifier"] == "none")].iloc[0]
    assert plain["kept"] == plain["matched"] == 1 and plain["divergence"] == plain["change"] == 0
    projected = read[read["purifier"] == PROJECTION]
    assert projected["gain"].notna().all() and (projected["gain_low"] <= projected["gain_high"]).all()
    assert "simulated" in (tmp_path / "report.html").read_text() and "by gradient" in robustness_sentence(result)
