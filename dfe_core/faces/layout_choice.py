"""Which known layout a set of landmarks is: the one of its number, unless somebody says otherwise or its shape does."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dfe_core.faces.frontal import face_forward
from dfe_core.faces.layouts import LAYOUTS, Layout, layout_of
from dfe_core.faces.model import FaceModel
from dfe_core.text_enum import StrEnum

_DOWNWARDS = (("brows", "brow"), ("eyes", "eye corner"), ("base of the nose", "nose base"), ("mouth", "mouth corner"))
_ALONG = 0.7
"""Share of the lengths between left and right twins that lies along the line of the eyes. Of a symmetric face it is 1
in any pose, in a picture as well; of points in another order about 0."""


class LayoutBy(StrEnum):
    """Who says what landmarks are."""

    SAID = "said"
    """The lab, by ``--landmark-layout`` or a table of regions, or the face that they are brought to."""
    TOOL = "tool"
    """The format of the file, which is one tool's."""
    NUMBER = "number"
    """Nobody: there are as many as a known layout has."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LayoutChoice:
    """What landmarks are taken for.

    Attributes
    ----------
    layout: None for points that nobody knows.
    by: who says so.
    fault: why they are not the layout of their number, empty where they are or where that was not asked.
    """

    layout: Layout | None
    by: LayoutBy
    fault: str = ""


def guess_layout(shape: np.ndarray, by: LayoutBy = LayoutBy.NUMBER) -> LayoutChoice:
    """The layout of a (V, D) resting shape of landmarks by their number, none where the shape contradicts it."""
    layout = layout_of(len(shape))
    fault = "" if layout is None or by != LayoutBy.NUMBER else layout_fault(shape, layout)
    return LayoutChoice(layout=None if fault else layout, by=by, fault=fault)


def layout_fault(shape: np.ndarray, layout: Layout) -> str:
    """How the (V, D) resting points contradict a layout, in words; empty where they may be it.

    Looked at in the face's own upright frame, so that turned, mirrored and upside-down faces pass: brows, eyes, nose,
    mouth and chin from top to bottom, and the lines between left and right twins along that of the eyes.
    """
    deep = np.pad(np.asarray(shape, np.float64), ((0, 0), (0, 3 - shape.shape[1])))
    with np.errstate(invalid="ignore", divide="ignore"):
        rotation, origin = face_forward(deep, layout)
        placed = (deep - origin) @ rotation.T
    if not np.isfinite(placed).all():
        return "the eyes, or eyes and chin, are at one place"
    levels = [
        (what, float(np.mean([placed[i, 1] for name, i in layout.marks.items() if part in name])))
        for what, part in _DOWNWARDS
    ]
    if (chin := layout.marks.get("chin")) is not None:
        levels.append(("chin", float(placed[chin, 1])))
    for (upper, above), (lower, below) in pairwise(levels):
        if not above > below:
            return f"the {upper} would not be above the {lower}"
    pairs = np.array(layout.pairs or _named_pairs(layout))
    between = placed[pairs[:, 1]] - placed[pairs[:, 0]]
    along = between[:, 0].sum() / max(np.linalg.norm(between, axis=1).sum(), 1e-12)
    if not along >= _ALONG:
        return "left and right points would not mirror each other"
    return ""


def _named_pairs(layout: Layout) -> list[tuple[int, int]]:
    """(right, left) of the landmarks that have names with sides."""
    return [
        (index, layout.marks[name.replace("right", "left")])
        for name, index in layout.marks.items()
        if name.endswith("right")
    ]


def layout_of_face(face: FaceModel) -> Layout | None:
    """The known layout that a learned face was learned in, None for points that nobody knew."""
    return next((layout for layout in LAYOUTS if layout.count == len(face.template) and _has(face, layout)), None)


def _has(face: FaceModel, layout: Layout) -> bool:
    if "chin" in layout.marks:
        return face.landmarks == layout.marks
    return layout.region_codes is not None and bool(np.array_equal(face.regions, layout.region_codes))
