"""Quantisation of a latent as a sparse, non-negative sum of codewords, each with an intensity.

A frame's tokens are a set: every codeword stands for at most one token of a frame. The search minimises

    ‖z − Σ g_k c_k‖² + λ · Σ bits(k, g_k)

over which codewords take part and how strongly (rate–distortion optimal quantisation, Chou, Lookabaugh & Gray 1989):
a token is written only where it lowers the error by more than its own code length is worth. Tokens are found one after
the other on the residual, the strongest first (matching pursuit, Mallat & Zhang 1993, as a residual quantizer does),
then every one is chosen again with the others known (`choose_again_`).

Intensities are whole multiples of a codeword's own step, chosen so that a step moves every codeword alike: a uniform
scalar quantizer with entropy-coded indices is within a quarter of a bit of the best one at high rates (Gish & Pierce
1968). Letters: B frames, N places (most tokens of a frame), K codewords with the null codeword, L levels, D latent
dimensions.
"""

from __future__ import annotations

import importlib
import math
import sys
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dfe_core.tokenizer.codebook import REST

COMPILED_FROM = 256
"""Frames from which a CPU loads the compiled kernel, which takes longer than searching fewer; once loaded it searches
all."""
_KERNEL = "dfe_core.tokenizer.kernel"
STEP_RATIO = 0.15
"""λ in units of the squared step: between 2 ln 2 / 12 = 0.116 of high-rate theory and the larger steps that are best
once zeros are chosen by rate (Sullivan 1996)."""
FIRST_BITS = 6.0
"""Code length of a token before any was counted: about log2 of the number of codewords."""
OPPOSITE = -0.9
"""Two codewords with a lower cosine are opposite movements: never both in one frame, and coded as one symbol."""
_NEVER = 1e30


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """Result of a search: tokens (B, N) int64, levels (B, N) int64 (index into the levels; 0 without a token),
    intensities (B, N) f32 (0 without a token), error (B,) f32: squared latent error left."""

    tokens: Tensor
    levels: Tensor
    intensities: Tensor
    error: Tensor


@dataclass(frozen=True, kw_only=True)
class SearchTables:
    """What a search needs to know of a codebook.

    codewords: (K, D). gram: (K, K). norms: (K,) squared lengths. stride: (K,) int64, base steps between two intensities
    of a codeword; 0 for a codeword that may not be used. top: (K,) int64, its number of intensities. cost: (K, L + 1)
    f32, λ · bits of a codeword at 0 … L base steps, relative to its absence. partner: (K,) int64, the codeword of the
    opposite movement, or −1. step: the base step.
    """

    codewords: Tensor
    gram: Tensor
    norms: Tensor
    stride: Tensor
    top: Tensor
    cost: Tensor
    partner: Tensor
    step: float


def is_compiled(frames: int) -> bool:
    """Whether a CPU searches so many frames with the compiled kernel, which finds the same tokens."""
    return frames >= COMPILED_FROM or _KERNEL in sys.modules


def load_kernel(frames: int) -> None:
    """Load the compiled kernel where so many frames are to come, however short their recordings: it then takes all."""
    if frames >= COMPILED_FROM and _KERNEL not in sys.modules:
        importlib.import_module(_KERNEL)


def choose_tokens(products: Tensor, tables: SearchTables) -> tuple[Tensor, Tensor]:
    """The best intensity of every codeword, and what it would gain.

    products: (B, K) r·c_k of the residual r. Returns (gain (B, K) f32: ‖r‖² − ‖r − g c_k‖² − cost; steps (B, K) int64:
    the intensity in base steps). The cost rises slowly in g, so that the best of the three multiples around the
    projection is the best of all but in rare ties.
    """
    width = tables.stride.clamp_min(1) * tables.step
    nearest = (products / (tables.norms * width)).floor()
    gain, steps = torch.full_like(products, -torch.inf), torch.zeros_like(products, dtype=torch.long)
    rows = torch.arange(products.shape[1], device=products.device)
    for offset in (-1, 0, 1):
        multiple = torch.minimum((nearest + offset).clamp_min(1), tables.top.to(nearest))
        strength = multiple * width
        level = (multiple * tables.stride).long()
        value = strength * (2 * products - strength * tables.norms) - tables.cost[rows, level]
        better = value > gain
        gain, steps = torch.where(better, value, gain), torch.where(better, level, steps)
    return gain, steps


def search(
    latent: Tensor, tables: SearchTables, places: int, sweeps: int = 0, target: Tensor | None = None
) -> Quantized:
    """Tokens of (B, D) latents: added one by one, then `sweeps` times over the places in which every token is chosen
    again, or dropped, with the others known.

    Residual products are updated through the codewords' Gram matrix, so no residual is ever formed (the idea of
    Batch-OMP, Rubinstein et al. 2008). Sweeps, and the error returned, aim at `target` (B, D) where one is given: the
    encoder's latent then only proposes.
    """
    products = latent @ tables.codewords.T
    tokens = latent.new_zeros((len(latent), places), dtype=torch.long)
    steps = torch.zeros_like(tokens)
    taken = torch.zeros_like(products, dtype=torch.bool)
    passes = [place for _ in range(1 + sweeps) for place in range(places)]
    for turn, place in enumerate(passes):
        if turn == places and target is not None:
            products = products + (target - latent) @ tables.codewords.T
        products = choose_again_(tokens, steps, taken, place, products, tables)
    goal = latent if target is None else target
    return finished(tokens, steps, goal, tables)


def choose_again_(
    tokens: Tensor,
    steps: Tensor,
    taken: Tensor,
    place: int,
    products: Tensor,
    tables: SearchTables,
    bonus: Tensor | None = None,
) -> Tensor:
    """Take one token of every frame out and put the best one for its place in, knowing all the others.

    One step of iterated conditional modes, as additive quantizers encode (Martinez et al. 2016, sec. 3.2). The cost
    never rises, unless `bonus` (B, K), added to what each codeword gains, makes it. Changes `tokens`, `steps` (B, N)
    and `taken` (B, K) in place; returns the products of what is left.
    """
    old = tokens[:, place, None]
    _mark_(taken, old, tables, False)
    strength = steps[:, place, None] * tables.step
    products = products + strength * tables.gram[old[:, 0]]
    gain, level = choose_tokens(products, tables)
    gain = gain if bonus is None else gain + bonus
    gain = gain.masked_fill(taken | (tables.stride == 0), -torch.inf)
    gain[:, REST] = 0.0
    new = gain.argmax(1, keepdim=True)
    tokens[:, place, None] = new
    steps[:, place, None] = level.gather(1, new) * (new != REST)
    _mark_(taken, new, tables, True)
    return products - steps[:, place, None] * tables.step * tables.gram[new[:, 0]]


def _mark_(taken: Tensor, token: Tensor, tables: SearchTables, value: bool) -> None:
    """Mark a codeword (B, 1), and the one of the opposite movement, as taken or free again."""
    partner = tables.partner[token]
    for index in (token, torch.where(partner >= 0, partner, token)):
        taken.scatter_(1, index, value)
    taken[:, REST] = False


def finished(tokens: Tensor, steps: Tensor, goal: Tensor, tables: SearchTables) -> Quantized:
    """Tokens in order of the displacement energy they carry, with the error they leave."""
    tokens, steps = strongest_first(tokens, steps, tables)
    intensities = steps * tables.step
    left = goal - (tables.codewords[tokens] * intensities[..., None]).sum(1)
    levels = (steps - 1).clamp_min(0)
    return Quantized(tokens=tokens, levels=levels, intensities=intensities, error=left.square().sum(1))


def finished_compiled(tokens: Tensor, steps: Tensor, goal: Tensor, tables: SearchTables) -> Quantized:
    """`finished` on a CPU, of tokens that are in order."""
    from dfe_core.tokenizer.kernel import finish_frames

    found = finish_frames(tokens.numpy(), steps.numpy(), goal.numpy(), tables, torch.get_num_threads())
    levels, intensities, error = (torch.from_numpy(values) for values in found)
    return Quantized(tokens=tokens, levels=levels, intensities=intensities, error=error)


def strongest_first(tokens: Tensor, steps: Tensor, tables: SearchTables) -> tuple[Tensor, Tensor]:
    """Order each frame's tokens by energy, the null token last; of two that are as strong the lower number first."""
    carried = (steps * tables.step).square() * tables.norms[tokens] * (tokens != REST)
    energy = carried - 1e-6 * tokens / len(tables.norms)
    order = energy.argsort(dim=1, descending=True, stable=True)
    return tokens.gather(1, order), steps.gather(1, order)


class SparseQuantizer(nn.Module):
    """The shared codebook, its code lengths and its running statistics.

    Attributes
    ----------
    codewords: (K, D) f32 parameter. Row `REST` is zero and stays so.
    levels: (L,) f32 intensities, whole multiples of `step`.
    stride: (K,) int64; partner: (K,) int64: as in `SearchTables`.
    bits: (K, L + 1) f32, code length of a codeword at 0 … L base steps less that of its absence. silence: f32, bits of
        a frame without tokens.
    counts: (K, L + 1) f32, running share of frames with a codeword at each number of base steps.
    overlap, target: running means of GᵀG (K, K) and Gᵀz (K, D) over intensities G. updates: how many went in.
    """

    levels: Tensor
    stride: Tensor
    partner: Tensor
    bits: Tensor
    silence: Tensor
    counts: Tensor
    overlap: Tensor
    target: Tensor
    updates: Tensor

    def __init__(
        self,
        places: int,
        codewords: int,
        dimensions: int,
        levels: tuple[float, ...],
        rate_weight: float,
        sweeps: int = 0,
    ) -> None:
        super().__init__()
        self.places, self.sweeps, self.rate_weight, self.step = places, sweeps, rate_weight, levels[0]
        self.codewords = nn.Parameter(torch.zeros(codewords, dimensions))
        self.register_buffer("levels", torch.tensor(levels, dtype=torch.float32))
        self.register_buffer("stride", torch.zeros(codewords, dtype=torch.long))
        self.register_buffer("partner", torch.full((codewords,), -1, dtype=torch.long))
        self.register_buffer("bits", torch.full((codewords, len(levels) + 1), FIRST_BITS))
        self.register_buffer("silence", torch.zeros(()))
        self.register_buffer("counts", torch.zeros(codewords, len(levels) + 1))
        self.register_buffer("overlap", torch.zeros(codewords, codewords))
        self.register_buffer("target", torch.zeros(codewords, dimensions))
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))
        self.bits[:, 0] = 0

    @property
    def size(self) -> int:
        """K, with the null codeword."""
        return len(self.codewords)

    @torch.no_grad()
    def set_codewords_(self, codewords: Tensor) -> None:
        """Replace the codewords (K, D): steps and opposite movements follow, statistics and code lengths restart."""
        self.codewords.copy_(codewords)
        self.codewords[REST] = 0
        lengths = self.codewords.norm(dim=1)
        wanted = math.sqrt(self.rate_weight / STEP_RATIO) / lengths.clamp_min(1e-9) / self.step
        self.stride.copy_(wanted.round().clamp(1, round(1 / self.step)) * (lengths > 1e-6))
        self.partner.copy_(opposite_codewords(self.codewords))
        self.bits.fill_(FIRST_BITS)
        self.bits[:, 0] = 0
        for buffer in (self.counts, self.overlap, self.target, self.updates):
            buffer.zero_()

    def tables(self) -> SearchTables:
        """What a search needs."""
        codewords = self.codewords.detach()
        gram = codewords @ codewords.T
        stride = self.stride
        top = torch.where(stride > 0, len(self.levels) // stride.clamp_min(1), 0)
        return SearchTables(
            codewords=codewords,
            gram=gram,
            norms=gram.diagonal().clamp_min(1e-12),
            stride=stride,
            top=top,
            cost=(self.rate_weight * self.bits).float(),
            partner=self.partner,
            step=self.step,
        )

    def encode(
        self, latent: Tensor, sweeps: int | None = None, target: Tensor | None = None, compiled: bool | None = None
    ) -> Quantized:
        """(B, D) latents to tokens; rows of the codebook are the token ids.

        compiled: whether the kernel for CPUs searches; None leaves it to `is_compiled`.
        """
        sweeps, tables = self.sweeps if sweeps is None else sweeps, self.tables()
        if latent.device.type == "cpu" and (is_compiled(len(latent)) if compiled is None else compiled):
            return self._encode_compiled(latent.detach(), sweeps, None if target is None else target.detach(), tables)
        return search(latent.detach(), tables, self.places, sweeps, target)

    @torch.no_grad()
    def tokens_of(self, latent: Tensor, sweeps: int = 0) -> Quantized:
        """What `encode` finds of (B, D) latents, for statistics, which ask neither for an order of a frame's tokens nor
        for the error that they leave: on a CPU the error is empty."""
        if latent.device.type != "cpu" or not is_compiled(len(latent)):
            return self.encode(latent, sweeps)
        tokens, steps = self._search_compiled(latent.detach(), sweeps, None, self.tables())
        return Quantized(
            tokens=tokens,
            levels=(steps - 1).clamp_min(0),
            intensities=steps * self.step,
            error=latent.new_empty(0),
        )

    def in_order(self, found: Quantized, goal: Tensor) -> Quantized:
        """What `tokens_of` found as `encode` gives it: the strongest token first, with the error of (B, D) goals."""
        steps = torch.where(found.tokens == REST, 0, found.levels + 1)
        if goal.device.type == "cpu" and is_compiled(len(goal)):  # they are in order
            return finished_compiled(found.tokens, steps, goal.detach(), self.tables())
        return finished(found.tokens, steps, goal, self.tables())

    def _encode_compiled(self, latent: Tensor, sweeps: int, target: Tensor | None, tables: SearchTables) -> Quantized:
        goal = latent if target is None else target
        return finished_compiled(*self._search_compiled(latent, sweeps, target, tables), goal, tables)

    @torch.no_grad()
    def _search_compiled(
        self, latent: Tensor, sweeps: int, target: Tensor | None, tables: SearchTables
    ) -> tuple[Tensor, Tensor]:
        """Tokens and base steps, the strongest token first."""
        from dfe_core.tokenizer.kernel import search_frames

        goal = latent if target is None else target
        proposed = latent @ tables.codewords.T
        wanted = proposed if target is None else goal @ tables.codewords.T
        tokens, steps = search_frames(
            proposed.numpy(), wanted.numpy(), tables, self.places, sweeps, torch.get_num_threads()
        )
        return torch.from_numpy(tokens), torch.from_numpy(steps)

    def decode(self, tokens: Tensor, intensities: Tensor) -> Tensor:
        """(B, N) tokens and intensities to (B, D): the sum of the tokens' deformations."""
        if tokens.device.type == "cpu" and not torch.is_grad_enabled():  # the same sum without (B, N, D) in memory
            return nn.functional.embedding_bag(tokens, self.codewords, per_sample_weights=intensities, mode="sum")
        return (self.codewords[tokens] * intensities[..., None]).sum(1)

    def activations(self, quantized: Quantized) -> Tensor:
        """(B, K) f32: the intensity of each codeword in each frame."""
        out = quantized.intensities.new_zeros(len(quantized.tokens), self.size)
        return out.scatter_add_(1, quantized.tokens, quantized.intensities)

    @torch.no_grad()
    def update_(self, latent: Tensor, quantized: Quantized, decay: float) -> None:
        """Update the running statistics (the sufficient ones of online dictionary learning, Mairal et al. 2009, alg. 1,
        with forgetting) and counts."""
        self.remember_(self.batch_sums(latent, quantized), len(latent), decay)

    @torch.no_grad()
    def batch_sums(self, latent: Tensor, quantized: Quantized) -> Tensor:
        """GᵀG, Gᵀz and counts of a batch in one row, (K · (K + D + L + 1),) f32: what processes add up among them."""
        activations = self.activations(quantized)
        parts = (activations.T @ activations, activations.T @ latent, self.count(quantized))
        return torch.cat([part.flatten() for part in parts])

    @torch.no_grad()
    def remember_(self, sums: Tensor, frames: int, decay: float) -> None:
        """Let the `batch_sums` of so many frames into the running statistics, whose memory begins empty."""
        self.updates += 1
        weight = (1 / self.updates.double()).clamp_min(1 - decay).float()
        kept = (self.overlap, self.target, self.counts)
        for buffer, part in zip(kept, sums.split([buffer.numel() for buffer in kept]), strict=True):
            buffer.lerp_(part.view_as(buffer) / frames, weight)

    def count(self, quantized: Quantized) -> Tensor:
        """(K, L + 1) f32: in how many frames each codeword stands at each number of base steps; column 0 is empty."""
        used, width = quantized.tokens != REST, len(self.levels) + 1
        cell = torch.where(used, quantized.tokens * width + quantized.levels + 1, REST)
        counted = self.counts.new_zeros(self.size * width)
        counted.scatter_add_(0, cell.flatten(), used.flatten().to(counted))
        return counted.reshape(self.size, width)

    @property
    def usage(self) -> Tensor:
        """(K,) f32: running share of frames with each codeword."""
        return self.counts.sum(1)

    @torch.no_grad()
    def set_code_lengths_(self, counts: Tensor, frames: float | Tensor) -> None:
        """Code lengths from (K, L + 1) counts over so many frames, each smoothed by half a count (Krichevsky &
        Trofimov 1981): an independent symbol a codeword, or a pair of opposite ones, whatever their order."""
        width = len(self.levels) + 1
        steps = torch.arange(width, device=counts.device)
        usable = (self.stride[:, None] > 0) & (steps[None] > 0)
        allowed = usable & (steps[None] % self.stride.clamp_min(1)[:, None] == 0)
        present = torch.where(allowed, counts.double() + 0.5, 0.0)
        other = torch.where(self.partner >= 0, present.sum(1)[self.partner], 0.0)
        used = counts.double().sum(1)
        paired = torch.where(self.partner >= 0, used[self.partner], 0.0)
        absent = (frames - used - paired).clamp_min(0) + 0.5
        total = absent + present.sum(1) + other
        self.bits.copy_(torch.where(allowed, (absent[:, None] / present.clamp_min(1e-30)).log2(), _NEVER))
        self.bits[:, 0] = 0
        own = torch.arange(self.size, device=counts.device)
        first = (self.stride > 0) & ((self.partner < 0) | (self.partner > own))
        self.silence.copy_(((total / absent).log2() * first).sum())

    @torch.no_grad()
    def code_length(self, quantized: Quantized) -> Tensor:
        """(B,) f32 bits of each frame's set of tokens under the stored code lengths."""
        used = quantized.tokens != REST
        spent = self.bits[quantized.tokens, torch.where(used, quantized.levels + 1, 0)]
        return self.silence + spent.sum(1)


def opposite_codewords(codewords: Tensor) -> Tensor:
    """(K,) int64: for (K, D) codewords, the one of the opposite movement (cosine below `OPPOSITE`), or −1.

    The most opposite pairs are matched first; each codeword has at most one partner.
    """
    unit = nn.functional.normalize(codewords, dim=1)
    cosine = (unit @ unit.T).cpu()
    partner = torch.full((len(codewords),), -1, dtype=torch.long)
    order = cosine.flatten().argsort(stable=True)[: len(codewords) * 4]
    for a, b in zip((order // len(codewords)).tolist(), (order % len(codewords)).tolist(), strict=True):
        if cosine[a, b] >= OPPOSITE:
            break
        if partner[a] < 0 and partner[b] < 0 and a != b:
            partner[a], partner[b] = b, a
    return partner.to(codewords.device)
