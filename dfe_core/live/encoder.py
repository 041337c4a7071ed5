"""Tokens of a stream, frame by frame, as a browser computes them too (dashboard/web/src/live/tokenizer.js).

A recording is encoded with the frames on both sides of each (`tokenizer.temporal_smoothing`); a stream knows only those
before. So temporal smoothing is causal here: a token that the frame before has costs less, one that it has not costs
more, and the order of a frame's tokens follows the energy over the last `ORDER_FRAMES`. docs/live.md says how far the
tokens differ from those of the same recording encoded afterwards.

Products of codewords are summed in float64 and rounded to float32 once; every step after that is float32 arithmetic
in a fixed order, which JavaScript can repeat bit by bit. Letters: S coefficients of the source, E of the face, K
codewords, N places.
"""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.faces.model import FaceModel
from dfe_core.faces.names import coefficient_map
from dfe_core.tokenizer.config import ENCODERS, TEMPORAL

if TYPE_CHECKING:
    import torch

    from dfe_core.tokenizer.model import Tokenizer

ALONE = tuple(encoder for encoder in ENCODERS if encoder != TEMPORAL)
"""Encoders that look at one frame at a time, whose codebooks can be used live."""
ORDER_FRAMES = 15
"""Frames over which the tokens of one are put in order, strongest first: as many as of a recording."""
LINK_S = 0.25
"""A frame that comes later than this after the one before it, or after a frame without a face, has no neighbour."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LiveFrame:
    """Tokens of one frame.

    tokens: (N,) int64, 0 in places without one, strongest first. levels: (N,) int64, index into the codebook's
    intensities. intensities: (N,) float64. psi: (S,) float32 that they were chosen for, the resting face taken off.
    """

    tokens: np.ndarray
    levels: np.ndarray
    intensities: np.ndarray
    psi: np.ndarray


class LiveEncoder:
    """Encodes a stream of coefficients of ARKit's names.

    Parameters
    ----------
    model: a trained tokenizer. face: the one that it was trained on. device: where the encoder's network is computed;
        None: where the model is. The search of a frame is the CPU's.

    Raises `DataError` for a face that does not answer to ARKit's coefficients, and for an encoder that looks at the
    frames after each.
    """

    names: tuple[str, ...] = ARKIT_NAMES
    """Of the coefficients that `encode` takes."""

    def __init__(self, model: Tokenizer, face: FaceModel, device: torch.device | None = None) -> None:
        from dfe_core.tokenizer.kernel import packed_tables

        if model.config.encoder == TEMPORAL:
            raise DataError("encoder", "temporal: it looks at the frames after each", f"one of {', '.join(ALONE)}")
        if model.config.encoder != "linear" and not model.config.proposes:
            raise DataError("encoder", f"{model.config.encoder} with identity_reversal", "a linear one, or without it")
        self._network = (
            copy.deepcopy(model).to(device or model.frame.device) if model.config.encoder != "linear" else None
        )
        self.model, self.config = model.to("cpu"), model.config
        self.matrix = arkit_matrix(face)
        frame = self.matrix.astype(np.float64) @ model.frame.double().numpy()
        self.products = (frame @ model.quantizer.codewords.detach().double().numpy().T).astype(np.float32)
        self._wide = self.products.astype(np.float64)
        tables = model.quantizer.tables()
        self._tables, self._norms = packed_tables(tables), tables.norms.numpy()
        self._weight = self.config.temporal_bits * self.config.rate_weight
        self.step = float(model.quantizer.step)
        self.rest = np.zeros(len(self.names), np.float32)
        self._before: np.ndarray | None = None
        self._last_s = -np.inf
        self._energy: deque[list[tuple[int, float]]] = deque(maxlen=ORDER_FRAMES)

    def warm_up(self) -> None:
        """Compile what `encode` runs, so that the first frame is not late by seconds."""
        for time_s in (0.0, 0.01):
            self.encode(np.full(len(self.names), 0.2, np.float32), time_s)
        self.lose()

    def lose(self) -> None:
        """A frame without a face: the next one has no neighbour."""
        self._before, self._last_s = None, -np.inf
        self._energy.clear()

    def encode(self, values: np.ndarray, time_s: float) -> LiveFrame:
        """Tokens of one frame of (S,) coefficients at a time in seconds."""
        if not 0 <= time_s - self._last_s <= LINK_S:
            self.lose()
        psi = np.asarray(values, np.float32) - self.rest
        wanted = (psi.astype(np.float64) @ self._wide).astype(np.float32)
        tokens, steps = self._choose(psi, wanted)
        tokens, steps = self._in_steady_order(tokens, steps)
        self._before, self._last_s = tokens, time_s
        return LiveFrame(tokens=tokens, levels=np.maximum(steps - 1, 0), intensities=steps * self.step, psi=psi)

    def _choose(self, psi: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from dfe_core.tokenizer.kernel import search_next

        return search_next(
            self._proposed(psi, wanted),
            wanted,
            self._before,
            self._tables,
            places=self.config.stages,
            sweeps=self.config.sweeps,
            weight=self._weight,
        )

    def _proposed(self, psi: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """(K,) products of the latent that the network proposes; those of ψ itself without a network."""
        if self._network is None:
            return wanted
        import torch

        with torch.inference_mode():
            latent, _ = self._network.latent(torch.from_numpy(psi[None] @ self.matrix).to(self._network.frame.device))
            return (latent @ self._network.quantizer.codewords.T)[0].cpu().numpy()

    def _in_steady_order(self, tokens: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Strongest first by the energy over the last frames, this one with them; the null token last."""
        norms, used = self._norms, np.flatnonzero(tokens)
        self._energy.append([(int(tokens[i]), (steps[i] * self.step) ** 2 * float(norms[tokens[i]])) for i in used])
        total = np.zeros(len(norms))
        for frame in self._energy:
            for word, energy in frame:
                total[word] += energy
        order = np.argsort(-np.where(tokens != 0, total[tokens], -1.0), kind="stable")
        return tokens[order], steps[order]


def arkit_matrix(face: FaceModel) -> np.ndarray:
    """(S, E) float32: ARKit's coefficients onto those of a face.

    Raises `DataError` for a face that does not answer to them: a learned one, FLAME's, BFM's.
    """
    matrix, missing = coefficient_map(ARKIT_NAMES, face)
    if len(missing) > len(ARKIT_NAMES) // 2:
        raise DataError(
            face.id,
            "a face that does not answer to ARKit's coefficients, which cameras and phones send",
            "a codebook on the default face or on ICT-FaceKit",
        )
    return matrix
