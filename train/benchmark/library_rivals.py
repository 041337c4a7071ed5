"""Rivals from vector-quantize-pytorch (the extra ``dfe[benchmark]``): residual VQ with our encoder, and FSQ.

Both see our latent frame, train on as many frames with the same optimiser, and decode to it; only the quantizer and
its codebook learning are the library's. Without the package these rows are left out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dfe_core.evaluation.recovery import codeword_activations
from dfe_core.faces import open_face
from dfe_core.tokenizer.config import Config, TrainConfig
from dfe_core.tokenizer.encoder import build_correction
from dfe_core.tokenizer.latent import balanced_gram, latent_frame

from .methods import Method, Outcome
from .sample import Sample

PACKAGE = "vector_quantize_pytorch"
_FSQ_LEVELS = 8
_STEPS = 500  # of networks, which need more than the alternating least squares of ours


def library_residual(bits: float, stages: int) -> Method:
    """ResidualVQ of one shared codebook with the library's k-means start, EMA and dead-code expiry."""

    def run(sample: Sample) -> Outcome | None:
        if find_spec(PACKAGE) is None:
            return None
        torch.manual_seed(sample.seed)
        started, (frame, inverse), size = time.perf_counter(), _frame(sample), round(2 ** (bits / stages))
        correction = build_correction(len(frame), replace(Config().tokenizer, encoder="transformer"))
        quantizer = _library_quantizer(len(frame), stages, size)

        def loss(plain: Tensor) -> Tensor:
            decoded, _, commitment = quantizer(plain + correction(plain))
            return (decoded - plain).square().sum(1).mean() + commitment.sum()

        _train(nn.ModuleList([correction, quantizer]), loss, sample.fit @ frame)
        seconds = time.perf_counter() - started
        codes = [_codes(quantizer, correction, part.psi @ frame) for part in (sample.train, sample.test)]
        book = quantizer.codebooks[0].detach().double().numpy()
        decoded = book[codes[1]].sum(1) @ inverse
        uses = [codeword_activations(c, np.ones_like(c), size, "intensity") for c in codes]
        return Outcome(
            decoded=decoded,
            bits=bits,
            seconds=seconds,
            dictionary=book @ inverse,
            train_use=uses[0],
            test_use=uses[1],
            tokens=codes[1] + 1,
            symbols=codes[1],
            atoms=size,
            parameters=sum(p.numel() for p in correction.parameters()) + book.size,
        )

    return run


def _library_quantizer(size: int, stages: int, codewords: int) -> Any:
    from vector_quantize_pytorch import ResidualVQ

    return ResidualVQ(
        dim=size,
        num_quantizers=stages,
        codebook_size=codewords,
        shared_codebook=True,
        kmeans_init=True,
        threshold_ema_dead_code=2,
        decay=0.99,
    )


def published(bits: float, stages: int) -> Method:
    """The paper's parts with the library's quantizer: a transformer encoder of ψ, residual VQ with one shared codebook,
    and a nonlinear decoder (Tran et al. 2025). Its codewords have no deformation of their own: what a token adds
    depends on the others."""

    def run(sample: Sample) -> Outcome | None:
        if find_spec(PACKAGE) is None:
            return None
        torch.manual_seed(sample.seed)
        started, (frame, inverse), size = time.perf_counter(), _frame(sample), round(2 ** (bits / stages))
        config = replace(Config().tokenizer, encoder="transformer")
        enter, leave = (build_correction(len(frame), config) for _ in range(2))
        quantizer = _library_quantizer(len(frame), stages, size)

        def decode(plain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            quantized, codes, commitment = quantizer(plain + enter(plain))
            return quantized + leave(quantized), codes, commitment

        def loss(plain: Tensor) -> Tensor:
            decoded, _, commitment = decode(plain)
            return (decoded - plain).square().sum(1).mean() + commitment.sum()

        model = nn.ModuleList([enter, leave, quantizer])
        _train(model, loss, sample.fit @ frame)
        seconds = time.perf_counter() - started
        with torch.inference_mode():
            decoded, codes, _ = decode(torch.as_tensor(sample.test.psi @ frame, dtype=torch.float32))
        tokens = codes.numpy()
        return Outcome(
            decoded=decoded.double().numpy() @ inverse,
            bits=bits,
            seconds=seconds,
            tokens=tokens + 1,
            symbols=tokens,
            atoms=size,
            parameters=sum(p.numel() for p in model.parameters()),
        )

    return run


def finite_scalar(bits: float) -> Method:
    """Finite scalar quantisation (Mentzer et al. 2024): an MLP into 8 levels a dimension, and an MLP back."""

    def run(sample: Sample) -> Outcome | None:
        if find_spec(PACKAGE) is None:
            return None
        from vector_quantize_pytorch import FSQ

        torch.manual_seed(sample.seed)
        started, (frame, inverse) = time.perf_counter(), _frame(sample)
        width = round(bits / math.log2(_FSQ_LEVELS))
        enter = nn.Sequential(nn.Linear(len(frame), 128), nn.GELU(), nn.Linear(128, width))
        leave = nn.Sequential(nn.Linear(width, 128), nn.GELU(), nn.Linear(128, len(frame)))
        quantizer = FSQ([_FSQ_LEVELS] * width, return_indices=False)

        def decode(plain: Tensor) -> Tensor:
            return leave(quantizer(enter(plain)[:, None])[0][:, 0])

        _train(
            nn.ModuleList([enter, leave]),
            lambda plain: (decode(plain) - plain).square().sum(1).mean(),
            sample.fit @ frame,
        )
        seconds = time.perf_counter() - started
        with torch.inference_mode():
            decoded = decode(torch.as_tensor(sample.test.psi @ frame, dtype=torch.float32)).double().numpy() @ inverse
        return Outcome(
            decoded=decoded,
            bits=width * math.log2(_FSQ_LEVELS),
            seconds=seconds,
            parameters=sum(p.numel() for part in (enter, leave) for p in part.parameters()),
        )

    return run


def _frame(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    face, config = open_face(sample.dataset.face_id, sample.root), Config().tokenizer
    moment = sample.fit.T @ sample.fit / len(sample.fit)
    return latent_frame(balanced_gram(face, moment, config.region_weight), moment, config.psi_weight)


def _train(model: nn.Module, loss: Callable[[Tensor], Tensor], latent: np.ndarray) -> None:
    """On as many frames a step as ours and with the learning rates of its encoder networks."""
    train, frames = TrainConfig(), torch.as_tensor(latent, dtype=torch.float32)
    steps = _STEPS
    optimizer = torch.optim.Adam(model.parameters(), lr=train.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, 0.1 * train.learning_rate)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        loss(frames[torch.randint(len(frames), (train.batch,))]).backward()
        optimizer.step()
        schedule.step()
    model.eval()


@torch.inference_mode()
def _codes(quantizer: nn.Module, correction: nn.Module, latent: np.ndarray) -> np.ndarray:
    plain = torch.as_tensor(latent, dtype=torch.float32)
    return np.concatenate([quantizer(part + correction(part))[1].numpy() for part in plain.split(4096)])
