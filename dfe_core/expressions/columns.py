"""Where the ARKit coefficients lie among the coefficient names of a face that spells or splits them otherwise."""

from __future__ import annotations

import re

from dfe_core.faces.arkit import ARKIT_NAMES, canonical_name


def split_side(name: str) -> tuple[str, str]:
    """Stem and side: ``("mouthSmile", "left")`` for mouthSmileLeft and mouthSmile_L; side "" where it has none."""
    match = re.fullmatch(r"(.+?)(?:[ _.-]([LlRr])|(?<=[a-z])(Left|Right)|_(left|right))", name)
    if not match:
        return name, ""
    mark = (match[2] or match[3] or match[4]).lower()
    return match[1], "left" if mark.startswith("l") else "right"


def arkit_columns(names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """ARKit name to the indices among `names` that show it; names that are no ARKit coefficient are left out.

    One index as a rule; two where the face splits one control, as ICT-FaceKit does browInnerUp and cheekPuff.
    """
    where: dict[str, tuple[int, ...]] = {}
    for i, name in enumerate(names):
        stem = split_side(name)[0]
        arkit = canonical_name(name) or (stem if stem in ARKIT_NAMES else None)
        if arkit:
            where[arkit] = (*where.get(arkit, ()), i)
    return where
