"""The script of the dashboard: page set-up and navigation. Pages lie in pages/, their parts in components/."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # `streamlit run` puts this folder there, not the project's
    sys.path.insert(0, str(HERE.parent))

from dashboard.components import frame, media, routes, shelf, shell, sidebar  # noqa: E402

st.set_page_config(page_title="DFE", page_icon=str(HERE / "components/static/icon.svg"), layout="wide",
                   initial_sidebar_state="auto",
                   menu_items={"About": "Discrete Facial Encoding: a codebook lab for faces."})
frame.style()
page = st.navigation(routes.groups())
sidebar.show()
media.keep()
with st.sidebar:
    shell.show(shelf.chosen(), page.url_path)
with frame.guarded():
    page.run()
routes.import_pages()
