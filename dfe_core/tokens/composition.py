"""What a codeword is made of on a face whose coefficients are movements with names (ARKit's): which, how strong.

Such coefficients are never negative on a face: what a codeword takes away, no face can do alone (see `contrast`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dfe_core.expressions.columns import arkit_columns, split_side
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.geometry import MOUTH
from dfe_core.tokens.parts import stronger_side, together

FAINT = 0.02
"""Coefficients below this are not looked at."""

TAKEN = 0.05
"""What a coefficient takes away counts from this size on: less is what a fit leaves behind."""

CONTRAST = 0.1
"""Share of squared displacement in what a codeword takes away, from which it is a contrast and no display: the
negative part then moves the face by a third as far as the positive one."""

NAMED = 0.4
"""A movement is named where its coefficient is at least this share of the largest one …"""

NAMED_PEAK = 0.5
"""… or where it moves a vertex at least this share as far as the one that moves most."""

MOST = 3


GAZE = "eyeLook"
_WHOLE = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")  # what they end in is where they go, not a side
_MIDLINE = tuple(n for n in ARKIT_NAMES if split_side(n)[1] == "" or n in _WHOLE)


@dataclass(frozen=True, kw_only=True)
class CoefficientMovement:
    """One movement in a codeword: stem of `MOVEMENT_PHRASES`; side ``left``, ``right`` or ``both``; stronger: the side
    that clearly does more where both do it; weight: coefficient of the stronger side, negative where it is taken away;
    largest_mm: displacement of the vertex that it alone moves most; slight: named for its size in mm alone."""

    stem: str
    side: str
    weight: float
    largest_mm: float
    stronger: str = ""
    slight: bool = False


@dataclass(frozen=True)
class Composition:
    """movements: what the codeword adds and takes away, the largest first, without gaze. taken_away: share of squared
    displacement in negative coefficients (mesh metric), 0 … 1."""

    movements: tuple[CoefficientMovement, ...]
    taken_away: float

    @property
    def contrast(self) -> bool:
        """Whether no face can do it alone."""
        return self.taken_away >= CONTRAST


def compose(psi: np.ndarray, face: FaceModel) -> list[Composition] | None:
    """(K, E) codewords to what each is made of; None for a face whose coefficients have no such names."""
    columns = _columns(face.names)
    if not columns:
        return None
    return [_compose_one(row, face, columns) for row in np.asarray(psi, np.float64)]


def _columns(names: tuple[str, ...]) -> dict[str, dict[str, list[int]]]:
    """Stem to side (left, right, both) to columns of ψ."""
    found: dict[str, dict[str, list[int]]] = {}
    for name, indices in arkit_columns(names).items():
        midline = name in _MIDLINE
        stem = name if midline else split_side(name)[0]
        for i in indices:  # two where the face splits one control into sides
            side = split_side(name)[1] if not midline else split_side(names[i])[1] if len(indices) == 2 else "both"
            found.setdefault(stem, {}).setdefault(side or "both", []).append(i)
    return found


def _compose_one(row: np.ndarray, face: FaceModel, columns: dict[str, dict[str, list[int]]]) -> Composition:
    movements = []
    for stem, sides in columns.items():
        if stem.startswith(GAZE):
            continue
        weights = {side: float(row[indices].sum() / len(indices)) for side, indices in sides.items()}
        for sign in (1, -1):
            part = {side: sign * w for side, w in weights.items() if sign * w > 0}
            if max(part.values(), default=0.0) >= FAINT:
                movements.append(_movement(stem, sign, part, row, face, sides))
    negative = np.minimum(row, 0) * (np.abs(row) >= TAKEN)
    taken, added = (float(v @ face.gram @ v) for v in (negative, np.maximum(row, 0)))
    return Composition(
        tuple(sorted(movements, key=lambda m: -abs(m.weight))), taken / (taken + added) if taken > 0 else 0.0
    )


def _movement(
    stem: str, sign: int, part: dict[str, float], row: np.ndarray, face: FaceModel, sides: dict[str, list[int]]
) -> CoefficientMovement:
    left, right = part.get("left", 0.0), part.get("right", 0.0)
    if "both" in part or together(left, right):
        side, shown = "both", list(part)
    else:
        side = "left" if left > right else "right"
        shown = [side]
    alone = np.zeros_like(row)
    for name in shown:
        alone[sides[name]] = row[sides[name]]
    seen = face.materials != MOUTH if stem != "tongueOut" else slice(None)
    size = np.linalg.norm(face.displacement(alone)[seen], axis=-1).max(initial=0) * 1e3 if face.has_mesh else 0.0
    stronger = stronger_side(left, right) if side == "both" and "both" not in part else ""
    return CoefficientMovement(
        stem=stem, side=side, weight=sign * max(part[name] for name in shown), largest_mm=float(size), stronger=stronger
    )


def named(
    movements: tuple[CoefficientMovement, ...], largest: float = 0.0, largest_mm: float = 0.0
) -> list[CoefficientMovement]:
    """Those worth naming, at most `MOST`, the largest coefficient first; `largest` and `largest_mm` are those of a
    movement named already (gaze)."""
    top = max([largest, *(abs(m.weight) for m in movements)])
    peak = max([largest_mm, *(m.largest_mm for m in movements)])
    shown = [replace(m, slight=abs(m.weight) < NAMED * top) for m in movements]
    return [m for m in shown if not m.slight or (m.weight > 0 and m.largest_mm >= NAMED_PEAK * peak > 0)][:MOST]
