"""What `streamlit run` serves: the script components/main.py at every page's address."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # `streamlit run` puts this folder there, not the project's
    sys.path.insert(0, str(HERE.parent))

from dashboard.components import uploads_folder  # noqa: E402
from dashboard.components.access import TOKEN, Access, Guard  # noqa: E402
from dashboard.components.deep_links import page_addresses  # noqa: E402
from dfe_core import trash  # noqa: E402
from dfe_core.store import recover_all  # noqa: E402

ACCESS = Access.of_environment()


@asynccontextmanager
async def ready(_: st.App) -> AsyncIterator[None]:
    """A second of imports before the server answers, rather than while the first visitor waits; at the end, jobs are
    stopped and dropped files deleted."""
    recover_all()
    trash.recover_trash()
    uploads_folder.clear_abandoned()
    for name in ("components.shell", "components.sidebar", "pages.overview"):
        import_module(f"dashboard.{name}")
    if TOKEN not in os.environ and ACCESS.token:  # not started by `dfe dashboard`, which prints it itself
        sys.stderr.write(f"Open http://localhost:{st.get_option('server.port')}/?token={ACCESS.token}\n")
    yield
    import_module("dashboard.components.jobs").stop_all()
    uploads_folder.clear()


app = st.App(
    HERE / "components" / "main.py",
    lifespan=ready,
    routes=page_addresses(),
    middleware=[Middleware(Guard, access=ACCESS)],
)
