"""Residual vector quantisation with one shared codebook, in which a token carries an intensity.

Three layers: `choose` (one stage: which codeword, how strong), `search` (all stages: greedy or beam) and
`ResidualQuantizer` (state: codewords, running statistics, usage). Only `ResidualQuantizer.update_` and
`replace_dead_` change state. Letters: B frames, N stages, K codewords, L levels, D latent dimensions, W beam width.

A token (k, g) stands for g · c_k, g one of a few levels: shape-gain vector quantisation (Gersho & Gray 1992, ch. 12.10)
inside a residual quantizer. With a single level 1.0 it is the plain residual quantizer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dfe_core.tokenizer.codebook import REST

COMPILED_FROM = 256
"""Frames from which a CPU uses the compiled kernel: loading it takes longer than searching fewer."""
TWIN = 1e-6
"""Two paths whose errors differ by less than this share of the frame's energy hold the same tokens."""


@dataclass(frozen=True)
class Quantized:
    """Result of a search: tokens (B, N) int64, levels (B, N) int64 indices, intensities (B, N) f32 (0 where resting),
    error (B,) f32: squared latent error left."""

    tokens: Tensor
    levels: Tensor
    intensities: Tensor
    error: Tensor


def nearest_level(intensity: Tensor, levels: Tensor) -> Tensor:
    """Index of the nearest of the increasing `levels`, int64, in the shape of `intensity`."""
    return torch.bucketize(intensity, (levels[1:] + levels[:-1]) / 2)


def choose(products: Tensor, norms: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
    """What each codeword would gain as the next token.

    products: (…, K) r·c_k of the residual r. norms: (K,) ‖c_k‖².
    Returns (gain, level index), both (…, K): ‖r‖² − ‖r − g c_k‖² = g (2 r·c_k − g ‖c_k‖²) at the best level g.
    """
    level = nearest_level(products / norms, levels)
    strength = levels[level]
    return strength * (2 * products - strength * norms), level


def search(latent: Tensor, codewords: Tensor, levels: Tensor, stages: int, beam: int = 1, rest_gain: float = 0.0,
           stage_rows: Tensor | None = None, sweeps: int = 0, target: Tensor | None = None) -> Quantized:
    """Tokens of (B, D) latents over (K, D) codewords: the best of `beam` paths through the stages, then `sweeps` over
    the stages in which every token may change once the others are known.

    Residual products are updated through the codewords' Gram matrix, so no residual is ever formed (the idea of
    Batch-OMP, Rubinstein et al. 2008). A stage rests when no token lowers the squared error by more than
    `rest_gain`. Sweeps, and the error returned, aim at `target` (B, D) where one is given: the encoder's latent then
    only proposes. With a beam or sweeps the tokens come strongest first. `stage_rows` (N, K) bool masks the codewords
    a stage may use; None allows all.
    """
    norms = codewords.square().sum(1)
    usable = norms > 1e-12
    gram, safe = codewords @ codewords.T, norms.clamp_min(1e-12)
    products, error = (latent @ codewords.T)[:, None], latent.square().sum(1, keepdim=True)
    alike = TWIN * error
    batch, rows = len(latent), torch.arange(len(latent), device=latent.device)[:, None]
    tokens = latent.new_zeros((batch, 1, 0), dtype=torch.long)
    chosen = tokens
    for stage in range(stages):
        allowed = usable if stage_rows is None else usable & stage_rows[stage]
        gain, level = choose(products, safe, levels)
        gain = (gain - rest_gain).masked_fill_(~allowed, -torch.inf)
        gain[..., REST] = 0.0
        level[..., REST] = 0
        parent, token, error = _survivors(error, gain, beam, alike)
        picked = level[rows, parent, token]
        strength = levels[picked] * (token != REST)
        products = products[rows, parent] - strength[..., None] * gram[token]
        tokens = torch.cat([tokens[rows, parent], token[..., None]], -1)
        chosen = torch.cat([chosen[rows, parent], picked[..., None]], -1)
    tokens, chosen, products, error = tokens[:, 0], chosen[:, 0], products[:, 0], error[:, 0]
    if beam > 1 and sweeps and stage_rows is None:  # sweeps must not hang on which of two twins was kept
        tokens, chosen = strongest_first(tokens, chosen, norms, levels)
    if target is not None:
        shift = target - latent
        strength = levels[chosen] * (tokens != REST)
        left = latent - (codewords[tokens] * strength[..., None]).sum(1)
        products, error = products + shift @ codewords.T, error + (shift * (2 * left + shift)).sum(1)
    for place in [stage for _ in range(sweeps) for stage in range(stages)]:
        allowed = usable if stage_rows is None else usable & stage_rows[place]
        products, error = choose_again_(tokens, chosen, place, products, error, gram, safe, levels, rest_gain, allowed)
    if (beam > 1 or sweeps) and stage_rows is None:
        tokens, chosen = strongest_first(tokens, chosen, norms, levels)
    intensities = levels[chosen] * (tokens != REST)
    spent = rest_gain * (tokens != REST).sum(1)
    return Quantized(tokens, chosen, intensities, (error - spent).clamp_min_(0))


def choose_again_(tokens: Tensor, chosen: Tensor, place: int, products: Tensor, error: Tensor, gram: Tensor,
                  norms: Tensor, levels: Tensor, rest_gain: float, allowed: Tensor,
                  bonus: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Take one token of every frame out and put the best one for its place in, knowing all the others.

    One step of iterated conditional modes, as additive quantizers encode (Martinez et al. 2016, sec. 3.2). The cost
    never rises, unless `bonus` (B, K), added to what each codeword gains, makes it. Changes `tokens` and `chosen` in
    place; returns the products and costs of what is left.
    """
    old = tokens[:, place]
    strength = levels[chosen[:, place]] * (old != REST)
    without = products + strength[:, None] * gram[old]
    own = without.gather(1, old[:, None])[:, 0]
    error = error + strength * (2 * own - strength * norms[old]) - rest_gain * (old != REST)
    gain, level = choose(without, norms, levels)
    gain = (gain - rest_gain if bonus is None else gain - rest_gain + bonus).masked_fill_(~allowed, -torch.inf)
    gain[:, REST] = 0.0
    best, new = gain.max(1)
    tokens[:, place], chosen[:, place] = new, level.gather(1, new[:, None])[:, 0] * (new != REST)
    strength = levels[chosen[:, place]] * (new != REST)
    return without - strength[:, None] * gram[new], error - best


def strongest_first(tokens: Tensor, chosen: Tensor, norms: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
    """Put each frame's tokens in order of the displacement energy they carry, rest last.

    Paths that differ in order alone tie to rounding; one order for each set keeps tokens the same from batch to batch
    and frame to frame, and makes the first stages the coarse ones.
    """
    energy = levels[chosen].square() * norms[tokens] * (tokens != REST) - 1e-6 * tokens / len(norms)
    order = energy.argsort(dim=1, descending=True, stable=True)
    return tokens.gather(1, order), chosen.gather(1, order)


def _survivors(error: Tensor, gain: Tensor, beam: int, alike: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The `beam` best continuations of (B, W) paths with (B, W, K) gains: parent, token, error, each (B, W').

    Two paths that hold the same tokens in another order have the same error to rounding, `alike` (B, 1); all but one
    are dropped.
    """
    if beam == 1:
        best, token = gain.max(-1)
        return torch.zeros_like(token), token, error - best
    width = gain.shape[1]
    keep = min(beam, gain.shape[2])
    best, token = gain.topk(keep, dim=-1)
    candidates = (error[..., None] - best).flatten(1)
    order = candidates.argsort(dim=1, stable=True)
    candidates = candidates.gather(1, order)
    twin = torch.zeros_like(candidates, dtype=torch.bool)
    twin[:, 1:] = (candidates[:, 1:] - candidates[:, :-1]) <= alike
    place = torch.argsort(twin.to(torch.int8), dim=1, stable=True)[:, : min(beam, width * keep)]
    order, error = order.gather(1, place), candidates.gather(1, place)
    return order // keep, token.flatten(1).gather(1, order), error


class ResidualQuantizer(nn.Module):
    """The shared codebook and its running statistics.

    Attributes
    ----------
    codewords: (R, D) f32 parameter, R = K, or N·K when each stage has its own. Row `REST` (and each stage's first
        row) is zero and stays so.
    levels: (L,) f32 intensities.
    overlap, target, usage: running means of XᵀX (R, R), Xᵀz (R, D) and the share of frames using each codeword (R,).
    """

    def __init__(self, stages: int, codewords: int, dimensions: int, levels: tuple[float, ...],
                 shared: bool = True, beam: int = 1, sweeps: int = 0) -> None:
        super().__init__()
        rows = codewords if shared else stages * codewords
        self.stages, self.size, self.shared, self.beam, self.sweeps = stages, codewords, shared, beam, sweeps
        self.codewords = nn.Parameter(torch.zeros(rows, dimensions))
        self.register_buffer("levels", torch.tensor(levels, dtype=torch.float32))
        self.register_buffer("rest_gain", torch.zeros(()))
        self.register_buffer("overlap", torch.zeros(rows, rows))
        self.register_buffer("target", torch.zeros(rows, dimensions))
        self.register_buffer("usage", torch.ones(rows))
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))
        mask = None if shared else torch.block_diag(*torch.ones(stages, 1, codewords)).bool()
        self.register_buffer("stage_rows", mask, persistent=False)

    def encode(self, latent: Tensor, beam: int | None = None, stages: int | None = None,
               sweeps: int | None = None, target: Tensor | None = None, compiled: bool | None = None) -> Quantized:
        """(B, D) latents to tokens; rows of the codebook are the token ids.

        compiled: whether the kernel for CPUs searches; None lets it do so from `COMPILED_FROM` frames.
        """
        codewords, stages, beam = self.codewords.detach(), stages or self.stages, beam or self.beam
        sweeps = self.sweeps if sweeps is None else sweeps
        if latent.device.type == "cpu" and (len(latent) >= COMPILED_FROM if compiled is None else compiled):
            return self._encode_compiled(latent.detach(), codewords, stages, beam, sweeps, target)
        return search(latent, codewords, self.levels, stages, beam, float(self.rest_gain), self.stage_rows, sweeps,
                      target)

    @torch.no_grad()
    def _encode_compiled(self, latent: Tensor, codewords: Tensor, stages: int, beam: int, sweeps: int,
                         target: Tensor | None) -> Quantized:
        from dfe_core.tokenizer.kernel import search_frames
        goal = latent if target is None else target.detach()
        proposed = latent @ codewords.T
        wanted = proposed if target is None else goal @ codewords.T
        found = search_frames(proposed.numpy(), wanted.numpy(), latent.square().sum(1).numpy(),
                              (codewords @ codewords.T).numpy(), self.blocked(stages).numpy(), self.levels.numpy(),
                              beam, float(self.rest_gain), sweeps, torch.get_num_threads(), self.stage_rows is None)
        tokens, chosen = (torch.from_numpy(x) for x in found)
        if (beam > 1 or sweeps) and self.stage_rows is None:
            tokens, chosen = strongest_first(tokens, chosen, codewords.square().sum(1), self.levels)
        intensities = self.levels[chosen] * (tokens != REST)
        left = goal - (codewords[tokens] * intensities[..., None]).sum(1)
        return Quantized(tokens, chosen, intensities, left.square().sum(1))

    def blocked(self, stages: int) -> Tensor:
        """(N, K) f32: 0 for the codewords that each of the first N stages may use, else far below any gain."""
        usable = self.codewords.detach().square().sum(1) > 1e-12
        allowed = usable.expand(stages, -1) if self.stage_rows is None else self.stage_rows[:stages] & usable
        return torch.where(allowed, 0.0, -1e30).contiguous()

    def decode(self, tokens: Tensor, intensities: Tensor) -> Tensor:
        """(B, N) tokens and intensities to (B, D): the sum of the tokens' deformations."""
        return (self.codewords[tokens] * intensities[..., None]).sum(1)

    def activations(self, quantized: Quantized) -> Tensor:
        """(B, R) f32: the summed intensity of each codeword in each frame."""
        out = quantized.intensities.new_zeros(len(quantized.tokens), len(self.codewords))
        return out.scatter_add_(1, quantized.tokens, quantized.intensities)

    @torch.no_grad()
    def update_(self, latent: Tensor, activations: Tensor, decay: float, move: bool = True) -> None:
        """Update the running statistics and, if `move`, the codewords: one damped least-squares step.

        Online dictionary learning (Mairal et al. 2009, alg. 2) with forgetting. With one token a frame and one
        level it is the EMA update of VQ-VAE (van den Oord et al. 2017, app. A.1).
        """
        self.updates += 1
        decay = min(decay, 1 - 1 / (1 + float(self.updates)))
        self.overlap.lerp_(activations.T @ activations / len(latent), 1 - decay)
        self.target.lerp_(activations.T @ latent / len(latent), 1 - decay)
        self.usage.lerp_((activations > 0).float().mean(0), 1 - decay)
        if not move:
            return
        energy = self.overlap.diagonal()
        used = energy > 1e-6
        crowding = self.overlap.abs().sum(1) / energy.clamp_min(1e-6)
        step = (self.target - self.overlap @ self.codewords) / energy.clamp_min(1e-6)[:, None]
        self.codewords.add_(torch.where(used[:, None], step / crowding.clamp_min(1)[:, None], 0.0))
        self.keep_rest_()

    @torch.no_grad()
    def keep_rest_(self) -> None:
        """Put the resting codewords back to zero."""
        self.codewords[REST :: self.size if not self.shared else len(self.codewords)] = 0

    @torch.no_grad()
    def replace_dead_(self, residual: Tensor, share: float, generator: torch.Generator) -> int:
        """Give codewords used by less than `share` of frames a new start at large residuals; returns how many.

        residual: (B, D) what the tokens of a batch left over; frames are drawn in proportion to its energy.
        """
        dead = self.usage < share
        dead[REST :: self.size if not self.shared else len(self.codewords)] = False
        count = int(dead.sum())
        energy = residual.square().sum(1)
        if not count or float(energy.sum()) <= 0:
            return 0
        rows = torch.multinomial(energy.cpu(), count, replacement=count > int((energy > 0).sum()), generator=generator)
        self.codewords[dead] = residual[rows.to(residual.device)]
        self.usage[dead] = 2 * share
        self.overlap[dead], self.overlap[:, dead], self.target[dead] = 0, 0, 0
        return count
