"""The normalised mean error of landmarks: what points miss, in shares of a length of the face itself.

Millimetres of a face of unknown size (an animal, points of an image) are those of an average face; shares of the
distance between the outer corners of the eyes, or of two points that a scheme names, are what papers on landmarks
compare.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.layouts import Layout
from dfe_core.text_enum import StrEnum

EYE_CORNERS = ("outer eye corner right", "outer eye corner left")


class NormaliserKind(StrEnum):
    """What errors are divided by."""

    EYES = "outer eye corners"
    """The distance between the outer corners of the eyes (iBUG 300-W; MediaPipe's points of the same name)."""
    POINTS = "points"
    """The distance between two points that were named."""
    BOX = "box"
    """The geometric mean of width and height of the resting points, where nothing is known of them."""


@dataclass(frozen=True, kw_only=True)
class Normaliser:
    """kind: what is divided by. length_m: how long it is on the resting face, m. points: the two indices, or none."""

    kind: NormaliserKind
    length_m: float
    points: tuple[int, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """kind, length_mm and points, as manifests have them."""
        return {"kind": self.kind.value, "length_mm": 1e3 * self.length_m, "points": list(self.points)}


def parse_points(text: str | None) -> tuple[int, int] | None:
    """Two indices, from 0, of ``I,J``; None for none. Raises `DataError` for anything else."""
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d{1,6})\s*,\s*(\d{1,6})\s*", text)
    if not found or found[1] == found[2]:
        raise DataError("--normaliser", repr(text), "two points by their numbers from 0, as in 36,45")
    return int(found[1]), int(found[2])


def normaliser_of(resting: np.ndarray, layout: Layout | None, points: tuple[int, int] | None = None) -> Normaliser:
    """What errors of a set of points are divided by.

    Parameters
    ----------
    resting: (V, 2 or 3) m, the face at rest. layout: what the points are, None where nobody knows.
    points: two that were named, which go before all else.

    Raises `DataError` for a point that the set does not have, and for two in one place.
    """
    if points is not None:
        if max(points) >= len(resting):
            raise DataError("--normaliser", f"point {max(points)} of {len(resting)}", f"0 to {len(resting) - 1}")
        kind, pair = NormaliserKind.POINTS, points
    elif layout is not None and all(name in layout.marks for name in EYE_CORNERS):
        kind, pair = NormaliserKind.EYES, (layout.marks[EYE_CORNERS[0]], layout.marks[EYE_CORNERS[1]])
    else:
        width, height = np.ptp(resting[:, :2], axis=0)
        return Normaliser(kind=NormaliserKind.BOX, length_m=float(np.sqrt(width * height)))
    length = float(np.linalg.norm(resting[pair[0]] - resting[pair[1]]))
    if not length > 0:
        raise DataError("--normaliser", f"points {pair[0]} and {pair[1]} are in one place", "two that are apart")
    return Normaliser(kind=kind, length_m=length, points=pair)


def normaliser_sentence(facts: dict[str, Any]) -> str:
    """What errors were divided by, for people. facts: of a `Normaliser`."""
    length = f"{facts['length_mm']:.1f} mm on the resting face"
    what = {
        NormaliserKind.EYES.value: "the distance between the outer corners of the eyes",
        NormaliserKind.POINTS.value: f"the distance between points {' and '.join(map(str, facts['points']))}",
        NormaliserKind.BOX.value: "the geometric mean of width and height, for nothing is known of the points "
        "(--normaliser I,J names two)",
    }[facts["kind"]]
    return f"{what}, {length}"
