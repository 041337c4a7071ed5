"""The movements that a region can be labelled with: words, and where the region goes.

For coefficients of ARKit's the words are those of `motion.lexicon` (each names action units), so that a label is also
something that *Motion* can play. For other faces, the codewords of a codebook by region. Letters: S movements, D.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from dfe_core.errors import DataError
from dfe_core.intervals.regions import FACE_REGIONS, HEAD, RegionSpace
from dfe_core.motion.actions import action_psi
from dfe_core.motion.lexicon import PHRASES
from dfe_core.ontology import ACTIONS
from dfe_core.tokenizer.codebook import REST, Codebook

AND = " and "
"""Between the words of two movements at once."""
WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "brow": ("brows up", "inner brows up", "outer brows up", "brows down"),
        "eye": ("eyes closed", "eyes wide", "squint", "wink"),
        "cheek": ("cheeks up", "nose wrinkle", "cheeks puffed"),
        "mouth": (
            "smile",
            "mouth open",
            "lips pressed",
            "lip corners down",
            "pucker",
            "funnel",
            "lips stretched",
            "upper lip up",
            "lower lip down",
            "chin up",
            "dimples",
            "lips sucked in",
            "jaw forward",
            "jaw left",
            "jaw right",
        ),
    }
)
"""The words of each region; those whose action units have sides are also looked for on one side."""
TURNS = ("head down", "head up", "head turned left", "head turned right", "head tilted left", "head tilted right")
"""Along + and − pitch, yaw and roll, with the signs of Live Link Face."""
FULL_TURN = 30.0
"""Degrees that count as a full turn of the head."""
_LEAST_COSINE, _ALIKE, _SAME = 0.3, 0.7, 0.9


@dataclass(frozen=True, eq=False, kw_only=True)
class Movements:
    """What a region can do. labels: (S,) words. directions: (S, D) of length 1. sizes: (S,) mm of the full movement."""

    labels: tuple[str, ...]
    directions: np.ndarray
    sizes: np.ndarray


def movements(codebook: Codebook, spaces: Mapping[str, RegionSpace]) -> dict[str, Movements]:
    """The movements of every region and of the head, by region."""
    found = {name: _of_words(codebook.names, space) or _of_codewords(codebook, space) for name, space in spaces.items()}
    turns = np.concatenate([np.stack([row, -row]) for row in np.eye(3)])
    return {**found, HEAD: Movements(labels=TURNS, directions=turns, sizes=np.full(len(turns), FULL_TURN))}


def _of_words(names: tuple[str, ...], space: RegionSpace) -> Movements | None:
    shown = {label: psi for words in WORDS.get(space.region, ()) for label, psi in _sided(names, words)}
    if not shown:
        return None
    return _unit(list(shown), np.stack(list(shown.values())) @ space.factor)


def _sided(names: tuple[str, ...], words: str) -> list[tuple[str, np.ndarray]]:
    """ψ of words, and of the same on the left and on the right where every one of their actions has sides."""
    actions = PHRASES[words].actions
    sides = [""]
    if not any(side in ("left", "right") for _, side, _ in actions):
        sides += [s for s in ("left", "right") if all((au, s) in ACTIONS for au, _, _ in actions)]
    found = []
    for side in sides:
        try:
            psi = sum(weight * action_psi(names, au, side or own or "both") for au, own, weight in actions)
        except DataError:
            continue
        found.append((f"{words} {side}".strip(), np.asarray(psi)))
    return found


def _of_codewords(codebook: Codebook, space: RegionSpace) -> Movements:
    """The codewords that move this region more than the others, in their own words."""
    table = codebook.table
    own = [k for k in range(codebook.size) if k != REST and _track_of(str(table["region"].iloc[k])) == space.region]
    return _unit([str(table["description"].iloc[k]) for k in own], codebook.psi[own] @ space.factor)


def _track_of(region: str) -> str:
    return next((name for name, own in FACE_REGIONS.items() if region in own), region)


def _unit(labels: Sequence[str], directions: np.ndarray) -> Movements:
    length = np.linalg.norm(directions, axis=1)
    kept = length > 1e-6
    return Movements(
        labels=tuple(label for label, keep in zip(labels, kept, strict=True) if keep),
        directions=directions[kept] / length[kept, None],
        sizes=length[kept],
    )


def both_sides(known: Movements) -> list[int]:
    """The movements that are on no side."""
    return [i for i, label in enumerate(known.labels) if label.rsplit(" ", 1)[-1] not in ("left", "right")]


def with_pairs(alone: Movements) -> tuple[tuple[str, ...], np.ndarray]:
    """Pairs of movements that are on no side and not alike: labels joined by `AND`, and (P, 2) which two."""
    plain = both_sides(alone)
    likeness = alone.directions @ alone.directions.T
    pairs = [
        (a, b)
        for n, a in enumerate(plain)
        for b in plain[n + 1 :]
        if abs(likeness[a, b]) < _ALIKE and _new(alone, plain, a, b)
    ]
    labels = tuple(AND.join((alone.labels[a], alone.labels[b])) for a, b in pairs)
    return labels, np.array(pairs, np.int64).reshape(-1, 2)


def _new(alone: Movements, plain: Sequence[int], a: int, b: int) -> bool:
    """Whether two movements at once are unlike every other movement: inner and outer brows up are brows up."""
    both = alone.directions[a] + alone.directions[b]
    others = [i for i in plain if i not in (a, b)]
    return not others or float((alone.directions[others] @ both).max() / np.linalg.norm(both)) < _SAME


def nearest_words(direction: np.ndarray, known: Movements) -> str:
    """The words of the movement most like (D,) a direction; empty where none is like it."""
    length = float(np.linalg.norm(direction))
    if length < 1e-9 or not len(known.labels):
        return ""
    cosine = known.directions @ direction / length
    best = int(cosine.argmax())
    return known.labels[best] if cosine[best] >= _LEAST_COSINE else ""
