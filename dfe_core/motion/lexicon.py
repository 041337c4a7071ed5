"""The words that stand for actions, sides, sizes and speeds. Rules, not a model: each can be read, and is shown.

Phrases for actions and displays are the ontology's; words for sides, sizes, speeds and neutral stand here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dfe_core.ontology import ACTION_UNITS, DISPLAYS, EMOTIONS, ActionUnit, Display, showable_prototype

BRIEF_S = 0.3
"""A blink or a wink comes and goes in this time; everything else stays until the next step."""


@dataclass(frozen=True, kw_only=True)
class LexiconPhrase:
    """What a phrase stands for.

    Attributes
    ----------
    actions: (AU, side, weight); side "" follows the words around it. brief: comes and goes by itself.
    source: key of `SOURCES` for the set of actions; empty where the phrase is one action, or judged by hand here.
    """

    actions: tuple[tuple[str, str, float], ...]
    brief: bool = False
    source: str = ""


def _of_action(unit: ActionUnit, side: str = "") -> LexiconPhrase:
    own = side or ("both" if unit.directional else "")
    return LexiconPhrase(actions=((unit.code, own, 1.0),), brief=unit.brief)


def _of_display(display: Display) -> LexiconPhrase:
    actions = tuple((a.code, "" if a.side == "both" else a.side, a.share) for a in display.actions)
    return LexiconPhrase(actions=actions, source="" if display.source == "DFE" else display.source)


def _phrases() -> dict[str, LexiconPhrase]:
    found = {}
    for unit in ACTION_UNITS.values():
        for words in unit.phrases:
            for side in ("left", "right") if "*" in words else ("",):
                found[words.replace("*", side)] = _of_action(unit, side)
    for display in DISPLAYS:
        found |= dict.fromkeys(display.words, _of_display(display))
    for emotion in EMOTIONS.values():
        found |= dict.fromkeys(emotion.words, _of_display(showable_prototype(emotion.name)))
    return found


PHRASES: Mapping[str, LexiconPhrase] = _phrases()
"""Phrases in normal words (see `NORMAL`); the longest that fits is taken."""

NEUTRAL = ("neutral", "rest", "relax", "relaxed", "nothing", "still")

NORMAL: Mapping[str, str] = {
    "eyebrow": "brow",
    "eyebrows": "brows",
    "raises": "raise",
    "raising": "raise",
    "lift": "raise",
    "lifts": "raise",
    "lifted": "raised",
    "rise": "up",
    "upwards": "up",
    "upward": "up",
    "downwards": "down",
    "downward": "down",
    "blinks": "blink",
    "winks": "wink",
    "frowns": "frown",
    "opens": "open",
    "opened": "open",
    "closes": "close",
    "mouths": "mouth",
    "looks": "look",
    "looking": "look",
    "gaze": "look",
    "puckers": "pucker",
    "squints": "squint",
    "grins": "grin",
    "smirks": "smirk",
    "sneers": "sneer",
    "yawns": "yawn",
    "pouts": "pout",
    "lids": "lids",
}

SIZES: Mapping[str, float] = {
    "trace": 0.2,
    "faint": 0.25,
    "slight": 0.4,
    "slightly": 0.4,
    "weak": 0.4,
    "small": 0.4,
    "little": 0.4,
    "subtle": 0.3,
    "half": 0.5,
    "moderate": 0.6,
    "medium": 0.6,
    "strong": 1.0,
    "strongly": 1.0,
    "full": 1.0,
    "big": 1.0,
    "broad": 1.0,
    "large": 1.0,
    "extreme": 1.0,
    "maximal": 1.0,
}
USUAL = 0.8
"""Intensity when no word says how strong."""

SPEEDS: Mapping[str, float] = {
    "quickly": 0.5,
    "quick": 0.5,
    "fast": 0.5,
    "suddenly": 0.25,
    "sudden": 0.25,
    "abruptly": 0.25,
    "slowly": 2.0,
    "slow": 2.0,
    "gradually": 2.0,
}
"""Factor on the time a movement takes to its apex."""

SIDES: Mapping[str, str] = {
    "left": "left",
    "right": "right",
    "both": "both",
    "one-sided": "one",
    "onesided": "one",
    "unilateral": "one",
    "asymmetric": "one",
    "lopsided": "one",
    "symmetric": "both",
    "bilateral": "both",
    "left-sided": "left",
    "right-sided": "right",
}

KEEP = ("keep", "keeping", "still", "also", "add", "adding", "plus", "while", "hold", "holding")
"""In a step, these keep what was there before."""

IGNORED = frozenset(
    "a an and at the then to with of on side sided one my your his her their its it is are gets go "
    "goes going back return returns returning in into make makes show shows very more by for over "
    "during movement expression face finally first next after that corner".split()
)
