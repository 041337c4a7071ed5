"""VRChat's unified expressions (VRCFaceTracking): a table of its shapes, as ARKit coefficients by a stated map.

Names stand alone or behind an address (``/avatar/parameters/v2/JawOpen``), as logs of the OSC stream have them; the
tracker's own log has no times, so that it takes the rate of collection (--fps), and no closed eyes, which are openness
beside the shapes. Shapes for which ARKit has none (nostrils, corner suck, deepened upper lip, tightened lips, most of
the tongue) are passed over. VRM's perfect sync is ARKit's own names (`arkit_table`); its presets (``happy``, ``aa``)
are emotions and visemes and no coefficients.
"""

from __future__ import annotations

from pathlib import Path

from dfe_core.expressions.readers.mapped_table import known_names, read_mapped
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.recording import Recording

FORMAT = "unified"
TITLE = "VRChat unified expressions (table)"
_SIDES = ("Left", "Right")
_LEAST = 12
_SAME = "EyeLookOut EyeLookIn EyeLookUp EyeLookDown EyeSquint EyeWide NoseSneer CheekSquint BrowOuterUp"
_SAME_MOUTH = "MouthUpperUp MouthLowerDown MouthFrown MouthStretch MouthDimple MouthPress"
_OWN = {
    "browDown": ("BrowLowerer", "BrowPinch"),
    "eyeBlink": ("EyeClosed",),
    "mouthSmile": ("MouthCornerPull", "MouthCornerSlant"),
}
NAMES = (
    {
        f"{theirs[0].lower()}{theirs[1:]}{side}": (theirs + side,)
        for theirs in f"{_SAME} {_SAME_MOUTH}".split()
        for side in _SIDES
    }
    | {ours + side: tuple(name + side for name in theirs) for ours, theirs in _OWN.items() for side in _SIDES}
    | {f"mouth{side}": (f"MouthUpper{side}", f"MouthLower{side}") for side in _SIDES}
    | {
        "browInnerUp": ("BrowInnerUpLeft", "BrowInnerUpRight"),
        "cheekPuff": ("CheekPuffLeft", "CheekPuffRight"),
        "jawOpen": ("JawOpen",),
        "jawLeft": ("JawLeft",),
        "jawRight": ("JawRight",),
        "jawForward": ("JawForward",),
        "mouthClose": ("MouthClosed",),
        "mouthFunnel": tuple(f"LipFunnel{lip}{side}" for lip in ("Upper", "Lower") for side in _SIDES),
        "mouthPucker": tuple(f"LipPucker{lip}{side}" for lip in ("Upper", "Lower") for side in _SIDES),
        "mouthRollUpper": ("LipSuckUpperLeft", "LipSuckUpperRight"),
        "mouthRollLower": ("LipSuckLowerLeft", "LipSuckLowerRight"),
        "mouthShrugUpper": ("MouthRaiserUpper",),
        "mouthShrugLower": ("MouthRaiserLower",),
        "tongueOut": ("TongueOut",),
    }
)
"""ARKit's name to the unified one, one or several whose mean it is; both name the wearer's own sides."""
_UNLIKE_ARKIT = [name for theirs in NAMES.values() if len(theirs) > 1 for name in theirs if "Cheek" not in name]


def sniff(path: Path, head: bytes) -> str | None:
    known = known_names(path, head, _UNLIKE_ARKIT)
    return "names of unified expressions" if known >= _LEAST else None


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording. Times as the table has them, else --fps. Raises `DataError` where none of the names is there."""
    return read_mapped(path, options, NAMES, FORMAT)
