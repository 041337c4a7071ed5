"""What `streamlit run` serves: the script components/main.py at every page's address."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # `streamlit run` puts this folder there, not the project's
    sys.path.insert(0, str(HERE.parent))

from dashboard.components import shell, sidebar  # noqa: E402,F401  (a second of imports before anybody waits for them)
from dashboard.components.deep_links import page_addresses  # noqa: E402
from dashboard.pages import overview  # noqa: E402,F401

app = st.App(HERE / "components" / "main.py", routes=page_addresses())
