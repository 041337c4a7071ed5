"""`dfe dashboard`: the Streamlit app, bound to localhost."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.progress import Listener

DESCRIPTION = "Serve the dashboard on this machine only. It shows what the cache holds and builds what is missing on " \
              "its own pages."
EXAMPLES = ("dfe dashboard", "dfe dashboard --port 8600")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8501, help="(default: 8501)")
    parser.add_argument("--open", action="store_true", help="open it in the default browser")


def run(args: argparse.Namespace, progress: Listener) -> int:
    app = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
    if not app.is_file():
        raise DataError(app, "the dashboard is not installed", "the whole of dfe")
    if _taken(args.port):
        raise DataError(f"port {args.port}", "already in use on localhost", "a free one, as in `--port 8600`")
    try:
        return subprocess.call(command(app, args.port, args.open), env={**os.environ, "PYTHONPATH": _path(app)})
    except KeyboardInterrupt:
        return 0


def command(app: Path, port: int, browser: bool) -> list[str]:
    """The command that serves the app. The options stand here too, for a user's own configuration may differ."""
    return [sys.executable, "-m", "streamlit", "run", str(app), "--server.address", "localhost", "--server.port",
            str(port), "--server.fileWatcherType", "none", "--server.headless", "false" if browser else "true",
            "--browser.gatherUsageStats", "false", "--logger.level", "warning"]


def _path(app: Path) -> str:
    return os.pathsep.join(p for p in (str(app.parent.parent), os.environ.get("PYTHONPATH", "")) if p)


def _taken(port: int) -> bool:
    import socket
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
