"""What is wrong with a field of a form, said beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def wrong(place: Any, why: str) -> bool:
    """Say in the place of a field, a column or an empty element below it, why what it holds cannot be used; whether
    there is anything to say. why: a sentence as Markdown, empty where the field is as it should be."""
    if why:
        place.markdown(f":red[:material/error: {why}]")
    return bool(why)


def any_wrong(places: Mapping[str, Any], faults: Mapping[str, str]) -> bool:
    """`wrong` for every field of a form by its name; whether any is."""
    return max((wrong(places[name], why) for name, why in faults.items()), default=False)
