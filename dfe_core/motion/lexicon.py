"""The words that stand for actions, sides, sizes and speeds. Rules, not a model: each can be read, and is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BRIEF_S = 0.3
"""A blink or a wink comes and goes in this time; everything else stays until the next step."""


@dataclass(frozen=True)
class LexiconPhrase:
    """actions: (AU, side, weight); side "" follows the words around it. brief: comes and goes by itself. why: the
    rule as shown."""

    actions: tuple[tuple[str, str, float], ...]
    why: str
    brief: bool = False


def _one(au: str, why: str, weight: float = 1.0, side: str = "", brief: bool = False) -> LexiconPhrase:
    return LexiconPhrase(((au, side, weight),), why, brief)


def _many(why: str, *actions: str | tuple) -> LexiconPhrase:
    return LexiconPhrase(
        tuple((a, "", 1.0) if isinstance(a, str) else (a[0], "", a[1]) if len(a) == 2 else a for a in actions), why
    )


_SMILE = _one("AU12", "a smile pulls the lip corners (AU12)")
_BROWS_UP = _many("brows up is inner and outer brow raiser (AU1 + AU2)", "AU1", "AU2")
_BROWS_DOWN = _one("AU4", "brows down is the brow lowerer (AU4)")
_OPEN = _one("AU26", "an open mouth is a jaw drop (AU26)")
_CLOSED = _one("AU43", "closed eyes (AU43)")
_CORNERS_DOWN = _one("AU15", "lip corners down is AU15")
_HAPPY = _many("happiness is AU6 + AU12 (EMFACS)", "AU6", "AU12")
_SAD = _many("sadness is AU1 + AU4 + AU15 (EMFACS)", "AU1", "AU4", "AU15")
_SURPRISE = _many("surprise is AU1 + AU2 + AU5 + AU26 (EMFACS)", "AU1", "AU2", ("AU5", 0.5), "AU26")
_FEAR = _many(
    "fear is AU1 + AU2 + AU4 + AU5 + AU7 + AU20 + AU26 (EMFACS)",
    "AU1",
    "AU2",
    "AU4",
    "AU5",
    "AU7",
    "AU20",
    ("AU26", 0.5),
)
_ANGER = _many("anger is AU4 + AU5 + AU7 + AU24 (FACS table 11-1)", "AU4", "AU5", "AU7", "AU24")
_DISGUST = _many("disgust is AU9 + AU15 + AU16 (EMFACS)", "AU9", "AU15", "AU16")
_CONTEMPT = _many("contempt is AU12 + AU14 on one side (EMFACS)", ("AU12", "right", 0.5), ("AU14", "right", 1.0))

PHRASES: Mapping[str, LexiconPhrase] = {
    "duchenne smile": _many("a Duchenne smile is AU6 + AU12", "AU6", "AU12"),
    "genuine smile": _many("a genuine smile is AU6 + AU12", "AU6", "AU12"),
    "smile": _SMILE,
    "smiles": _SMILE,
    "smiling": _SMILE,
    "smirk": _one("AU12", "a smirk is AU12 on one side", 0.6, "left"),
    "grin": _many("a grin is AU12 with parted lips (AU12 + AU16)", "AU12", ("AU16", 0.5)),
    "frown": _many("a frown is AU4 + AU15", "AU4", "AU15"),
    "brows up": _BROWS_UP,
    "brow up": _BROWS_UP,
    "brows raised": _BROWS_UP,
    "raised brows": _BROWS_UP,
    "raise brows": _BROWS_UP,
    "raise brow": _BROWS_UP,
    "raised brow": _BROWS_UP,
    "brow raise": _BROWS_UP,
    "brow raised": _BROWS_UP,
    "inner brows up": _one("AU1", "inner brows up is AU1"),
    "inner brow up": _one("AU1", "inner brow up is AU1"),
    "outer brows up": _one("AU2", "outer brows up is AU2"),
    "outer brow up": _one("AU2", "outer brow up is AU2"),
    "brows down": _BROWS_DOWN,
    "brow down": _BROWS_DOWN,
    "brows lowered": _BROWS_DOWN,
    "furrowed brows": _BROWS_DOWN,
    "brows furrowed": _BROWS_DOWN,
    "lower brows": _BROWS_DOWN,
    "lower brow": _BROWS_DOWN,
    "frowning brows": _BROWS_DOWN,
    "scowl": _BROWS_DOWN,
    "blink": _one("AU45", "a blink is AU45 and brief", brief=True),
    "wink": _one("AU46", "a wink is AU46 on one side and brief", side="", brief=True),
    "eyes closed": _CLOSED,
    "eye closed": _CLOSED,
    "close eyes": _CLOSED,
    "closed eyes": _CLOSED,
    "eyes wide": _one("AU5", "wide eyes are raised upper lids (AU5)"),
    "wide eyes": _one("AU5", "wide eyes are raised upper lids (AU5)"),
    "lids up": _one("AU5", "lids up is AU5"),
    "squint": _many("a squint is AU7 with some AU6", "AU7", ("AU6", 0.4)),
    "cheeks up": _one("AU6", "cheeks up is AU6"),
    "cheek up": _one("AU6", "cheek up is AU6"),
    "cheeks raised": _one("AU6", "cheeks raised is AU6"),
    "nose wrinkle": _one("AU9", "a wrinkled nose is AU9"),
    "wrinkled nose": _one("AU9", "a wrinkled nose is AU9"),
    "wrinkle nose": _one("AU9", "a wrinkled nose is AU9"),
    "sneer": _many("a sneer is AU9 + AU10", ("AU9", 0.7), "AU10"),
    "upper lip up": _one("AU10", "upper lip up is AU10"),
    "upper lip raised": _one("AU10", "upper lip raised is AU10"),
    "dimple": _one("AU14", "a dimple is AU14"),
    "dimples": _one("AU14", "dimples are AU14"),
    "lip corners up": _SMILE,
    "lip corner up": _SMILE,
    "mouth corners up": _SMILE,
    "mouth corner up": _SMILE,
    "lip corners down": _CORNERS_DOWN,
    "lip corner down": _CORNERS_DOWN,
    "mouth corners down": _CORNERS_DOWN,
    "mouth corner down": _CORNERS_DOWN,
    "lower lip down": _one("AU16", "lower lip down is AU16"),
    "chin up": _one("AU17", "chin up is AU17"),
    "pout": _many("a pout is AU17 + AU22", "AU17", ("AU22", 0.4)),
    "pucker": _one("AU18", "a pucker is AU18"),
    "kiss": _one("AU18", "a kiss is AU18"),
    "lips stretched": _one("AU20", "stretched lips are AU20"),
    "stretch lips": _one("AU20", "stretched lips are AU20"),
    "funnel": _one("AU22", "a funnel is AU22"),
    "lips pressed": _one("AU24", "pressed lips are AU24"),
    "press lips": _one("AU24", "pressed lips are AU24"),
    "pressed lips": _one("AU24", "pressed lips are AU24"),
    "lips sucked in": _one("AU28", "sucked lips are AU28"),
    "jaw drop": _OPEN,
    "jaw dropped": _OPEN,
    "jaw open": _OPEN,
    "mouth open": _OPEN,
    "open mouth": _OPEN,
    "open jaw": _OPEN,
    "mouth wide open": _one("AU27", "mouth stretch (AU27)"),
    "yawn": _many("a yawn is AU27 with closing eyes", "AU27", ("AU43", 0.6)),
    "jaw forward": _one("AD29", "jaw forward is AD29"),
    "jaw left": _one("AD30", "jaw to the left is AD30", side="left"),
    "jaw right": _one("AD30", "jaw to the right is AD30", side="right"),
    "cheeks puffed": _one("AD34", "puffed cheeks are AD34"),
    "cheek puff": _one("AD34", "puffed cheeks are AD34"),
    "puff cheeks": _one("AD34", "puffed cheeks are AD34"),
    "tongue out": _one("AD19", "tongue out is AD19"),
    "look left": _one("AU61", "eyes turn left (AU61)", side="both"),
    "look right": _one("AU62", "eyes turn right (AU62)", side="both"),
    "look up": _one("AU63", "eyes up (AU63)", side="both"),
    "look down": _one("AU64", "eyes down (AU64)", side="both"),
    "happy": _HAPPY,
    "happiness": _HAPPY,
    "joy": _HAPPY,
    "sad": _SAD,
    "sadness": _SAD,
    "surprise": _SURPRISE,
    "surprised": _SURPRISE,
    "fear": _FEAR,
    "afraid": _FEAR,
    "fearful": _FEAR,
    "anger": _ANGER,
    "angry": _ANGER,
    "disgust": _DISGUST,
    "disgusted": _DISGUST,
    "contempt": _CONTEMPT,
}
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
