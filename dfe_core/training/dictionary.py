"""Codewords from the tokens of many frames: sparse non-negative least squares, or a sparse orthonormal basis.

On a face whose coefficients are activations (ARKit, ICT-FaceKit: 0 is rest, 1 the whole action) a codeword is a few
coefficients, none below zero: a movement that a face can make alone. On a face whose coefficients have two signs
(learned from data, FLAME, BFM) every direction has two senses, and codewords come in pairs of opposite movements along
an orthonormal basis in which frames are as sparse as they can be.

Letters: K codewords, E coefficients, D latent dimensions, N frames.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from dfe_core.expressions.columns import arkit_columns
from dfe_core.faces.model import FaceModel

_FEWEST_ACTIVATIONS = 10
_SPARSE_ROUNDS = 60
_SPARSE_SHARE = 0.05
"""Coordinates below this share of a frame's root mean square do not count while the basis is learned."""
INNER_ROUNDS = 6
"""Of coordinate descent over the coefficients of a codeword, each time that it is refitted."""
LEAST_USE = 1e-7
"""Mean squared intensity below which a codeword was not used, and stays as it is."""
_REACH = 0.999


def has_activations(face: FaceModel) -> bool:
    """Whether a face's coefficients are activations from 0 up, as ARKit's are, and not of two signs."""
    return len(arkit_columns(face.names)) >= _FEWEST_ACTIVATIONS


def support_of(codewords: np.ndarray, reach: np.ndarray, share: float) -> np.ndarray:
    """(K, E) bool: the coefficients of (K, E) codewords that move the face at least `share` of the strongest one.

    reach: (E,) displacement of each coefficient at 1, in any unit.
    """
    moved = np.maximum(codewords, 0) * reach
    return (moved > 0) & (moved >= share * moved.max(1, keepdims=True))


def refit_codewords(
    codewords: np.ndarray, overlap: np.ndarray, target: np.ndarray, frame: np.ndarray, support: np.ndarray
) -> np.ndarray:
    """Sparse non-negative codewords that lower Σ‖z − Σ g_k c_k‖², one after the other with the others held.

    Parameters
    ----------
    codewords: (K, E) ψ of the codewords. overlap: (K, K) mean of GᵀG over intensities G. target: (K, D) mean of Gᵀz.
    frame: (E, D), ψ to latent. support: (K, E) bool, the coefficients a codeword may have.

    Returns
    -------
    (K, E) float64. Codewords that no frame used, or that would become zero, stay as they are. Block coordinate descent
    as in Mairal et al. 2009, alg. 2, each block by coordinate descent for non-negative least squares.
    """
    metric = frame @ frame.T
    return _refit(
        codewords.astype(np.float64), overlap.astype(np.float64), target.astype(np.float64) @ frame.T, metric, support
    )


@njit(cache=True)
def _refit(codewords, overlap, pulled, metric, support):
    """pulled: (K, E) target brought back by the frame, Fᵀ."""
    size, width = codewords.shape
    for k in range(size):
        if overlap[k, k] < LEAST_USE:
            continue
        rest = np.zeros(width)
        for j in range(size):
            if j != k and overlap[k, j] != 0:
                rest += overlap[k, j] * codewords[j]
        wanted = (pulled[k] - metric @ rest) / overlap[k, k]
        row = codewords[k].copy()
        for e in range(width):
            if not support[k, e]:
                row[e] = 0
        for _ in range(INNER_ROUNDS):
            for e in range(width):
                if support[k, e] and metric[e, e] > 0:
                    row[e] = max(0.0, row[e] + (wanted[e] - metric[e] @ row) / metric[e, e])
        if row.max() > 0:
            codewords[k] = row
    return codewords


def opposite_pairs(latent: np.ndarray, codewords: int) -> np.ndarray:
    """Codewords in pairs of opposite movements along a sparse orthonormal basis.

    Parameters
    ----------
    latent: (N, D) training frames in the latent space. codewords: most of them.

    Returns
    -------
    (K, D) float32, K = 2 · min(D, codewords // 2), the basis vectors of most energy first, each as long as frames reach
    along it (quantile `_REACH`, three standard deviations at least). The basis starts at the principal axes and is
    turned so that hard-thresholded coordinates reconstruct the frames best (sparse orthonormal transforms, Sezer,
    Guleryuz & Altunbasak 2015): for Gaussian frames it stays the principal axes, for movements that come alone it goes
    along them.
    """
    latent = np.asarray(latent, np.float64)
    basis = np.linalg.eigh(latent.T @ latent)[1][:, ::-1]
    least = _SPARSE_SHARE * np.sqrt(np.square(latent).sum(1).mean())
    for _ in range(_SPARSE_ROUNDS):
        coordinates = latent @ basis
        coordinates[np.abs(coordinates) < least] = 0
        left, _, right = np.linalg.svd(latent.T @ coordinates)
        basis = left @ right
    energy = np.square(latent @ basis).mean(0)
    order = np.argsort(-energy, kind="stable")[: max(codewords // 2, 1)]
    reach = np.quantile(np.abs(latent @ basis[:, order]), _REACH, axis=0)
    axes = (basis[:, order] * np.maximum(reach, 3 * np.sqrt(energy[order]))).T
    return np.stack([axes, -axes], 1).reshape(-1, latent.shape[1]).astype(np.float32)
