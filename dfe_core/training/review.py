"""Looking over the codewords between steps: how long they are, what they hold, which are duplicates or unused."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dfe_core.tokenizer.codebook import REST
from dfe_core.tokenizer.config import TrainConfig
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.quantizer import SparseQuantizer
from dfe_core.training.dictionary import support_of
from dfe_core.training.state import TrainingState

_FULL = 0.995
"""Intensity 1 is as strong as this quantile of a codeword's uses: a full display."""
_DUPLICATE = 0.95
"""Of two codewords whose movements are more alike than this at the end, the less used one is dropped."""
_FINISH_FRAMES = 20_000
_FINISH_ROUNDS = 2
_NEW_SUPPORT = 0.4


@torch.no_grad()
def count_code_lengths_(quantizer: SparseQuantizer, train: TrainConfig) -> None:
    """Code lengths from the running counts, as far as their memory goes."""
    frames = train.batch * quantizer.updates.double().clamp_max(1 / (1 - train.ema_decay))
    quantizer.set_code_lengths_(quantizer.counts * frames, frames)


@torch.no_grad()
def review_(state: TrainingState, residual: Tensor, inverse: np.ndarray, reach: np.ndarray, train: TrainConfig) -> int:
    """Scale codewords to full displays, renew their supports, and replace duplicates and unused ones; how many.

    residual: (B, D) what the tokens of a batch left over. New codewords start there, at frames drawn in proportion to
    what is left.
    """
    quantizer = state.model.quantizer
    scale = full_intensity(quantizer)
    psi = state.model.codeword_psi().astype(np.float64) * scale[:, None]
    replaced = np.flatnonzero(_weak(quantizer, train.dead_share) | _duplicates(quantizer, train.merge_cosine))
    state.support = torch.as_tensor(state.support.numpy() & support_of(psi, reach, 0.5 * train.support_share))
    if len(replaced):
        fresh = _from_residual(residual, inverse, reach, len(replaced), state.generator)
        psi[replaced[: len(fresh)]] = fresh
        state.support[replaced[: len(fresh)]] = torch.as_tensor(support_of(fresh, reach, train.support_share))
    psi *= state.support.numpy()
    quantizer.set_codewords_(
        torch.as_tensor(
            psi @ state.model.frame.cpu().double().numpy(), dtype=torch.float32, device=quantizer.codewords.device
        )
    )
    return len(replaced)


def full_intensity(quantizer: SparseQuantizer) -> np.ndarray:
    """(K,) intensity below which a codeword stays in `_FULL` of its uses; 1 for one that was never used."""
    counts = quantizer.counts.cpu().double().numpy()
    total = counts.sum(1)
    reached = np.cumsum(counts, 1) >= _FULL * total[:, None]
    return np.where(total > 0, reached.argmax(1) * quantizer.step, 1.0)


def _weak(quantizer: SparseQuantizer, share: float) -> np.ndarray:
    weak = (quantizer.usage < share).cpu().numpy()
    weak[REST] = False
    return weak


def _duplicates(quantizer: SparseQuantizer, cosine: float) -> np.ndarray:
    """(K,) bool: codewords like one that is used more."""
    unit = torch.nn.functional.normalize(quantizer.codewords.detach(), dim=1)
    alike, usage = (unit @ unit.T).cpu().numpy() > cosine, quantizer.usage.cpu().numpy()
    order = np.argsort(-usage, kind="stable")
    drop = np.zeros(len(usage), bool)
    for at, k in enumerate(order):
        before = order[:at]
        drop[k] = k != REST and bool((alike[k, before] & ~drop[before]).any())
    return drop


def _from_residual(
    residual: Tensor, inverse: np.ndarray, reach: np.ndarray, count: int, generator: torch.Generator
) -> np.ndarray:
    """(≤ count, E) new codewords: the strongest coefficients of frames that were badly reconstructed."""
    psi = np.maximum(residual.cpu().double().numpy() @ inverse, 0)
    energy = torch.as_tensor((psi * reach).max(1) ** 2)
    if float(energy.sum()) <= 0:
        return np.empty((0, psi.shape[1]))
    rows = torch.multinomial(energy, count, replacement=count > int((energy > 0).sum()), generator=generator).numpy()
    fresh = psi[rows] * support_of(psi[rows], reach, _NEW_SUPPORT)
    return fresh[fresh.max(1) > 0]


@torch.no_grad()
def finish_(model: Tokenizer, frames: np.ndarray, seed: int) -> None:
    """Order the codewords, drop duplicates, and fit code lengths on training frames of real recordings.

    frames: (N, E) ψ. Codewords come by the displacement energy they carry: 1 is the most at work.
    """
    quantizer = model.quantizer
    rows = np.sort(np.random.default_rng(seed).choice(len(frames), min(_FINISH_FRAMES, len(frames)), replace=False))
    latent = torch.as_tensor(np.asarray(frames[rows]), device=model.frame.device) @ model.frame
    energy = quantizer.overlap.diagonal() * quantizer.codewords.square().sum(1)
    kept = quantizer.codewords * torch.as_tensor(~_duplicates(quantizer, _DUPLICATE), device=latent.device)[:, None]
    bits, counts = quantizer.bits.clone(), quantizer.counts.clone()
    order = torch.cat(
        [
            torch.zeros(1, dtype=torch.long, device=energy.device),
            1 + torch.argsort(energy[1:] * (kept[1:].square().sum(1) > 0), descending=True, stable=True),
        ]
    )
    quantizer.set_codewords_(kept[order])
    quantizer.counts.copy_(counts[order])
    quantizer.bits.copy_(bits[order])
    for _ in range(_FINISH_ROUNDS):
        quantized = quantizer.encode(latent)
        quantizer.set_code_lengths_(quantizer.count(quantized), len(latent))
