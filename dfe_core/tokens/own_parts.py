"""The parts of a face whose regions a lab has said itself: an ear, a whisker pad, beside what people have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dfe_core.faces.model import REGIONS, SIDES, FaceModel

LEAST_RANGE = 0.2
"""The range of a part is at least this share of the largest: what hardly moved in training is no full movement."""
_BARELY_MM = 1e-3


def own_parts(face: FaceModel) -> tuple[dict[tuple[str, str], np.ndarray], frozenset[str]]:
    """Points of each part by (name, side), and the parts that a face has two of.

    A region with points on the left, on the right and on the midline is one thing with two halves, each with the
    points of the midline; one with left and right points alone is a pair; one on the midline alone has the side
    ``centre``, those that people have (a nose) as well.
    """
    found: dict[tuple[str, str], np.ndarray] = {}
    pairs = set()
    for code, name in enumerate(face.region_names):
        inside = face.regions == code
        middle, left, right = (inside & (face.sides == side) for side in range(len(SIDES)))
        sided = left.any() or right.any()
        if name == "other" or (code < len(REGIONS) and sided):
            continue
        if not sided:
            found[name, "centre"] = middle
            continue
        found[name, "left"], found[name, "right"] = left | middle, right | middle
        if not middle.any():
            pairs.add(name)
    return found, frozenset(pairs)


def own_ranges(face: FaceModel, members: Mapping[tuple[str, str], np.ndarray]) -> dict[str, float]:
    """How far each part travels, mm: root mean square over its points and the frames that the face was learned from
    (a coefficient is one standard deviation of them), twice. Nobody knows the ranges of every animal."""
    spread = 1e3 * np.linalg.norm(face.basis.astype(np.float64), axis=(0, 2))  # (V,) mm
    found: dict[str, float] = {}
    for (part, _), inside in members.items():
        found[part] = max(found.get(part, 0.0), 2 * float(np.sqrt(np.mean(spread[inside] ** 2))))
    least = max(LEAST_RANGE * max(found.values(), default=0.0), _BARELY_MM)
    return {part: max(size, least) for part, size in found.items()}


def plural_of(noun: str) -> str:
    """Ears, whisker pads, eyelashes; what ends in s stays (whiskers)."""
    if noun.endswith("s"):
        return noun
    if noun.endswith(("ch", "sh", "x")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"
