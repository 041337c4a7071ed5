"""The tokenizer: additive decoding, the latent frame, losses, configuration, saving."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from dfe_core.errors import DataError
from dfe_core.faces.model import REGIONS
from dfe_core.tokenizer.config import Config, TokenizerConfig, load_config
from dfe_core.tokenizer.latent import balanced_gram, latent_frame, seen_gram
from dfe_core.tokenizer.model import Tokenizer


def tokenizer_of(face, **more) -> Tokenizer:
    rng = np.random.default_rng(0)
    psi = rng.random((500, face.coefficients)) * (rng.random((500, face.coefficients)) < 0.2)
    config = TokenizerConfig(**{"stages": 4, "codewords": 12, **more})
    torch.manual_seed(0)
    model = Tokenizer(config, *latent_frame(face.gram, psi.T @ psi / 500, 0.5)).eval()
    model.quantizer.set_codewords_(torch.randn(config.codewords, face.coefficients) / 7)
    return model


def test_latent_length_is_vertex_and_coefficient_error_in_units_of_the_data(toy_face):
    rng = np.random.default_rng(1)
    psi = rng.normal(size=(300, 52))
    moment = psi.T @ psi / 300
    frame, inverse = latent_frame(toy_face.gram, moment, 0.3)
    assert np.allclose(frame @ inverse, np.eye(52), atol=1e-6)
    vertex = np.square(toy_face.displacement(psi.astype(np.float32))).sum(-1).mean(1)
    expected = 0.7 * vertex / vertex.mean() + 0.3 * (psi**2 / np.diag(moment)).mean(1)
    assert np.allclose(np.square(psi @ frame).sum(1), expected, rtol=1e-3)


def test_a_coefficient_that_never_moved_in_training_weighs_at_most_a_hundred_times_the_average_one():
    moment = np.diag([1.0, 1.0, 1.0, 1e-9])
    frame, _ = latent_frame(None, moment, 1.0)
    weights = np.square(frame).sum(1)
    average = np.trace(moment) / 4
    assert weights[3] / weights[0] == pytest.approx(1.0 / (0.01 * average), rel=1e-3)
    moved, _ = latent_frame(None, np.diag([1.0, 1.0, 1.0, 0.02]), 1.0)
    assert np.square(moved).sum(1)[3] / np.square(moved).sum(1)[0] == pytest.approx(1 / 0.02, rel=1e-3)  # as before


def test_balanced_regions_keep_the_energy_of_the_face_and_each_counts_alike(toy_face):
    moment = np.diag(np.random.default_rng(0).uniform(0.01, 1, toy_face.coefficients))
    plain, half, whole = (balanced_gram(toy_face, moment, w) for w in (0, 0.5, 1))
    assert np.array_equal(plain, toy_face.gram)
    for found in (half, whole):
        assert np.sum(found * moment) == pytest.approx(np.sum(toy_face.gram * moment))
    assert half == pytest.approx((plain + whole) / 2)
    brows = (toy_face.regions == REGIONS.index("brow"))[None, :, None]
    louder = dataclasses.replace(toy_face, basis=toy_face.basis * np.where(brows, 2, 1))
    found = balanced_gram(louder, moment, 1)  # the brows move twice as far, and yet weigh the same
    assert found / np.trace(found) == pytest.approx(whole / np.trace(whole), abs=1e-9)
    assert not np.allclose(louder.gram / np.trace(louder.gram), plain / np.trace(plain))


def test_a_region_that_is_left_out_counts_nothing_and_every_other_vertex_as_before(toy_face):
    brows = toy_face.regions == REGIONS.index("brow")
    still = dataclasses.replace(toy_face, basis=toy_face.basis * ~brows[None, :, None])
    only = dataclasses.replace(toy_face, basis=toy_face.basis * brows[None, :, None])
    assert seen_gram(toy_face, "brow") == pytest.approx(still.gram)
    assert not seen_gram(only, "brow").any() and np.array_equal(seen_gram(toy_face), toy_face.gram)
    moment = np.diag(np.random.default_rng(0).uniform(0.01, 1, toy_face.coefficients))
    balanced = balanced_gram(toy_face, moment, 1, "brow")
    assert balanced == pytest.approx(balanced_gram(still, moment, 1, "brow"))
    assert np.sum(balanced * moment) == pytest.approx(np.sum(still.gram * moment))
    with pytest.raises(DataError, match="no region 'brow'"):
        seen_gram(still_without(toy_face, "brow"), "brow")
    for wrong in ({"without_region": "other"}, {"without_region": "brow", "psi_weight": 0.5}):
        with pytest.raises(DataError, match=r"without_region|psi_weight"):
            TokenizerConfig(**wrong)


def still_without(face, region):
    """The face with no vertex of a region."""
    gone = face.regions == REGIONS.index(region)
    return dataclasses.replace(face, regions=np.where(gone, REGIONS.index("other"), face.regions).astype(np.uint8))


def test_the_sum_of_single_codewords_is_the_reconstruction_on_the_mesh(toy_face):
    model = tokenizer_of(toy_face)
    psi = torch.rand(50, 52)
    found = model.encode(psi)
    decoded = model.decode(found.tokens, found.intensities).numpy()
    alone = model.codeword_psi()
    summed = (alone[found.tokens.numpy()] * found.intensities.numpy()[..., None]).sum(1)
    assert np.abs(toy_face.displacement(decoded) - toy_face.displacement(summed)).max() < 1e-5
    one = model.decode(torch.tensor([[7]]), torch.ones(1, 1)).numpy()
    assert np.abs(one - alone[7]).max() < 1e-5


@pytest.mark.parametrize("encoder", ["transformer", "mlp", "linear"])
def test_an_untrained_encoder_is_the_metric_frame_and_learns(toy_face, encoder):
    model = tokenizer_of(toy_face, encoder=encoder)
    psi = torch.rand(9, 52)
    latent, plain = model.latent(psi)
    assert torch.allclose(latent, plain)
    parameters = list(model.correction.parameters())
    assert (encoder == "linear") == (not parameters)
    if parameters:
        latent.square().sum().backward()
        assert any(p.grad is not None and p.grad.abs().max() > 0 for p in parameters)


def test_configuration_takes_files_overrides_and_refuses_what_it_does_not_know(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("[tokenizer]\nstages = 4\n[train.loss]\npsi = 0\n")
    config = load_config(path, {"train.steps": "7", "tokenizer.encoder": "mlp", "seed": 3})
    assert (config.tokenizer.stages, config.train.steps, config.seed) == (4, 7, 3)
    assert config.tokenizer.encoder == "mlp" and config.train.loss.psi == 0.0
    for overrides in (
        {"tokenizer.stagez": "4"},
        {"tokenizer.stages": "0"},
        {"tokenizer.stages": "two"},
        {"tokenizer.level_step": "2"},
        {"train.loss": "1"},
        {"nothing": 1},
    ):
        with pytest.raises(DataError):
            load_config(None, overrides)
    path.write_bytes(b"\xff\x00 not toml")
    with pytest.raises(DataError, match="c.toml"):
        load_config(path)


def test_every_field_of_the_configuration_is_documented():
    for kind in (TokenizerConfig, type(Config().train), type(Config().train.loss)):
        for field in dataclasses.fields(kind):
            assert field.name in kind.__doc__ or field.name == "loss", f"{kind.__name__}.{field.name}"
    assert json.dumps(dataclasses.asdict(Config()))
