"""Words for codewords: the plain name of a title and the sentence below it, made from their typed description.

Left and right are always the face's own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dfe_core.ontology import MOVEMENT_PHRASES
from dfe_core.tokens.composition import CoefficientMovement
from dfe_core.tokens.describe import FARTHER, TURN_DEG, CodewordDescription, turned
from dfe_core.tokens.own_parts import plural_of
from dfe_core.tokens.parts import EyeTurn, PartMotion, together

REST, NOTHING_MOVES = "Rest", "nothing moves"
CONTRAST = "Contrast"
MOST_NAMES = 2
"""Movements in a name made of parts; its sentence holds all. The outline of the jaw, which shifts with the head in
landmarks, is named only where it moves clearly farther than the rest, and then first: it is what one sees."""

_TOWARDS = {"left": "to the left", "right": "to the right"}
_LIPS = ("upper lip", "lower lip")


def plain_name(description: CodewordDescription) -> str:
    """What a codeword is called: ``Both inner brows up``, ``Mouth to the right``, ``Gaze left 15°``.

    A codeword that no face can do alone is called a contrast, with what it adds against what it takes away.
    """
    if description.rest:
        return f"{REST}: {NOTHING_MOVES}"
    words = " + ".join(_named(description))
    return f"{CONTRAST}: {words}" if description.contrast else capitalised(words)


def description_sentence(description: CodewordDescription) -> str:
    """The plain name, then each part with where it goes and how far: ``Jaw drop: chin down and back 11.8 mm``."""
    details, name = part_sizes(description), plain_name(description)
    return f"{name}: {details}" if details else name


def description_clauses(description: CodewordDescription) -> tuple[str, ...]:
    """What the sentence says, a movement or a part at a time, for searching."""
    if description.rest:
        return REST, NOTHING_MOVES
    start = (CONTRAST,) if description.contrast else ()
    return (*start, *_named(description), *_part_details(description))


def part_sizes(description: CodewordDescription) -> str:
    """Every part named with where it goes and how far: ``both cheeks up 5.6 mm, more on the right; …``."""
    return "; ".join(_part_details(description))


def _part_details(description: CodewordDescription) -> list[str]:
    return [
        f"{part_words(replace(p, stronger=''))} {p.largest_mm:.1f} mm{_more(p.stronger)}" for p in description.parts
    ]


def _named(description: CodewordDescription) -> list[str]:
    """The movements in a name, each in words."""
    if description.contrast:
        return _contrast(description)
    words = ([gaze_words(description.gaze)] if description.gaze else []) + _movements(description)
    return words or [f"{name} {value:+.2f}" for name, value in description.coefficients] or ["no part moves clearly"]


def capitalised(text: str) -> str:
    """With a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def gaze_words(turn: EyeTurn) -> str:
    """``gaze left and up 15°``; an eye that turns alone, and eyes that turn towards or away from each other."""
    left, right = np.hypot(turn.left_yaw, turn.left_pitch), np.hypot(turn.right_yaw, turn.right_pitch)
    if not together(left, right):
        name, yaw, pitch = (
            ("left", turn.left_yaw, turn.left_pitch) if left > right else ("right", turn.right_yaw, turn.right_pitch)
        )
        return f"{name} eye turns {_turn_words(yaw, pitch)} {turned(turn):.0f}°"
    yaw, pitch = (turn.left_yaw + turn.right_yaw) / 2, (turn.left_pitch + turn.right_pitch) / 2
    apart = (turn.left_yaw - turn.right_yaw) / 2
    if abs(apart) > max(np.hypot(yaw, pitch), TURN_DEG / 2):
        return f"eyes {'turn apart' if apart > 0 else 'converge'} {2 * abs(apart):.0f}°"
    return f"gaze {_turn_words(yaw, pitch)} {np.hypot(yaw, pitch):.0f}°"


def _turn_words(yaw: float, pitch: float) -> str:
    words = sorted(
        ((abs(yaw), "left" if yaw > 0 else "right"), (abs(pitch), "up" if pitch > 0 else "down")), reverse=True
    )
    return " and ".join(word for size, word in words if size >= 0.4 * words[0][0])


def _contrast(description: CodewordDescription) -> list[str]:
    """What a contrast adds, and with the last of it what it takes away."""
    plain = [replace(m, stronger="") for m in description.movements]
    added = [_movement_words(m) for m in plain if m.weight > 0]
    taken = " and ".join(_movement_words(m) for m in plain if m.weight < 0)
    return [*added[:-1], " ".join([*added[-1:], "minus", taken or "other movements"])]


def _movements(description: CodewordDescription) -> list[str]:
    if description.movements:
        return [_movement_words(m) for m in description.movements if m.weight > 0] or [
            part_words(p) for p in description.parts
        ]
    return _part_names(description.parts)


def _movement_words(movement: CoefficientMovement) -> str:
    phrase = MOVEMENT_PHRASES[movement.stem]
    noun = phrase.where in ("drop", "thrust")
    where = f"slightly {phrase.where}" if movement.slight and not noun else phrase.where
    words = _with_side(phrase.subject, phrase.plural, where, movement.side, movement.stronger)
    return f"slight {words}" if movement.slight and noun else words


def _with_side(subject: str, plural: str, where: str, side: str, stronger: str) -> str:
    """``both inner brows up``, ``left brow down``, ``nose wrinkled on the left``; where both sides move,
    the one that moves more."""
    more = _more(stronger)
    if side == "both":
        return f"both {plural} {where}{more}" if plural else f"{subject} {where}{more}"
    return f"{side} {subject} {where}" if plural else f"{subject} {where} on the {side}"


def _more(stronger: str) -> str:
    return f", more on the {stronger}" if stronger else ""


def part_words(motion: PartMotion) -> str:
    """``left lip corner up and out``; the mouth and other parts of the midline go ``to the left``."""
    where = " and ".join(_TOWARDS.get(d, d) for d in motion.directions) if motion.directions else "changes shape"
    part = {"jaw line": "jaw outline", "nose": "side of the nose"}.get(motion.part, motion.part)
    if motion.side == "centre":
        return f"{motion.part} {where}"
    plural = {"side of the nose": "sides of the nose"}.get(part, plural_of(part)) if motion.paired else ""
    if where == "changes shape" and motion.side == "both" and plural:
        where = "change shape"
    return _with_side(part, plural, where, motion.side, motion.stronger)


def _part_names(parts: tuple[PartMotion, ...]) -> list[str]:
    """Parts in words, those that make one movement together under one name."""
    left = list(parts)
    names = []
    while found := next((made for find in _JOINTLY if (made := find(left)) is not None), None):
        name, used = found
        names.append((parts.index(used[0]), name))
        left = [p for p in left if p not in used]
    others = max((p.largest_mm for p in parts if p.part != "jaw line"), default=0.0)
    outline = [p for p in left if p.part == "jaw line" and p.largest_mm >= FARTHER * others]
    names += [(parts.index(p), part_words(_short(p))) for p in left if p.part != "jaw line"]
    names += [(-1, part_words(_short(p))) for p in outline]
    return [name for _, name in sorted(names)][:MOST_NAMES]


def _short(motion: PartMotion) -> PartMotion:
    """The motion with its first direction alone: a name needs no more."""
    return replace(motion, directions=motion.directions[:1])


def _of(parts: list[PartMotion], name: str, *directions: str) -> PartMotion | None:
    """The motion of both sides of a part whose first direction is one of these."""
    return next(
        (
            p
            for p in parts
            if p.part == name
            and p.side == "both"
            and p.directions[:1]
            and (not directions or p.directions[0] in directions)
        ),
        None,
    )


def _sideways(parts: list[PartMotion]) -> tuple[str, list[PartMotion]] | None:
    """Lips and corners that go to one side together are the mouth; with the chin in front it is the jaw."""
    for direction in ("left", "right"):
        found = [
            p
            for p in parts
            if p.side == "both"
            and p.directions[:1] == (direction,)
            and p.part in ("upper lip", "lower lip", "lip corner", "chin", "jaw line")
        ]
        if found and found[0].part in ("chin", "jaw line"):
            return f"jaw {_TOWARDS[direction]}", found
        if len(found) >= 2:
            return f"mouth {_TOWARDS[direction]}", found
    return None


def _lids(parts: list[PartMotion]) -> tuple[str, list[PartMotion]] | None:
    upper, lower = _of(parts, "upper lid", "up", "down"), _of(parts, "lower lid", "up", "down")
    if not upper or not lower or upper.directions[0] == lower.directions[0]:
        return None
    return ("both eyes narrow" if upper.directions[0] == "down" else "both eyes widen"), [upper, lower]


def _lips(parts: list[PartMotion]) -> tuple[str, list[PartMotion]] | None:
    upper, lower = (_of(parts, lip) for lip in _LIPS)
    if not upper or not lower:
        return None
    one, other = upper.directions[0], lower.directions[0]
    if one == other and one not in ("left", "right"):
        return f"lips {one}", [upper, lower]
    if (one, other) in (("up", "down"), ("down", "up")):
        return ("lips part" if one == "up" else "lips toward each other"), [upper, lower]
    return None


def _jaw(parts: list[PartMotion]) -> tuple[str, list[PartMotion]] | None:
    """The chin that goes down is a jaw drop; forward, a jaw thrust."""
    for direction, name in (("down", "jaw drop"), ("forward", "jaw thrust"), ("up", "chin up")):
        if (chin := _of(parts, "chin", direction)) is not None:
            return name, [chin, *(p for p in parts if p.part == "jaw line" and p.directions[:1] == (direction,))]
    return None


def _brows(parts: list[PartMotion]) -> tuple[str, list[PartMotion]] | None:
    for side in ("both", "left", "right"):
        found = [p for p in parts if p.part in ("inner brow", "outer brow") and p.side == side and p.directions]
        if len(found) == 2 and found[0].directions[0] == found[1].directions[0] in ("up", "down"):
            return f"{'both brows' if side == 'both' else side + ' brow'} {found[0].directions[0]}", found
    return None


_JOINTLY = (_sideways, _lids, _lips, _jaw, _brows)
