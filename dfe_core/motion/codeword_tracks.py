"""A timeline of action units told in a model's own codewords."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dfe_core.faces.model import FaceModel
from dfe_core.motion.timeline import Timeline, Track, target_psi
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.mesh_inner_product import cosine, mesh_factor

MOST = 3
ENOUGH = 0.95
"""No further codeword is taken once the sum is this like the action."""


@dataclass(frozen=True)
class Spelling:
    """codewords and intensities (≥ 0) whose sum is nearest to an expression; cosine of the displacement fields."""

    codewords: tuple[int, ...]
    intensities: tuple[float, ...]
    cosine: float


def spell(codebook: Codebook, face: FaceModel, psi: np.ndarray, most: int = MOST) -> Spelling:
    """An expression (E,) in at most `most` codewords: each next one is that which is most like what is left, all
    intensities are fitted anew without going below 0 (orthogonal matching pursuit with the non-negative least squares
    of Lawson & Hanson 1974; scipy). Empty for an expression that moves nothing, or that no codeword is like."""
    from scipy.optimize import nnls

    factor = mesh_factor(face.gram)
    rows, target = codebook.psi.astype(np.float64) @ factor, np.asarray(psi, np.float64) @ factor
    chosen: list[int] = []
    gains, left, likeness = np.empty(0), target, 0.0
    while len(chosen) < most and likeness < ENOUGH:
        alike = cosine(rows, left[None])[:, 0]
        alike[chosen] = 0
        if alike.max() <= 1e-6:
            break
        chosen.append(int(alike.argmax()))
        gains, _ = nnls(rows[chosen].T, target)
        left = target - gains @ rows[chosen]
        likeness = float(cosine((target - left)[None], target[None])[0, 0])
    kept = [(k, float(g)) for k, g in zip(chosen, gains, strict=True) if g > 1e-6]
    return Spelling(tuple(k for k, _ in kept), tuple(g for _, g in kept), likeness)


def in_codewords(timeline: Timeline, codebook: Codebook, face: FaceModel, most: int = MOST) -> Timeline:
    """The timeline with every action and face in codewords, at the same times; tracks of codewords stay, and so does
    what no codeword is like. Each track says what it stands for and how well."""
    tracks = [new for track in timeline.tracks for new in _spelled(track, codebook, face, most)]
    return replace(timeline, tracks=tuple(tracks))


def _spelled(track: Track, codebook: Codebook, face: FaceModel, most: int) -> list[Track]:
    if track.kind == "codeword":
        return [track]
    found = spell(codebook, face, target_psi(track, codebook.names, codebook), most)
    if not found.codewords:
        return [replace(track, rule=f"{track.rule}; no codeword is like it")]
    rule = f"stands for {track.label} (cosine {found.cosine:.2f} in {len(found.codewords)} codewords)"
    return [
        replace(
            track,
            kind="codeword",
            target=str(k),
            side="both",
            psi={},
            rule=rule,
            intensity=round(track.intensity * g, 4),
        )
        for k, g in zip(found.codewords, found.intensities, strict=True)
    ]
