"""A sentence for every codeword, from geometry alone: what moves, where to, how far, and what it is like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dfe_core.faces.model import REGIONS, FaceModel
from dfe_core.tokenizer.geometry import MOUTH, ONE_SIDED, SKIN, STILL_M
from dfe_core.tokenizer.metric import displacement_cosine

PARTS = ("brow", "eyelid", "nose", "cheek", "upper lip", "lower lip", "lip corner", "chin", "head", "eyeball", "tongue")
"""What people call the regions, in the order of `REGIONS`, and the two moving things that are not skin."""

REST_SENTENCE = "Rest: nothing moves"
SECOND = 0.4
"""A second part is named when its mean squared displacement is at least this share of the strongest part's."""

INNER = 4.0
"""The inside of the mouth follows lips and jaw: it is named only when it moves this much more than any skin does."""

LIKE = 0.7
"""Cosine of displacement fields from which a codeword is called like an action."""

STRAIGHT = 0.5
"""Length of the mean displacement over the mean length, from which a part moves somewhere and not just changes."""

_PAIRED = frozenset({"brow", "eyelid", "cheek", "lip corner", "eyeball"})  # a face has two; others have two halves
_CHUNK = 64


@dataclass(frozen=True)
class _Motion:
    """A part, or one side of it, in one codeword: mean squared and largest displacement, m² and m; mean displacement
    weighted by its square, x to the face's left; mean length with the same weight."""

    part: str
    side: str
    strength: float
    largest: float
    mean: np.ndarray
    length: float
    vertices: int

    @property
    def straight(self) -> bool:
        return bool(np.linalg.norm(self.mean) >= STRAIGHT * self.length)


def describe_codewords(psi: np.ndarray, face: FaceModel,
                       actions: Mapping[str, np.ndarray] | None = None) -> list[str]:
    """One sentence a codeword, e.g. ``Left lip corner moves up and out, 4.1 mm; like AU12 left``.

    Parameters
    ----------
    psi: (K, E) float, ψ of every codeword at intensity 1.
    face: its face. Without a mesh the sentence names the coefficients that weigh most.
    actions: (E,) ψ by name (``AU12 left``), see `dfe_core.motion.actions.action_directions`; the face's own
        coefficients when None. The nearest by the cosine of displacement is named from `LIKE` on.

    Returns
    -------
    (K,) str. The size is the largest displacement of a vertex of the part named; a second part is named when it moves
    comparably. Directions are those of the mean displacement, weighted by its square; ``out`` is away from the midline.
    """
    psi = np.asarray(psi, np.float32).reshape(-1, face.coefficients)
    likes = _likes(psi, face, dict(zip(face.names, np.eye(len(face.names)), strict=True)) if actions is None
                   else actions)
    if not face.has_mesh:
        return [_by_names(row, face.names, like) for row, like in zip(psi, likes, strict=True)]
    members, labels = _parts(face)
    motions = [row for i in range(0, len(psi), _CHUNK)
               for row in _measure(face.displacement(psi[i:i + _CHUNK]), members, labels)]
    return [_sentence(row, like) for row, like in zip(motions, likes, strict=True)]


def nearest_actions(psi: np.ndarray, face: FaceModel,
                    actions: Mapping[str, np.ndarray]) -> tuple[list[str], np.ndarray]:
    """For (K, E) codewords, the name of the action whose displacement field is nearest, and the (K,) cosine."""
    names = list(actions)
    if not names or not len(psi):
        return [""] * len(psi), np.zeros(len(psi))
    cosine = displacement_cosine(psi, np.stack([actions[n] for n in names]), face.gram)
    best = cosine.argmax(1)
    return [names[i] for i in best], cosine[np.arange(len(psi)), best]


def _likes(psi: np.ndarray, face: FaceModel, actions: Mapping[str, np.ndarray]) -> list[str]:
    names, cosine = nearest_actions(psi, face, actions)
    return [name if value >= LIKE else "" for name, value in zip(names, cosine, strict=True)]


def _parts(face: FaceModel) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """(V, P) bool membership of vertices in one side of one part, and the P names and sides. The midline of a part
    counts to neither half."""
    kind = face.regions.astype(np.int64).copy()
    kind[~np.isin(face.materials, (SKIN, MOUTH))] = PARTS.index("eyeball")
    kind[(face.regions == REGIONS.index("other")) & (face.materials == MOUTH)] = PARTS.index("tongue")
    found = [(kind == code) & (face.sides == side) for code in range(len(PARTS)) for side in (1, 2)]
    labels = [(part, side) for part in PARTS for side in ("left", "right")]
    kept = [i for i, inside in enumerate(found) if inside.any()]
    return np.stack([found[i] for i in kept], 1), [labels[i] for i in kept]


def _measure(fields: np.ndarray, members: np.ndarray, labels: list[tuple[str, str]]) -> list[list[_Motion]]:
    """(K, V, 3) displacement to the motion of every part, codeword by codeword."""
    size = np.linalg.norm(fields, axis=2).astype(np.float64)
    energy, inside = size ** 2, members.astype(np.float64)
    count, weight = inside.sum(0), energy @ inside
    safe = np.where(weight > 0, weight, 1)
    mean = np.einsum("kv,kvc,vp->kpc", energy, fields, inside, optimize=True) / safe[..., None]
    length = (energy * size) @ inside / safe
    largest = np.stack([size[:, column].max(1) for column in members.T], 1)
    return [[_Motion(part, side, weight[k, p] / count[p], largest[k, p], mean[k, p], length[k, p], int(count[p]))
             for p, (part, side) in enumerate(labels)] for k in range(len(fields))]


def _sentence(motions: list[_Motion], like: str) -> str:
    if max(m.largest for m in motions) < STILL_M:
        return REST_SENTENCE
    motions = sorted(_leading(_joined(motions)), key=lambda m: -m.strength)[:2]
    text = "; ".join(_clause(m) for m in motions)
    return text[0].upper() + text[1:] + (f"; like {like}" if like else "")


def _joined(motions: list[_Motion]) -> list[_Motion]:
    """Left and right of a part as one where they move as much and either alike, mirrored, or to the same side."""
    joined = []
    for part in dict.fromkeys(m.part for m in motions):
        sides = [m for m in motions if m.part == part]
        joined += [_both(*sides)] if len(sides) == 2 and _balanced(*sides) else sides
    return joined


def _balanced(left: _Motion, right: _Motion) -> bool:
    total = left.strength + right.strength
    if total <= 0 or abs(left.strength - right.strength) > ONE_SIDED * total:
        return False
    vertical = left.mean[1:] @ right.mean[1:]
    return bool(vertical >= 0 or abs(left.mean[0]) + abs(right.mean[0]) > np.linalg.norm(left.mean[1:]) * 2)


def _both(left: _Motion, right: _Motion) -> _Motion:
    """One motion for the two sides; x is outward when the sides mirror each other and lateral when they go one way."""
    lateral = left.mean[0] * right.mean[0] > 0
    mirrored = right.mean if lateral else right.mean * np.array([-1, 1, 1])
    share = np.array([left.strength, right.strength]) / (left.strength + right.strength)
    return _Motion(left.part, "lateral" if lateral else "both", float(share @ [left.strength, right.strength]),
                   max(left.largest, right.largest), share @ np.stack([left.mean, mirrored]),
                   float(share @ [left.length, right.length]), left.vertices + right.vertices)


def _leading(motions: list[_Motion]) -> list[_Motion]:
    """Those worth naming."""
    outer = max((m.strength for m in motions if m.part != "tongue"), default=0.0)
    shown = [m for m in motions if m.part != "tongue" or m.strength > INNER * outer]
    return [m for m in shown if m.strength >= SECOND * max(s.strength for s in shown)]


def _clause(motion: _Motion) -> str:
    one = motion.side in ("left", "right")
    if motion.part in _PAIRED:
        subject = f"{motion.side} {motion.part}" if one else f"both {motion.part}s"
    else:
        subject = f"{motion.side} half of the {motion.part}" if one else motion.part
    plural = subject.startswith("both ")
    if not motion.straight:
        return f"{subject} {'change' if plural else 'changes'} shape, {motion.largest * 1e3:.1f} mm"
    return f"{subject} {'move' if plural else 'moves'} {_direction(motion)}, {motion.largest * 1e3:.1f} mm"


def _direction(motion: _Motion) -> str:
    x, y, z = motion.mean
    sideways = ("to the left", "to the right") if motion.side == "lateral" else ("out", "in")
    outward = -x if motion.side == "right" else x
    words = [(abs(value), pair[0 if value > 0 else 1]) for value, pair in
             ((outward, sideways), (y, ("up", "down")), (z, ("forward", "back")))]
    words.sort(key=lambda w: -w[0])
    return " and ".join(word for size, word in words[:2] if size >= 0.4 * words[0][0])


def _by_names(row: np.ndarray, names: tuple[str, ...], like: str) -> str:
    if np.abs(row).max(initial=0) < 1e-6:
        return REST_SENTENCE
    order = np.argsort(-np.abs(row))[:3]
    parts = [f"{names[i]} {row[i]:+.2f}" for i in order if abs(row[i]) >= 0.25 * abs(row[order[0]])]
    return ", ".join(parts) + (f"; like {like}" if like else "")
