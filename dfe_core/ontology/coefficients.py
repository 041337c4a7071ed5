"""The 52 ARKit coefficients in terms of FACS, and what each does in plain words.

The correspondence is anatomical and judged by hand, not peer reviewed and not from Apple: it serves naming, templates
and estimates, never as a measurement. Left and right are the face's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from dfe_core.ontology.table import parts, read_rows


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


_ROWS = read_rows("coefficients")
"""In the order of ψ on the default face, left before right, but for jaw and mouth sideways. Coefficients that differ by
side alone are one row, ``*`` in the name; no subject: gaze, told from the eyeballs."""

DIRECTIONS = ("jaw*", "mouth*")
"""Where left and right say which way all of it goes, not which half of it moves."""


def _coefficients() -> dict[str, Coefficient]:
    found = {}
    for row in _ROWS:
        codes = parts(row["au"]) or ("",)
        for i, side in enumerate(("left", "right") if "*" in row["name"] else ("both",)):
            name = row["name"].replace("*", side.capitalize())
            found[name] = Coefficient(
                name=name,
                side=side,
                au=codes[i % len(codes)],
                also=parts(row["also"]),
                sources=parts(row["sources"]),
                note=row["note"],
            )
    return {name: found[name] for name in sorted(found, key=lambda n: (n == "tongueOut", n))}


def _phrases() -> dict[str, MovementPhrase]:
    """By stem; jaw and mouth sideways by their whole name, which is where they go."""
    found = {}
    for row in _ROWS:
        name, phrase = row["name"], MovementPhrase(row["subject"], row["plural"], row["where"])
        if name in DIRECTIONS:
            for side in ("left", "right"):
                where = phrase.where.replace("*", side)
                found[name.replace("*", side.capitalize())] = MovementPhrase(phrase.subject, "", where)
        elif phrase.subject:
            found[name.removesuffix("*")] = phrase
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
