"""The compiled search and temporal smoothing give the tokens of the PyTorch ones, which are the reference."""

from __future__ import annotations

import pytest
import torch

from dfe_core.tokenizer import quantizer as quantizer_module
from dfe_core.tokenizer import temporal_smoothing
from dfe_core.tokenizer.kernel import smooth_frames
from dfe_core.tokenizer.quantizer import COMPILED_FROM, SparseQuantizer, is_compiled, strongest_first
from dfe_core.tokenizer.temporal_smoothing import encode_linked, refine_

FRAMES = 2 * COMPILED_FROM + 37


@pytest.fixture(scope="module")
def latent() -> torch.Tensor:
    torch.manual_seed(3)
    return torch.linspace(0, 2, FRAMES)[:, None] * torch.randn(FRAMES, 8)  # from still faces to wild ones


def made(step=1 / 16, counted=True, size=24, sweeps=0, places=6) -> SparseQuantizer:
    torch.manual_seed(0)
    quantizer = SparseQuantizer(places, size, 8, tuple(step * i for i in range(1, int(1.5 / step) + 1)), 0.01, sweeps)
    codewords = torch.randn(size, 8) / 2
    codewords[7], codewords[9] = 0, -codewords[4]
    quantizer.set_codewords_(codewords)
    if counted:  # code lengths that differ, one codeword so frequent that its absence is dear
        counts = torch.rand(size, len(quantizer.levels) + 1) * 40
        counts[5, int(quantizer.stride[5])] = 4000
        counts[:, 0] = 0
        quantizer.set_code_lengths_(counts, 5000)
    return quantizer


@pytest.mark.parametrize("sweeps", [0, 1, 3])
@pytest.mark.parametrize(("step", "counted"), [(1 / 16, True), (1 / 16, False), (1.0, True)])
def test_the_compiled_search_finds_the_same_tokens(latent, sweeps, step, counted):
    quantizer = made(step, counted)
    target = latent + 0.1 * torch.randn(latent.shape, generator=torch.Generator().manual_seed(5))
    ours = quantizer.encode(latent, sweeps=sweeps, target=target, compiled=True)
    reference = quantizer.encode(latent, sweeps=sweeps, target=target, compiled=False)
    same = ((ours.tokens == reference.tokens) & (ours.levels == reference.levels)).all(1)
    assert same.float().mean() > 0.999
    assert torch.allclose(ours.error[same], reference.error[same], atol=1e-4)
    assert (reference.tokens == 0).any() and not (reference.tokens == 7).any()


def test_the_compiled_smoothing_chooses_the_same_tokens(latent):
    quantizer = made()
    target = latent.cumsum(0) * 0.05
    found = quantizer.encode(target, sweeps=1)
    linked = torch.ones(FRAMES, dtype=torch.bool)
    linked[[0, 100, 101, 300]] = False
    tables = quantizer.tables()
    products = (target - quantizer.decode(found.tokens, found.intensities).detach()) @ tables.codewords.T
    steps = (found.levels + 1) * (found.tokens != 0)
    ours, reference = ([found.tokens.clone(), steps.clone(), products.clone()] for _ in range(2))
    smooth_frames(*(x.numpy() for x in ours), tables, linked.numpy(), 0.2, 2, threads=2)
    refine_(*reference, tables, linked, 0.2, 2)
    assert not torch.equal(reference[0], found.tokens)
    assert (ours[0] == reference[0]).all(1).float().mean() > 0.998
    assert (ours[1] == reference[1]).all(1).float().mean() > 0.995


@pytest.mark.parametrize(
    ("size", "places"), [(24, 6), (64, 1), (130, 3)]
)  # a part of a block of the kernel, one, three
@pytest.mark.parametrize("proposes", [False, True])
def test_encoding_in_one_pass_gives_what_search_smoothing_and_order_give(monkeypatch, latent, size, places, proposes):
    quantizer, still = made(size=size, sweeps=2, places=places), torch.linspace(0, 0.2, FRAMES)[:, None]
    target = 0.2 * latent.cumsum(0) / 10 + still * torch.randn(latent.shape, generator=torch.Generator().manual_seed(5))
    proposed = target + 0.1 * latent if proposes else target
    linked = torch.arange(FRAMES) % 97 > 0
    ours = encode_linked(proposed, target, quantizer, linked, 0.1)
    for module in (quantizer_module, temporal_smoothing):
        monkeypatch.setattr(module, "is_compiled", lambda _frames: False)
    reference = encode_linked(proposed, target, quantizer, linked, 0.1)
    alone = quantizer.encode(proposed, target=target)
    same = ((ours.tokens == reference.tokens) & (ours.levels == reference.levels)).all(1)
    assert same.float().mean() > 0.998
    assert torch.equal(ours.intensities[same], reference.intensities[same])
    assert torch.allclose(ours.error[same], reference.error[same], atol=1e-4)
    smoothed = (reference.tokens.sort(1).values != alone.tokens.sort(1).values).any(1)
    assert 0.05 < smoothed.float().mean() < 0.95  # frames that neighbours change, and some that they do not


def test_a_known_sum_is_found():
    quantizer = SparseQuantizer(4, 6, 5, (0.25, 0.5, 0.75, 1.0), 1e-4, sweeps=1)
    quantizer.set_codewords_(torch.cat([torch.zeros(1, 5), torch.eye(5)]))
    truth = torch.tensor([0.25, 0.0, 1.0, 0.52, -0.4]).repeat(COMPILED_FROM, 1)
    quantizer.stride[1:] = 1
    found = quantizer.encode(truth, compiled=True)
    assert (found.tokens == torch.tensor([3, 4, 1, 0])).all()
    assert (found.levels == torch.tensor([3, 1, 0, 0])).all()
    assert torch.allclose(found.error, torch.tensor(0.4**2 + 0.02**2).expand(COMPILED_FROM))


def test_numbers_that_are_no_numbers_choose_nothing_and_leave_the_other_frames_alone(latent):
    quantizer, broken = made(sweeps=2), latent.clone()
    broken[40], broken[41] = torch.nan, torch.inf
    ours, whole = (quantizer.encode(x, compiled=True) for x in (broken, latent))
    assert not ours.tokens[40].any()
    others = (torch.arange(FRAMES) < 40) | (torch.arange(FRAMES) > 41)
    assert torch.equal(ours.tokens[others], whole.tokens[others])


def test_decoding_without_gradients_gives_the_same_sum(latent):
    quantizer = made()
    found = quantizer.encode(latent, compiled=True)
    with torch.no_grad():
        plain = quantizer.decode(found.tokens, found.intensities)
    assert torch.allclose(plain, quantizer.decode(found.tokens, found.intensities), atol=1e-5)


def test_once_loaded_the_kernel_encodes_single_frames_and_none(latent):
    quantizer = made(sweeps=2)
    whole = quantizer.encode(latent, compiled=True)
    assert is_compiled(1)
    for row in range(0, FRAMES, 50):
        one = quantizer.encode(latent[row : row + 1])
        assert torch.equal(one.tokens[0], whole.tokens[row]) and torch.equal(one.levels[0], whole.levels[row])
    none = quantizer.encode(latent[:0])
    assert none.tokens.shape == (0, 6) and none.error.shape == (0,)
    with torch.no_grad():
        assert quantizer.decode(none.tokens, none.intensities).shape == (0, 8)


def test_threads_change_nothing(latent, monkeypatch):
    quantizer = made()
    one = quantizer.encode(latent, sweeps=2)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    three = quantizer.encode(latent, sweeps=2)
    assert torch.equal(one.tokens, three.tokens) and torch.equal(one.levels, three.levels)


def test_order_of_equal_strengths_is_by_number():
    quantizer = SparseQuantizer(4, 4, 4, (0.5, 1.0), 1e-3)
    quantizer.set_codewords_(torch.eye(4))
    tokens, steps = strongest_first(torch.tensor([[3, 1, 0, 2]]), torch.tensor([[1, 1, 0, 1]]), quantizer.tables())
    assert tokens.tolist() == [[1, 2, 3, 0]] and steps.tolist() == [[1, 1, 1, 0]]
