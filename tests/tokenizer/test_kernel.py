"""The compiled search and settling give the tokens of the PyTorch ones, which are the reference."""

from __future__ import annotations

import pytest
import torch

from dfe_core.tokenizer.kernel import settle_frames
from dfe_core.tokenizer.quantizer import COMPILED_FROM, ResidualQuantizer, search, strongest_first
from dfe_core.tokenizer.steady import settle_

LEVELS = (0.1, 0.25, 0.5, 1.0)
FRAMES = 2 * COMPILED_FROM + 37


@pytest.fixture(scope="module")
def latent() -> torch.Tensor:
    torch.manual_seed(3)
    return torch.linspace(0, 2, FRAMES)[:, None] * torch.randn(FRAMES, 8)  # from still faces, which rest, to wild ones


def made(levels=LEVELS, shared=True, seed=0) -> ResidualQuantizer:
    torch.manual_seed(seed)
    quantizer = ResidualQuantizer(5, 24, 8, levels, shared)
    with torch.no_grad():
        quantizer.codewords.normal_()
        quantizer.codewords[7] = 0
        quantizer.keep_rest_()
        quantizer.rest_gain.fill_(0.01)
    return quantizer


@pytest.mark.parametrize(("beam", "sweeps"), [(1, 0), (1, 2), (2, 0), (2, 2), (4, 1)])
@pytest.mark.parametrize(("levels", "shared"), [(LEVELS, True), ((1.0,), True), (LEVELS, False)])
def test_the_compiled_search_finds_the_same_tokens(latent, beam, sweeps, levels, shared):
    quantizer = made(levels, shared)
    target = latent + 0.1 * torch.randn(latent.shape, generator=torch.Generator().manual_seed(5))
    ours = quantizer.encode(latent, beam=beam, sweeps=sweeps, target=target)
    reference = search(latent, quantizer.codewords.detach(), quantizer.levels, 5, beam, float(quantizer.rest_gain),
                       quantizer.stage_rows, sweeps, target)
    same = ((ours.tokens == reference.tokens) & (ours.levels == reference.levels)).all(1)
    assert same.float().mean() > 0.999
    assert torch.allclose(ours.error[same], reference.error[same], atol=1e-4)
    assert (reference.tokens == 0).any() and not (reference.tokens == 7).any()


def test_fewer_stages_and_no_target_are_the_same_too(latent):
    quantizer = made()
    ours = quantizer.encode(latent, beam=2, sweeps=1, stages=3)
    reference = search(latent, quantizer.codewords.detach(), quantizer.levels, 3, 2, float(quantizer.rest_gain),
                       None, 1)
    assert ours.tokens.shape == (FRAMES, 3)
    assert (ours.tokens == reference.tokens).all(1).float().mean() > 0.999


@pytest.mark.parametrize("shared", [True, False])
def test_the_compiled_settling_chooses_the_same_tokens(latent, shared):
    quantizer = made(shared=shared)
    target = latent.cumsum(0) * 0.05
    found = quantizer.encode(target, beam=1, sweeps=1)
    linked = torch.ones(FRAMES, dtype=torch.bool)
    linked[[0, 100, 101, 300]] = False
    products = (target - quantizer.decode(found.tokens, found.intensities).detach()) @ quantizer.codewords.detach().T
    ours, reference = ([found.tokens.clone(), found.levels.clone(), products.clone()] for _ in range(2))
    codewords = quantizer.codewords.detach()
    settle_frames(*(x.numpy() for x in ours), (codewords @ codewords.T).numpy(), quantizer.blocked(5).numpy(),
                  quantizer.levels.numpy(), linked.numpy(), 0.2, 0.01, 2, threads=2)
    settle_(*reference, quantizer, linked, 0.2, 2)
    assert not torch.equal(reference[0], found.tokens)
    assert (ours[0] == reference[0]).all(1).float().mean() > 0.998
    assert (ours[1] == reference[1]).all(1).float().mean() > 0.995


def test_threads_change_nothing(latent, monkeypatch):
    quantizer = made()
    one = quantizer.encode(latent, beam=2, sweeps=2)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    three = quantizer.encode(latent, beam=2, sweeps=2)
    assert torch.equal(one.tokens, three.tokens) and torch.equal(one.levels, three.levels)


def test_order_of_equal_strengths_is_by_number():
    norms = torch.ones(4)
    tokens, levels = strongest_first(torch.tensor([[3, 1, 0, 2]]), torch.tensor([[1, 1, 0, 1]]), norms,
                                     torch.tensor(LEVELS))
    assert tokens.tolist() == [[1, 2, 3, 0]] and levels.tolist() == [[1, 1, 1, 0]]
