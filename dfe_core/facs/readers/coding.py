"""FACS codes as coders write them: ``R12A``, ``L14``, ``1+2+5B``, ``12``, ``AU4C``."""

from __future__ import annotations

import re

from dfe_core.facs.detections import INTENSITY_LETTERS
from dfe_core.ontology import normalise_au

SIDE_WORDS = {
    "": "both",
    "b": "both",
    "both": "both",
    "bilateral": "both",
    "l": "left",
    "left": "left",
    "r": "right",
    "right": "right",
}
_CODE = re.compile(
    r"([LRB])?[ _-]?(AU|AD|M)?[ _-]?0*([1-9]\d?)[ _-]?([A-E])?[ _-]*(L|R|left|right|both|bilateral)?", re.IGNORECASE
)


def parse_code(text: str) -> list[tuple[str, str, float]] | None:
    """(AU, side, intensity 0–5, NaN where none) of a code or of a combination; None where it is no FACS code.

    >>> parse_code("R12A+25")
    [('AU12', 'right', 1.0), ('AU25', 'both', nan)]
    """
    found = []
    for part in re.split(r"[+,;]", re.sub(r"\(([^()]*)\)", r" \1", text.strip())):
        match = _CODE.fullmatch(part.strip())
        au = normalise_au((match[2] or "") + match[3]) if match else None
        if match is None or au is None:
            return None
        side = SIDE_WORDS[(match[1] or match[5] or "").lower()]
        found.append((au, side, INTENSITY_LETTERS.get((match[4] or "").upper(), float("nan"))))
    return found


def parse_intensity(text: str) -> float | None:
    """0–5 of a letter A–E or a number, NaN for a blank, None for anything else.

    >>> parse_intensity("c"), parse_intensity("2.5"), parse_intensity("high")
    (3.0, 2.5, None)
    """
    text = str(text).strip()
    if text in ("", "nan", "None"):
        return float("nan")
    if text.upper() in INTENSITY_LETTERS:
        return INTENSITY_LETTERS[text.upper()]
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 5 else None
