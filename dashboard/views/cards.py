"""Codewords as the gallery, the strips and the player show them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.facs.codeword_names import Verdict
from dfe_core.render.palette import region_colour

from ..data.dictionary import Dictionary
from ..theme.formatting import mm, percent

CHANCE = 0.5
"""Share of pairs of moments in which a sentence that says nothing picks the codeword's own."""


def name_of(row: pd.Series) -> str:
    """What a codeword is called: the lab's name for it, or its plain name."""
    return row["name"] or str(row["title"])


def title_of(row: pd.Series) -> str:
    """Its number and what it is called."""
    return f"{int(row['codeword'])} · {name_of(row)}"


def sentence_of(row: pd.Series) -> str:
    """The whole description, with what is known of it in terms of FACS."""
    return f"{row['description']}. {facs_words(row['verdict'], row['action_units'] or row['like'])}".strip()


def facs_words(verdict: Verdict, units: str) -> str:
    """What a codeword is in terms of FACS, as a sentence; empty for rest."""
    return {
        Verdict.REST: "",
        Verdict.CONFIRMED: f"{units}, by shape and in the data.",
        Verdict.BY_SHAPE: f"Shaped like {units}; nothing measured confirms it.",
        Verdict.BEYOND_FACS: "Beyond FACS: no action unit moves the face this way.",
        Verdict.CONTRAST: "A contrast: no face can do it alone.",
        Verdict.NOT_CONFIRMED: "No action unit: the one it looks like does not go with it in the data.",
        Verdict.NO_MATCH: "No action unit matches.",
        Verdict.FAINT: "Too faint for an action unit.",
        Verdict.UNKNOWN: "",
    }[verdict]


def chip_of(row: pd.Series) -> str:
    """The mark on a card: action units with their strength where geometry and measurement agree, or that it is beyond
    FACS; empty where nothing confirms what it is shaped like, and where nothing is known."""
    return row["action_units"] or {
        Verdict.BEYOND_FACS: "beyond FACS",
        Verdict.CONTRAST: "contrast",
        Verdict.FAINT: "faint",
        Verdict.NOT_CONFIRMED: "no AU",
        Verdict.NO_MATCH: "no AU",
    }.get(row["verdict"], "")


def score_of(row: pd.Series) -> str:
    """How often its sentence picks its moments; empty where the names were not checked on these data."""
    if not row["checked"] or row["verdict"] is Verdict.REST:
        return ""
    picked = row["picked"]
    if not np.isfinite(picked):
        return "name not scored"
    low = row["picked_low"]
    return f"name picks {'only ' if picked <= CHANCE or low <= CHANCE else ''}{percent(picked)}"


def picked_words(accuracy: float, low: float, high: float) -> str:
    """A sentence's score with its interval, if it has one, and chance: ``93 % of pairs [90, 96], chance 50 %``."""
    interval = f" [{100 * low:.0f}, {100 * high:.0f}]" if np.isfinite(low) else ""
    return f"{percent(accuracy)} of pairs{interval}, chance {percent(CHANCE)}"


def card(row: pd.Series, src: str | None) -> dict[str, Any]:
    """One codeword for the gallery."""
    number = int(row["codeword"])
    used = f"In {percent(row['share_of_frames'])} of frames." if row["presences"] else "In no frame."
    used = "" if row["verdict"] is Verdict.REST else used
    score = score_of(row)
    held = ""
    if np.isfinite(row["picked"]):
        words = picked_words(row["picked"], row["picked_low"], row["picked_high"])
        held = f" Its name picks its moments in {words}."
    return {
        "id": number,
        "src": src,
        "title": str(number),
        "note": name_of(row),
        "chip": chip_of(row),
        "score": score,
        "named": bool(row["action_units"]),
        "colour": region_colour(row["region"]),
        "alt": f"Codeword {number}: {sentence_of(row)} {used} Moves up to {mm(row['peak_mm'])}.{held}",
    }


@lru_cache(maxsize=8)
def cards_of(book: Dictionary) -> tuple[dict[str, Any], ...]:
    """The card of every codeword, without its picture; shared between sessions: not to be changed."""
    return tuple(card(row, None) for _, row in book.table.iterrows())


def chips(table: pd.DataFrame, pictures: dict[int, str]) -> dict[int, dict[str, Any]]:
    """Codewords for the player, by number: note, size at intensity 1 in mm, region with its colour, and picture."""
    return {
        int(row["codeword"]): {
            "note": name_of(row),
            "mm": round(float(row["peak_mm"]), 3) if np.isfinite(row["peak_mm"]) else None,
            "region": "" if row["region"] == "none" else str(row["region"]),
            "colour": region_colour(row["region"]),
            "src": pictures.get(int(row["codeword"])),
        }
        for _, row in table.iterrows()
    }
