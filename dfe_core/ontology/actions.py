"""Action units and action descriptors of FACS, one row each, and the movements that FACS has no code for.

A code is written ``AU12`` (descriptor: ``AD30``). Sides are the face's own left and right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from dfe_core.ontology.coefficients import movement_phrase

SIDES = ("left", "right", "both")

AU_REGIONS = ("brow", "eyelids", "cheek", "nose", "mouth", "jaw and chin", "tongue", "neck", "gaze")

UPPER, UP_DOWN, HORIZONTAL, OBLIQUE, ORBITAL, MISCELLANEOUS, EYES = (
    "upper face",
    "lower face, up/down",
    "lower face, horizontal",
    "lower face, oblique",
    "lower face, orbital",
    "miscellaneous",
    "eye positions",
)
"""Groups of actions as the FACS manual presents them."""


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


_MANUAL, _DESCRIPTOR = ("FACS2002", "PT"), ("FACS2002",)
_BOTH_LIDS = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}

_ROWS = (
    ActionUnit(
        code="AU1",
        title="inner brow raiser",
        muscle="frontalis, medial",
        region="brow",
        section=UPPER,
        sources=_MANUAL,
        recipe={"browInnerUp": 1.0},
        appearance="inner brows raised",
        phrases=("inner brows up", "inner brow up"),
        related_words=("surprise",),
    ),
    ActionUnit(
        code="AU2",
        title="outer brow raiser",
        muscle="frontalis, lateral",
        region="brow",
        section=UPPER,
        sources=_MANUAL,
        sides="paired",
        recipe={"browOuterUp*": 1.0},
        appearance="outer brows raised",
        phrases=("outer brows up", "outer brow up"),
        related_words=("surprise",),
    ),
    ActionUnit(
        code="AU4",
        title="brow lowerer",
        muscle="corrugator, procerus, depressor supercilii",
        region="brow",
        section=UPPER,
        sources=_MANUAL,
        sides="paired",
        recipe={"browDown*": 1.0},
        appearance="brows lowered and drawn together",
        phrases=(
            "brows down",
            "brow down",
            "brows lowered",
            "furrowed brows",
            "brows furrowed",
            "lower brows",
            "lower brow",
            "frowning brows",
            "scowl",
        ),
        search_words=("frown", "scowl"),
    ),
    ActionUnit(
        code="AU5",
        title="upper lid raiser",
        muscle="levator palpebrae superioris",
        region="eyelids",
        section=UPPER,
        sources=_MANUAL,
        sides="paired",
        recipe={"eyeWide*": 1.0},
        appearance="upper eyelids raised, eyes wide",
        phrases=("eyes wide", "wide eyes", "lids up"),
        related_words=("surprise",),
    ),
    ActionUnit(
        code="AU6",
        title="cheek raiser",
        muscle="orbicularis oculi, orbital",
        region="cheek",
        section=UPPER,
        sources=_MANUAL,
        sides="paired",
        recipe={"cheekSquint*": 1.0},
        appearance="cheeks raised",
        phrases=("cheeks up", "cheek up", "cheeks raised"),
        search_words=("duchenne",),
        related_words=("squint",),
    ),
    ActionUnit(
        code="AU7",
        title="lid tightener",
        muscle="orbicularis oculi, palpebral",
        region="eyelids",
        section=UPPER,
        sources=_MANUAL,
        sides="paired",
        recipe={"eyeSquint*": 1.0},
        appearance="eyelids tightened, eyes narrowed",
        search_words=("squint",),
    ),
    ActionUnit(
        code="AU8",
        title="lips toward each other",
        muscle="orbicularis oris",
        region="mouth",
        section=MISCELLANEOUS,
        sources=_MANUAL,
        recipe={"mouthClose": 1.0},
        appearance="lips drawn toward each other",
    ),
    ActionUnit(
        code="AU9",
        title="nose wrinkler",
        muscle="levator labii superioris alaeque nasi",
        region="nose",
        section=UP_DOWN,
        sources=_MANUAL,
        sides="paired",
        recipe={"noseSneer*": 1.0},
        appearance="nose wrinkled",
        phrases=("nose wrinkle", "wrinkled nose", "wrinkle nose"),
        search_words=("sneer", "wrinkle"),
    ),
    ActionUnit(
        code="AU10",
        title="upper lip raiser",
        muscle="levator labii superioris",
        region="mouth",
        section=UP_DOWN,
        sources=_MANUAL,
        sides="paired",
        recipe={"mouthUpperUp*": 1.0},
        appearance="upper lip raised",
        phrases=("upper lip up", "upper lip raised"),
    ),
    ActionUnit(
        code="AU11",
        title="nasolabial deepener",
        muscle="zygomaticus minor",
        region="cheek",
        section=OBLIQUE,
        sources=_MANUAL,
    ),
    ActionUnit(
        code="AU12",
        title="lip corner puller",
        muscle="zygomaticus major",
        region="mouth",
        section=OBLIQUE,
        sources=_MANUAL,
        sides="paired",
        recipe={"mouthSmile*": 1.0},
        appearance="lip corners pulled up, a smile",
        phrases=(
            "smile",
            "smiles",
            "smiling",
            "lip corners up",
            "lip corner up",
            "mouth corners up",
            "mouth corner up",
        ),
        search_words=("smile", "smiling", "grin"),
        related_words=("contempt",),
    ),
    ActionUnit(
        code="AU13",
        title="sharp lip puller",
        muscle="levator anguli oris",
        region="mouth",
        section=OBLIQUE,
        sources=_MANUAL,
    ),
    ActionUnit(
        code="AU14",
        title="dimpler",
        muscle="buccinator",
        region="mouth",
        section=HORIZONTAL,
        sources=_MANUAL,
        sides="paired",
        recipe={"mouthDimple*": 1.0},
        appearance="dimples, lip corners tightened",
        phrases=("dimple", "dimples"),
        search_words=("dimple",),
        related_words=("contempt",),
    ),
    ActionUnit(
        code="AU15",
        title="lip corner depressor",
        muscle="depressor anguli oris",
        region="mouth",
        section=UP_DOWN,
        sources=_MANUAL,
        sides="paired",
        recipe={"mouthFrown*": 1.0},
        appearance="lip corners pulled down",
        phrases=("lip corners down", "lip corner down", "mouth corners down", "mouth corner down"),
        search_words=("frown",),
    ),
    ActionUnit(
        code="AU16",
        title="lower lip depressor",
        muscle="depressor labii inferioris",
        region="mouth",
        section=UP_DOWN,
        sources=_MANUAL,
        sides="paired",
        recipe={"mouthLowerDown*": 1.0},
        appearance="lower lip pulled down",
        phrases=("lower lip down",),
    ),
    ActionUnit(
        code="AU17",
        title="chin raiser",
        muscle="mentalis",
        region="jaw and chin",
        section=UP_DOWN,
        sources=_MANUAL,
        recipe={"mouthShrugLower": 1.0, "mouthShrugUpper": 0.5},
        appearance="chin raised",
        phrases=("chin up",),
        search_words=("pout",),
        note="the upper lip's share (0.5) is an effect of it and judged by hand",
    ),
    ActionUnit(
        code="AU18",
        title="lip pucker",
        muscle="incisivii labii, orbicularis oris",
        region="mouth",
        section=ORBITAL,
        sources=_MANUAL,
        recipe={"mouthPucker": 1.0},
        appearance="lips puckered",
        phrases=("pucker", "kiss"),
        search_words=("pucker", "kiss"),
    ),
    ActionUnit(
        code="AD19",
        title="tongue show",
        muscle="genioglossus",
        region="tongue",
        section=MISCELLANEOUS,
        sources=_MANUAL,
        recipe={"tongueOut": 1.0},
        appearance="tongue shown",
        phrases=("tongue out",),
    ),
    ActionUnit(
        code="AU20",
        title="lip stretcher",
        muscle="risorius, platysma",
        region="mouth",
        section=HORIZONTAL,
        sources=_MANUAL,
        sides="paired",
        recipe={"mouthStretch*": 1.0},
        appearance="lips stretched sideways",
        phrases=("lips stretched", "stretch lips"),
    ),
    ActionUnit(
        code="AU21",
        title="neck tightener",
        muscle="platysma",
        region="neck",
        section=MISCELLANEOUS,
        sources=_MANUAL,
    ),
    ActionUnit(
        code="AU22",
        title="lip funneler",
        muscle="orbicularis oris",
        region="mouth",
        section=ORBITAL,
        sources=_MANUAL,
        recipe={"mouthFunnel": 1.0},
        appearance="lips funneled forward",
        phrases=("funnel",),
        search_words=("funnel",),
    ),
    ActionUnit(
        code="AU23",
        title="lip tightener",
        muscle="orbicularis oris",
        region="mouth",
        section=ORBITAL,
        sources=_MANUAL,
        appearance="lips tightened",
    ),
    ActionUnit(
        code="AU24",
        title="lip pressor",
        muscle="orbicularis oris",
        region="mouth",
        section=ORBITAL,
        sources=_MANUAL,
        sides="paired",
        recipe={"mouthPress*": 1.0},
        appearance="lips pressed together",
        phrases=("lips pressed", "press lips", "pressed lips"),
    ),
    ActionUnit(
        code="AU25",
        title="lips part",
        muscle="depressor labii; relaxed mentalis or orbicularis oris",
        region="mouth",
        section=UP_DOWN,
        sources=_MANUAL,
        appearance="lips parted",
        note="no coefficient of its own: estimated from jaw and lips",
    ),
    ActionUnit(
        code="AU26",
        title="jaw drop",
        muscle="relaxed masseter, temporalis",
        region="jaw and chin",
        section=UP_DOWN,
        sources=_MANUAL,
        recipe={"jawOpen": 0.6},
        appearance="jaw dropped, mouth open",
        phrases=("jaw drop", "jaw dropped", "jaw open", "mouth open", "open mouth", "open jaw"),
        search_words=("gape", "yawn"),
        note="its share of the jaw's range (0.6) is judged by hand",
    ),
    ActionUnit(
        code="AU27",
        title="mouth stretch",
        muscle="pterygoids, digastric",
        region="jaw and chin",
        section=UP_DOWN,
        sources=_MANUAL,
        recipe={"jawOpen": 1.0},
        like="AU26",
        appearance="mouth stretched wide open",
        phrases=("mouth wide open",),
        search_words=("gape", "yawn"),
    ),
    ActionUnit(
        code="AU28",
        title="lip suck",
        muscle="orbicularis oris",
        region="mouth",
        section=ORBITAL,
        sources=_MANUAL,
        recipe={"mouthRollLower": 1.0, "mouthRollUpper": 1.0},
        appearance="lips sucked in",
        phrases=("lips sucked in",),
    ),
    ActionUnit(
        code="AD29",
        title="jaw thrust",
        muscle="pterygoids",
        region="jaw and chin",
        section=MISCELLANEOUS,
        sources=_MANUAL,
        recipe={"jawForward": 1.0},
        appearance="jaw thrust forward",
        phrases=("jaw forward",),
    ),
    ActionUnit(
        code="AD30",
        title="jaw sideways",
        muscle="pterygoids",
        region="jaw and chin",
        section=MISCELLANEOUS,
        sources=_MANUAL,
        sides="single",
        recipe={"jaw*": 1.0},
        directional=True,
        appearance="jaw moved sideways",
        phrases=("jaw *",),
    ),
    ActionUnit(
        code="AU31",
        title="jaw clencher",
        muscle="masseter",
        region="jaw and chin",
        section=MISCELLANEOUS,
        sources=_MANUAL,
    ),
    ActionUnit(code="AD32", title="lip bite", region="mouth", section=MISCELLANEOUS, sources=_DESCRIPTOR),
    ActionUnit(code="AD33", title="cheek blow", region="cheek", section=MISCELLANEOUS, sources=_DESCRIPTOR),
    ActionUnit(
        code="AD34",
        title="cheek puff",
        muscle="buccinator",
        region="cheek",
        section=MISCELLANEOUS,
        sources=_MANUAL,
        recipe={"cheekPuff": 1.0},
        appearance="cheeks puffed out",
        phrases=("cheeks puffed", "cheek puff", "puff cheeks"),
        search_words=("puff",),
    ),
    ActionUnit(code="AD35", title="cheek suck", region="cheek", section=MISCELLANEOUS, sources=_DESCRIPTOR),
    ActionUnit(code="AD36", title="tongue bulge", region="tongue", section=MISCELLANEOUS, sources=_DESCRIPTOR),
    ActionUnit(code="AD37", title="lip wipe", region="mouth", section=MISCELLANEOUS, sources=_DESCRIPTOR),
    ActionUnit(
        code="AU38",
        title="nostril dilator",
        muscle="nasalis, alar",
        region="nose",
        section=MISCELLANEOUS,
        sources=_MANUAL,
    ),
    ActionUnit(
        code="AU39",
        title="nostril compressor",
        muscle="nasalis, transverse",
        region="nose",
        section=MISCELLANEOUS,
        sources=_MANUAL,
    ),
    ActionUnit(
        code="AU43",
        title="eyes closed",
        muscle="relaxed levator palpebrae",
        region="eyelids",
        section=UPPER,
        sources=_MANUAL,
        recipe=_BOTH_LIDS,
        like="AU45",
        appearance="eyes closed",
        phrases=("eyes closed", "eye closed", "close eyes", "closed eyes"),
    ),
    ActionUnit(
        code="AU44",
        title="squint",
        muscle="orbicularis oculi, palpebral",
        region="eyelids",
        section=UPPER,
        sources=("FACS1978", "PT"),
        note="shown only by the means of AU7",
    ),
    ActionUnit(
        code="AU45",
        title="blink",
        muscle="relaxed levator palpebrae; orbicularis oculi, palpebral",
        region="eyelids",
        section=UPPER,
        sources=_MANUAL,
        recipe=_BOTH_LIDS,
        brief=True,
        appearance="a blink",
        phrases=("blink",),
        search_words=("blink",),
    ),
    ActionUnit(
        code="AU46",
        title="wink",
        muscle="orbicularis oculi",
        region="eyelids",
        section=UPPER,
        sources=_MANUAL,
        sides="single",
        recipe={"eyeBlink*": 1.0},
        brief=True,
        appearance="a wink, one eye closed",
        phrases=("wink",),
        search_words=("wink",),
    ),
    ActionUnit(
        code="AU61",
        title="eyes turn left",
        muscle="left lateral rectus, right medial rectus",
        region="gaze",
        section=EYES,
        sources=_MANUAL,
        recipe={"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
        directional=True,
        appearance="eyes turned left",
        phrases=("look left",),
    ),
    ActionUnit(
        code="AU62",
        title="eyes turn right",
        muscle="left medial rectus, right lateral rectus",
        region="gaze",
        section=EYES,
        sources=_MANUAL,
        recipe={"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0},
        directional=True,
        appearance="eyes turned right",
        phrases=("look right",),
    ),
    ActionUnit(
        code="AU63",
        title="eyes up",
        muscle="superior rectus, inferior oblique",
        region="gaze",
        section=EYES,
        sources=_MANUAL,
        recipe={"eyeLookUpLeft": 1.0, "eyeLookUpRight": 1.0},
        directional=True,
        appearance="eyes turned up",
        phrases=("look up",),
    ),
    ActionUnit(
        code="AU64",
        title="eyes down",
        muscle="inferior rectus, superior oblique",
        region="gaze",
        section=EYES,
        sources=_MANUAL,
        recipe={"eyeLookDownLeft": 1.0, "eyeLookDownRight": 1.0},
        directional=True,
        appearance="eyes turned down",
        phrases=("look down",),
    ),
    ActionUnit(
        code="AU65",
        title="walleye",
        muscle="lateral rectus",
        region="gaze",
        section=EYES,
        sources=_MANUAL,
        sides="single",
        recipe={"eyeLookOut*": 1.0},
        appearance="eyes turned apart",
    ),
    ActionUnit(
        code="AU66",
        title="cross-eye",
        muscle="medial rectus",
        region="gaze",
        section=EYES,
        sources=_MANUAL,
        recipe={"eyeLookInLeft": 1.0, "eyeLookInRight": 1.0},
        appearance="eyes crossed",
    ),
)

ACTION_UNITS = MappingProxyType({unit.code: unit for unit in _ROWS})
"""Every code this project can name, in FACS order."""

WITHOUT_CODE = MappingProxyType(
    {
        "mouthSideways": ActionUnit(
            code="mouthSideways",
            title="mouth sideways",
            region="mouth",
            section="",
            sources=("DFE",),
            sides="single",
            recipe={"mouth*": 1.0},
            directional=True,
        ),
        "upperLipShrug": ActionUnit(
            code="upperLipShrug",
            title="upper lip shrug",
            region="mouth",
            section="",
            sources=("DFE",),
            recipe={"mouthShrugUpper": 1.0},
        ),
    }
)
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


def search_phrases() -> dict[str, tuple[str, ...]]:
    """Word → what descriptions of codewords say of the actions it stands for, and their codes (``au12``)."""
    found: dict[str, dict[str, None]] = {}
    for unit in _ROWS:
        for word in unit.search_words:
            found.setdefault(word, {}).update(dict.fromkeys((unit.clause, unit.code.lower())))
        for word in unit.related_words:
            found.setdefault(word, {})[unit.code.lower()] = None
    return {word: tuple(phrases) for word, phrases in found.items()}
