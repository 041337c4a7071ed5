"""The button that acts on fields, which loses no click."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dfe_core.errors import DataError


class Unusable(Exception):
    """Why a button cannot act on what its fields hold: a sentence as Markdown."""


def acting_button(
    place: Any,
    label: str,
    key: str,
    act: Callable[..., str],
    names: Sequence[str] = (),
    *,
    form: bool = True,
    about: str = "",
    **look: Any,
) -> None:
    """A button that calls `act` with what stands in the widgets of these names, and then says what `act` returns.

    It acts as a callback, with the arguments that it was drawn with: at the beginning of a run, so that nothing that
    ends the run early, and nothing that somebody else has changed meanwhile, loses the click. `act` checks what it
    gets: a button that is off until a field is filled in is still off where the field is left for it.

    form: whether it is that of the `st.form` around it, in which leaving a field writes nothing anew, so that the
    button stays where it is pressed. `act` raises `Unusable` or `DataError`, which `caught` gives the next run.
    about: what the outcome is kept under, where the key is another one after the click.
    """
    draw, about = place.form_submit_button if form else place.button, about or key
    draw(label, key=key, on_click=_act, args=(about, act, tuple(names)), **look)
    if done := st.session_state.pop(_state(about, "done"), ""):
        st.toast(done, icon=":material/check_circle:")


def field_and_button(
    label: str,
    verb: str,
    key: str,
    act: Callable[[str], str],
    *,
    field: Mapping[str, Any] | None = None,
    widths: tuple[float, float] = (2, 1),
    enter: bool = True,
    **look: Any,
) -> None:
    """A text field and, at its right, the `acting_button` that acts on it.

    field: options of `st.text_input`, with ``key`` where it is not ``{key}-field``. enter: whether Enter in the field
    does the same; not where that starts a job or cannot be taken back.
    """
    options = {"key": f"{key}-field", **(field or {})}
    with st.form(f"{key}-form", border=False, enter_to_submit=enter):
        left, right = st.columns(widths, vertical_alignment="bottom")
        left.text_input(label, **options)
        acting_button(right, verb, key, act, [options["key"]], width="stretch", **look)


def _act(about: str, act: Callable[..., str], names: Sequence[str]) -> None:
    """Nothing is drawn here: Streamlit would draw it at the top of the page."""
    try:
        st.session_state[_state(about, "done")] = act(*(st.session_state.get(name) for name in names))
    except (Unusable, DataError) as error:
        st.session_state[_state(about, "error")] = error


def caught(about: str) -> Unusable | DataError | None:
    """Why the last click of the `acting_button` of this key did nothing, once; None where it did what it says."""
    return st.session_state.pop(_state(about, "error"), None)


def _state(about: str, what: str) -> str:
    return f"{about}-{what}"
