"""Features that do not know left from right: the weaker side and the stronger one of what a person does.

A weakness on the left and one on the right are the same severity. A linear model on columns of left and right cannot
say so; these columns are the smaller and the larger of both, or measures of the weaker side.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.asymmetry.movements import COMPARED, NAMES
from dfe_core.asymmetry.report import asymmetry_report
from dfe_core.errors import DataError
from dfe_core.facs.store import AlignedAus
from dfe_core.probes.features import material
from dfe_core.probes.features.material import Sources
from dfe_core.tokenizer.codebook import Codebook

LEAST_MIRRORED = 0.7
"""Cosine, over the mesh, from which on a codeword is the mirror image of another."""
_SUMS = (
    "sunnybrook_like_resting",
    "sunnybrook_like_synkinesis",
    "eface_like_static",
    "eface_like_synkinesis",
)


def asymmetry_columns(sources: Sources, mm: bool = False) -> tuple[np.ndarray, list[str]]:
    """(S, D) of every span what `dfe asymmetry` measures of its whole recording, and the names of the columns.

    Of each movement how far the side that moves less moves, of the other side's way, and the mean share of the weaker
    side: what is added to a side, by a head that turns, leaves a way what it was. mm: also the ways of both sides,
    their difference at rest, and what moves along.
    """
    made = asymmetry_report(sources.dataset.name, sources.dataset.root, sources.progress)
    table = made.recordings.set_index(made.recordings["recording"].astype(str))
    weak_is_left, named = (table["weaker_side"] == "left").to_numpy(), (table["weaker_side"] != "").to_numpy()
    columns: dict[str, np.ndarray] = {"mean share": table["mean_share"].to_numpy(float)}
    for name in (name.replace(" ", "_") for name in (NAMES if mm else COMPARED)):
        left, right = (table[f"{name}_{side}_mm"].to_numpy(float) for side in ("left", "right"))
        weak, strong = np.where(weak_is_left, left, right), np.where(weak_is_left, right, left)
        if name.replace("_", " ") in COMPARED:
            larger = np.maximum(left, right)
            columns[f"share of {name}"] = np.clip(np.minimum(left, right) / np.where(larger > 0, larger, np.nan), 0, 1)
        if not mm:
            continue
        columns[f"weaker side of {name}, mm"] = np.where(named, weak, np.nan)
        columns[f"other side of {name}, mm"] = np.where(named, strong, np.nan)
        rest = (table[f"{name}_rest_{side}_mm"].to_numpy(float) for side in ("left", "right"))
        columns[f"{name} at rest, mm apart"] = np.abs(np.subtract(*rest))
        columns[f"moves along with {name}, mm"] = table[f"{name}_synkinesis_mm"].to_numpy(float)
    if mm:
        columns |= {name: table[name].to_numpy(float) for name in _SUMS}
    measured = pd.DataFrame(columns, index=table.index).reindex(sources.spans["recording"].astype(str))
    return measured.to_numpy(float), list(columns)


def au_side_columns(sources: Sources, name: str) -> tuple[np.ndarray, list[str]]:
    """(S, D) mean intensity of the weaker and of the other side of every AU with sides, and of those without.

    Raises `DataError` where no AU has both sides.
    """
    aligned = AlignedAus.open(sources.dataset.name, name, sources.dataset.path.parent.parent)
    sums = material.au_sums(sources, name)
    mean = np.divide(
        sums["intensity"], sums["measured"], out=np.full(sums["intensity"].shape, np.nan), where=sums["measured"] > 0
    )
    place = {pair: i for i, pair in enumerate(aligned.aus)}
    paired = [au for au, side in aligned.aus if side == "left" and (au, "right") in place]
    if not paired:
        raise DataError(f"AUs {name}", "none with a left and a right", "AUs with sides, such as derived")
    left, right = (mean[:, [place[au, side] for au in paired]] for side in ("left", "right"))
    alone = [i for i, (_, side) in enumerate(aligned.aus) if side == "both"]
    labels = [f"{which} {au}" for which in ("weaker side of", "other side of", "difference of") for au in paired]
    smaller, larger = np.minimum(left, right), np.maximum(left, right)
    parts = (smaller, larger, larger - smaller, mean[:, alone])
    return np.hstack(parts), [*labels, *(aligned.aus[i][0] for i in alone)]


def codeword_side_columns(sources: Sources) -> tuple[np.ndarray, list[str]]:
    """(S, D) share of intensity of the codewords: of a pair of mirror images the smaller, the larger and their
    difference, of others their own."""
    counts = material.presence_counts(sources)
    share = counts["intensity"] / np.maximum(counts["frames"], 1)[:, None]
    partner = mirrored_codewords(sources.codebook)
    own = np.arange(len(partner))
    first = own[(partner > own)]
    alone = own[partner == own]
    one, other = share[:, first], share[:, partner[first]]
    pairs = [f"{k} and {partner[k]}" for k in first]
    names = [f"{which} codewords {pair}" for which in ("smaller of", "larger of", "difference of") for pair in pairs]
    smaller, larger = np.minimum(one, other), np.maximum(one, other)
    parts = (smaller, larger, larger - smaller, share[:, alone])
    return np.sqrt(np.hstack(parts)), [*names, *(f"codeword {k}" for k in alone)]


def mirrored_codewords(codebook: Codebook) -> np.ndarray:
    """(K,) of each codeword the one that is its mirror image, itself where it is its own or has none.

    Two codewords are a pair where each is nearest to the mirror image of the other, by cosine over the mesh, with
    `LEAST_MIRRORED` at least.
    """
    face = codebook.face
    psi = codebook.psi.astype(np.float64)
    gram = face.gram
    size = np.sqrt(np.maximum(np.einsum("ke,ef,kf->k", psi, gram, psi, optimize=True), 1e-18))
    mirrored = psi @ face.mirror_coefficients
    of_mirror = np.sqrt(np.maximum(np.einsum("ke,ef,kf->k", mirrored, gram, mirrored, optimize=True), 1e-18))
    cosine = (mirrored @ gram @ psi.T) / of_mirror[:, None] / size[None]
    cosine[size < 1e-8] = cosine[:, size < 1e-8] = -1.0
    nearest = cosine.argmax(1)
    own = np.arange(len(psi))
    mutual = (nearest[nearest] == own) & (cosine[own, nearest] >= LEAST_MIRRORED)
    return np.where(mutual, nearest, own)
