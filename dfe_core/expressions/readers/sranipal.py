"""HTC Vive's facial tracker (SRanipal): a table of its lip and eye shapes, as ARKit coefficients by a stated map.

The lip shapes are those of SRanipal's second version (``Jaw_Open``, ``Mouth_Smile_Left`` …), the eyes'
``Eye_Left_Blink`` and the like. Brows and nose are not tracked: those coefficients are absent. Shapes for which ARKit
has none (overturn, overlay, cheek suck, most of the tongue) are passed over.
"""

from __future__ import annotations

from pathlib import Path

from dfe_core.expressions.readers.mapped_table import known_names, read_mapped, sided
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.recording import Recording

FORMAT = "sranipal"
TITLE = "Vive facial tracker (SRanipal, table)"
_LEAST = 12
_SIDES = ("Left", "Right")
NAMES = sided(
    {
        "Mouth_Smile_": "mouthSmile",
        "Mouth_Sad_": "mouthFrown",
        "Mouth_Upper_Up": "mouthUpperUp",
        "Mouth_Lower_Down": "mouthLowerDown",
    },
    _SIDES,
) | {
    "jawOpen": ("Jaw_Open",),
    "jawForward": ("Jaw_Forward",),
    "jawLeft": ("Jaw_Left",),
    "jawRight": ("Jaw_Right",),
    "mouthPucker": ("Mouth_Pout",),
    "mouthLeft": ("Mouth_Upper_Left", "Mouth_Lower_Left"),
    "mouthRight": ("Mouth_Upper_Right", "Mouth_Lower_Right"),
    "mouthRollUpper": ("Mouth_Upper_Inside",),
    "mouthRollLower": ("Mouth_Lower_Inside",),
    "cheekPuff": ("Cheek_Puff_Left", "Cheek_Puff_Right"),
    "mouthClose": ("Mouth_Ape_Shape",),
    "tongueOut": ("Tongue_LongStep1",),
    **{
        f"{ours}{side}": (f"Eye_{side}_{theirs}",)
        for side in _SIDES
        for theirs, ours in (
            ("Blink", "eyeBlink"),
            ("Wide", "eyeWide"),
            ("Squeeze", "eyeSquint"),
            ("Up", "eyeLookUp"),
            ("Down", "eyeLookDown"),
        )
    },
    "eyeLookOutLeft": ("Eye_Left_Left",),
    "eyeLookInLeft": ("Eye_Left_Right",),
    "eyeLookInRight": ("Eye_Right_Left",),
    "eyeLookOutRight": ("Eye_Right_Right",),
}
"""ARKit's name to SRanipal's, one or several whose mean it is. The ape shape (jaw down, lips shut) is mouthClose."""


def sniff(path: Path, head: bytes) -> str | None:
    own = [
        n
        for names in NAMES.values()
        for n in names
        if n.startswith(("Mouth_U", "Mouth_L", "Jaw_", "Mouth_S", "Mouth_P", "Cheek_Puff_"))
    ]
    return (
        "SRanipal's names of lip shapes"
        if known_names(path, head, own) >= _LEAST
        and known_names(path, head, ("Mouth_Pout", "Mouth_Upper_Inside", "Mouth_Sad_Left"))
        else None
    )


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording. Times as the table has them, else --fps. Raises `DataError` where none of the names is there."""
    return read_mapped(path, options, NAMES, FORMAT)
