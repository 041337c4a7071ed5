"""Action units and descriptors of FACS and movements that it has no code for, read from action_units.csv.

A code is written ``AU12`` (descriptor: ``AD30``). Sides are the face's own left and right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from dfe_core.ontology.coefficients import movement_phrase
from dfe_core.ontology.table import parts, read_rows

SIDES = ("left", "right", "both")

AU_REGIONS = ("brow", "eyelids", "cheek", "nose", "mouth", "jaw and chin", "tongue", "neck", "gaze")

DOWN_THE_FACE = ("brow", "eyelids", "nose", "mouth", "jaw and chin", "cheek", "tongue", "neck", "gaze")
"""The same regions in the order of FACS tables."""


@dataclass(frozen=True, kw_only=True)
class ActionUnit:
    """One action unit or descriptor of FACS.

    Attributes
    ----------
    code, title: ``AU12``, the name FACS gives it. muscle: those that act (may be empty).
    region: one of `AU_REGIONS`. section: the group of the manual it stands in. sources: keys of `SOURCES`; the first
        for code and title, others for muscles.
    sides: ``paired`` (both sides, or one of them), ``single`` (always one side), ``whole`` (no sides).
    recipe: ARKit coefficient to its weight at full intensity, ``*`` for Left or Right; empty where none shows it.
    directional: whether the code or its side says which way it goes, not which half of the face moves.
    brief: whether it comes and goes by itself.
    like: the code that moves the face the same way and differs by duration or size alone.
    appearance: what people see of it, in our words after its title.
    phrases: everyday phrases that stand for it alone, ``*`` for left or right.
    search_words: words by which people look for it. related_words: words that mean more than this action.
    note: what limits the recipe.
    """

    code: str
    title: str
    region: str
    section: str
    sources: tuple[str, ...]
    muscle: str = ""
    sides: str = "whole"
    recipe: Mapping[str, float] = field(default_factory=dict)
    directional: bool = False
    brief: bool = False
    like: str = ""
    appearance: str = ""
    phrases: tuple[str, ...] = ()
    search_words: tuple[str, ...] = ()
    related_words: tuple[str, ...] = ()
    note: str = ""

    @property
    def sided(self) -> bool:
        """Whether its left and right are told apart."""
        return self.sides != "whole"

    @property
    def clause(self) -> str:
        """What its first coefficient does (``lip corner up``), as descriptions of codewords say it."""
        phrase = movement_phrase(next(iter(self.recipe), ""))
        return phrase.clause if phrase is not None else ""


def _weights(cell: str) -> dict[str, float]:
    """``"mouthShrugLower; mouthShrugUpper 0.5"``: coefficient to weight, 1 where none is written."""
    pairs = (part.partition(" ") for part in parts(cell))
    return {coefficient: float(weight or 1) for coefficient, _, weight in pairs}


def _action_unit(row: dict[str, str]) -> ActionUnit:
    lists = {name: parts(row[name]) for name in ("sources", "phrases", "search_words", "related_words")}
    flags = {name: row[name] == "yes" for name in ("directional", "brief")}
    return ActionUnit(**{**row, **lists, **flags, "recipe": _weights(row["recipe"])})  # type: ignore[arg-type]


_TABLE = tuple(map(_action_unit, read_rows("action_units")))
_ROWS = tuple(unit for unit in _TABLE if unit.section)

ACTION_UNITS = MappingProxyType({unit.code: unit for unit in _ROWS})
"""Every code this project can name, in FACS order."""

WITHOUT_CODE = MappingProxyType({unit.code: unit for unit in _TABLE if not unit.section})
"""Movements that FACS has no code for: the whole mouth moving sideways, the upper lip pushed up without the chin."""


def expand(recipe: Mapping[str, float], side: str) -> dict[str, float]:
    """A recipe on one side, or on both, with ``*`` filled in.

    >>> expand({"mouthSmile*": 1.0}, "left")
    {'mouthSmileLeft': 1.0}
    """
    ends = ("Left", "Right") if side == "both" else (side.capitalize(),)
    return {name.replace("*", end): weight for name, weight in recipe.items() for end in ends}


def _actions() -> dict[tuple[str, str], Mapping[str, float]]:
    sides = {"whole": ("both",), "paired": SIDES, "single": ("left", "right")}
    return {
        (unit.code, side): MappingProxyType(expand(unit.recipe, side))
        for unit in _ROWS
        if unit.recipe
        for side in sides[unit.sides]
    }


ACTIONS = MappingProxyType(_actions())
"""(AU, side) to the ARKit coefficients that show it at full intensity, with their weights. An AU whose sides ARKit
controls apart has left and right, one with a single control both."""

SIDED = frozenset(unit.code for unit in _ROWS if unit.sided)
"""Codes whose left and right are told apart. Closing both eyes is AU43 or AU45, one eye AU46: the first two have no
sides."""

NO_COEFFICIENT = tuple(unit.code for unit in _ROWS if not unit.recipe)
"""Codes without an ARKit coefficient of their own; AU25 and AU44 can be shown only by others' means."""

SAME_DIRECTION = tuple(unit.code for unit in _ROWS if unit.like)
"""Codes that move the face as another does and differ by duration or size alone."""


def normalise_au(text: str) -> str | None:
    """The code for a spelling of it (``AU01``, ``au 12``, ``12``, ``AD_30``), None where there is none.

    >>> normalise_au("AU01"), normalise_au("12"), normalise_au("AU30")
    ('AU1', 'AU12', 'AD30')
    """
    match = re.fullmatch(r"(?:A[UD])?[ _.-]?0*([1-9][0-9]?)", text.strip(), re.IGNORECASE)
    if not match:
        return None
    return next((code for prefix in ("AU", "AD") if (code := prefix + match[1]) in ACTION_UNITS), None)


def columns(aus: tuple[str, ...] | list[str]) -> tuple[tuple[str, str], ...]:
    """The (AU, side) columns of these AUs on ARKit coefficients: left and right where they are apart, else both."""
    return tuple((au, side) for au in aus for side in (("left", "right") if au in SIDED else ("both",)))


def action_label(au: str, side: str) -> str:
    """``AU12 left``; a side of both is not written."""
    return au if side == "both" else f"{au} {side}"


def title(au: str, side: str = "both") -> str:
    """What to print: ``AU12 left · lip corner puller``. An unknown code stands for itself."""
    unit = ACTION_UNITS.get(au)
    return f"{action_label(au, side)} · {unit.title}" if unit else action_label(au, side)


def facs_order(au: str, side: str = "both") -> tuple[int, int, int]:
    """What sorts actions as FACS tables list them: down the face (`DOWN_THE_FACE`), by number within a part of it, left
    before right. AU6 stands with the lids that its muscle surrounds, AU11 with the lips that it pulls. Unknown codes
    come last.

    >>> sorted(["AU12", "AU61", "AU4", "AU1"], key=facs_order)
    ['AU1', 'AU4', 'AU12', 'AU61']
    """
    region = {"AU6": "eyelids", "AU11": "mouth"}.get(au) or (ACTION_UNITS[au].region if au in ACTION_UNITS else "")
    part = DOWN_THE_FACE.index(region) if region else len(DOWN_THE_FACE)
    number = re.search(r"\d+", au)
    return part, int(number[0]) if number else 0, ("both", "left", "right").index(side)


def search_phrases() -> dict[str, tuple[str, ...]]:
    """Word → what descriptions of codewords say of the actions it stands for, and their codes (``au12``)."""
    found: dict[str, dict[str, None]] = {}
    for unit in _ROWS:
        for word in unit.search_words:
            found.setdefault(word, {}).update(dict.fromkeys((unit.clause, unit.code.lower())))
        for word in unit.related_words:
            found.setdefault(word, {})[unit.code.lower()] = None
    return {word: tuple(phrases) for word, phrases in found.items()}
