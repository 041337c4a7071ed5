"""Known sets of facial landmarks: which index is what. One entry a layout; a set of any other size has no names.

Left is the face's own left. `iBUG 68` is the markup of Sagonas et al. 2013, as OpenFace, dlib and py-feat write it;
`MediaPipe` the 468 points of its face mesh (Kartynnik et al. 2019), 478 with the irises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.faces.model import REGIONS


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the indices of a landmark set mean.

    Attributes
    ----------
    name, count: for people; V.
    marks: index by landmark name, as in `FaceModel.landmarks`.
    pairs: index pairs that change places in a mirror, the right one first; None where they are found by geometry.
    regions: (V,) region names; None where they are found from the marks.
    holes: rims that no skin closes (mouth, eyes): index tuples.
    below: indices of the lower lip and the jaw, which open away from the rest.
    irises: indices on the iris, which lie inside a hole.
    """

    name: str
    count: int
    marks: dict[str, int]
    pairs: tuple[tuple[int, int], ...] | None = None
    regions: tuple[str, ...] | None = None
    holes: tuple[tuple[int, ...], ...] = ()
    below: tuple[int, ...] = ()
    irises: tuple[int, ...] = ()

    @property
    def region_codes(self) -> np.ndarray | None:
        """(V,) uint8 index into `REGIONS`."""
        return None if self.regions is None else np.array([REGIONS.index(r) for r in self.regions], np.uint8)


def _indices(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


_MARKS = {
    "chin": (8, 152),
    "nose bridge": (27, 168),
    "nose tip": (30, 4),
    "nose base": (33, 2),
    "outer brow right": (17, 46),
    "inner brow right": (21, 55),
    "inner brow left": (22, 285),
    "outer brow left": (26, 276),
    "outer eye corner right": (36, 33),
    "upper lid centre right": (37, 159),
    "inner eye corner right": (39, 133),
    "lower lid centre right": (41, 145),
    "inner eye corner left": (42, 362),
    "upper lid centre left": (44, 386),
    "outer eye corner left": (45, 263),
    "lower lid centre left": (46, 374),
    "mouth corner right": (48, 61),
    "upper lip centre": (51, 11),
    "mouth corner left": (54, 291),
    "lower lip centre": (57, 16),
}
"""Landmark to its index among the 68 points of iBUG and among the points of MediaPipe's mesh."""
_IBUG_MARKS, _MESH_MARKS = ({name: at[i] for name, at in _MARKS.items()} for i in (0, 1))
_IBUG_PAIRS = (
    *((i, 16 - i) for i in range(8)),
    *((17 + i, 26 - i) for i in range(5)),
    *zip(
        _indices("31 32 36 37 38 39 40 41 48 49 50 59 58 60 61 67"),
        _indices("35 34 45 44 43 42 47 46 54 53 52 55 56 64 63 65"),
        strict=True,
    ),
)
_IBUG_REGIONS = (
    *("other",) * 2,
    *("jaw",) * 13,
    *("other",) * 2,
    *("brow",) * 10,
    *("nose",) * 9,
    *("eye",) * 12,
    "mouth corner",
    *("upper lip",) * 5,
    "mouth corner",
    *("lower lip",) * 5,
    "mouth corner",
    *("upper lip",) * 3,
    "mouth corner",
    *("lower lip",) * 3,
)
_IBUG_HOLES = (tuple(range(60, 68)), tuple(range(36, 42)), tuple(range(42, 48)))
_IBUG_BELOW = (*range(3, 14), *range(55, 60), 65, 66, 67)

_MESH_HOLES = (
    _indices("78 191 80 81 82 13 312 311 310 415 308 324 318 402 317 14 87 178 88 95"),
    _indices("33 7 163 144 145 153 154 155 133 173 157 158 159 160 161 246"),
    _indices("263 249 390 373 374 380 381 382 362 398 384 385 386 387 388 466"),
)
_MESH_BELOW = _indices(
    "95 88 178 87 14 317 402 318 324 146 91 181 84 17 314 405 321 375 152 148 176 149 150 136 377 400 378 379 365"
)


def _inner(indices) -> tuple:
    """Indices of the 68-point set in the 51-point one, which leaves out the outline of the jaw."""
    return tuple(i - 17 for i in indices if i >= 17)


LAYOUTS = (
    Layout(
        name="iBUG 68",
        count=68,
        marks=_IBUG_MARKS,
        pairs=_IBUG_PAIRS,
        regions=_IBUG_REGIONS,
        holes=_IBUG_HOLES,
        below=_IBUG_BELOW,
    ),
    Layout(
        name="iBUG 51",
        count=51,
        marks={n: i - 17 for n, i in _IBUG_MARKS.items() if i >= 17},
        pairs=tuple(_inner(p) for p in _IBUG_PAIRS if p[0] >= 17),
        regions=_IBUG_REGIONS[17:],
        holes=tuple(_inner(h) for h in _IBUG_HOLES),
        below=_inner(_IBUG_BELOW),
    ),
    Layout(
        name="MediaPipe 468",
        count=468,
        marks=_MESH_MARKS,
        pairs=None,
        regions=None,
        holes=_MESH_HOLES,
        below=_MESH_BELOW,
    ),
    Layout(
        name="MediaPipe 478",
        count=478,
        marks=_MESH_MARKS,
        pairs=None,
        regions=None,
        holes=_MESH_HOLES,
        below=_MESH_BELOW,
        irises=tuple(range(468, 478)),
    ),
)


def layout_of(count: int) -> Layout | None:
    """The layout with so many points, None for an unknown one."""
    return next((layout for layout in LAYOUTS if layout.count == count), None)
