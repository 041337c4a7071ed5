"""Coverage BEYOND FACS, codeword by codeword: which AU, or two, a codeword is; and which codewords none is.

A codeword is matched by its face (its deformation lies close to an AU's, or to a sum of two) or by its use (its
intensity rises and falls with that of one AU or two). What neither matches is a new display.

Letters of the shapes: K codewords, A AUs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.facs.aggregates import Aggregates
from dfe_core.facs.association import Association
from dfe_core.facs.codeword_names import same_kind
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.store import AlignedAus
from dfe_core.facs.templates import Templates, learn_templates, table_templates
from dfe_core.facs.variance import common_aus
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.describe import codeword_descriptions
from dfe_core.tokens.phrasing import plain_name

_WORTH_NAMING = 0.02
"""A second AU is named where it raises the score by more: the score is that of the best pair in any case."""

_FROM_MODEL = ("region", "side", "symmetry", "main_stage")


@dataclass(frozen=True, eq=False)
class Match:
    """The best one or two of A for each of K: score (K,), first (K,) and second (K,) index, −1 for none."""

    score: np.ndarray
    first: np.ndarray
    second: np.ndarray


def find_templates(face: FaceModel, dataset: Dataset, aus: AlignedAus) -> Templates | None:
    """AU templates by the ARKit table, else learned from these AUs, else None."""
    for source in (lambda: table_templates(face), lambda: learn_templates(dataset, aus, face)):
        try:
            return source()
        except DataError:  # a face without ARKit names, then too few frames to learn from: geometry is left out
            continue
    return None


def best_one_or_two(similarity: np.ndarray, among: np.ndarray) -> Match:
    """The best non-negative combination of at most two, as the cosine (or multiple correlation) it reaches.

    similarity: (K, A) cosines or correlations; among: (A, A) those of the A with each other. For two with ρ between
    them the squared score is (c₁² + c₂² − 2ρc₁c₂)/(1 − ρ²), valid where both weights are positive. 0 where nothing
    points the same way; `second` is −1 where one does as well.
    """
    one = similarity.argmax(1)
    score, first = np.maximum(similarity.max(1), 0), np.where(similarity.max(1) > 0, one, -1)
    second = np.full(len(score), -1)
    spare = 1 - among**2
    for k, c in enumerate(similarity):
        weight = c[:, None] - among * c
        usable = (weight > 0) & (weight.T > 0) & (spare > 0.02)
        square = np.where(usable, (c[:, None] ** 2 + c**2 - 2 * among * np.outer(c, c)) / np.maximum(spare, 0.02), 0)
        a, b = np.unravel_index(square.argmax(), square.shape)
        reached = np.sqrt(min(square[a, b], 1.0))
        if reached > score[k] + _WORTH_NAMING:
            first[k], second[k] = (a, b) if c[a] >= c[b] else (b, a)
        score[k] = max(score[k], reached)
    return Match(score, first, second)


def intensity_correlation(aggregates: Aggregates) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Correlation of codeword and AU intensities within subjects: (K, A'), between the AUs (A', A'), and which AUs
    (A,)."""
    a, use = aggregates.arrays, common_aus(aggregates)
    cross = a["within_xy"].sum(0)[:, len(aggregates.columns) :]
    inner = within_subjects(aggregates)
    spread = np.sqrt(np.maximum(np.diag(inner), 1e-12))
    scale = np.sqrt(np.maximum(np.diag(a["within_xx"].sum(0)), 0))[:, None] * spread
    correlation = np.divide(cross, scale, out=np.zeros_like(scale), where=scale > 1e-9)
    return correlation[:, use], (inner / np.outer(spread, spread))[np.ix_(use, use)], use


def within_subjects(aggregates: Aggregates) -> np.ndarray:
    """(A, A) sums of products of AU intensities, every subject's mean taken out."""
    index = np.arange(1 + aggregates.aus)
    own = np.zeros((len(aggregates.subjects), len(index), len(index)))
    np.add.at(own, aggregates.subject_codes, aggregates.arrays["moments"][:, : len(index), : len(index)])
    mean = own[:, 0, 1:]
    return (own[:, 1:, 1:] - mean[:, :, None] * mean[:, None, :] / own[:, :1, :1]).sum(0)


def codeword_table(
    codebook: Codebook,
    face: FaceModel,
    aggregates: Aggregates,
    found: Association,
    templates: Templates | None,
    beyond: pd.DataFrame,
    settings: CoverageSettings,
) -> pd.DataFrame:
    """One row a codeword: use, the AU or AUs its face and its use match, and whether it is new.

    Columns: codeword, name, frames (with a token of it, however faint), share (of these), mean_intensity, size_mm,
    region, side, symmetry, face_aus, face_cosine, use_aus, use_r, best_au, best_side, auroc, judged, beyond_fraction,
    beyond_low, beyond_high, beyond_share (`beyond.Beyond`), new. New is what neither face nor use of AUs matches, and
    what AUs leave at least
    `beyond_fraction` of. `judged` is False for rest and contrasts (differences that no face shows alone), for what is
    used too seldom, and for all where there are neither templates nor enough subjects to tell a match from chance.
    """
    frames, size = aggregates.frames, codebook.size
    uses = _uses(aggregates)
    names = [_label(*pair) for pair in aggregates.columns[: aggregates.aus]]
    correlation, among, use = intensity_correlation(aggregates)
    by_use = best_one_or_two(correlation, among) if use.any() else Match(np.zeros(size), *np.full((2, size), -1))
    by_face = _face_match(codebook, face, templates)
    best = np.where(np.isfinite(found.auroc[:, : aggregates.aus]), found.auroc[:, : aggregates.aus], -1)
    top = best.argmax(1) if best.shape[1] else np.zeros(size, int)
    score = best.max(1, initial=-1)
    enough = templates is not None or (use.any() and len(aggregates.subjects) >= settings.min_subjects)
    described = codeword_descriptions(codebook.psi, face)
    display = np.array([not d.rest and not d.contrast for d in described])
    judged = enough & display & (uses >= max(settings.min_share * frames, settings.min_frames))
    table = pd.DataFrame(
        {
            "codeword": np.arange(size),
            "name": [plain_name(d) for d in described],
            "frames": uses.astype(np.int64),
            "share": uses / frames,
            "mean_intensity": _mean_intensity(aggregates, uses),
            "size_mm": _sizes(codebook, face),
            **{c: codebook.table[c].to_numpy() for c in _FROM_MODEL if c in codebook.table},
            "face_aus": _names(by_face, [_label(*p) for p in templates.aus] if templates else []),
            "face_cosine": by_face.score,
            "use_aus": _names(by_use, [n for n, u in zip(names, use, strict=True) if u]),
            "use_r": by_use.score,
            "best_au": [names[i] if s >= 0 else None for i, s in zip(top, score, strict=True)],
            "auroc": np.where(score >= 0, score, np.nan),
            "judged": judged,
        }
    )
    alike = (np.nan_to_num(table["face_cosine"]) >= settings.match_cosine) | (table["use_r"] >= settings.match_r)
    table = table.merge(beyond, on="codeword", how="left")
    left = (table["beyond_fraction"] >= settings.beyond_fraction) & (table["beyond_low"] > 0)
    return table.assign(new=judged & ~alike.to_numpy() & left.to_numpy())


def _face_match(codebook: Codebook, face: FaceModel, templates: Templates | None) -> Match:
    if templates is None:
        return Match(np.full(codebook.size, np.nan), *np.full((2, codebook.size), -1))
    cosine = templates.cosine(face, codebook.psi)
    if templates.source == "table":  # those of data may have columns of one side alone; −1 takes no part in sums
        cosine = np.where(same_kind(codebook.psi, templates.psi, face), cosine, -1.0)
    return best_one_or_two(cosine, templates.cosine(face, templates.psi))


def _uses(aggregates: Aggregates) -> np.ndarray:
    a, bins = aggregates.arrays, len(aggregates.edges)
    return np.bincount(a["row_key"] // bins, a["row_count"], aggregates.codewords)


def _mean_intensity(aggregates: Aggregates, uses: np.ndarray) -> np.ndarray:
    total = aggregates.arrays["fold_x"].sum(0)
    return np.divide(total, uses, out=np.full(len(total), np.nan), where=uses > 0)


def _sizes(codebook: Codebook, face: FaceModel) -> np.ndarray:
    """(K,) root mean square displacement at intensity 1, mm (coefficient units without a mesh)."""
    square = np.einsum("ke,ef,kf->k", codebook.psi, face.gram, codebook.psi)
    return np.sqrt(np.maximum(square, 0)) * (1e3 if face.has_mesh else 1)


def _label(au: str, side: str) -> str:
    return au if side == "both" else f"{au} {side}"


def _names(match: Match, names: list[str]) -> list[str | None]:
    return [
        " + ".join(names[i] for i in pair if i >= 0) or None for pair in zip(match.first, match.second, strict=True)
    ]
