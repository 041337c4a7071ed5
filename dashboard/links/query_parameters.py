"""State that a link carries: read from and written to the query parameters."""

from __future__ import annotations

import streamlit as st


def read(name: str) -> str | None:
    """A query parameter, None when the link does not have it."""
    return st.query_params.get(name)


def write(**values: object) -> None:
    """Set query parameters; None removes one. What is unchanged is left alone, so that history does not fill up."""
    for name, value in values.items():
        if value is None:
            if name in st.query_params:
                del st.query_params[name]
        elif st.query_params.get(name) != str(value):
            st.query_params[name] = str(value)


def link(**values: object) -> dict[str, str]:
    """Query parameters for a page of the same model and dataset, as `st.switch_page` takes them."""
    kept = {name: st.query_params[name] for name in ("model", "dataset", "chosen") if name in st.query_params}
    return kept | {name: str(value) for name, value in values.items() if value is not None}
