"""The baselines at the bits that a codebook takes on the same test frames, raw and entropy-coded."""

from __future__ import annotations

import math

import numpy as np

from dfe_core.evaluation import baselines
from dfe_core.evaluation.coded_bits import log_interpolated
from dfe_core.tokenizer import fidelity
from dfe_core.tokenizer.mesh_inner_product import mesh_factor

_CLUSTERS = 256


def errors(psi: np.ndarray, decoded: np.ndarray, gram: np.ndarray) -> dict[str, float | None]:
    """rmse_mm and explained_variance of (T, E) decoded frames; gram in mm²."""
    return {
        "rmse_mm": fidelity.rmse(psi - decoded, gram),
        "explained_variance": fidelity.explained_variance(psi, decoded, gram),
    }


def pca_at_equal_bits(
    gram: np.ndarray, train: np.ndarray, psi: np.ndarray, bits: float, entropy_bits: float
) -> dict[str, float | None]:
    """Quantised PCA of the mesh: `rmse_mm` at fixed-rate `bits`, `rmse_mm_at_equal_entropy` with entropy-coded indices.

    gram: (E, E) mm². train: (N, E) frames to fit on. psi: (T, E) test frames.
    """
    factor = mesh_factor(gram)
    fixed = baselines.quantised_pca(train, psi, factor, bits)
    spent, coded = baselines.entropy_coded_pca(train, psi, factor, entropy_bits)
    return errors(psi, fixed, gram) | {
        "entropy_bits_per_frame": spent,
        "rmse_mm_at_equal_entropy": fidelity.rmse(psi - coded, gram),
    }


def residual_kmeans_at_equal_bits(
    gram: np.ndarray, train: np.ndarray, psi: np.ndarray, bits: float, entropy_bits: float
) -> dict[str, float | None]:
    """Residual k-means in the mesh frame, `_CLUSTERS` a stage (fewer with few frames): as many stages as `bits` allow,
    and, interpolated between stages, at equal entropy-coded bits (None beyond them)."""
    factor = mesh_factor(gram + 1e-6 * np.trace(gram) * np.eye(len(gram)))
    size = min(_CLUSTERS, len(train))
    stages = max(1, round(max(bits, 1.5 * entropy_bits) / math.log2(size)))
    rival = baselines.residual_kmeans(train, psi, stages, size, frame=factor)
    found = np.array([fidelity.rmse(psi - rival.decoded_up_to(n), gram) for n in range(1, stages + 1)])
    fits = max(1, min(stages, round(bits / math.log2(size))))
    return errors(psi, rival.decoded_up_to(fits), gram) | {
        "entropy_bits_per_frame": float(rival.entropy_bits()[fits - 1]),
        "rmse_mm_at_equal_entropy": log_interpolated(rival.entropy_bits(), found, entropy_bits),
    }
