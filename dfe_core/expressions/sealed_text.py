"""What became of labels that are or were sealed, in words."""

from __future__ import annotations

from typing import Any


def sealed_sentence(facts: dict[str, Any] | None) -> str:
    """What became of labels that are or were sealed; nothing where none was."""
    if facts is None:
        return ""
    if facts["state"] == "sealed":
        return (
            f"Exploratory: {facts['withheld']} recordings of study {facts['study']} are left out, whose labels are "
            "sealed for a test."
        )
    if facts["standing"] == "confirmatory":
        return (
            f"Confirmatory: a hypothesis of study {facts['study']}, named before the labels of the people tested here "
            f"were seen; analysis {facts['looks']} of these labels."
        )
    return (
        f"Exploratory: not a hypothesis that study {facts['study']} named before it opened its sealed labels; analysis "
        f"{facts['looks']} of these labels."
    )
