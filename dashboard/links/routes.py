"""The pages by name: for the navigation, and for links from one page to another."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable
from typing import NoReturn
from urllib.parse import urlsplit, urlunsplit

import streamlit as st
from streamlit.errors import StreamlitAPIException

from ..theme.formatting import text
from . import query_parameters

_PAGES = f"{__name__.partition('.')[0]}.pages"
FIRST = "overview"
GROUPS = {
    "": (FIRST,),
    "Explore": ("codebook", "find", "recordings", "intervals", "syllables", "map", "motion"),
    "Analyse": ("coverage", "groups", "conversations", "probes", "micro", "asymmetry", "raters", "compare"),
    "Manage": ("study", "live", "data"),
}
TITLES = {
    "overview": ("Overview", "dashboard"),
    "codebook": ("Codebook", "grid_view"),
    "find": ("Find", "search"),
    "motion": ("Faces in motion", "animation"),
    "compare": ("Compare", "compare"),
    "recordings": ("Recordings", "timeline"),
    "syllables": ("Syllables", "animated_images"),
    "intervals": ("Intervals", "view_timeline"),
    "coverage": ("Coverage", "select_all"),
    "map": ("Map", "scatter_plot"),
    "study": ("New study", "rocket_launch"),
    "live": ("Live", "videocam"),
    "data": ("Data", "database"),
    "groups": ("Groups", "groups"),
    "conversations": ("Conversations", "forum"),
    "probes": ("Probes", "query_stats"),
    "micro": ("Micro-expressions", "slow_motion_video"),
    "asymmetry": ("Asymmetry", "straighten"),
    "raters": ("Raters", "how_to_reg"),
}


def groups() -> dict[str, list[st.Page]]:
    """Every page under its heading, for `st.navigation`."""
    return {heading: [route(name) for name in names] for heading, names in GROUPS.items()}


def route(name: str) -> st.Page:
    """One page. Its module is imported when it is first opened."""
    title, icon = TITLES[name]
    return st.Page(_opener(name), title=title, icon=f":material/{icon}:", url_path=name, default=name == FIRST)


def go(name: str, **parameters: object) -> NoReturn:
    """Open a page with these query parameters, keeping model and dataset."""
    asked = query_parameters.link(**parameters)
    try:
        st.switch_page(route(name), query_params=asked)
    except StreamlitAPIException:  # the sidebar's choices, drawn in this run, keep themselves in the link
        own = {key: value for key, value in asked.items() if key not in ("model", "dataset", "counted")}
        st.switch_page(route(name), query_params=own)


def link(name: str, label: str, **parameters: object) -> None:
    """A link to a page."""
    st.page_link(route(name), label=text(label), query_params=query_parameters.link(**parameters))


def address() -> str:
    """Where this dashboard is, as the browser sees it, without the page's own name."""
    place = urlsplit(st.context.url or "http://localhost:8501/")
    return urlunsplit((place.scheme, place.netloc, place.path.rpartition("/")[0], "", ""))


@st.cache_resource(show_spinner=False)
def import_pages() -> threading.Thread:
    """Import the modules of all pages behind the back of whoever reads the first one; once a server."""

    def imported() -> None:
        for name in TITLES:
            try:
                importlib.import_module(f"{_PAGES}.{name}")
            except Exception:  # the page itself says so when it is opened
                logging.getLogger(__name__).exception("the page %s could not be imported", name)

    made = threading.Thread(target=imported, name="import-pages", daemon=True)
    made.start()
    return made


def _opener(name: str) -> Callable[[], None]:
    def opened() -> None:
        importlib.import_module(f"{_PAGES}.{name}").page()

    opened.__name__ = name
    return opened
