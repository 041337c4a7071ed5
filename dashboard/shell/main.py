"""The script that runs at every visit: page set-up and navigation.

It does not lie beside pages/: Streamlit takes a folder of that name next to the script for its older kind of multipage
app and would run the file that a link names by itself.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).resolve().parent
_PACKAGE = _HERE.parent.name  # dashboard in a checkout, dfe_dashboard when installed
artefact_cache, page_frame, routes, default_analyses, login_page, sidebar, tour, web = (
    import_module(f"{_PACKAGE}.{name}")
    for name in (
        "data.artefact_cache",
        "panels.page_frame",
        "links.routes",
        "shell.default_analyses",
        "shell.login_page",
        "shell.sidebar",
        "shell.tour",
        "web",
    )
)

st.set_page_config(
    page_title="DFE",
    page_icon=str(web.path("icon.svg")),
    layout="wide",
    initial_sidebar_state="auto",
    menu_items={"About": "Discrete Facial Encoding: a codebook lab for faces."},
)
page_frame.style()
person = login_page.visitor()
page = st.navigation(routes.groups(), position="sidebar" if person.role else "hidden", expanded=True)
if not person.role:  # before anything of the cache is read
    login_page.show(person)
    st.stop()
sidebar.show()
with st.sidebar:
    tour.show(artefact_cache.chosen(), page.url_path)
with page_frame.guarded():
    page.run()
routes.import_pages()
default_analyses.start()
