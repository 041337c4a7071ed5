"""The residual quantizer: exact, greedy, beam, gradients of every stage, the last codeword, dead codewords."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dfe_core.tokenizer import losses
from dfe_core.tokenizer.quantizer import ResidualQuantizer, nearest_level, search

LEVELS = (0.25, 0.5, 0.75, 1.0)


def random_quantizer(stages=4, codewords=16, dimensions=6, levels=LEVELS, seed=0, **more) -> ResidualQuantizer:
    torch.manual_seed(seed)
    quantizer = ResidualQuantizer(stages, codewords, dimensions, levels, **more)
    with torch.no_grad():
        quantizer.codewords.normal_()
        quantizer.keep_rest_()
    return quantizer


def slow_greedy(latent: np.ndarray, codewords: np.ndarray, levels: np.ndarray, stages: int) -> list[tuple[int, float]]:
    """Every codeword at every level, one at a time: the definition."""
    left, tokens = latent.astype(np.float64), []
    for _ in range(stages):
        options = [(float(((left - g * c) ** 2).sum()), k, g) for k, c in enumerate(codewords) if k for g in levels]
        error, token, strength = min([(float((left**2).sum()), 0, 0.0), *options])
        left = left - strength * codewords[token]
        tokens.append((token, strength))
    return tokens


def test_greedy_search_is_the_exhaustive_choice_at_every_stage():
    quantizer = random_quantizer()
    latent = 2 * torch.randn(40, 6)
    found = quantizer.encode(latent, beam=1)
    for row in range(40):
        expected = slow_greedy(latent[row].numpy(), quantizer.codewords.detach().numpy(), np.array(LEVELS), 4)
        assert [t for t, _ in expected] == found.tokens[row].tolist()
        assert np.allclose([g for _, g in expected], found.intensities[row].numpy())


@pytest.mark.parametrize("beam", [1, 2, 5])
def test_error_is_what_decoding_leaves(beam):
    quantizer = random_quantizer()
    latent = 2 * torch.randn(200, 6)
    found = quantizer.encode(latent, beam=beam)
    left = (latent - quantizer.decode(found.tokens, found.intensities)).square().sum(1)
    assert torch.allclose(left, found.error, atol=1e-4)


def test_a_wider_beam_never_does_worse_on_average_and_finds_the_optimum_of_two_stages():
    quantizer = random_quantizer(stages=2, codewords=8)
    latent = 2 * torch.randn(60, 6)
    errors = [float(quantizer.encode(latent, beam=b).error.mean()) for b in (1, 4, 8)]
    assert errors[2] <= errors[1] + 1e-6 <= errors[0] + 2e-6
    options = torch.stack([g * c for c in quantizer.codewords.detach() for g in LEVELS])
    sums = (options[:, None] + options[None]).reshape(-1, 6)
    best = torch.cdist(latent, sums).square().min(1).values.mean()
    assert errors[2] <= 1.1 * float(best) and errors[2] >= float(best) - 1e-4


def test_sweeps_lower_the_error_of_every_frame_and_account_for_it():
    quantizer = random_quantizer(stages=5, codewords=24)
    latent = 2 * torch.randn(300, 6)
    errors = [quantizer.encode(latent, beam=1, sweeps=s) for s in (0, 1, 3)]
    for before, after in zip(errors, errors[1:], strict=False):
        assert (after.error <= before.error + 1e-4).all()
    assert float(errors[1].error.mean()) < 0.9 * float(errors[0].error.mean())
    left = (latent - quantizer.decode(errors[2].tokens, errors[2].intensities)).square().sum(1)
    assert torch.allclose(left, errors[2].error, atol=1e-4)


def test_sweeps_aim_at_the_target_and_the_latent_only_proposes():
    quantizer = random_quantizer(stages=5, codewords=24)
    target = 2 * torch.randn(200, 6)
    latent = target + 0.5 * torch.randn_like(target)
    found = quantizer.encode(latent, beam=1, sweeps=3, target=target)
    left = (target - quantizer.decode(found.tokens, found.intensities)).square().sum(1)
    assert torch.allclose(left, found.error, atol=1e-4)
    astray = quantizer.encode(latent, beam=1, sweeps=3)
    assert left.mean() < (target - quantizer.decode(astray.tokens, astray.intensities)).square().sum(1).mean()


def test_with_one_level_it_is_the_plain_residual_quantizer():
    quantizer = random_quantizer(levels=(1.0,))
    latent = 3 * torch.randn(50, 6)
    found = quantizer.encode(latent, beam=1)
    left, tokens = latent.clone(), []
    for _ in range(4):
        nearest = torch.cdist(left, quantizer.codewords.detach()).argmin(1)
        left = left - quantizer.codewords.detach()[nearest]
        tokens.append(nearest)
    assert torch.equal(torch.stack(tokens, 1), found.tokens)


def test_nothing_to_say_rests_and_rest_moves_nothing():
    quantizer = random_quantizer()
    found = quantizer.encode(torch.zeros(3, 6))
    assert (found.tokens == 0).all() and (found.intensities == 0).all()
    assert quantizer.decode(found.tokens, torch.ones(3, 4)).abs().max() == 0


def test_a_stage_rests_when_its_gain_is_below_the_threshold():
    quantizer = random_quantizer()
    latent = 2 * torch.randn(100, 6)
    free = quantizer.encode(latent, beam=1)
    quantizer.rest_gain.fill_(0.5)
    strict = quantizer.encode(latent, beam=1)
    assert (strict.tokens != 0).sum() < (free.tokens != 0).sum()
    left = (latent - quantizer.decode(strict.tokens, strict.intensities)).square().sum(1)
    assert torch.allclose(left, strict.error, atol=1e-4)


def test_each_frame_is_encoded_alone_whatever_is_in_its_batch():
    quantizer = random_quantizer(beam=3)
    latent = torch.randn(32, 6)
    together = quantizer.encode(latent)
    alone = [quantizer.encode(row[None]) for row in latent]
    assert torch.equal(together.tokens, torch.cat([a.tokens for a in alone]))


def test_the_last_codeword_and_the_last_level_are_reachable():
    quantizer = random_quantizer()
    found = quantizer.encode(quantizer.codewords.detach()[-1:], beam=1)
    assert found.tokens[0, 0] == 15 and found.levels[0, 0] == len(LEVELS) - 1


def test_commitment_reaches_the_latent_from_every_stage():
    quantizer = random_quantizer()
    for stages in range(1, 5):
        latent = (2 * torch.randn(64, 6)).requires_grad_()
        found = quantizer.encode(latent.detach(), beam=1, stages=stages)
        whole, = torch.autograd.grad(losses.commitment(latent, found, quantizer.codewords) * stages, latent)
        if stages > 1:
            shorter = quantizer.encode(latent.detach(), beam=1, stages=stages - 1)
            first = losses.commitment(latent, shorter, quantizer.codewords) * (stages - 1)
            part, = torch.autograd.grad(first, latent)
            assert (whole - part).abs().max() > 1e-4, f"stage {stages} adds no gradient"


def test_straight_through_keeps_the_value_and_both_gradients():
    quantizer = random_quantizer()
    latent = torch.randn(8, 6, requires_grad=True)
    found = quantizer.encode(latent.detach())
    decoded = quantizer.decode(found.tokens, found.intensities)
    out = losses.straight_through(latent, decoded)
    assert torch.allclose(out, decoded)
    to_latent, to_codewords = torch.autograd.grad(out.sum(), (latent, quantizer.codewords))
    assert torch.allclose(to_latent, torch.ones_like(latent))
    used = torch.zeros(16)
    used.scatter_add_(0, found.tokens.flatten(), found.intensities.flatten())
    assert torch.allclose(to_codewords[:, 0], used, atol=1e-5)


def test_updates_recover_a_planted_dictionary():
    torch.manual_seed(1)
    true = torch.nn.functional.normalize(torch.randn(6, 12), dim=1) * 2
    pick = torch.randint(0, 6, (4000, 2))
    strength = torch.tensor(LEVELS)[torch.randint(0, 4, (4000, 2))]
    latent = (true[pick] * strength[..., None]).sum(1)
    quantizer = ResidualQuantizer(3, 7, 12, LEVELS)
    with torch.no_grad():
        quantizer.codewords[1:] = true + 0.2 * torch.randn_like(true)
    before = float(quantizer.encode(latent).error.mean())
    for _ in range(150):
        rows = torch.randint(0, 4000, (512,))
        found = quantizer.encode(latent[rows], beam=1)
        quantizer.update_(latent[rows], quantizer.activations(found), 0.9)
    assert float(quantizer.encode(latent).error.mean()) < 0.1 * before
    assert int(((quantizer.codewords[1:] - true).norm(dim=1) < 0.1).sum()) >= 4


def test_with_one_stage_and_level_the_update_is_the_mean_of_its_members():
    quantizer = random_quantizer(stages=1, codewords=4, levels=(1.0,))
    latent = torch.randn(500, 6)
    for _ in range(80):
        found = quantizer.encode(latent, beam=1)
        quantizer.update_(latent, quantizer.activations(found), 0.5)
    token = quantizer.encode(latent, beam=1).tokens[:, 0]
    for k in token.unique().tolist():
        if k:
            assert torch.allclose(quantizer.codewords[k], latent[token == k].mean(0), atol=0.05)


def test_dead_codewords_start_again_at_what_is_left_over_and_rest_is_never_replaced():
    quantizer = random_quantizer()
    quantizer.usage.fill_(0.1)
    quantizer.usage[[0, 3, 9]] = 0.0
    residual = torch.randn(20, 6)
    count = quantizer.replace_dead_(residual, 1e-3, torch.Generator().manual_seed(0))
    assert count == 2 and quantizer.codewords[0].abs().max() == 0
    for k in (3, 9):
        assert (quantizer.codewords[k] - residual).square().sum(1).min() < 1e-10


def test_own_codebooks_per_stage_use_only_their_own_rows():
    quantizer = random_quantizer(stages=3, codewords=5, shared=False)
    found = quantizer.encode(3 * torch.randn(100, 6), beam=2)
    for stage in range(3):
        used = found.tokens[:, stage]
        used = used[used != 0]
        assert ((used >= 5 * stage) & (used < 5 * stage + 5)).all()


def test_nearest_level_rounds_to_the_closer_one():
    levels = torch.tensor(LEVELS)
    assert nearest_level(torch.tensor([-1.0, 0.3, 0.4, 0.9, 7.0]), levels).tolist() == [0, 0, 1, 3, 3]


def test_search_takes_a_codebook_with_empty_rows():
    found = search(torch.randn(5, 3), torch.zeros(4, 3), torch.tensor([1.0]), 2, beam=2)
    assert (found.tokens == 0).all()
