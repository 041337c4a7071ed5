"""Where a real Chromium is on this machine. Standard library only: tools/ looks too, before anything is installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_MAC_PATHS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find_browser() -> str | None:
    """The path of a Chromium or Chrome: ``$DFE_CHROMIUM``, on the PATH, or where macOS keeps programs."""
    named = os.environ.get("DFE_CHROMIUM")
    if named and Path(named).is_file():
        return named
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    return found or next((path for path in _MAC_PATHS if Path(path).is_file()), None)
