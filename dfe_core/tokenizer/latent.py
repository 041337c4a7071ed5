"""The latent frame: a linear map of ψ in which squared length is the error that matters.

‖ψA‖² = (1 − w) · (mean squared vertex displacement) / (its mean over the training frames)
        + w · (mean squared standardised coefficient) / (its mean over the training frames)

so that 1 is the energy of an average training frame and a residual's square is the share of it that is lost.
Without a mesh only the second term exists.
"""

from __future__ import annotations

import numpy as np

_RIDGE = 1e-6


def latent_frame(gram: np.ndarray | None, second_moment: np.ndarray,
                 psi_weight: float) -> tuple[np.ndarray, np.ndarray]:
    """(A, A⁻¹), both (E, E) float64: ψ to latent and back.

    Parameters
    ----------
    gram: (E, E) of `FaceModel.gram`, m²; None where there is no mesh.
    second_moment: (E, E) mean of ψψᵀ over the training frames.
    psi_weight: w, 0 to 1.
    """
    count = len(second_moment)
    spread = np.maximum(np.diag(second_moment), 1e-4 * np.trace(second_moment) / count + 1e-12)
    form = np.diag(1 / spread) / count
    if gram is not None:
        vertex = gram / max(np.sum(gram * second_moment), 1e-30)
        form = (1 - psi_weight) * vertex + psi_weight * form
    form = form + _RIDGE * np.trace(form) / count * np.eye(count)
    values, vectors = np.linalg.eigh(form)
    root = np.sqrt(np.maximum(values, values.max() * 1e-9))
    return vectors * root, (vectors / root).T
