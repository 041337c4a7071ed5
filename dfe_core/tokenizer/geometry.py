"""What every codeword does to the face, measured on its mesh: where, how much, on which side, how local."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.faces.model import REGIONS, SIDES, FaceModel

NO_REGION = "none"
"""Of a codeword that moves nothing."""

STILL_M = 1e-6
"""A codeword whose largest displacement is below this (0.001 mm) moves nothing: its side is ``rest``."""

SKIN, MOUTH = 0, 2
"""Codes of `FaceModel.materials` that are no part of an eyeball."""

ONE_SIDED = 1 / 3
"""|left − right| / (left + right) of squared displacement above which a codeword is one-sided: one side holds at
least twice the energy of the other."""

SIDEWAYS = 0.35
"""A movement that is the opposite of its mirror image goes to one side where its antisymmetric part points there by
at least this share of its length; else its halves move against each other and it is ``opposed``."""

_CHUNK = 64  # codewords whose (V, 3) displacement is held at once: 20 MB for a face of 26,000 vertices
_FLIP = np.array([-1, 1, 1], np.float32)


def codeword_geometry(psi: np.ndarray, face: FaceModel) -> pd.DataFrame:
    """Measure codewords on a face.

    Parameters
    ----------
    psi: (K, E) float, ψ of every codeword at intensity 1, in the face's coefficient order.
    face: with E coefficients; without a mesh, everything measured on it is NaN or ``unknown`` and side and symmetry
        come from the Left/Right names of the coefficients.

    Returns
    -------
    (K rows) codeword; region, second_region: of `FaceModel.region_names`, where vertices move most (mean squared
    displacement, so that a small region is not outvoted by a large one; an eyeball counts with the eye; ``none`` at
    rest); side: ``symmetric``, ``left``, ``right``, ``opposed`` or ``rest``: the half with at least twice the energy of
    the other; for a movement that is the opposite of its mirror image the side it goes to (jaw to the left), and
    ``opposed`` where it goes to none (one brow up, the other down); symmetry: cosine of the
    displacement field with its mirror image, −1 … 1; locality: share of squared displacement in the two strongest
    regions; peak_mm, mean_mm: largest and mean displacement of a vertex; gini: inequality of displacement over
    vertices, 0 all alike … 1 one vertex alone; ``mm_<region>_<left|right>``: mean displacement there, mm, NaN where
    the face has no such vertex.
    """
    psi = np.asarray(psi, np.float32).reshape(-1, face.coefficients)
    if not face.has_mesh:
        return _without_mesh(psi, face)
    parts = [_measure(face.displacement(psi[i : i + _CHUNK]), face) for i in range(0, len(psi), _CHUNK)]
    table = pd.concat(parts, ignore_index=True) if parts else _measure(np.empty((0, *face.template.shape)), face)
    table.insert(0, "codeword", np.arange(len(table)))
    return table


def region_columns(regions: tuple[str, ...] = REGIONS) -> list[str]:
    """The names of the left and right profile columns, in the order of the regions."""
    return [f"mm_{region.replace(' ', '_')}_{side}" for region in regions for side in SIDES[1:]]


def largest_by_region(psi: np.ndarray, face: FaceModel) -> dict[tuple[str, str], float]:
    """(E,) expression to (region, side) → largest displacement of a vertex there, mm. An eyeball counts with the eye;
    ``inner mouth`` holds tongue and teeth, where the face has them. Of a lab's own landmarks, which are few, those on
    the midline count on either side. Empty without a mesh."""
    if not face.has_mesh:
        return {}
    size = 1e3 * np.linalg.norm(face.displacement(psi), axis=-1)
    skin, mouth = face.materials == SKIN, face.materials == MOUTH
    region = np.where(skin | mouth, face.regions, REGIONS.index("eye"))
    places = {name: region == code for code, name in enumerate(face.region_names) if name != "other"}
    middle = (face.sides == 0) & bool(face.own_regions)
    halves = [(face.sides == code) | middle for code in (1, 2)]
    places["inner mouth"] = mouth & (face.regions == REGIONS.index("other"))
    return {
        (name, side): float(size[rows & half].max())
        for name, rows in places.items()
        for half, side in zip(halves, SIDES[1:], strict=True)
        if (rows & half).any()
    }


def symmetry(displacement: np.ndarray, face: FaceModel) -> np.ndarray:
    """(K, V, 3) displacement to (K,) cosine with its mirror image (mirrored vertices, x negated); 0 where still."""
    mirrored = displacement[:, face.mirror] * _FLIP
    dot = np.einsum("kvc,kvc->k", displacement, mirrored, dtype=np.float64)
    norms = np.linalg.norm(displacement, axis=(1, 2)) * np.linalg.norm(mirrored, axis=(1, 2))
    return np.clip(np.divide(dot, norms, out=np.zeros_like(dot), where=norms > 0), -1, 1)


def gini(magnitude: np.ndarray) -> np.ndarray:
    """(K, V) non-negative to (K,) Gini coefficient, 0 for a row that is all alike or all zero."""
    ordered = np.sort(magnitude.astype(np.float64), axis=1)
    count = ordered.shape[1]
    total = ordered.sum(1)
    ranked = ordered @ (2 * np.arange(1, count + 1) - count - 1)
    return np.divide(ranked, count * total, out=np.zeros(len(ordered)), where=total > 0)


def _measure(displacement: np.ndarray, face: FaceModel) -> pd.DataFrame:
    magnitude = np.linalg.norm(displacement, axis=2)
    energy = magnitude.astype(np.float64) ** 2
    still = magnitude.max(1, initial=0) < STILL_M
    by_region = energy @ _indicator(face.regions, len(face.region_names))
    order = _most_moved(energy, face)
    mirrored = symmetry(displacement, face)
    total = by_region.sum(1)
    two = np.sort(by_region, axis=1)[:, -2:].sum(1)
    names = np.array(face.region_names, object)
    table = {
        "region": np.where(still, NO_REGION, names[order[:, 0]]),
        "second_region": np.where(still, NO_REGION, names[order[:, 1]]),
        "side": _side(energy, displacement, mirrored, still, face),
        "symmetry": np.where(still, 1.0, mirrored),
        "locality": np.divide(two, total, out=np.zeros_like(total), where=~still),
        "peak_mm": magnitude.max(1, initial=0) * 1e3,
        "mean_mm": magnitude.mean(1) * 1e3,
        "gini": np.where(still, 0.0, gini(magnitude)),
    }
    return pd.DataFrame(table | _profile(magnitude, face))


def _most_moved(energy: np.ndarray, face: FaceModel) -> np.ndarray:
    """(K, V) squared displacement to (K, R) region codes, where vertices move most first."""
    seen = np.where(np.isin(face.materials, (SKIN, MOUTH)), face.regions, REGIONS.index("eye"))
    members = _indicator(seen, len(face.region_names))
    return np.argsort(-(energy @ members) / np.maximum(members.sum(0), 1), axis=1, kind="stable")


def _side(
    energy: np.ndarray, displacement: np.ndarray, mirrored: np.ndarray, still: np.ndarray, face: FaceModel
) -> np.ndarray:
    balance = _balance(energy, face.sides)
    one_sided = np.abs(balance) > ONE_SIDED
    against = (mirrored < 0) & ~one_sided
    lateral = sideways(displacement, face)
    sign = np.where(against, lateral, balance)
    kind = np.where(
        against & (np.abs(lateral) < SIDEWAYS),
        "opposed",
        np.where(against | one_sided, np.where(sign > 0, "left", "right"), "symmetric"),
    )
    return np.where(still, "rest", kind).astype(object)


def side_balance(displacement: np.ndarray, face: FaceModel) -> np.ndarray:
    """(K, V, 3) displacement to (K,) −1 … 1: (left − right) / (left + right) of squared displacement."""
    return _balance((displacement.astype(np.float64) ** 2).sum(2), face.sides)


def _balance(energy: np.ndarray, sides: np.ndarray) -> np.ndarray:
    left, right = (energy[:, sides == code].sum(1) for code in (1, 2))
    return np.divide(left - right, left + right, out=np.zeros_like(left), where=left + right > 0)


def sideways(displacement: np.ndarray, face: FaceModel) -> np.ndarray:
    """(K, V, 3) displacement to (K,) −1 … 1: how far what differs from its mirror image goes to the left (+) or right.

    The mean x of the antisymmetric half of the field, (d − mirrored d)/2, over its mean length, both weighted by its
    length. Of an eyeball the front counts alone: the back goes the other way.
    """
    odd = (displacement - displacement[:, face.mirror] * _FLIP) / 2
    odd = odd[:, front_of_eyes(face)].astype(np.float64)
    length = np.linalg.norm(odd, axis=2)
    total = (length**2).sum(1)
    return np.divide((length * odd[..., 0]).sum(1), total, out=np.zeros_like(total), where=total > 0)


def front_of_eyes(face: FaceModel) -> np.ndarray:
    """(V,) bool: everything but the back halves of the eyeballs."""
    front = np.ones(len(face.template), bool)
    globe = ~np.isin(face.materials, (SKIN, MOUTH))
    for code in (1, 2):
        eye = np.flatnonzero(globe & (face.sides == code))
        if len(eye):
            depth = face.template[eye, 2]
            front[eye] = depth >= (depth.min() + depth.max()) / 2
    return front


def _profile(magnitude: np.ndarray, face: FaceModel) -> dict[str, np.ndarray]:
    code, cells = face.regions.astype(np.int64) * 2 + (face.sides == 2), 2 * len(face.region_names)
    members = _indicator(np.where(face.sides > 0, code, cells), cells + 1)[:, :-1]
    count = members.sum(0)
    mean = magnitude.astype(np.float64) @ members / np.where(count > 0, count, np.nan) * 1e3
    return dict(zip(region_columns(face.region_names), mean.T, strict=True))


def _indicator(codes: np.ndarray, count: int) -> np.ndarray:
    return (codes[:, None] == np.arange(count)).astype(np.float64)


def _without_mesh(psi: np.ndarray, face: FaceModel) -> pd.DataFrame:
    still = np.abs(psi).max(1, initial=0) < 1e-6
    sides = np.array([_named_side(name) for name in face.names])
    if (sides == 0).all():  # names say nothing of sides: a cosine of 1 with itself would be a lie
        cosine, side = np.full(len(psi), np.nan), np.full(len(psi), "unknown", object)
    else:
        mirrored = psi @ face.mirror_coefficients
        norm = (psi.astype(np.float64) ** 2).sum(1)
        cosine = np.divide((psi * mirrored).sum(1), norm, out=np.ones(len(psi)), where=~still)
        left, right = ((psi[:, sides == code].astype(np.float64) ** 2).sum(1) for code in (1, 2))
        balance = np.divide(left - right, left + right, out=np.zeros(len(psi)), where=left + right > 0)
        side = np.where(np.abs(balance) <= ONE_SIDED, "symmetric", np.where(balance > 0, "left", "right"))
    unknown, nan = np.full(len(psi), "unknown", object), np.full(len(psi), np.nan)
    region = np.where(still, NO_REGION, unknown)
    return pd.DataFrame(
        {
            "codeword": np.arange(len(psi)),
            "region": region,
            "second_region": region,
            "side": np.where(still, "rest", side).astype(object),
            "symmetry": cosine,
            "locality": nan,
            "peak_mm": nan,
            "mean_mm": nan,
            "gini": nan,
        }
        | dict.fromkeys(region_columns(), nan)
    )


def _named_side(name: str) -> int:
    if name.endswith(("Left", "_L", "left")):
        return 1
    return 2 if name.endswith(("Right", "_R", "right")) else 0
