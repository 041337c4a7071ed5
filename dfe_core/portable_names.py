"""Names that every system takes as a file or folder: what is made on Linux is opened on Windows and macOS too."""

from __future__ import annotations

import hashlib
import re

RESERVED = ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)))
"""Names of devices, which Windows takes for them in every folder, whatever stands behind the first dot."""
_LONGEST = 100
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


def name_fault(name: str) -> str:
    """Why a name cannot be one of a file on every system, empty where it can."""
    if not name or _FORBIDDEN.search(name):
        return "characters that no Windows file name has"
    if name.split(".", 1)[0].rstrip(" ").lower() in RESERVED:
        return "the name of a device on Windows"
    return "a name that Windows cuts its last dot or blank off" if name[-1] in ". " else ""


def file_name(text: str) -> str:
    """A text that anybody wrote, as a label, for a file or folder: the text itself where every system takes it, else a
    portable form with a digest, so that two texts share no file and none leads out of its folder."""
    plain = portable(text).encode()[:_LONGEST].decode(errors="ignore")
    return text if plain == text else f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def portable(name: str) -> str:
    """The name with what is not portable replaced by ``_``."""
    plain = _FORBIDDEN.sub("_", name).rstrip(". ") or "_"
    return f"_{plain}" if name_fault(plain) else plain
