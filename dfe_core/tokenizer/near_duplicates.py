"""Codewords of one codebook that move the face almost alike: in what they differ, and how they are used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.codebook import REST, Codebook
from dfe_core.tokenizer.mesh_inner_product import displacement_cosine

NEAR = 0.95
"""Cosine of displacement fields from which two codewords are near-duplicates."""
_COEFFICIENTS = 3


@dataclass(frozen=True, kw_only=True)
class NearDuplicate:
    """A codeword that is nearly another one.

    Attributes
    ----------
    codeword, other: the two. cosine: of their displacement fields.
    strength: size of the other's movement over this one's.
    difference_mm: largest displacement that is left where the other is scaled to this one as well as it can be.
    region: where that is.
    coefficients: in which they differ most, the largest first.
    share, other_share: of frames, of each; NaN where that is not known.
    """

    codeword: int
    other: int
    cosine: float
    strength: float
    difference_mm: float
    region: str
    coefficients: tuple[str, ...]
    share: float
    other_share: float


def near_duplicates(
    codebook: Codebook, face: FaceModel, least: float = NEAR, codewords: Sequence[int] | None = None
) -> list[NearDuplicate]:
    """Every codeword with each that is nearly the same, the most alike first; of the codewords asked for (default: all,
    each pair once)."""
    cosine = displacement_cosine(codebook.psi, codebook.psi, face.gram)
    np.fill_diagonal(cosine, 0)
    found = []
    for one in range(codebook.size) if codewords is None else codewords:
        for other in np.flatnonzero(cosine[one] >= least).tolist():
            if REST not in (one, other) and (codewords is not None or one < other):
                found.append(_compared(codebook, face, int(one), other, float(cosine[one, other])))
    return sorted(found, key=lambda pair: -pair.cosine)


def largest_cosine(codebook: Codebook, face: FaceModel) -> float:
    """The largest cosine of the displacement fields of two codewords, 0 where there are not two."""
    cosine = displacement_cosine(codebook.psi, codebook.psi, face.gram)[REST + 1 :, REST + 1 :]
    return float(cosine[np.triu_indices(len(cosine), 1)].max(initial=0.0))


def duplicate_groups(codebook: Codebook, face: FaceModel, least: float = NEAR) -> list[tuple[int, ...]]:
    """Codewords that are nearly the same, directly or by way of another, as groups; the most used of each first."""
    group = list(range(codebook.size))

    def top(k: int) -> int:
        while group[k] != k:
            k = group[k]
        return k

    for pair in near_duplicates(codebook, face, least):
        group[top(pair.other)] = top(pair.codeword)
    members: dict[int, list[int]] = {}
    for k in range(codebook.size):
        members.setdefault(top(k), []).append(k)
    uses = codebook.table["uses"].to_numpy() if "uses" in codebook.table else np.zeros(codebook.size)
    return [tuple(sorted(one, key=lambda k: (-uses[k], k))) for one in members.values() if len(one) > 1]


def _compared(codebook: Codebook, face: FaceModel, one: int, other: int, cosine: float) -> NearDuplicate:
    first, second = (codebook.psi[k].astype(np.float64) for k in (one, other))
    size, length = (float(np.sqrt(max(psi @ face.gram @ psi, 1e-30))) for psi in (first, second))
    left = first - second * (cosine * size / length)
    moved = np.linalg.norm(face.displacement(left.astype(np.float32)), axis=-1)
    weight = np.abs(left) * np.sqrt(np.maximum(np.diag(face.gram), 0))
    order = np.argsort(-weight, kind="stable")[:_COEFFICIENTS]
    known = "share_of_frames" in codebook.table
    share, other_share = (float(codebook.table["share_of_frames"].iloc[k]) if known else np.nan for k in (one, other))
    return NearDuplicate(
        codeword=one,
        other=other,
        cosine=cosine,
        strength=length / size,
        difference_mm=float(moved.max() * 1e3),
        region=face.region_names[int(face.regions[int(moved.argmax())])],
        coefficients=tuple(codebook.names[i] for i in order if weight[i] > 0.05 * weight.max()),
        share=share,
        other_share=other_share,
    )
