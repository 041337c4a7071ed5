"""How well decoded expressions hold to the originals, and how the codebook is used: pure functions of arrays.

T frames, E coefficients, N stages, K codewords. Errors are in mm on the mesh, in coefficients where there is none.
"""

from __future__ import annotations

import numpy as np

from dfe_core.faces.model import FaceModel

NOISE_FLOOR_MM = 0.1
MOVABLE_MM = 2.0
"""Vertices that no coefficient moves so far are left out of errors over what can move: the skull, the neck."""
"""Frames whose root mean square displacement is below this are left out of the cosine: they show nothing."""


def region_grams(face: FaceModel) -> dict[str, np.ndarray]:
    """Region name → (E, E) float64 mm²: ψᵀGψ is the mean squared displacement of its vertices. ``face`` is them all.

    Without a mesh only ``face`` exists, and measures coefficients.
    """
    grams = {"face": face.gram * 1e6 if face.has_mesh else face.gram}
    for code, name in enumerate(face.region_names):
        rows = np.flatnonzero(face.regions == code)
        if len(rows) and name != "other":
            flat = 1e3 * face.basis[:, rows].reshape(face.coefficients, -1).astype(np.float64)
            grams[name] = flat @ flat.T / len(rows)
    return grams


def movable_gram(face: FaceModel) -> np.ndarray:
    """(E, E) float64 mm² over the vertices that some coefficient at 1 moves by `MOVABLE_MM` or more; the face's own
    where there is no mesh or no such vertex."""
    if not face.has_mesh:
        return face.gram
    reach = 1e3 * np.sqrt(np.max([np.square(field).sum(-1) for field in face.basis], axis=0))
    rows = np.flatnonzero(reach >= MOVABLE_MM)
    if not len(rows):
        return face.gram * 1e6
    flat = 1e3 * face.basis[:, rows].reshape(face.coefficients, -1).astype(np.float64)
    return flat @ flat.T / len(rows)


def energy(psi: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """(T,) ψᵀGψ of each row of (T, E)."""
    return np.einsum("te,te->t", psi @ gram, psi).clip(0)


def rmse(error: np.ndarray, gram: np.ndarray) -> float:
    """√ mean over frames and vertices of the squared Euclidean distance; 0.0 for no frames."""
    return float(np.sqrt(energy(error, gram).mean())) if len(error) else 0.0


def explained_variance(psi: np.ndarray, decoded: np.ndarray, gram: np.ndarray) -> float:
    """1 − Σ‖d − d̂‖² / Σ‖d‖², d the displacement from neutral; 1.0 when nothing moves and nothing is decoded."""
    total, left = energy(psi, gram).sum(), energy(psi - decoded, gram).sum()
    return float(1 - left / total) if total > 0 else float(left == 0)


def mean_cosine(psi: np.ndarray, decoded: np.ndarray, gram: np.ndarray, floor: float = NOISE_FLOOR_MM) -> float:
    """Mean over frames above the noise floor of the cosine of true and decoded displacement; 0.0 for no such frame."""
    true, found = energy(psi, gram), energy(decoded, gram)
    rows = true > floor**2
    if not rows.any():
        return 0.0
    product = np.einsum("te,te->t", psi[rows] @ gram, decoded[rows])
    return float((product / np.sqrt(true[rows] * found[rows]).clip(1e-12)).mean())


def retrieval_top1(
    psi: np.ndarray, decoded: np.ndarray, factor: np.ndarray, others: int = 1000, seed: int = 0
) -> float:
    """Share of decoded frames whose nearest original, among their own and `others` more, is their own.

    factor: (E, E) with G = L Lᵀ. Frames are drawn over the whole set, so that others are rarely neighbours in time.
    With fewer frames all of them compete.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(psi))[: min(len(psi), 4 * (others + 1))]
    hits = total = 0
    for start in range(0, len(rows), others + 1):
        block = rows[start : start + others + 1]
        if len(block) <= others and start:
            break
        true, found = psi[block] @ factor, decoded[block] @ factor
        distance = (true**2).sum(1)[None] - 2 * found @ true.T
        hits += int((distance.argmin(1) == np.arange(len(block))).sum())
        total += len(block)
    return hits / total if total else 0.0


def vertex_percentile_mm(
    error: np.ndarray, face: FaceModel, percentile: float = 95, sample: int = 1000, seed: int = 0
) -> float:
    """Percentile over vertices and a sample of frames of the Euclidean vertex distance, mm."""
    if not face.has_mesh or not len(error):
        return float(np.percentile(np.linalg.norm(error, axis=1), percentile)) if len(error) else 0.0
    rows = np.random.default_rng(seed).permutation(len(error))[:sample]
    return float(np.percentile(1e3 * np.linalg.norm(face.displacement(error[rows]), axis=-1), percentile))


def entropy_bits(symbols: np.ndarray, count: int) -> np.ndarray:
    """(N,) entropy in bits of each column of (T, N) integer symbols in 0 … count − 1."""
    shares = np.stack([np.bincount(column, minlength=count) for column in symbols.T]) / max(len(symbols), 1)
    return -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(1)


def utilisation(tokens: np.ndarray, codewords: int, one_in: int = 10_000) -> float:
    """Share of codewords used by at least one frame in 10,000, or once with fewer frames. tokens: (T, N)."""
    frames = np.zeros(codewords, np.int64)
    for stage in range(tokens.shape[1]):  # a codeword that repeats within a frame counts that frame once
        repeated = (tokens[:, :stage] == tokens[:, stage, None]).any(1)
        frames += np.bincount(tokens[~repeated, stage], minlength=codewords)
    return float((frames >= max(1, len(tokens) / one_in)).mean())


def max_cosine(codewords: np.ndarray, factor: np.ndarray) -> float:
    """Largest cosine between the displacements of two moving codewords; 0.0 with fewer than two.

    Opposite movements (gaze to the left and to the right) are two things, not one: their cosine is near −1.
    """
    moved = codewords @ factor
    length = np.linalg.norm(moved, axis=1)
    unit = moved[length > 1e-9] / length[length > 1e-9, None]
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, 0)
    return float(min(cosine.max(initial=0), 1))
