"""What clinics sum up of a face with a weak side, estimated from mm: after Sunnybrook, eFACE and House & Brackmann.

These are **estimates**: a clinician looks at a person and gives points; here lengths are turned into points by the cut
points below, which no study has set. What a scale asks of creases and of the neck is not in them.

Sources: Sunnybrook Facial Grading System: Ross, Fradet & Nedzelski 1996 (Otolaryngol Head Neck Surg 114:380). eFACE:
Banks et al. 2015 (Plast Reconstr Surg 136:223e). House & Brackmann 1985 (Otolaryngol Head Neck Surg 93:146).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dfe_core.asymmetry.measure import LEAST_MM, MeasuredSides, asymmetry_index
from dfe_core.asymmetry.movements import COMPARED, LEFT_RIGHT, NAMES

LEAST_MEASURED = 3
"""Composites of fewer movements are not given."""
REST_MM = 1.0
"""Difference at rest that Sunnybrook's points begin with."""
REST_RANGE_MM, SYNKINESIS_RANGE_MM = 5.0, 6.0
"""Difference at rest, and excess of a movement along, at which an eFACE-like item has no points left."""
SYNKINESIS_POINT_MM = 2.0
"""Excess of a movement along that is one of Sunnybrook's three points."""
GRADE_SHARES = (0.88, 0.755, 0.505, 0.255, 0.05)
"""Least share of function of grades I to V. House & Brackmann's measurement (brow and corner of the mouth, in quarters
of a centimetre up to one each) gives 8/8 to I, 7/8 (76 to 99 %) to II, 5/8 to 6/8 (51 to 75 %) to III, 3/8 to 4/8 (26
to 50 %) to IV, 1/8 to 2/8 (1 to 25 %) to V and 0 to VI. Assumed: I begins at 88 %, as healthy faces are not symmetric
either, and V at 5 %, for the other side pulls a corner along."""
ALONG: Mapping[str, tuple[str, ...]] = {
    "brow": ("smile",),
    "lid": ("smile", "pucker"),
    "smile": ("lid",),
    "upper lip": ("lid",),
    "pucker": ("lid",),
}
"""What may move along by synkinesis in each movement: the mouth with the eye, the eye with the mouth."""


@dataclass(frozen=True, kw_only=True)
class SideComposites:
    """Of one recording. NaN: fewer than `LEAST_MEASURED` movements are in it.

    Attributes
    ----------
    weaker: ``left`` or ``right``; empty where nothing is known of it: then no share and nothing that moves along is.
    share: by movement, how far the weaker side moves, of the other side's way, 0 … 1; of movements that are in it.
    other_share: the same of the other side, of the weaker one's way: below 1 where that moves less for once.
    synkinesis_mm: by movement, how far what should not move on the weaker side moves more than on the other.
    rest_mm: by movement, left less right at rest.
    sunnybrook: voluntary (20 … 100) less resting (0 … 20) less synkinesis (0 … 15).
    eface: mean of static, dynamic and synkinesis, each 0 … 100 and 100 for a balanced face.
    function: share of brow and commissure, as House & Brackmann measure. grade: 1 … 6 by `GRADE_SHARES`.
    """

    weaker: str
    share: Mapping[str, float]
    other_share: Mapping[str, float]
    synkinesis_mm: Mapping[str, float]
    rest_mm: Mapping[str, float]
    sunnybrook: float
    sunnybrook_voluntary: float
    sunnybrook_resting: float
    sunnybrook_synkinesis: float
    eface: float
    eface_static: float
    eface_dynamic: float
    eface_synkinesis: float
    function: float
    grade: float

    @property
    def mean_share(self) -> float:
        """Mean of `share` over `COMPARED`; NaN for fewer than `LEAST_MEASURED` movements."""
        return _mean([self.share[name] for name in COMPARED if name in self.share])

    @property
    def mean_other_share(self) -> float:
        """Mean of `other_share`, of the same movements as `mean_share`."""
        return _mean([self.other_share[name] for name in COMPARED if name in self.share])


def lean(measured: MeasuredSides) -> float:
    """Mean over `COMPARED` of `asymmetry_index`: above 0 the left side moves more. NaN where nothing moves."""
    found = [float(asymmetry_index(*measured.apexes[name].median_mm)) for name in COMPARED]
    known = [value for value in found if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def weaker_side(leans: Sequence[float]) -> str:
    """The side that moves less by the leans of a person's recordings; empty where all are NaN."""
    if np.isnan(leans).all():
        return ""
    return "right" if np.nansum(leans) > 0 else "left"


def composites_of(measured: MeasuredSides, weaker: str | None = None) -> SideComposites:
    """The composites of a recording. weaker: the side that is known to be, empty for none (default: the one that moves
    less here)."""
    side = weaker_side([lean(measured)]) if weaker is None else weaker
    weak = LEFT_RIGHT.index(side) if side else 0
    moved = NAMES if side else ()
    share = {name: value for name in moved if np.isfinite(value := _share(measured.apexes[name].median_mm, weak))}
    other_share = {name: _share(measured.apexes[name].median_mm, 1 - weak) for name in share}
    along = {name: value for name in share if np.isfinite(value := _along(measured, name, weak))}
    rest = {name: float(left - right) for name, (left, right) in zip(NAMES, measured.rest_mm, strict=True)}
    voluntary = 20 * (1 + 4 * _mean(list(share.values())))
    eye, corner, lip = (abs(rest[name]) for name in ("lid", "smile", "upper lip"))
    resting = 5.0 * ((eye >= REST_MM) + (corner >= REST_MM) + (lip >= REST_MM) + (lip >= 2.5 * REST_MM))
    points = [min(3.0, value / SYNKINESIS_POINT_MM) for value in along.values()]
    synkinesis = 5 * _mean(points)
    static = 100 * float(np.mean([1 - min(1.0, abs(rest[n]) / REST_RANGE_MM) for n in ("brow", "lid", "smile")]))
    dynamic = 100 * _mean([share[name] for name in COMPARED if name in share])
    calm = 100 * (1 - _mean([min(1.0, value / SYNKINESIS_RANGE_MM) for value in along.values()]))
    function = float(np.mean([share.get("brow", np.nan), share.get("smile", np.nan)]))
    return SideComposites(
        weaker=side,
        share=share,
        other_share=other_share,
        synkinesis_mm=along,
        rest_mm=rest,
        sunnybrook=voluntary - resting - synkinesis,
        sunnybrook_voluntary=voluntary,
        sunnybrook_resting=resting,
        sunnybrook_synkinesis=synkinesis,
        eface=(static + dynamic + calm) / 3,
        eface_static=static,
        eface_dynamic=dynamic,
        eface_synkinesis=calm,
        function=function,
        grade=grade_of(function),
    )


def grade_of(function: float) -> float:
    """Grade 1 … 6 of a share of function, by `GRADE_SHARES`; NaN for NaN."""
    return float("nan") if np.isnan(function) else 1.0 + sum(function < least for least in GRADE_SHARES)


def _share(moved: np.ndarray, weak: int) -> float:
    """How far the weak side moves, of the other's way; NaN where the movement is not in the recording."""
    strong = moved[1 - weak]
    if not np.isfinite(strong) or max(moved) < LEAST_MM:
        return float("nan")
    return float(np.clip(moved[weak] / strong, 0.0, 1.0)) if strong >= LEAST_MM else 1.0


def _along(measured: MeasuredSides, name: str, weak: int) -> float:
    """mm by which what may move along moves more on the weak side than on the other, median over apexes."""
    others = measured.apexes[name].others_mm
    excess = [others[:, NAMES.index(other), weak] - others[:, NAMES.index(other), 1 - weak] for other in ALONG[name]]
    return float(np.median(np.maximum(np.max(excess, 0), 0.0))) if len(others) else float("nan")


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if len(values) >= LEAST_MEASURED else float("nan")
