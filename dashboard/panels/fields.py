"""What is wrong with a field of a form, said beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from dfe_core.errors import DataError

from ..views.field_button import caught, field_and_button
from . import error_text


def wrong(place: Any, why: str) -> bool:
    """Say in the place of a field, a column or an empty element below it, why what it holds cannot be used; whether
    there is anything to say. why: a sentence as Markdown, empty where the field is as it should be."""
    if why:
        place.markdown(f":red[:material/error: {why}]")
    return bool(why)


def any_wrong(places: Mapping[str, Any], faults: Mapping[str, str]) -> bool:
    """`wrong` for every field of a form by its name; whether any is."""
    return max((wrong(places[name], why) for name, why in faults.items()), default=False)


def fault(key: str) -> str:
    """Why the last click of an `acting_button` of this key did nothing, once; empty where it did what it says."""
    error = caught(key)
    return error_text.sentence(error) if isinstance(error, DataError) else str(error or "")


def asks(label: str, verb: str, key: str, act: Callable[[str], str], **look: Any) -> None:
    """`field_and_button`, and below it why the last click did nothing."""
    field_and_button(label, verb, key, act, **look)
    wrong(st, fault(key))
