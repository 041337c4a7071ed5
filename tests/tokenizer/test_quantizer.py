"""Sparse quantisation: what a token is worth, sets of codewords, steps, opposite movements, code lengths."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from dfe_core.tokenizer import losses
from dfe_core.tokenizer.quantizer import FIRST_BITS, STEP_RATIO, SparseQuantizer, opposite_codewords

LEVELS = tuple(i / 8 for i in range(1, 11))


def random_quantizer(places=4, codewords=16, dimensions=6, rate=1e-3, seed=0, sweeps=0) -> SparseQuantizer:
    torch.manual_seed(seed)
    quantizer = SparseQuantizer(places, codewords, dimensions, LEVELS, rate, sweeps)
    quantizer.set_codewords_(torch.randn(codewords, dimensions) / math.sqrt(dimensions))
    return quantizer


def slow_greedy(latent: np.ndarray, quantizer: SparseQuantizer) -> list[tuple[int, float]]:
    """Every free codeword at every intensity it has, one at a time: the definition."""
    tables, tokens, left = quantizer.tables(), [], latent.astype(np.float64)
    codewords, cost = tables.codewords.numpy().astype(np.float64), tables.cost.numpy()
    for _ in range(quantizer.places):
        blocked = {t for t, _ in tokens} | {int(tables.partner[t]) for t, _ in tokens}
        best = (0.0, 0, 0.0)
        for k in range(1, len(codewords)):
            for multiple in range(1, int(tables.top[k]) + 1) if k not in blocked else ():
                level = multiple * int(tables.stride[k])
                strength = level * tables.step
                gain = (left**2).sum() - ((left - strength * codewords[k]) ** 2).sum() - cost[k, level]
                best = max(best, (float(gain), k, strength))
        _, token, strength = best
        left = left - strength * codewords[token]
        tokens.append((token, strength))
    return tokens


def test_the_search_adds_the_best_codeword_one_by_one():
    quantizer = random_quantizer()
    latent = torch.randn(40, 6)
    found = quantizer.encode(latent)
    for row in range(40):
        expected = slow_greedy(latent[row].numpy(), quantizer)
        assert {t for t, _ in expected} == set(found.tokens[row].tolist())
        chosen = dict(zip(found.tokens[row].tolist(), found.intensities[row].tolist(), strict=True))
        assert all(chosen[t] == pytest.approx(g) for t, g in expected)


def test_sweeps_lower_the_cost_and_come_near_the_best_pair_there_is():
    quantizer = random_quantizer(places=2, codewords=7, dimensions=4, rate=1e-2)
    latent, tables = torch.randn(30, 4), quantizer.tables()

    def cost(found) -> torch.Tensor:
        spent = quantizer.rate_weight * FIRST_BITS * (found.tokens != 0).sum(1)
        return found.error + spent

    costs = [cost(quantizer.encode(latent, sweeps=s)) for s in (0, 1, 3)]
    assert (costs[1] <= costs[0] + 1e-5).all() and (costs[2] <= costs[1] + 1e-5).all()
    singles = [
        (k, g)
        for k in range(1, 7)
        for g in (np.arange(1, int(tables.top[k]) + 1) * int(tables.stride[k]) * tables.step)
    ]
    options = [(), *((s,) for s in singles), *(p for p in itertools.combinations(singles, 2) if p[0][0] != p[1][0])]
    sums = torch.stack([sum((float(g) * tables.codewords[k] for k, g in o), torch.zeros(4)) for o in options])
    paid = quantizer.rate_weight * FIRST_BITS * torch.tensor([len(o) for o in options])
    best = (torch.cdist(latent, sums).square() + paid).min(1).values
    assert (costs[2] >= best - 1e-4).all() and costs[2].mean() < 1.05 * best.mean()


def test_a_token_is_written_only_where_it_is_worth_its_bits():
    quantizer = random_quantizer(places=12, codewords=40)
    latent = torch.randn(200, 6)
    counts, errors = [], []
    for rate in (1e-4, 1e-3, 1e-2, 0.2):
        quantizer.rate_weight = rate
        found = quantizer.encode(latent, sweeps=1)
        counts.append(float((found.tokens != 0).sum(1).float().mean()))
        errors.append(float(found.error.mean()))
    assert counts == sorted(counts, reverse=True) and errors == sorted(errors)
    assert counts[0] > 5 and counts[-1] < 2


def test_a_frame_holds_a_codeword_once_and_never_opposite_movements_together():
    quantizer = random_quantizer(places=8, codewords=20, rate=1e-5, sweeps=2)
    codewords = quantizer.codewords.detach().clone()
    codewords[7], codewords[8] = -codewords[3], -0.5 * codewords[4]
    quantizer.set_codewords_(codewords)
    assert quantizer.partner[[3, 7, 4, 8]].tolist() == [7, 3, 8, 4] and (quantizer.partner >= 0).sum() == 4
    tokens = quantizer.encode(2 * torch.randn(500, 6)).tokens
    ordered = tokens.sort(1).values
    assert not ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] > 0)).any()
    for a, b in ((3, 7), (4, 8)):
        assert not ((tokens == a).any(1) & (tokens == b).any(1)).any()
        assert (tokens == a).any() and (tokens == b).any()


def test_every_codeword_moves_by_the_same_step_whatever_its_length():
    quantizer = SparseQuantizer(4, 5, 3, tuple(i / 64 for i in range(1, 81)), 1.5e-3)
    lengths = torch.tensor([0.0, 0.2, 0.5, 2.0, 40.0])
    quantizer.set_codewords_(lengths[:, None] * torch.nn.functional.normalize(torch.randn(5, 3), dim=1))
    step = quantizer.stride * quantizer.step * lengths
    wanted = math.sqrt(1.5e-3 / STEP_RATIO)
    assert step[0] == 0 and quantizer.tables().top[0] == 0
    assert torch.allclose(step[1:4], torch.full((3,), wanted), rtol=0.1)
    assert step[4] == pytest.approx(40 / 64)  # no finer than the grid of intensities


def test_a_still_face_has_no_token_and_the_null_token_moves_nothing():
    quantizer = random_quantizer()
    found = quantizer.encode(torch.zeros(3, 6))
    assert (found.tokens == 0).all() and (found.intensities == 0).all() and (found.levels == 0).all()
    assert quantizer.decode(found.tokens, torch.ones(3, 4)).abs().max() == 0


def test_error_and_levels_are_those_of_the_decoded_frame():
    quantizer = random_quantizer(places=6, codewords=24, sweeps=2)
    latent = torch.randn(200, 6)
    found = quantizer.encode(latent)
    left = (latent - quantizer.decode(found.tokens, found.intensities)).square().sum(1)
    assert torch.allclose(left, found.error, atol=1e-4)
    used = found.tokens != 0
    assert torch.allclose(quantizer.levels[found.levels][used], found.intensities[used])
    energy = found.intensities * quantizer.codewords.detach().norm(dim=1)[found.tokens]
    assert (energy[:, :-1] >= energy[:, 1:] - 1e-5).all()  # strongest first


def test_sweeps_aim_at_the_target_and_the_latent_only_proposes():
    quantizer = random_quantizer(places=5, codewords=24)
    target = torch.randn(200, 6)
    found = quantizer.encode(target + 0.5 * torch.randn_like(target), sweeps=3, target=target)
    left = (target - quantizer.decode(found.tokens, found.intensities)).square().sum(1)
    assert torch.allclose(left, found.error, atol=1e-4)
    assert left.mean() < 1.1 * quantizer.encode(target, sweeps=3).error.mean()


def test_code_lengths_are_a_code_and_those_of_the_counts():
    quantizer = random_quantizer(places=3, codewords=6, dimensions=4)
    codewords = quantizer.codewords.detach().clone()
    codewords[5] = -codewords[2]
    quantizer.set_codewords_(codewords)
    latent = torch.randn(4000, 4)
    found = quantizer.encode(latent)
    quantizer.set_code_lengths_(quantizer.count(found), len(latent))
    tables = quantizer.tables()
    total = 1.0
    for k in (1, 2, 3, 4):  # 2 and 5 are one symbol
        members = [k] + ([5] if k == 2 else [])
        levels = [
            quantizer.bits[m, int(tables.stride[m]) * q] for m in members for q in range(1, int(tables.top[m]) + 1)
        ]
        total *= float(1 + (2.0 ** -torch.stack(levels)).sum())
    assert total == pytest.approx(2 ** float(quantizer.silence), rel=1e-4)  # Kraft: probabilities add up to 1
    one = quantizer.code_length(quantizer.encode(torch.zeros(1, 4)))
    assert float(one) == pytest.approx(float(quantizer.silence), abs=1e-5)
    counts = np.unique([tuple(sorted(r)) for r in found.tokens.tolist()], axis=0, return_counts=True)[1]
    entropy = -(counts / counts.sum() * np.log2(counts / counts.sum())).sum()
    assert quantizer.code_length(found).mean() > entropy  # intensities come on top


def test_rare_codewords_cost_more_bits_and_are_used_less():
    quantizer = random_quantizer(places=6, codewords=24, rate=5e-3)
    latent = torch.randn(3000, 6)
    before = quantizer.encode(latent)
    quantizer.set_code_lengths_(quantizer.count(before), len(latent))
    after = quantizer.encode(latent)
    quantizer.set_code_lengths_(quantizer.count(after), len(latent))
    objective = after.error.mean() + quantizer.rate_weight * quantizer.code_length(after).mean()
    assert objective < before.error.mean() + quantizer.rate_weight * quantizer.code_length(before).mean()


def test_running_statistics_are_those_of_the_batches():
    quantizer = random_quantizer(places=4, codewords=10)
    batches = [torch.randn(256, 6) for _ in range(5)]
    found = [quantizer.encode(b) for b in batches]
    for batch, quantized in zip(batches, found, strict=True):
        quantizer.update_(batch, quantized, 0.999)
    uses = torch.cat([quantizer.activations(f) for f in found])
    assert torch.allclose(quantizer.overlap, uses.T @ uses / len(uses), atol=1e-5)
    assert torch.allclose(quantizer.target, uses.T @ torch.cat(batches) / len(uses), atol=1e-5)
    assert torch.allclose(quantizer.usage, (uses > 0).float().mean(0), atol=1e-5)


def test_opposites_are_matched_best_first_and_once():
    codewords = torch.tensor([[0.0, 0], [1, 0], [-1, 0.05], [-1, 0], [0, 1], [0.2, -1]])
    assert opposite_codewords(codewords).tolist() == [-1, 3, -1, 1, 5, 4]


def test_the_straight_through_estimate_reaches_the_latent():
    latent = torch.randn(5, 3, requires_grad=True)
    decoded = torch.randn(5, 3)
    out = losses.straight_through(latent, decoded)
    assert torch.allclose(out, decoded)
    out.sum().backward()
    assert torch.equal(latent.grad, torch.ones(5, 3))
    expected = (latent - decoded).detach().square().sum(1).mean()
    assert torch.allclose(losses.commitment(latent, decoded).detach(), expected)
