"""The words that stand for actions, sides, sizes and speeds. Rules, not a model: each can be read, and is shown.

Phrases for actions and displays are the ontology's; words for sides, sizes, speeds and neutral stand here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from dfe_core.ontology import ACTION_UNITS, DISPLAYS, EMOTIONS, ActionUnit, Display, showable_prototype

BRIEF_S = 0.3
"""A blink or a wink comes and goes in this time; everything else stays until the next step."""


_T = TypeVar("_T")


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


def _by_word(words_of: Mapping[_T, str]) -> dict[str, _T]:
    """What each of the words listed beside a meaning stands for."""
    return {word: meaning for meaning, words in words_of.items() for word in words.split()}


PHRASES: Mapping[str, LexiconPhrase] = _phrases()
"""Phrases in normal words (see `NORMAL`); the longest that fits is taken."""

NEUTRAL = ("neutral", "rest", "relax", "relaxed", "nothing", "still")

NORMAL: Mapping[str, str] = _by_word(
    {
        "brow": "eyebrow",
        "brows": "eyebrows",
        "raise": "raises raising lift lifts",
        "raised": "lifted",
        "up": "rise upwards upward",
        "down": "downwards downward",
        "blink": "blinks",
        "wink": "winks",
        "frown": "frowns",
        "open": "opens opened",
        "close": "closes",
        "mouth": "mouths",
        "look": "looks looking gaze",
        "pucker": "puckers",
        "squint": "squints",
        "grin": "grins",
        "smirk": "smirks",
        "sneer": "sneers",
        "yawn": "yawns",
        "pout": "pouts",
        "lids": "lids",
    }
)

SIZES: Mapping[str, float] = _by_word(
    {
        0.2: "trace",
        0.25: "faint",
        0.4: "slight slightly weak small little",
        0.3: "subtle",
        0.5: "half",
        0.6: "moderate medium",
        1.0: "strong strongly full big broad large extreme maximal",
    }
)
USUAL = 0.8
"""Intensity when no word says how strong."""

SPEEDS: Mapping[str, float] = _by_word(
    {
        0.5: "quickly quick fast",
        0.25: "suddenly sudden abruptly",
        2.0: "slowly slow gradually",
    }
)
"""Factor on the time a movement takes to its apex."""

SIDES: Mapping[str, str] = _by_word(
    {
        "left": "left left-sided",
        "right": "right right-sided",
        "both": "both symmetric bilateral",
        "one": "one-sided onesided unilateral asymmetric lopsided",
    }
)

KEEP = ("keep", "keeping", "still", "also", "add", "adding", "plus", "while", "hold", "holding")
"""In a step, these keep what was there before."""

IGNORED = frozenset(
    "a an and at the then to with of on side sided one my your his her their its it is are gets go "
    "goes going back return returns returning in into make makes show shows very more by for over "
    "during movement expression face finally first next after that corner".split()
)
