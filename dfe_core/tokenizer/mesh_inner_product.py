"""Distance and likeness of expressions as the mesh sees them, without forming a mesh.

With G = `FaceModel.gram`, ψᵀGφ is the mean over vertices of the dot product of two displacement fields.
"""

from __future__ import annotations

import numpy as np


def mesh_factor(gram: np.ndarray) -> np.ndarray:
    """(E, E) Gram matrix to (E, E) float64 L with G = L Lᵀ: ‖(ψ − φ) L‖ is the root mean square over vertices of the
    distance between the two faces, in metres (in coefficients where there is no mesh)."""
    values, vectors = np.linalg.eigh(np.asarray(gram, np.float64))
    return vectors * np.sqrt(np.clip(values, 0, None))


def displacement_cosine(a: np.ndarray, b: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """(A, E) and (B, E) expressions to (A, B) float64 cosine of their displacement fields; 0 where one is still."""
    factor = mesh_factor(gram)
    return cosine(np.asarray(a, np.float64) @ factor, np.asarray(b, np.float64) @ factor)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(A, D) and (B, D) vectors to (A, B) cosine; 0 where one of them is zero."""
    return np.clip(unit(a) @ unit(b).T, -1, 1)


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; zero rows stay zero."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 1e-12)
