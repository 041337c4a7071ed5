"""The latent frame: a linear map of ψ in which squared length is the error that matters.

‖ψA‖² = (1 − w) · (mean squared vertex displacement) / (its mean over the training frames)
        + w · (mean squared standardised coefficient) / (its mean over the training frames)

so that 1 is the energy of an average training frame and a residual's square is the share of it that is lost. The
spread by which a coefficient is standardised has a floor (`_SPREAD_FLOOR`).
Without a mesh only the second term exists. A share of the first term counts every region alike (`balanced_gram`).
"""

from __future__ import annotations

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.fidelity import region_grams

_RIDGE = 1e-6
_STILL_SHARE = 0.01
_SPREAD_FLOOR = 0.01
"""Of the mean second moment. A coefficient that hardly moved in training may move in another person: its error counts
at most a hundred times what one of average energy does, which is a tenth of its spread, and not without limit."""


def seen_gram(face: FaceModel, without_region: str = "") -> np.ndarray:
    """(E, E) m²: `FaceModel.gram` of the vertices that are not in a region; of all where none is named.

    Raises `DataError` for a face that has no such region.
    """
    if not without_region:
        return face.gram
    known = without_region in face.region_names
    own = face.regions == face.region_names.index(without_region) if known and face.has_mesh else np.zeros(0, bool)
    if not own.any() or own.all():
        there = [name for i, name in enumerate(face.region_names) if name != "other" and (face.regions == i).any()]
        raise DataError(
            face.id, f"no region {without_region!r} beside others", ", ".join(there) or "a face with regions"
        )
    flat = face.basis[:, ~own].reshape(face.coefficients, -1).astype(np.float64)
    return flat @ flat.T / len(own)


def balanced_gram(
    face: FaceModel, second_moment: np.ndarray, region_weight: float, without_region: str = ""
) -> np.ndarray | None:
    """(E, E) of the face's own Gram matrix and, by `region_weight` of 0 to 1, of its regions, each in units of its own
    energy over the training frames, so that the mouth, which moves most, does not drown the brows. None without a mesh.

    second_moment: (E, E) mean of ψψᵀ over the training frames. without_region: its vertices count nothing
    (`seen_gram`). A region that hardly moves counts as if it moved by a
    hundredth of what regions do on average: its noise is not worth tokens.
    """
    if not face.has_mesh:
        return None
    seen = seen_gram(face, without_region)
    regions = [gram for name, gram in region_grams(face).items() if name not in ("face", without_region)]
    energies = np.array([np.sum(gram * second_moment) for gram in regions])
    if not region_weight or not energies.sum() > 0:
        return seen
    floor = _STILL_SHARE * energies.mean()
    balanced = sum(gram / max(e, floor) for gram, e in zip(regions, energies, strict=True))
    whole = np.sum(seen * second_moment)
    return (1 - region_weight) * seen + region_weight * balanced * whole / np.sum(balanced * second_moment)


def latent_frame(
    gram: np.ndarray | None, second_moment: np.ndarray, psi_weight: float
) -> tuple[np.ndarray, np.ndarray]:
    """(A, A⁻¹), both (E, E) float64: ψ to latent and back.

    Parameters
    ----------
    gram: (E, E) of `FaceModel.gram`, m²; None where there is no mesh.
    second_moment: (E, E) mean of ψψᵀ over the training frames.
    psi_weight: w, 0 to 1.
    """
    count = len(second_moment)
    spread = np.maximum(np.diag(second_moment), _SPREAD_FLOOR * np.trace(second_moment) / count + 1e-12)
    form = np.diag(1 / spread) / count
    if gram is not None:
        vertex = gram / max(np.sum(gram * second_moment), 1e-30)
        form = (1 - psi_weight) * vertex + psi_weight * form
    form = form + _RIDGE * np.trace(form) / count * np.eye(count)
    values, vectors = np.linalg.eigh(form)
    root = np.sqrt(np.maximum(values, values.max() * 1e-9))
    return vectors * root, (vectors / root).T
