"""Meta Quest Pro's face tracking as AUs with sides: its 63 weights 0–1 are named after FACS.

A weight drives an avatar: it is neither a probability nor a FACS intensity. It is kept as presence 0–1, so that half of
the range counts as present. Meta's names were read in public Unity projects (OVRFaceExpressions); AU6 is its cheek
raiser, AU7 its lid tightener, and its eyes closed are AU43, for a weight does not tell a blink.
"""

from __future__ import annotations

from pathlib import Path

from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.table import (
    AuReadOptions,
    Header,
    Kind,
    detections,
    first_of,
    no_column,
    read_au_header,
    read_table,
)

FORMAT = "headset"
TITLE = "Meta Quest Pro"
_SIDED = {
    "BrowLowerer": "AU4",
    "CheekPuff": "AD34",
    "CheekRaiser": "AU6",
    "CheekSuck": "AD35",
    "Dimpler": "AU14",
    "EyesClosed": "AU43",
    "InnerBrowRaiser": "AU1",
    "LidTightener": "AU7",
    "LipCornerDepressor": "AU15",
    "LipCornerPuller": "AU12",
    "LipPressor": "AU24",
    "LipPucker": "AU18",
    "LipStretcher": "AU20",
    "LipTightener": "AU23",
    "LowerLipDepressor": "AU16",
    "NoseWrinkler": "AU9",
    "OuterBrowRaiser": "AU2",
    "UpperLidRaiser": "AU5",
    "UpperLipRaiser": "AU10",
}
AUS = {f"{name}{side[0].upper()}": (au, side) for name, au in _SIDED.items() for side in ("left", "right")} | {
    "ChinRaiserB": ("AU17", "both"),
    "JawDrop": ("AU26", "both"),
    "JawThrust": ("AD29", "both"),
    "LipsToward": ("AU8", "both"),
    "JawSidewaysLeft": ("AD30", "left"),
    "JawSidewaysRight": ("AD30", "right"),
}
"""Meta's name to AU and side, the wearer's own."""
_LEAST = 30


def sniff(path: Path, header: Header) -> str | None:
    known = len(header.lower & {name.lower() for name in AUS}) >= _LEAST
    return "most of Meta's names" if known else None


def read(path: Path, options: AuReadOptions) -> list[Detections]:
    """One `Detections` a face (a headset has one)."""
    header = read_au_header(path)
    spelling = {column: pair for name, pair in AUS.items() if (column := first_of(header, name.lower()))}
    if not spelling:
        raise no_column(path, ())
    table = read_table(path, list(spelling), (), options)
    kinds = {"probability": Kind(spelling=spelling, highest=1, scale="weight")}
    emits = tuple(dict.fromkeys(au for au, _ in AUS.values()))
    note = "weights that drive an avatar, neither probabilities nor FACS intensities"
    return [
        detections(table, face, options, kinds, tool="quest-pro", emits=emits, notes=(note,)) for face in table.faces
    ]
