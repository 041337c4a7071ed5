"""The 52 ARKit coefficients in terms of FACS, and what each does in plain words.

The correspondence is anatomical and judged by hand, not peer reviewed and not from Apple: it serves naming, templates
and estimates, never as a measurement. Left and right are the face's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class MovementPhrase:
    """A movement in plain words: subject, its plural for both sides (empty for what a face has one of), and where
    to."""

    subject: str
    plural: str
    where: str

    @property
    def clause(self) -> str:
        """``lip corner up``."""
        return f"{self.subject} {self.where}"


@dataclass(frozen=True, kw_only=True)
class Coefficient:
    """One ARKit coefficient in FACS terms.

    Attributes
    ----------
    side: left, right or both. au: empty where FACS has no code. also: codes it can show too.
    sources: keys of `SOURCES`. note: what limits the correspondence.
    """

    name: str
    side: str
    au: str
    also: tuple[str, ...] = ()
    sources: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class _Row:
    """Coefficients that differ by side alone, ``*`` in the name; phrase: None for gaze, told from the eyeballs."""

    name: str
    au: str | tuple[str, str]
    phrase: MovementPhrase | None
    sources: tuple[str, ...]
    also: tuple[str, ...] = ()
    note: str = ""


_ALL, _PT = ("O", "PR", "PT"), ("PT",)
_GAZE = "eyes are read in pairs: left = OutLeft + InRight, right = InLeft + OutRight (Unity)"
_ROLLS = "AU28 is the mean of both rolls"
_P = MovementPhrase

_ROWS = (
    _Row(name="browDown*", au="AU4", phrase=_P("brow", "brows", "down"), sources=_ALL),
    _Row(
        name="browInnerUp",
        au="AU1",
        phrase=_P("inner brow", "inner brows", "up"),
        sources=_ALL,
        note="one control for both sides: a one-sided AU1 cannot be shown",
    ),
    _Row(name="browOuterUp*", au="AU2", phrase=_P("outer brow", "outer brows", "up"), sources=_ALL),
    _Row(
        name="cheekPuff",
        au="AD34",
        phrase=_P("cheek", "cheeks", "puffed"),
        sources=("PR", "PT"),
        note="both sides together",
    ),
    _Row(name="cheekSquint*", au="AU6", phrase=_P("cheek", "cheeks", "up"), sources=_ALL),
    _Row(
        name="eyeBlink*",
        au="AU45",
        also=("AU43", "AU46"),
        phrase=_P("upper lid", "upper lids", "down"),
        sources=_ALL,
        note="time decides: brief is a blink (AU45), held is eyes closed (AU43), one eye is a wink (AU46)",
    ),
    _Row(name="eyeLookDown*", au="AU64", phrase=None, sources=_PT, note="gaze, lids follow"),
    _Row(name="eyeLookIn*", au=("AU62", "AU61"), also=("AU66",), phrase=None, sources=("U",), note=_GAZE),
    _Row(name="eyeLookOut*", au=("AU61", "AU62"), also=("AU65",), phrase=None, sources=("U",), note=_GAZE),
    _Row(name="eyeLookUp*", au="AU63", phrase=None, sources=_PT, note="gaze, lids follow"),
    _Row(name="eyeSquint*", au="AU7", also=("AU44",), phrase=_P("lower lid", "lower lids", "up"), sources=_ALL),
    _Row(name="eyeWide*", au="AU5", phrase=_P("upper lid", "upper lids", "up"), sources=_ALL),
    _Row(name="jawForward", au="AD29", phrase=_P("jaw", "", "thrust"), sources=_PT),
    _Row(name="jaw*", au="AD30", phrase=_P("jaw", "", "to the *"), sources=_PT, note="one descriptor with a side"),
    _Row(
        name="jawOpen",
        au="AU26",
        also=("AU27", "AU25"),
        phrase=_P("jaw", "", "drop"),
        sources=_ALL,
        note="AU27 near the maximum; implies AU25",
    ),
    _Row(
        name="mouthClose",
        au="AU8",
        phrase=_P("lips", "", "toward each other"),
        sources=("O", "PT"),
        note="read with jawOpen: lips together while the jaw is down",
    ),
    _Row(
        name="mouthDimple*",
        au="AU14",
        phrase=_P("lip corner", "lip corners", "tightened"),
        sources=_ALL,
        note="one side only is the contempt sign",
    ),
    _Row(name="mouthFrown*", au="AU15", phrase=_P("lip corner", "lip corners", "down"), sources=_ALL),
    _Row(name="mouthFunnel", au="AU22", also=("AU25",), phrase=_P("lips", "", "funnelled"), sources=_ALL),
    _Row(
        name="mouth*",
        au="",
        phrase=_P("mouth", "", "to the *"),
        sources=("DFE",),
        note="FACS has no code for the whole mouth moving sideways",
    ),
    _Row(
        name="mouthLowerDown*",
        au="AU16",
        also=("AU25",),
        phrase=_P("lower lip", "", "down"),
        sources=_ALL,
        note="parts the lips",
    ),
    _Row(
        name="mouthPress*",
        au="AU24",
        also=("AU23",),
        phrase=_P("lips", "", "pressed"),
        sources=("O", "PT"),
        note="no clean source of AU23",
    ),
    _Row(name="mouthPucker", au="AU18", phrase=_P("lips", "", "puckered"), sources=_ALL),
    _Row(name="mouthRollLower", au="AU28", phrase=_P("lower lip", "", "rolled in"), sources=("O", "PT"), note=_ROLLS),
    _Row(name="mouthRollUpper", au="AU28", phrase=_P("upper lip", "", "rolled in"), sources=("O", "PT"), note=_ROLLS),
    _Row(name="mouthShrugLower", au="AU17", phrase=_P("lower lip", "", "pushed up"), sources=_ALL),
    _Row(
        name="mouthShrugUpper",
        au="AU17",
        phrase=_P("upper lip", "", "pushed up"),
        sources=("O", "PR"),
        note="the chin raiser's effect on the upper lip",
    ),
    _Row(
        name="mouthSmile*",
        au="AU12",
        also=("AU13",),
        phrase=_P("lip corner", "lip corners", "up"),
        sources=_ALL,
        note="AU13 cannot be distinguished",
    ),
    _Row(name="mouthStretch*", au="AU20", phrase=_P("lip corner", "lip corners", "stretched out"), sources=_ALL),
    _Row(name="mouthUpperUp*", au="AU10", phrase=_P("upper lip", "", "up"), sources=_ALL),
    _Row(
        name="noseSneer*",
        au="AU9",
        also=("AU10",),
        phrase=_P("nose", "", "wrinkled"),
        sources=_ALL,
        note="AU10 comes along",
    ),
    _Row(name="tongueOut", au="AD19", phrase=_P("tongue", "", "out"), sources=_PT),
)
"""In the order of ψ on the default face, left before right, but for jaw and mouth sideways."""

DIRECTIONS = ("jaw*", "mouth*")
"""Where left and right say which way all of it goes, not which half of it moves."""


def _coefficients() -> dict[str, Coefficient]:
    found = {}
    for row in _ROWS:
        for i, side in enumerate(("left", "right") if "*" in row.name else ("both",)):
            name = row.name.replace("*", side.capitalize())
            found[name] = Coefficient(
                name=name,
                side=side,
                au=row.au if isinstance(row.au, str) else row.au[i],
                also=row.also,
                sources=row.sources,
                note=row.note,
            )
    return {name: found[name] for name in sorted(found, key=lambda n: (n == "tongueOut", n))}


def _phrases() -> dict[str, MovementPhrase]:
    """By stem; jaw and mouth sideways by their whole name, which is where they go."""
    found = {}
    for row in _ROWS:
        if row.phrase is None:
            continue
        if row.name in DIRECTIONS:
            for side in ("left", "right"):
                where = row.phrase.where.replace("*", side)
                found[row.name.replace("*", side.capitalize())] = MovementPhrase(row.phrase.subject, "", where)
        else:
            found[row.name.removesuffix("*")] = row.phrase
    return found


COEFFICIENTS = MappingProxyType(_coefficients())
"""Each of the 52 ARKit coefficients in FACS terms, in the order of ψ."""

MOVEMENT_PHRASES = MappingProxyType(_phrases())
"""What a coefficient does in plain words, by the stem of its name."""


def movement_phrase(coefficient: str) -> MovementPhrase | None:
    """The words for a coefficient, its side left out (``mouthSmileLeft``, ``mouthSmile*``); None for gaze."""
    stem = coefficient.removesuffix("*")
    for end in ("", "Left", "Right"):
        if stem.removesuffix(end) in MOVEMENT_PHRASES:
            return MOVEMENT_PHRASES[stem.removesuffix(end)]
    return None
