"""What a lab says of its own landmarks: the region and the side of each point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.model import REGIONS, SIDES

MOST_REGIONS = 60
"""Regions of a lab's own at most."""
LONGEST_NAME = 40
_RESERVED = ("none", "unknown", "face", "whole face", "head", "inner mouth", "left", "right", "both", "centre")


@dataclass(frozen=True, eq=False, kw_only=True)
class PointRegions:
    """The regions and sides of a set of points.

    Attributes
    ----------
    regions : (V,) uint8
        Index into `names`.
    names
        `REGIONS`, and those of the lab's own after them.
    sides : (V,) uint8
        Index into `SIDES`; None where the lab says nothing of sides, which are then found from the points.
    source
        The file that says so.
    """

    regions: np.ndarray
    names: tuple[str, ...]
    sides: np.ndarray | None = None
    source: str = ""

    def checked_sides(self, x: np.ndarray) -> np.ndarray | None:
        """(V,) sides for points at x (V,) m, positive to the face's own left.

        Raises `DataError` where what is said to be left is to the right of what is said to be right.
        """
        if self.sides is None:
            return None
        left, right = (x[self.sides == SIDES.index(name)] for name in ("left", "right"))
        if len(left) and len(right) and left.mean() < right.mean():
            raise DataError(
                f"{self.source}, column side",
                "left points to the right of the right ones",
                "left and right of the face itself: in a picture from the front its left is on the right",
            )
        return self.sides


def region_name(text: str, where: str) -> str:
    """A region's name as it is kept: small letters, single spaces; empty for none.

    Raises `DataError` for a name that stands for something else, or is too long.
    """
    name = " ".join(text.replace("_", " ").lower().split())
    if name in ("", "other"):
        return "other"
    plain = all(c.isalnum() or c in " -'" for c in name) and name[0].isalpha()
    if name in _RESERVED or not plain or len(name) > LONGEST_NAME:
        known = ", ".join(REGIONS[:-1])
        raise DataError(
            where, f"the region {text[:60]!r}", f"one of {known}, or a name of letters and digits of your own (ear)"
        )
    return name
