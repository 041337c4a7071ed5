"""What is mapped: vectors of codewords (by what they move, by their company) and of frames (by ψ, by tokens)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.codebook import REST, Codebook
from dfe_core.tokenizer.mesh_inner_product import mesh_factor, unit
from dfe_core.tokens.cache import TokenCache, Tokens
from dfe_core.tokens.intervals import RunIndex, iter_recordings

HEAT_M = 0.01
"""Reach of the geodesic smoothing, metres: displacement one centimetre apart on the skin counts as near."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """vectors (n, D) float64, compared by `metric`; rows: one a vector, what it is of; left_out: what has none.
    Of frames also their tokens and intensities, (n, N)."""

    vectors: np.ndarray
    metric: str
    rows: pd.DataFrame
    left_out: list[int]
    tokens: np.ndarray | None = None
    intensities: np.ndarray | None = None


def by_deformation(codebook: Codebook, face: FaceModel) -> Features:
    """Codewords by the cosine of their displacement fields. One that moves nothing has no direction: left out."""
    return _codewords(codebook, codebook.psi.astype(np.float64) @ mesh_factor(face.gram))


def by_geodesic(codebook: Codebook, face: FaceModel, reach_m: float = HEAT_M) -> Features:
    """Codewords by the cosine of displacement that was spread over the skin first, so that two codewords that move
    neighbouring patches alike are near even where they share no vertex.

    Spreading is one implicit step of heat flow along the mesh, (M + t L)⁻¹ M with t = reach²/4: its kernel falls with
    geodesic distance, not through the air from lip to lip (Crane, Weischedel & Wardetzky 2013, Geodesics in Heat,
    sec. 3). Raises `DataError` for a face without a mesh.
    """
    if not face.has_mesh:
        raise DataError(face.id, "no mesh to measure geodesic distance on", "--by deformation")
    basis = _spread(face, reach_m).reshape(face.coefficients, -1)
    return _codewords(codebook, codebook.psi.astype(np.float64) @ mesh_factor(basis @ basis.T / len(face.template)))


def by_cooccurrence(codebook: Codebook, runs: RunIndex, dimensions: int = 50, seed: int = 0) -> Features:
    """Codewords by their company: rows of the positive pointwise mutual information of sharing a frame, reduced by
    SVD (Levy & Goldberg 2014). Codewords that never occur, or never with another above chance, are left out."""
    together = runs.cooccurrence.astype(np.float64)
    alone = np.diag(together).copy()
    expected = np.outer(alone, alone) / max(runs.frames, 1)
    lift = np.divide(together, expected, out=np.zeros_like(together), where=expected > 0)
    information = np.log2(np.maximum(lift, 1))
    np.fill_diagonal(information, 0)
    left, size, _ = np.linalg.svd(information, hermitian=True)
    return _codewords(codebook, left[:, :dimensions] * size[:dimensions])


def sample_frames(tokens: TokenCache, sample: int, seed: int) -> Iterator[tuple[Tokens, np.ndarray]]:
    """Frames drawn at random without replacement over the whole token cache: each recording and the rows drawn."""
    total = tokens.frames
    rows = (
        np.arange(total)
        if sample >= total
        else np.sort(np.random.default_rng(seed).choice(total, sample, replace=False))
    )
    start = 0
    for part in iter_recordings(tokens):
        low, high = np.searchsorted(rows, [start, start + len(part.frame)])
        if high > low:
            yield part, rows[low:high] - start
        start += len(part.frame)


@dataclass(frozen=True, eq=False, kw_only=True)
class FrameVectors:
    """What frames are compared by: ``psi``, the distance of their faces (root mean square over vertices, m), or
    ``tokens``, the cosine of their bags of codewords: the summed intensity of each codeword, weighted by how much the
    codeword moves, so that a large display counts more than a faint one. Frames at rest stay, at the origin."""

    by: str
    codebook: Codebook
    face: FaceModel
    dataset: Dataset

    @property
    def metric(self) -> str:
        return "euclidean" if self.by == "psi" else "cosine"

    @cached_property
    def factor(self) -> np.ndarray:
        """(E, E): ψ times it is compared by its Euclidean distance, `mesh_factor`."""
        return mesh_factor(self.face.gram)

    @cached_property
    def size(self) -> np.ndarray:
        """(K,) how far each codeword moves, root mean square over vertices, m."""
        return np.linalg.norm(self.codebook.psi.astype(np.float64) @ self.factor, axis=1)

    def of(self, part: Tokens, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """(n, D) vectors of these rows of a recording."""
        if self.by == "psi":
            return self.dataset.frames(part.recording).at(part.frame[rows]).psi.astype(np.float64) @ self.factor
        return bags(part.tokens[rows], part.intensities[rows], self.size)


def bags(tokens: np.ndarray, intensities: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(n, N) tokens and intensities to (n, K) float32: the summed intensity of each codeword times its weight (K)."""
    bag = np.zeros((len(tokens), len(weight)), np.float32)
    at = np.repeat(np.arange(len(tokens)), tokens.shape[1])
    np.add.at(bag, (at, tokens.ravel()), intensities.ravel())
    return bag * weight.astype(np.float32)


def of_frames(vectors: FrameVectors, tokens: TokenCache, sample: int, seed: int) -> Features:
    """Vectors of a sample of all frames, with what each frame is and its tokens."""
    held = [
        (vectors.of(part, rows), _frame_rows(part, rows, vectors.size), part.tokens[rows], part.intensities[rows])
        for part, rows in sample_frames(tokens, sample, seed)
    ]
    about = vectors.dataset.recordings[["recording", "subject", *vectors.dataset.labels]]
    if not held:
        return Features(
            vectors=np.empty((0, 1)), metric=vectors.metric, rows=pd.DataFrame({"recording": []}), left_out=[]
        )
    found, rows, numbers, intensities = (list(column) for column in zip(*held, strict=True))
    return Features(
        vectors=np.concatenate(found),
        metric=vectors.metric,
        rows=pd.concat(rows, ignore_index=True).merge(about, "left", "recording"),
        left_out=[],
        tokens=np.concatenate(numbers),
        intensities=np.concatenate(intensities),
    )


def _codewords(codebook: Codebook, vectors: np.ndarray) -> Features:
    length = np.linalg.norm(vectors, axis=1)
    moving = length > 1e-9 * max(length.max(initial=0), 1e-300)
    columns = [c for c in codebook.table.columns if not c.startswith("mm_") and c != "codeword"]
    rows = pd.DataFrame({"codeword": np.arange(codebook.size)}).join(codebook.table[columns].reset_index(drop=True))
    return Features(
        vectors=unit(vectors[moving]),
        metric="cosine",
        rows=rows[moving].reset_index(drop=True),
        left_out=np.flatnonzero(~moving).tolist(),
    )


def _frame_rows(part: Tokens, chosen: np.ndarray, size: np.ndarray) -> pd.DataFrame:
    tokens = part.tokens[chosen]
    stage = np.argmax(part.intensities[chosen] * size[tokens], axis=1)
    strongest = np.take_along_axis(tokens, stage[:, None], 1)[:, 0].astype(np.int64)
    return pd.DataFrame(
        {
            "recording": part.recording,
            "frame": part.frame[chosen],
            "time_s": part.time_s[chosen],
            "codeword": strongest,
            "stage": np.where(strongest == REST, -1, stage),
            "error_mm": part.error_mm[chosen],
        }
    )


def _spread(face: FaceModel, reach_m: float) -> np.ndarray:
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import splu

    size = len(face.template)
    edges = np.unique(np.sort(face.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    length = np.linalg.norm(face.template[edges[:, 0]] - face.template[edges[:, 1]], axis=1).clip(1e-6)
    mass = np.bincount(edges.ravel(), np.repeat(length**2, 2), minlength=size) / 4 + 1e-12
    link = coo_matrix((np.ones(2 * len(edges)), (edges.ravel(), edges[:, ::-1].ravel())), (size, size)).tocsr()
    laplacian = diags(np.asarray(link.sum(1)).ravel()) - link
    solve = splu((diags(mass) + reach_m**2 / 4 * laplacian).tocsc())
    fields = face.basis.transpose(1, 0, 2).reshape(size, -1).astype(np.float64)
    spread = solve.solve(mass[:, None] * fields)
    return spread.reshape(size, face.coefficients, 3).transpose(1, 0, 2)
