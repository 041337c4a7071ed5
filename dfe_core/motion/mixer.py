"""Mixing codewords: their sum as a face, and what the encoder makes of that face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.codebook import REST, Codebook
from dfe_core.tokenizer.mesh_inner_product import cosine, mesh_factor
from dfe_core.tokens.dynamics import lift_table
from dfe_core.tokens.intervals import RunIndex

if TYPE_CHECKING:
    from dfe_core.tokenizer.model import Tokenizer

Encoder = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(T, E) float32 ψ to tokens (T, N) int and intensities (T, N) float32."""


@dataclass(frozen=True, kw_only=True)
class RoundTrip:
    """A mixed face and what comes back of it.

    asked, returned: intensity by codeword; psi, decoded: (E,) the face and its reconstruction; error_mm: root mean
    square over vertices between them; cosine: of their displacement; survived: share of the codewords asked for that
    come back at all; alike: the same, where a codeword of the same deformation (cosine ≥ 0.9) counts as itself.
    """

    asked: dict[int, float]
    returned: dict[int, float]
    tokens: np.ndarray
    intensities: np.ndarray
    psi: np.ndarray
    decoded: np.ndarray
    error_mm: float
    cosine: float
    survived: float
    alike: float

    @property
    def table(self) -> pd.DataFrame:
        """codeword, asked, returned: every codeword of either, 0 where it is not in it; asked ones first."""
        order = [*self.asked, *(k for k in self.returned if k not in self.asked)]
        return pd.DataFrame(
            {
                "codeword": order,
                "asked": [self.asked.get(k, 0.0) for k in order],
                "returned": [self.returned.get(k, 0.0) for k in order],
            }
        )


def mix(codebook: Codebook, codewords: Sequence[int], intensities: Sequence[float] | None = None) -> np.ndarray:
    """(E,) float32 ψ of the sum of codewords at their intensities (default 1); more of them than stages are allowed.

    Raises `DataError` for an unknown codeword, an intensity that is not finite, or unequal numbers of both.
    """
    weights = np.ones(len(codewords), np.float32) if intensities is None else np.asarray(intensities, np.float32)
    if len(weights) != len(codewords):
        raise DataError("mix", f"{len(weights)} intensities for {len(codewords)} codewords", "one each")
    if not np.isfinite(weights).all():
        raise DataError("mix", "an intensity that is not finite", "numbers")
    return codebook.decode(np.asarray(codewords, np.int64)[None], weights[None])[0]


def round_trip(
    codebook: Codebook, face: FaceModel, codewords: Sequence[int], intensities: Sequence[float] | None, encode: Encoder
) -> RoundTrip:
    """Mix, encode and decode: which tokens survive."""
    psi = mix(codebook, codewords, intensities)
    tokens, returned = (np.asarray(part)[0] for part in encode(psi[None]))
    decoded = codebook.decode(tokens[None], returned[None])[0]
    factor = mesh_factor(face.gram)
    a, b = (np.asarray(v, np.float64)[None] @ factor for v in (psi, decoded))
    asked = _by_codeword(codewords, np.ones(len(codewords)) if intensities is None else intensities)
    back = _by_codeword(tokens, returned)
    likeness = float(cosine(a, b)[0, 0]) if np.any(a) or np.any(b) else 1.0
    survived = float(np.mean([k in back for k in asked])) if asked else 1.0
    return RoundTrip(
        asked=asked,
        returned=back,
        tokens=tokens,
        intensities=returned,
        psi=psi,
        decoded=decoded,
        error_mm=float(np.linalg.norm(a - b) * 1e3),
        cosine=likeness,
        survived=survived,
        alike=_alike(codebook, factor, asked, back),
    )


def encoder_of(tokenizer: Tokenizer) -> Encoder:
    """An `Encoder` of a tokenizer."""

    def encode(psi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parts = [(q.tokens.cpu().numpy(), q.intensities.cpu().numpy()) for q in tokenizer.encode_batches(psi)]
        return np.concatenate([t for t, _ in parts]), np.concatenate([g for _, g in parts])

    return encode


def random_mix(runs: RunIndex, count: int = 3, seed: int | None = None) -> list[tuple[int, float]]:
    """A random face that this data could show: the first codeword by how often it occurs, each further one by how
    often it occurs and how much more than by chance with those chosen (product of lifts); intensities drawn from
    what each codeword has in the data. Raises `DataError` when no codeword occurs.
    """
    rng = np.random.default_rng(seed)
    alone = np.diag(runs.cooccurrence).astype(np.float64).copy()
    alone[REST] = 0
    if not alone.any():
        raise DataError(runs.manifest["model"], "no codeword occurs in this data")
    lift = np.nan_to_num(lift_table(runs))
    chosen: list[int] = []
    weight = alone
    while len(chosen) < count and weight.sum() > 0:
        chosen.append(int(rng.choice(len(weight), p=weight / weight.sum())))
        weight = alone * lift[chosen].prod(0)
        weight[chosen] = 0
    return [(k, _drawn(runs.intensities, k, rng)) for k in chosen]


def _drawn(intensities: pd.DataFrame, codeword: int, rng: np.random.Generator) -> float:
    rows = intensities[intensities["codeword"] == codeword]
    share = rows["frames"].to_numpy() / rows["frames"].sum()
    return float(rng.choice(rows["intensity"].to_numpy(), p=share))


def _by_codeword(codewords: Sequence[int] | np.ndarray, intensities: Sequence[float] | np.ndarray) -> dict[int, float]:
    total: dict[int, float] = {}
    for k, g in zip(codewords, intensities, strict=True):
        if int(k) != REST and float(g) != 0:
            total[int(k)] = total.get(int(k), 0.0) + float(g)
    return total


def _alike(
    codebook: Codebook, factor: np.ndarray, asked: dict[int, float], back: dict[int, float], same: float = 0.9
) -> float:
    if not asked or not back:
        return float(not asked)
    one, other = (codebook.psi[list(k)].astype(np.float64) @ factor for k in (asked, back))
    return float((cosine(one, other).max(1) >= same).mean())
