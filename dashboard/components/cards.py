"""Codewords as the gallery and the player show them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboard.components.palette import region_colour
from dashboard.components.words import mm, percent


def name_of(row: pd.Series) -> str:
    """What a codeword is called in a sentence: the lab's name, or its description, or where it moves."""
    for column in ("name", "description"):
        if isinstance(text := row.get(column), str) and text:
            return text
    return "Rest" if row["side"] == "rest" else f"{row['side']} {row['region']}".capitalize()


def card(row: pd.Series, src: str | None) -> dict[str, Any]:
    """One codeword for the gallery."""
    number, name = int(row["codeword"]), name_of(row)
    used = "never used" if not row["uses"] else f"in {percent(row['share_of_frames'])} of frames"
    return {"id": number, "src": src, "title": str(number), "note": name, "colour": region_colour(row["region"]),
            "alt": f"Codeword {number}: {name}. Moves up to {mm(row['peak_mm'])}, {used}."}


def chips(table: pd.DataFrame, pictures: dict[int, str]) -> dict[int, dict[str, Any]]:
    """Every codeword for the player, by number: colour, note and picture."""
    return {int(row["codeword"]): {"note": name_of(row), "colour": region_colour(row["region"]),
                                   "src": pictures.get(int(row["codeword"]))}
            for _, row in table.iterrows()}
