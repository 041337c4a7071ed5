"""State that a link carries: read from and written to the query parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import streamlit as st
from streamlit.errors import StreamlitAPIException

from ..theme.formatting import text


def read(name: str) -> str | None:
    """A query parameter, None when the link does not have it."""
    return st.query_params.get(name)


def spell(name: str, options: Sequence[object], format_func: Callable[[Any], str] = str) -> None:
    """Bring what a link says for a choice to the spelling that its widget knows: an option as it is, or as it is shown,
    in capitals or not. Call before the widget is drawn; the page runs again where something changed."""
    labels = {str(option).lower(): format_func(option) for option in options}
    known = labels | {label.lower(): label for label in labels.values()}
    given = st.query_params.get_all(name)
    spelled = [value if value in labels.values() else known.get(value.lower(), value) for value in given]
    unusable(name, [value for value in spelled if value and value not in labels.values()])
    if spelled != given:
        try:
            st.query_params[name] = spelled
        except StreamlitAPIException:  # its widget is there already, as on the browser's way back: what it shows stands
            return
        st.rerun()


def unusable(what: str, values: Sequence[str]) -> None:
    """Say which values of a link cannot be followed, so that nobody takes what is shown for what the link meant."""
    if values:
        shown = text(", ".join(values)[:80])
        st.caption(f":material/link_off: The link’s {what} “{shown}” is not there and is passed over.")


def rerun_fragment() -> NoReturn:
    """Run the fragment again; the whole page where that is what runs, as when the sidebar's choice has changed."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:
        st.rerun()


def write(**values: object) -> None:
    """Set query parameters; None removes one. What is unchanged is left alone, so that history does not fill up."""
    for name, value in values.items():
        if value is None:
            if name in st.query_params:
                del st.query_params[name]
        elif st.query_params.get(name) != str(value):
            st.query_params[name] = str(value)


def link(**values: object) -> dict[str, str]:
    """Query parameters for a page of the same model, dataset and threshold, as `st.switch_page` takes them."""
    kept = {
        name: st.query_params[name] for name in ("model", "dataset", "counted", "chosen") if name in st.query_params
    }
    return kept | {name: str(value) for name, value in values.items() if value is not None}
