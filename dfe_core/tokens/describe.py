"""What every codeword does to the face, as a typed record: where, which way, how far, on which side, with what names.

The record holds facts; words are made of it in `dfe_core.tokens.phrasing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.geometry import STILL_M, codeword_geometry
from dfe_core.tokens.composition import CoefficientMovement, Composition, compose, named
from dfe_core.tokens.parts import GAZE_RANGE_DEG, GLOBE_M, EyeTurn, PartMotion, eye_turns, face_parts, part_motions

MOST_PARTS = 4
SECOND = 0.5
"""A further part is named when its share of its own range is at least this much of the strongest part's."""

CARRIED = 0.8
"""A part that goes the way of a stronger neighbour is carried along, and named only from this share of it on."""

SMALLEST = 0.15
"""A part that moves less than this share of what moves most, in mm, is not named."""

FARTHER = 1.5
"""What moves this many times as far as everything named is named too, however little that is for such a part."""

TURN_DEG = 2.0
"""Eyes that turn less are not said to turn."""

WEAK = 0.2
"""A codeword whose largest coefficient is below this is a sum of many small ones: it is named by its parts."""

GAZE_SECOND = 0.4
"""Gaze is named where its share of its range is at least this much of the strongest other movement's."""

_CHUNK = 64
_NEIGHBOURS: Mapping[str, tuple[str, ...]] = {
    "chin": ("lower lip", "jaw line", "lip corner", "upper lip", "tongue", "cheek"),
    "jaw line": ("chin", "lower lip", "cheek", "lip corner"),
    "lip corner": ("upper lip", "lower lip", "cheek", "chin", "jaw line", "nose"),
    "lower lip": ("chin", "lip corner", "upper lip", "tongue", "jaw line"),
    "upper lip": ("lip corner", "nose", "lower lip", "cheek"),
    "nose": ("upper lip", "cheek", "inner brow"),
    "cheek": ("lower lid", "jaw line", "nose", "outer brow"),
    "upper lid": ("lower lid", "outer brow"),
    "lower lid": ("cheek", "upper lid"),
    "inner brow": ("outer brow", "nose", "upper lid"),
    "outer brow": ("inner brow", "upper lid"),
}


@dataclass(frozen=True, kw_only=True)
class CodewordDescription:
    """What one codeword does at intensity 1.

    Attributes
    ----------
    side: ``symmetric``, ``left``, ``right``, ``opposed``, ``rest`` or ``unknown``, as in `codeword_geometry`.
    parts: what moves on the mesh, those worth naming, strongest first. movements: the same by the names of the face's
        coefficients where they are movements with names (ARKit), else empty.
    gaze: rotation of the eyes where they turn, else None.
    taken_away: share of squared displacement in coefficients that would have to be negative; `contrast` is set where
        it is too much for a face to do the codeword alone: it is a difference between displays and no display.
    coefficients: (name, value) of the largest ones, for a face without a mesh.
    """

    side: str
    parts: tuple[PartMotion, ...] = ()
    movements: tuple[CoefficientMovement, ...] = ()
    gaze: EyeTurn | None = None
    taken_away: float = 0.0
    contrast: bool = False
    coefficients: tuple[tuple[str, float], ...] = ()

    @property
    def rest(self) -> bool:
        """Whether nothing moves."""
        return self.side == "rest"


def codeword_descriptions(psi: np.ndarray, face: FaceModel) -> list[CodewordDescription]:
    """Describe codewords on a face.

    Parameters
    ----------
    psi: (K, E) float, ψ of every codeword at intensity 1.
    face: with E coefficients; without a mesh the coefficients are all there is to say.
    """
    psi = np.asarray(psi, np.float32).reshape(-1, face.coefficients)
    if not len(psi):
        return []
    sides = codeword_geometry(psi, face)["side"].tolist()
    made = compose(psi, face) or [Composition((), 0.0)] * len(psi)
    if not face.has_mesh:
        return [_without_mesh(row, face.names, side, part) for row, side, part in zip(psi, sides, made, strict=True)]
    parts = face_parts(face)
    motions = [
        row for i in range(0, len(psi), _CHUNK) for row in part_motions(face.displacement(psi[i : i + _CHUNK]), parts)
    ]
    turns = eye_turns(psi, face, parts)
    return [_describe(*row) for row in zip(sides, made, motions, turns, strict=True)]


def describe_codewords(psi: np.ndarray, face: FaceModel) -> list[str]:
    """One sentence a codeword, for tables: its plain name, then the parts that move, where to and how far.

    psi: (K, E) at intensity 1. Action units are not in it: they need the correspondence of coefficients and FACS, and
    where there are data, their measured association (`dfe_core.facs.codeword_names`).
    """
    from dfe_core.tokens.phrasing import description_sentence

    return [description_sentence(d) for d in codeword_descriptions(psi, face)]


def _describe(side: str, made: Composition, motions: list[PartMotion], turn: EyeTurn | None) -> CodewordDescription:
    if side == "rest":
        return CodewordDescription(side=side)
    gaze = turn if turn is not None and turned(turn) >= TURN_DEG else None
    share = turned(gaze) / GAZE_RANGE_DEG if gaze else 0.0
    travel = 1e3 * GLOBE_M * np.radians(turned(gaze)) if gaze else 0.0
    parts = tuple(_worth_naming([m for m in motions if not _follows(m, gaze)], share, travel))
    movements = _movements(made, gaze, share, travel)
    strongest = max((abs(m.weight) for m in movements), default=max((m.strength for m in motions), default=0.0))
    return CodewordDescription(
        side=side,
        parts=parts,
        movements=movements,
        taken_away=made.taken_away,
        gaze=gaze if share >= GAZE_SECOND * strongest else None,
        contrast=made.contrast,
    )


def _movements(made: Composition, gaze: EyeTurn | None, share: float, travel: float) -> tuple[CoefficientMovement, ...]:
    """Those worth naming: of a contrast what it adds and what it takes away, of what follows the eyes nothing, and
    none where all are weak."""
    if made.contrast:
        return tuple(
            m
            for sign in (1, -1)
            for m in named(tuple(m for m in made.movements if sign * m.weight > 0))[:2]
            if not m.slight
        )
    found = named(made.movements, largest=share, largest_mm=travel)
    if max([share, *(abs(m.weight) for m in found)]) < WEAK:
        return ()
    return tuple(m for m in found if not (gaze and m.slight and m.stem in ("eyeBlink", "eyeWide", "eyeSquint")))


def turned(turn: EyeTurn) -> float:
    """Degrees that the eye that turns farther turns."""
    return float(max(np.hypot(turn.left_yaw, turn.left_pitch), np.hypot(turn.right_yaw, turn.right_pitch)))


def _worth_naming(motions: list[PartMotion], gaze: float, travel: float) -> list[PartMotion]:
    """The strongest parts and what moves farthest, without what a neighbour carries along; gaze: its share of its
    range; travel: how far the front of the eyes moves, mm."""
    moving = [m for m in motions if m.largest_mm >= 1e3 * STILL_M]
    if not moving:
        return []
    farthest = max(m.largest_mm for m in moving)
    top = max(gaze, moving[0].strength)
    kept: list[PartMotion] = []
    for motion in moving:
        enough = motion.strength >= SECOND * top and motion.largest_mm >= SMALLEST * farthest
        if enough and not any(_carried(motion, by) for by in kept):
            kept.append(motion)
    kept = kept[:MOST_PARTS]
    seen = max([travel, *(FARTHER * k.largest_mm for k in kept)])
    missed = [
        m
        for m in moving
        if m.largest_mm == farthest >= seen and m not in kept and not any(_carried(m, by) for by in kept)
    ]
    return kept + missed


def _follows(motion: PartMotion, gaze: EyeTurn | None) -> bool:
    """Whether a lid goes where the eye goes, as lids do."""
    if gaze is None or motion.part not in ("upper lid", "lower lid"):
        return False
    yaw, pitch = gaze.left_yaw + gaze.right_yaw, gaze.left_pitch + gaze.right_pitch
    ways = [
        word for word, value in (("left", yaw), ("right", -yaw), ("up", pitch), ("down", -pitch)) if value >= TURN_DEG
    ]
    return motion.directions[:1] != () and motion.directions[0] in ways


def _carried(motion: PartMotion, by: PartMotion) -> bool:
    if motion.part not in _NEIGHBOURS.get(by.part, ()) or motion.strength >= CARRIED * by.strength:
        return False
    if by.side != "both" and motion.side not in ("both", by.side):
        return False
    return (
        not motion.directions
        or not by.directions
        or motion.directions[0] in by.directions
        or by.directions[0] in motion.directions
    )


def _without_mesh(row: np.ndarray, names: tuple[str, ...], side: str, made: Composition) -> CodewordDescription:
    order = np.argsort(-np.abs(row))[:3]
    largest = tuple((names[i], float(row[i])) for i in order if abs(row[i]) >= 0.25 * abs(row[order[0]]) > 0)
    return CodewordDescription(
        side=side,
        movements=tuple(named(made.movements)),
        taken_away=made.taken_away,
        contrast=made.contrast,
        coefficients=largest,
    )
