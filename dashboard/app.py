"""What `streamlit run` serves: the script components/main.py at every page's address."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # `streamlit run` puts this folder there, not the project's
    sys.path.insert(0, str(HERE.parent))

from dashboard.components.deep_links import page_addresses  # noqa: E402


@asynccontextmanager
async def ready(_: st.App) -> AsyncIterator[None]:
    """A second of imports before the server answers, rather than while the first visitor waits."""
    for name in ("components.shell", "components.sidebar", "pages.overview"):
        import_module(f"dashboard.{name}")
    yield


app = st.App(HERE / "components" / "main.py", lifespan=ready, routes=page_addresses())
