"""A reconstruction built up stage by stage, and its error after every stage."""

from __future__ import annotations

import numpy as np

from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.mesh_inner_product import mesh_factor
from dfe_core.tokens.cache import Tokens


def psi_by_stage(codebook: Codebook, tokens: np.ndarray, intensities: np.ndarray) -> np.ndarray:
    """(T, N) codewords and intensities to (T, N, E) float32: ψ̂ after the first, the first two … all N stages."""
    return np.cumsum(codebook.psi[tokens] * np.asarray(intensities, np.float32)[..., None], axis=1)


def error_by_stage(codebook: Codebook, tokens: Tokens, psi: np.ndarray, face: FaceModel) -> np.ndarray:
    """(T, N) float32 error of the reconstruction after each stage, mm.

    Root mean square over the face's vertices of the distance to the face of `psi` (T, E), the true coefficients of
    the same frames; in units of ψ where the face has no mesh. One stage at a time: memory is (T, E).
    """
    factor = mesh_factor(face.gram) * (1e3 if face.has_mesh else 1.0)
    left = np.asarray(psi, np.float32).copy()
    error = np.empty(tokens.tokens.shape, np.float32)
    for stage in range(tokens.tokens.shape[1]):
        left -= codebook.psi[tokens.tokens[:, stage]] * tokens.intensities[:, stage, None]
        error[:, stage] = np.linalg.norm(left @ factor, axis=1)
    return error
