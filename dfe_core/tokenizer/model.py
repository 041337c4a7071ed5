"""The tokenizer: encoder → residual quantizer → additive decoder (Tran et al. 2025, arXiv 2510.01662, sec. 3).

Decoding is linear and without bias: every codeword has its own ψ, a frame's ψ is the sum of its tokens' ψ times their
intensities, and so is its mesh. That is what makes a single codeword visible.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from dfe_core.tokenizer.config import TokenizerConfig
from dfe_core.tokenizer.encoder import LinearCorrection, NoCorrection, build_correction
from dfe_core.tokenizer.quantizer import Quantized, SparseQuantizer
from dfe_core.tokenizer.temporal_encoder import TemporalCorrection, between_seen
from dfe_core.tokenizer.temporal_smoothing import encode_linked

DUST = 1e-5
"""Of a codeword's largest coefficient: what is smaller is rounding of the way through the latent space."""


class Tokenizer(nn.Module):
    """RVQ-VAE over expression coefficients.

    Parameters
    ----------
    config: sizes and search.
    frame, inverse: (E, E) the latent frame and its inverse (`latent.latent_frame`). correction: the encoder's network,
        where it is the temporal one, or a linear encoder that is being learned.
    """

    frame: Tensor
    inverse: Tensor

    def __init__(
        self,
        config: TokenizerConfig,
        frame: np.ndarray,
        inverse: np.ndarray,
        correction: TemporalCorrection | LinearCorrection | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("frame", torch.as_tensor(frame, dtype=torch.float32))
        self.register_buffer("inverse", torch.as_tensor(inverse, dtype=torch.float32))
        self.correction = build_correction(len(frame), config) if correction is None else correction
        self.quantizer = SparseQuantizer(
            config.stages, config.codewords, len(frame), config.levels, config.rate_weight, config.sweeps
        )

    def latent(self, psi: Tensor, linked: Tensor | None = None, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(B, E) ψ to the encoder's latent and the uncorrected one (the target of reconstruction), both (B, D).

        linked, hidden: (B,) bool, for the temporal encoder: frames that follow the one before them, and frames whose ψ
        is not looked at.
        """
        plain = psi @ self.frame
        if not isinstance(self.correction, TemporalCorrection):
            return plain + self.correction(plain), plain
        seen = plain if hidden is None else between_seen(plain, linked, hidden)
        return seen + self.correction(seen, linked, hidden), plain

    @torch.inference_mode()
    def encode(self, psi: Tensor, linked: Tensor | None = None, hidden: Tensor | None = None) -> Quantized:
        """(B, E) ψ to tokens: the encoder's latent proposes them, sweeps choose them again for ψ itself; those of the
        temporal encoder stand for its latent. linked, hidden: as `latent` has them."""
        latent, goal = self._goal(psi, linked, hidden)
        return self.quantizer.encode(latent, target=None if goal is latent else goal)

    def _goal(self, psi: Tensor, linked: Tensor | None, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The latent that proposes tokens, and the one that they stand for."""
        latent, plain = self.latent(psi, linked, hidden)
        return latent, plain if self.config.proposes else latent

    @torch.inference_mode()
    def encode_fast(self, psi: Tensor) -> Quantized:
        """(B, E) ψ to tokens without the network, sweeps or neighbours: for live use and very large jobs.

        The same codebook read greedily from ψ itself; docs/tokenizer.md says how much is lost and won. A network that
        hides people (`identity_reversal`) is asked, as without it they would not be hidden.
        """
        return self.quantizer.encode(self.quick_latent(psi), sweeps=0, compiled=True)

    def quick_latent(self, psi: Tensor) -> Tensor:
        """(B, D) that `encode_fast` reads tokens from, of (B, E) ψ."""
        return self.latent(psi)[0] if self.config.identity_reversal else psi @ self.frame

    @torch.no_grad()
    def settle_(self) -> None:
        """Make a linear encoder that was learned the frame itself; the inverse, and so decoding, stay."""
        if isinstance(self.correction, LinearCorrection):
            self.frame.copy_(self.frame + self.correction(self.frame))
            self.correction = NoCorrection()

    @torch.inference_mode()
    def decode(self, tokens: Tensor, intensities: Tensor) -> Tensor:
        """(B, N) tokens and intensities to (B, E) ψ: the sum over the tokens."""
        return self.quantizer.decode(tokens, intensities) @ self.inverse

    @torch.inference_mode()
    def codeword_psi(self) -> np.ndarray:
        """(K, E) float32: ψ of every codeword at intensity 1, what the way through the latent space rounded to no zero
        set to zero."""
        psi = (self.quantizer.codewords @ self.inverse).cpu().numpy()
        return np.where(np.abs(psi) < DUST * np.abs(psi).max(1, keepdims=True), 0, psi)

    def encode_batches(
        self, psi: np.ndarray, linked: np.ndarray | None = None, batch: int = 8192, fast: bool = False
    ) -> Iterator[Quantized]:
        """Tokens of (T, E) ψ, batch by batch, on the model's device; the caller joins what it needs.

        linked: (T,) bool, whether a frame follows the one before it in a recording; frames are then encoded with
        their neighbours (`temporal_smoothing.smooth`), else each alone. The first frame of a batch has no neighbour
        before it. fast: by `encode_fast`.
        """
        for start in range(0, len(psi), batch):
            rows = slice(start, start + batch)
            part = torch.as_tensor(np.ascontiguousarray(psi[rows], np.float32)).to(self.frame.device)
            if fast:
                yield self.encode_fast(part)
            elif linked is None:
                yield self.encode(part)
            else:
                yield self._encode_linked(part, torch.as_tensor(np.array(linked[rows])).to(self.frame.device))

    @torch.inference_mode()
    def _encode_linked(self, psi: Tensor, linked: Tensor) -> Quantized:
        linked[:1] = False
        latent, goal = self._goal(psi, linked)
        if not self.config.temporal_bits:
            return self.quantizer.encode(latent, target=None if goal is latent else goal)
        weight = self.config.temporal_bits * self.config.rate_weight
        return encode_linked(latent, goal, self.quantizer, linked, weight)
