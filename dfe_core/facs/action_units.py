"""FACS as data: action units, their ARKit coefficients, and which detector emits which.

The correspondence of the 52 ARKit coefficients to FACS is anatomical and judged by hand, not peer reviewed and not
from Apple: it serves naming, templates and estimates, never as a measurement. Sources, by the letters of
`Coefficient.sources`: O: M. Ozel, ARKit to FACS cheat sheet (melindaozel.com), as transcribed in two public files;
PR: py-feat ``blendshape_region_map.json``; PT: py-feat ``au_reference.md``; U: Unity Live Capture, enum FaceBlendShape.

An action unit is written ``AU12`` (descriptor: ``AD30``), a side ``left``, ``right`` or ``both``, the face's own left.
An AU whose sides ARKit controls apart has the columns left and right; one with a single control has the column both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from dfe_core.expressions.arkit import ARKIT_NAMES
from dfe_core.expressions.columns import arkit_columns, split_side

SIDES = ("left", "right", "both")


@dataclass(frozen=True)
class ActionUnit:
    """One action unit or descriptor of FACS: code, the name people know it by, and the muscles (may be empty)."""

    code: str
    title: str
    muscle: str = ""


@dataclass(frozen=True, kw_only=True)
class Coefficient:
    """One ARKit coefficient in FACS terms. `au` is empty where FACS has no code; `also` are codes it can show too."""

    name: str
    side: str
    au: str
    also: tuple[str, ...] = ()
    sources: str = ""
    note: str = ""


ACTION_UNITS = MappingProxyType(
    {
        unit.code: unit
        for unit in (
            ActionUnit("AU1", "inner brow raiser", "frontalis, medial"),
            ActionUnit("AU2", "outer brow raiser", "frontalis, lateral"),
            ActionUnit("AU4", "brow lowerer", "corrugator, procerus, depressor supercilii"),
            ActionUnit("AU5", "upper lid raiser", "levator palpebrae superioris"),
            ActionUnit("AU6", "cheek raiser", "orbicularis oculi, orbital"),
            ActionUnit("AU7", "lid tightener", "orbicularis oculi, palpebral"),
            ActionUnit("AU8", "lips toward each other", "orbicularis oris"),
            ActionUnit("AU9", "nose wrinkler", "levator labii superioris alaeque nasi"),
            ActionUnit("AU10", "upper lip raiser", "levator labii superioris"),
            ActionUnit("AU11", "nasolabial deepener", "zygomaticus minor"),
            ActionUnit("AU12", "lip corner puller", "zygomaticus major"),
            ActionUnit("AU13", "sharp lip puller", "levator anguli oris"),
            ActionUnit("AU14", "dimpler", "buccinator"),
            ActionUnit("AU15", "lip corner depressor", "depressor anguli oris"),
            ActionUnit("AU16", "lower lip depressor", "depressor labii inferioris"),
            ActionUnit("AU17", "chin raiser", "mentalis"),
            ActionUnit("AU18", "lip pucker", "incisivii labii, orbicularis oris"),
            ActionUnit("AD19", "tongue show", "genioglossus"),
            ActionUnit("AU20", "lip stretcher", "risorius, platysma"),
            ActionUnit("AU21", "neck tightener", "platysma"),
            ActionUnit("AU22", "lip funneler", "orbicularis oris"),
            ActionUnit("AU23", "lip tightener", "orbicularis oris"),
            ActionUnit("AU24", "lip pressor", "orbicularis oris"),
            ActionUnit("AU25", "lips part", "depressor labii; relaxed mentalis or orbicularis oris"),
            ActionUnit("AU26", "jaw drop", "relaxed masseter, temporalis"),
            ActionUnit("AU27", "mouth stretch", "pterygoids, digastric"),
            ActionUnit("AU28", "lip suck", "orbicularis oris"),
            ActionUnit("AD29", "jaw thrust", "pterygoids"),
            ActionUnit("AD30", "jaw sideways", "pterygoids"),
            ActionUnit("AU31", "jaw clencher", "masseter"),
            ActionUnit("AD32", "lip bite"),
            ActionUnit("AD33", "cheek blow"),
            ActionUnit("AD34", "cheek puff", "buccinator"),
            ActionUnit("AD35", "cheek suck"),
            ActionUnit("AD36", "tongue bulge"),
            ActionUnit("AD37", "lip wipe"),
            ActionUnit("AU38", "nostril dilator", "nasalis, alar"),
            ActionUnit("AU39", "nostril compressor", "nasalis, transverse"),
            ActionUnit("AU43", "eyes closed", "relaxed levator palpebrae"),
            ActionUnit("AU44", "squint", "orbicularis oculi, palpebral"),
            ActionUnit("AU45", "blink", "relaxed levator palpebrae; orbicularis oculi, palpebral"),
            ActionUnit("AU46", "wink", "orbicularis oculi"),
            ActionUnit("AU61", "eyes turn left", "left lateral rectus, right medial rectus"),
            ActionUnit("AU62", "eyes turn right", "left medial rectus, right lateral rectus"),
            ActionUnit("AU63", "eyes up", "superior rectus, inferior oblique"),
            ActionUnit("AU64", "eyes down", "inferior rectus, superior oblique"),
            ActionUnit("AU65", "walleye", "lateral rectus"),
            ActionUnit("AU66", "cross-eye", "medial rectus"),
        )
    }
)
"""Every code this project can name, in FACS order."""

_O, _PT = "O PR PT", "PT"
_GAZE = "eyes are read in pairs: left = OutLeft + InRight, right = InLeft + OutRight (U)"
_PAIRS = (
    ("browDown", "AU4", (), _O, ""),
    ("browOuterUp", "AU2", (), _O, ""),
    ("cheekSquint", "AU6", (), _O, ""),
    (
        "eyeBlink",
        "AU45",
        ("AU43", "AU46"),
        _O,
        "time decides: brief is a blink (AU45), held is eyes closed (AU43), one eye is a wink (AU46)",
    ),
    ("eyeLookDown", "AU64", (), _PT, "gaze, lids follow"),
    ("eyeLookUp", "AU63", (), _PT, "gaze, lids follow"),
    ("eyeSquint", "AU7", ("AU44",), _O, ""),
    ("eyeWide", "AU5", (), _O, ""),
    ("jaw", "AD30", (), _PT, "one descriptor with a side"),
    ("mouthDimple", "AU14", (), _O, "one side only is the contempt sign"),
    ("mouthFrown", "AU15", (), _O, ""),
    ("mouth", "", (), "", "FACS has no code for the whole mouth moving sideways"),
    ("mouthLowerDown", "AU16", ("AU25",), _O, "parts the lips"),
    ("mouthPress", "AU24", ("AU23",), "O PT", "no clean source of AU23"),
    ("mouthSmile", "AU12", ("AU13",), _O, "AU13 cannot be told apart"),
    ("mouthStretch", "AU20", (), _O, ""),
    ("mouthUpperUp", "AU10", (), _O, ""),
    ("noseSneer", "AU9", ("AU10",), _O, "AU10 comes along"),
)
_SINGLES = (
    Coefficient(
        name="browInnerUp",
        side="both",
        au="AU1",
        also=(),
        sources=_O,
        note="one control for both sides: a one-sided AU1 cannot be shown",
    ),
    Coefficient(name="cheekPuff", side="both", au="AD34", also=(), sources="PR PT", note="both sides together"),
    Coefficient(name="eyeLookInLeft", side="left", au="AU62", also=("AU66",), sources="U", note=_GAZE),
    Coefficient(name="eyeLookInRight", side="right", au="AU61", also=("AU66",), sources="U", note=_GAZE),
    Coefficient(name="eyeLookOutLeft", side="left", au="AU61", also=("AU65",), sources="U", note=_GAZE),
    Coefficient(name="eyeLookOutRight", side="right", au="AU62", also=("AU65",), sources="U", note=_GAZE),
    Coefficient(name="jawForward", side="both", au="AD29", also=(), sources=_PT),
    Coefficient(name="mouthPucker", side="both", au="AU18", also=(), sources=_O),
    Coefficient(
        name="jawOpen",
        side="both",
        au="AU26",
        also=("AU27", "AU25"),
        sources=_O,
        note="AU27 near the maximum; implies AU25",
    ),
    Coefficient(
        name="mouthClose",
        side="both",
        au="AU8",
        also=(),
        sources="O PT",
        note="read with jawOpen: lips together while the jaw is down",
    ),
    Coefficient(name="mouthFunnel", side="both", au="AU22", also=("AU25",), sources=_O),
    Coefficient(
        name="mouthRollLower", side="both", au="AU28", also=(), sources="O PT", note="AU28 is the mean of both rolls"
    ),
    Coefficient(
        name="mouthRollUpper", side="both", au="AU28", also=(), sources="O PT", note="AU28 is the mean of both rolls"
    ),
    Coefficient(name="mouthShrugLower", side="both", au="AU17", also=(), sources=_O),
    Coefficient(
        name="mouthShrugUpper",
        side="both",
        au="AU17",
        also=(),
        sources="O PR",
        note="the chin raiser's effect on the upper lip",
    ),
    Coefficient(name="tongueOut", side="both", au="AD19", also=(), sources=_PT),
)


def _coefficients() -> MappingProxyType[str, Coefficient]:
    rows = {row.name: row for row in _SINGLES}
    for stem, au, also, sources, note in _PAIRS:
        for side in ("left", "right"):
            name = stem + side.capitalize()
            rows[name] = Coefficient(name=name, side=side, au=au, also=also, sources=sources, note=note)
    return MappingProxyType({name: rows[name] for name in ARKIT_NAMES})


COEFFICIENTS = _coefficients()
"""Each of the 52 ARKit coefficients in FACS terms, in the order of ψ."""

_SIDED = {
    "AU2": "browOuterUp",
    "AU4": "browDown",
    "AU5": "eyeWide",
    "AU6": "cheekSquint",
    "AU7": "eyeSquint",
    "AU9": "noseSneer",
    "AU10": "mouthUpperUp",
    "AU12": "mouthSmile",
    "AU14": "mouthDimple",
    "AU15": "mouthFrown",
    "AU16": "mouthLowerDown",
    "AU20": "mouthStretch",
    "AU24": "mouthPress",
    "AD30": "jaw",
    "AU46": "eyeBlink",
}
_WHOLE = {
    "AU1": {"browInnerUp": 1.0},
    "AU8": {"mouthClose": 1.0},
    "AU17": {"mouthShrugLower": 1.0, "mouthShrugUpper": 0.5},
    "AU18": {"mouthPucker": 1.0},
    "AD19": {"tongueOut": 1.0},
    "AU22": {"mouthFunnel": 1.0},
    "AU26": {"jawOpen": 0.6},
    "AU27": {"jawOpen": 1.0},
    "AU28": {"mouthRollLower": 1.0, "mouthRollUpper": 1.0},
    "AD29": {"jawForward": 1.0},
    "AD34": {"cheekPuff": 1.0},
    "AU43": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "AU45": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "AU61": {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
    "AU62": {"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0},
    "AU63": {"eyeLookUpLeft": 1.0, "eyeLookUpRight": 1.0},
    "AU64": {"eyeLookDownLeft": 1.0, "eyeLookDownRight": 1.0},
    "AU66": {"eyeLookInLeft": 1.0, "eyeLookInRight": 1.0},
}
_ONE_SIDED = ("AD30", "AU46")


def _actions() -> MappingProxyType[tuple[str, str], MappingProxyType[str, float]]:
    rows: dict[tuple[str, str], dict[str, float]] = {(au, "both"): parts for au, parts in _WHOLE.items()}
    for au, stem in _SIDED.items():
        left, right = {f"{stem}Left": 1.0}, {f"{stem}Right": 1.0}
        rows |= {(au, "left"): left, (au, "right"): right}
        if au not in _ONE_SIDED:
            rows[au, "both"] = left | right
    for side in ("left", "right"):
        rows["AU65", side] = {f"eyeLookOut{side.capitalize()}": 1.0}
    return MappingProxyType({key: MappingProxyType(rows[key]) for key in sorted(rows, key=_facs_order)})


def _facs_order(key: tuple[str, str]) -> tuple[int, int]:
    return list(ACTION_UNITS).index(key[0]), SIDES.index(key[1])


ACTIONS = _actions()
"""(AU, side) to the ARKit coefficients that show it at full intensity, with their weights. AU17's share of the upper
lip (0.5) and AU26's of the jaw's range (0.6) are judged by hand. AU25 has no coefficient of its own."""

SIDED = frozenset(_SIDED) | {"AU65"}
"""Codes whose left and right are told apart. Closing both eyes is AU43 or AU45, one eye AU46: the first two have no
sides."""

NO_COEFFICIENT = (
    "AU11",
    "AU13",
    "AU21",
    "AU23",
    "AU25",
    "AU31",
    "AD32",
    "AD33",
    "AD35",
    "AD36",
    "AD37",
    "AU38",
    "AU39",
    "AU44",
)
"""Codes above without an ARKit coefficient of their own (PT); AU25 and AU44 can be shown only by others' means."""


SAME_DIRECTION = ("AU43", "AU27")
"""Codes that move the face as another does (AU45, AU26) and differ by duration or size alone."""


def columns(aus: tuple[str, ...] | list[str]) -> tuple[tuple[str, str], ...]:
    """The (AU, side) columns of these AUs on ARKit coefficients: left and right where they are apart, else both."""
    return tuple((au, side) for au in aus for side in (("left", "right") if au in SIDED else ("both",)))


def normalise_au(text: str) -> str | None:
    """The code for a spelling of it (``AU01``, ``au 12``, ``12``, ``AD_30``), None where there is none.

    >>> normalise_au("AU01"), normalise_au("12"), normalise_au("AU30")
    ('AU1', 'AU12', 'AD30')
    """
    match = re.fullmatch(r"(?:A[UD])?[ _.-]?0*([1-9][0-9]?)", text.strip(), re.IGNORECASE)
    if not match:
        return None
    return next((code for prefix in ("AU", "AD") if (code := prefix + match[1]) in ACTION_UNITS), None)


def title(au: str, side: str = "both") -> str:
    """What to print: ``AU12 left · lip corner puller``. An unknown code stands for itself."""
    unit = ACTION_UNITS.get(au)
    name = au if side == "both" else f"{au} {side}"
    return f"{name} · {unit.title}" if unit else name


@dataclass(frozen=True)
class CoefficientMap:
    """Where each ARKit coefficient lies among a face's own names: ARKit name to column indices (two where the face
    splits one control, as ICT-FaceKit does browInnerUp and cheekPuff)."""

    names: tuple[str, ...]
    where: MappingProxyType[str, tuple[int, ...]]

    def weights(self, au: str, side: str) -> np.ndarray | None:
        """(E,) float32 ψ of the AU at full intensity on these names; None where they cannot show it."""
        parts = self._parts(au, side)
        if parts is None:
            return None
        psi = np.zeros(len(self.names), np.float32)
        for indices, weight in parts:
            psi[list(indices)] = weight
        return psi

    def _parts(self, au: str, side: str) -> list[tuple[tuple[int, ...], float]] | None:
        if (au, side) in ACTIONS:
            found = [(self.where.get(name, ()), weight) for name, weight in ACTIONS[au, side].items()]
        elif (au, "both") in ACTIONS and side in ("left", "right"):
            found = [(self._one_side(name, side), weight) for name, weight in ACTIONS[au, "both"].items()]
        else:
            return None
        return found if all(indices for indices, _ in found) else None

    def _one_side(self, name: str, side: str) -> tuple[int, ...]:
        indices = self.where.get(name, ())
        return tuple(i for i in indices if len(indices) == 2 and split_side(self.names[i])[1] == side)


def au_coefficient_map(names: tuple[str, ...]) -> CoefficientMap:
    """Find the ARKit coefficients among `names`, in any usual spelling; names that are none of them are left out."""
    return CoefficientMap(tuple(names), MappingProxyType(arkit_columns(tuple(names))))


@dataclass(frozen=True, kw_only=True)
class Emission:
    """What one detector can emit: an AU outside `aus` is not measured by it, never missed."""

    tool: str
    aus: tuple[str, ...]
    scale: str
    source: str


def _codes(numbers: str) -> tuple[str, ...]:
    return tuple(f"AU{n}" for n in numbers.split())


EMISSIONS = MappingProxyType(
    {
        e.tool: e
        for e in (
            Emission(
                tool="openface-r",
                aus=_codes("1 2 4 5 6 7 9 10 12 14 15 17 20 23 25 26 45"),
                scale="intensity 0–5",
                source="OpenFace wiki, Action Units; header of its output",
            ),
            Emission(
                tool="openface-c",
                aus=_codes("1 2 4 5 6 7 9 10 12 14 15 17 20 23 25 26 28 45"),
                scale="presence 0/1",
                source="OpenFace wiki, Action Units; trained apart from the intensities: the two may disagree",
            ),
            Emission(
                tool="py-feat",
                aus=_codes("1 2 4 5 6 7 9 10 11 12 14 15 17 20 23 24 25 26 28 43"),
                scale="probability 0–1",
                source="py-feat feat/multitask/MODEL_CARD.md; a probability, not a FACS intensity",
            ),
            Emission(
                tool="libreface-intensity",
                aus=_codes("1 2 4 5 6 9 12 15 17 20 25 26"),
                scale="intensity 0–5",
                source="LibreFace AU_Recognition/solver_inference.py",
            ),
            Emission(
                tool="libreface-detection",
                aus=_codes("1 2 4 6 7 10 12 14 15 17 23 24"),
                scale="presence 0/1",
                source="LibreFace AU_Detection/solver_inference.py",
            ),
        )
    }
)

DETECTOR_CAVEAT = (
    "AU detectors are often wrong: macro-F1 on DISFA+ lies between 0.25 and 0.69 over current tools "
    "(py-feat's model card and cross-tool comparison), so the detector bounds any agreement."
)
ESTIMATE_CAVEAT = (
    "These AUs are an estimate from ARKit coefficients by a hand-made table, not FACS coding: a linear "
    "fit of AUs on ARKit coefficients reaches R² 0.24 out of sample (py-feat)."
)
