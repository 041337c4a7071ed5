"""Codewords as the gallery, the strips and the player show them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboard.components.palette import region_colour
from dashboard.components.words import mm, percent


def name_of(row: pd.Series) -> str:
    """What a codeword is called: the lab's name for it, or what moves most in it."""
    return row["name"] or str(row["description"]).split(";")[0].rsplit(",", 1)[0]


def title_of(row: pd.Series) -> str:
    """Its number, with the action unit it is like."""
    return f"{int(row['codeword'])} · {row['like']}" if row["like"] else str(int(row["codeword"]))


def sentence_of(row: pd.Series) -> str:
    """The whole description."""
    return f"{row['description']}." + (f" Like {row['like']}." if row["like"] else "")


def card(row: pd.Series, src: str | None) -> dict[str, Any]:
    """One codeword for the gallery."""
    number = int(row["codeword"])
    used = f"In {percent(row['share_of_frames'])} of frames." if row["uses"] else "Never used."
    return {"id": number, "src": src, "title": title_of(row), "note": name_of(row),
            "colour": region_colour(row["region"]),
            "alt": f"Codeword {number}: {sentence_of(row)} {used} Moves up to {mm(row['peak_mm'])}."}


def chips(table: pd.DataFrame, pictures: dict[int, str]) -> dict[int, dict[str, Any]]:
    """Codewords for the player, by number: colour, note and picture."""
    return {int(row["codeword"]): {"note": name_of(row), "colour": region_colour(row["region"]),
                                   "src": pictures.get(int(row["codeword"]))}
            for _, row in table.iterrows()}
