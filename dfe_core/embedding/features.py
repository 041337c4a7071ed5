"""What is mapped: vectors of codewords (by what they move, by their company) and of frames (by ψ, by tokens)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.metric import mesh_factor, unit
from dfe_core.tokens.cache import TokenCache, Tokens
from dfe_core.tokens.runs import RunIndex, iter_recordings

HEAT_M = 0.01
"""Reach of the geodesic smoothing, metres: displacement one centimetre apart on the skin counts as near."""


@dataclass(frozen=True)
class Features:
    """vectors (n, D) float64, compared by `metric`; rows: one a vector, what it is of; left_out: what has none."""

    vectors: np.ndarray
    metric: str
    rows: pd.DataFrame
    left_out: list[int]


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
    rows = np.arange(total) if sample >= total else \
        np.sort(np.random.default_rng(seed).choice(total, sample, replace=False))
    start = 0
    for part in iter_recordings(tokens):
        low, high = np.searchsorted(rows, [start, start + len(part.frame)])
        if high > low:
            yield part, rows[low:high] - start
        start += len(part.frame)


def by_psi(codebook: Codebook, face: FaceModel, tokens: TokenCache, dataset: Dataset, sample: int,
           seed: int) -> Features:
    """Frames by the distance of their faces: root mean square over vertices, m."""
    factor = mesh_factor(face.gram)
    vectors, rows = [], []
    for part, chosen in sample_frames(tokens, sample, seed):
        frames = dataset.frames(part.recording)
        at = np.searchsorted(frames.frame, part.frame[chosen])
        vectors.append(frames.psi[at].astype(np.float64) @ factor)
        rows.append(_frame_rows(part, chosen, codebook, factor))
    return _frames(vectors, rows, "euclidean", dataset)


def by_tokens(codebook: Codebook, face: FaceModel, tokens: TokenCache, dataset: Dataset, sample: int,
              seed: int) -> Features:
    """Frames by the cosine of their bags of codewords: the summed intensity of each codeword, weighted by how much
    the codeword moves, so that a large display counts more than a faint one. Frames at rest stay, at the origin."""
    factor = mesh_factor(face.gram)
    weight = np.linalg.norm(codebook.psi.astype(np.float64) @ factor, axis=1)
    vectors, rows = [], []
    for part, chosen in sample_frames(tokens, sample, seed):
        bag = np.zeros((len(chosen), codebook.size), np.float32)
        at = np.repeat(np.arange(len(chosen)), part.tokens.shape[1])
        np.add.at(bag, (at, part.tokens[chosen].ravel()), part.intensities[chosen].ravel())
        vectors.append(bag * weight.astype(np.float32))
        rows.append(_frame_rows(part, chosen, codebook, factor))
    return _frames(vectors, rows, "cosine", dataset)


def _codewords(codebook: Codebook, vectors: np.ndarray) -> Features:
    length = np.linalg.norm(vectors, axis=1)
    moving = length > 1e-9 * max(length.max(initial=0), 1e-300)
    columns = [c for c in codebook.table.columns if not c.startswith("mm_") and c != "codeword"]
    rows = pd.DataFrame({"codeword": np.arange(codebook.size)}).join(codebook.table[columns].reset_index(drop=True))
    return Features(unit(vectors[moving]), "cosine", rows[moving].reset_index(drop=True),
                    np.flatnonzero(~moving).tolist())


def _frame_rows(part: Tokens, chosen: np.ndarray, codebook: Codebook, factor: np.ndarray) -> pd.DataFrame:
    size = np.linalg.norm(codebook.psi @ factor, axis=1)
    tokens = part.tokens[chosen]
    strongest = np.argmax(part.intensities[chosen] * size[tokens], axis=1)
    return pd.DataFrame({"recording": part.recording, "frame": part.frame[chosen], "time_s": part.time_s[chosen],
                         "codeword": np.take_along_axis(tokens, strongest[:, None], 1)[:, 0].astype(np.int64),
                         "error_mm": part.error_mm[chosen]})


def _frames(vectors: list[np.ndarray], rows: list[pd.DataFrame], metric: str, dataset: Dataset) -> Features:
    table = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame({"recording": []})
    about = dataset.recordings[["recording", "subject", *dataset.labels]]
    return Features(np.concatenate(vectors) if vectors else np.empty((0, 1)), metric,
                    table.merge(about, "left", "recording"), [])


def _spread(face: FaceModel, reach_m: float) -> np.ndarray:
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import splu
    size = len(face.template)
    edges = np.unique(np.sort(face.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    length = np.linalg.norm(face.template[edges[:, 0]] - face.template[edges[:, 1]], axis=1).clip(1e-6)
    mass = np.bincount(edges.ravel(), np.repeat(length ** 2, 2), minlength=size) / 4 + 1e-12
    link = coo_matrix((np.ones(2 * len(edges)), (edges.ravel(), edges[:, ::-1].ravel())), (size, size)).tocsr()
    laplacian = diags(np.asarray(link.sum(1)).ravel()) - link
    solve = splu((diags(mass) + reach_m ** 2 / 4 * laplacian).tocsc())
    fields = face.basis.transpose(1, 0, 2).reshape(size, -1).astype(np.float64)
    spread = solve.solve(mass[:, None] * fields)
    return spread.reshape(size, face.coefficients, 3).transpose(1, 0, 2)
