"""A tokenizer of known, small size on a face of ARKit's coefficients, and faces that move for it to encode."""

from __future__ import annotations

import numpy as np
import torch

from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.config import TokenizerConfig
from dfe_core.tokenizer.model import Tokenizer


def tiny_tokenizer(face: FaceModel, encoder: str = "linear", codewords: int = 24) -> Tokenizer:
    """Codewords of one or two coefficients, code lengths that differ, and a network whose weights are random."""
    rng = np.random.default_rng(0)
    config = TokenizerConfig(
        stages=6, codewords=codewords, level_step=1 / 16, level_max=1.5, rate_weight=0.002, encoder=encoder, width=8,
        heads=2, temporal_bits=15.0,
    )  # fmt: skip
    frame = np.diag(rng.uniform(0.5, 1.5, face.coefficients))
    torch.manual_seed(0)
    model = Tokenizer(config, frame, np.linalg.inv(frame)).eval()
    psi = np.zeros((codewords, face.coefficients), np.float32)
    for row in psi[1:]:
        row[rng.choice(face.coefficients, 2, replace=False)] = rng.uniform(0.3, 1, 2)
    psi[5] = -psi[3]
    model.quantizer.set_codewords_(torch.from_numpy(psi @ frame.astype(np.float32)))
    counts = torch.from_numpy(rng.uniform(0, 40, (codewords, len(config.levels) + 1)))
    counts[:, 0] = 0
    model.quantizer.set_code_lengths_(counts, 5000)
    with torch.no_grad():
        for weight in model.correction.parameters():
            weight.copy_(torch.from_numpy(rng.normal(0, 0.15, weight.shape)))
    return model


def moving_face(frames: int, coefficients: int = 52, seed: int = 1) -> np.ndarray:
    """(T, S) float32 from 0 to 1: slow movements of all coefficients, few at a time, with a camera's noise."""
    rng = np.random.default_rng(seed)
    phase, speed = rng.uniform(0, 2 * np.pi, coefficients), rng.uniform(0.02, 0.2, coefficients)
    wave = np.sin(phase + speed * np.arange(frames)[:, None]) - 0.6
    return np.clip(wave * rng.uniform(0.5, 2, coefficients) + rng.normal(0, 0.01, wave.shape), 0, 1).astype(np.float32)
