"""Meta Quest Pro's face tracking: a table of its 63 FACS-named weights, as ARKit coefficients by a stated map.

Meta's MouthLeft and MouthRight, CheekSuck and LipTightener have no coefficient that means the same, and are passed
over; the tongue is none of the 63. `dfe aus import` reads the same file as AUs with sides, which loses nothing of them.
The names are those of the Movement SDK (OVRFaceExpressions, read in several public Unity projects).
"""

from __future__ import annotations

from pathlib import Path

from dfe_core.expressions.readers.mapped_table import known_names, read_mapped, sided
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.recording import Recording

FORMAT = "quest-pro"
TITLE = "Meta Quest Pro face tracking (table)"
_LEAST = 40
NAMES = sided(
    {
        "BrowLowerer": "browDown",
        "CheekRaiser": "cheekSquint",
        "Dimpler": "mouthDimple",
        "EyesClosed": "eyeBlink",
        "EyesLookDown": "eyeLookDown",
        "EyesLookUp": "eyeLookUp",
        "LidTightener": "eyeSquint",
        "LipCornerDepressor": "mouthFrown",
        "LipCornerPuller": "mouthSmile",
        "LipPressor": "mouthPress",
        "LipStretcher": "mouthStretch",
        "LowerLipDepressor": "mouthLowerDown",
        "NoseWrinkler": "noseSneer",
        "OuterBrowRaiser": "browOuterUp",
        "UpperLidRaiser": "eyeWide",
        "UpperLipRaiser": "mouthUpperUp",
    }
) | {
    "browInnerUp": ("InnerBrowRaiserL", "InnerBrowRaiserR"),
    "cheekPuff": ("CheekPuffL", "CheekPuffR"),
    "eyeLookOutLeft": ("EyesLookLeftL",),
    "eyeLookInRight": ("EyesLookLeftR",),
    "eyeLookInLeft": ("EyesLookRightL",),
    "eyeLookOutRight": ("EyesLookRightR",),
    "jawOpen": ("JawDrop",),
    "jawLeft": ("JawSidewaysLeft",),
    "jawRight": ("JawSidewaysRight",),
    "jawForward": ("JawThrust",),
    "mouthClose": ("LipsToward",),
    "mouthPucker": ("LipPuckerL", "LipPuckerR"),
    "mouthFunnel": ("LipFunnelerLB", "LipFunnelerLT", "LipFunnelerRB", "LipFunnelerRT"),
    "mouthRollLower": ("LipSuckLB", "LipSuckRB"),
    "mouthRollUpper": ("LipSuckLT", "LipSuckRT"),
    "mouthShrugLower": ("ChinRaiserB",),
    "mouthShrugUpper": ("ChinRaiserT",),
}
"""ARKit's name to Meta's, one or several whose mean it is. Meta's left is the wearer's own, as is ARKit's."""


def sniff(path: Path, head: bytes) -> str | None:
    own = [name for names in NAMES.values() for name in names]
    return "Meta's names of expressions" if known_names(path, head, own) >= _LEAST else None


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording. Times as the table has them, else --fps. Raises `DataError` where none of the names is there."""
    return read_mapped(path, options, NAMES, FORMAT)
