"""Faceshift's 48 blendshapes as a table, as ARKit coefficients by a stated map.

Faceshift (bought by Apple in 2015) named its shapes after what became ARKit's: most are one to one; its sneer, puff and
lips have no sides. JawChew, LipsUpperClose, LipsLowerClose, LipsUpperOpen and LipsLowerOpen have no counterpart and are
passed over.
"""

from __future__ import annotations

from pathlib import Path

from dfe_core.expressions.readers.mapped_table import known_names, read_mapped, sided
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.recording import Recording

FORMAT = "faceshift"
TITLE = "Faceshift blendshapes (table)"
_OWN = tuple(
    """
    BrowsD_L BrowsD_R BrowsU_C BrowsU_L BrowsU_R JawFwd JawChew LipsFunnel LipsPucker LipsUpperUp LipsLowerDown
    ChinLowerRaise ChinUpperRaise EyeOpen_L EyeOpen_R Puff Sneer
    """.split()
)
_LEAST = 10
NAMES = sided(
    {
        "EyeBlink_": "eyeBlink",
        "EyeSquint_": "eyeSquint",
        "EyeDown_": "eyeLookDown",
        "EyeIn_": "eyeLookIn",
        "EyeOpen_": "eyeWide",
        "EyeOut_": "eyeLookOut",
        "EyeUp_": "eyeLookUp",
        "BrowsD_": "browDown",
        "BrowsU_": "browOuterUp",
        "MouthFrown_": "mouthFrown",
        "MouthSmile_": "mouthSmile",
        "MouthDimple_": "mouthDimple",
        "LipsStretch_": "mouthStretch",
        "CheekSquint_": "cheekSquint",
    }
) | {
    "browInnerUp": ("BrowsU_C",),
    "jawForward": ("JawFwd",),
    "jawLeft": ("JawLeft",),
    "jawOpen": ("JawOpen",),
    "jawRight": ("JawRight",),
    "mouthLeft": ("MouthLeft",),
    "mouthRight": ("MouthRight",),
    "mouthUpperUpLeft": ("LipsUpperUp",),
    "mouthUpperUpRight": ("LipsUpperUp",),
    "mouthLowerDownLeft": ("LipsLowerDown",),
    "mouthLowerDownRight": ("LipsLowerDown",),
    "mouthFunnel": ("LipsFunnel",),
    "mouthPucker": ("LipsPucker",),
    "mouthShrugLower": ("ChinLowerRaise",),
    "mouthShrugUpper": ("ChinUpperRaise",),
    "noseSneerLeft": ("Sneer",),
    "noseSneerRight": ("Sneer",),
    "cheekPuff": ("Puff",),
}
"""ARKit's name to Faceshift's."""


def sniff(path: Path, head: bytes) -> str | None:
    return "Faceshift's names of shapes" if known_names(path, head, _OWN) >= _LEAST else None


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording. Times as the table has them, else --fps. Raises `DataError` where none of the names is there."""
    return read_mapped(path, options, NAMES, FORMAT)
