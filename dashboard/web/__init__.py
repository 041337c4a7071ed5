"""What the browser is given: scripts, styles and pictures, by name."""

from __future__ import annotations

from pathlib import Path

_BUILT = Path(__file__).parent / "built"


def path(name: str) -> Path:
    """The file of a script, style or picture."""
    return _BUILT / name


def text(name: str) -> str:
    """The content of a script or style."""
    return path(name).read_text(encoding="utf-8")
