"""What `streamlit run` serves: the script shell/main.py at every page's address."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # `streamlit run` puts this folder there, not the project's
    sys.path.insert(0, str(HERE.parent))

from dfe_core import trash  # noqa: E402
from dfe_core.store import recover_all  # noqa: E402

PACKAGE = HERE.name
"""This package is called ``dashboard`` in a checkout and ``dfe_dashboard`` where the wheel is installed."""
access = import_module(f"{PACKAGE}.shell.access")
page_addresses = import_module(f"{PACKAGE}.shell.page_addresses")
uploads_folder = import_module(f"{PACKAGE}.data.uploads_folder")
rating_page = import_module(f"{PACKAGE}.shell.rating_page")
people = import_module(f"{PACKAGE}.data.people")
ACCESS = replace(access.Access.of_environment(), base=st.get_option("server.baseUrlPath") or "")
ACCESS = replace(
    ACCESS, has_room=uploads_folder.has_memory, is_invited=partial(rating_page.is_address, base=ACCESS.base)
)
if people.has_login():
    logins = import_module(f"{PACKAGE}.shell.login_cookie")
    ACCESS = replace(ACCESS, admits=logins.admits, hears=logins.hears, ends=logins.end)


@asynccontextmanager
async def ready(_: st.App) -> AsyncIterator[None]:
    """A second of imports before the server answers, rather than while the first visitor waits; at the end, jobs are
    stopped and dropped files deleted."""
    recover_all()
    trash.recover_trash()
    uploads_folder.clear_abandoned()
    for name in ("shell.tour", "shell.sidebar", "pages.overview"):
        import_module(f"{PACKAGE}.{name}")
    if access.TOKEN not in os.environ and ACCESS.token:  # not started by `dfe dashboard`, which prints it itself
        sys.stderr.write(f"Open http://localhost:{st.get_option('server.port')}/?token={ACCESS.token}\n")
    collecting = asyncio.create_task(import_module(f"{PACKAGE}.shell.collection").collect_regularly())
    yield
    collecting.cancel()
    import_module(f"{PACKAGE}.data.job_manager").stop_all()
    uploads_folder.clear()


app = st.App(
    HERE / "shell" / "main.py",
    lifespan=ready,
    routes=page_addresses.page_addresses(),
    middleware=[Middleware(access.Guard, access=ACCESS)],
)
