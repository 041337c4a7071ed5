"""The folders of this machine that the dashboard may read from: below declared roots only. Knows no Streamlit."""

from __future__ import annotations

import os
from pathlib import Path

from dfe_core.errors import DataError

ROOTS = "DFE_ROOTS"
"""Variable of the environment: folders, separated as in $PATH. ``dfe dashboard --root`` sets it."""


def roots() -> tuple[Path, ...]:
    """The declared folders; by default the home folder and the folder that the server was started in."""
    given = [Path(part) for part in os.environ.get(ROOTS, "").split(os.pathsep) if part]
    return tuple(dict.fromkeys(path.resolve() for path in given or (Path.home(), Path.cwd())))


def place(text: str) -> Path:
    """The file or folder that a user typed.

    Links are followed before it is judged. Raises `DataError` for what lies outside of `roots`, in a hidden folder, is
    no file or folder, or is no path at all.
    """
    try:
        path = Path(text.strip()).expanduser().resolve()
        there = path.is_file() or path.is_dir()
    except (OSError, RuntimeError, ValueError):  # too long, ~nobody, a NUL
        raise DataError(text.strip()[:60], "no path of this machine", "a folder, as /data/study1") from None
    if not is_below_roots(path):
        raise DataError(
            text.strip()[:200],
            "outside of the folders that this dashboard may read",
            "one below " + " or ".join(map(str, roots())) + "; `dfe dashboard --root` names others",
        )
    if not there:
        raise DataError(text.strip()[:200], "not on this machine, or neither file nor folder", "a folder or a file")
    return path


def is_below_roots(path: Path) -> bool:
    """Whether a path, links followed, lies below one of `roots` and in no hidden folder."""
    path = path.resolve()
    inside = [path.relative_to(root) for root in roots() if path.is_relative_to(root)]
    return any(not any(part.startswith(".") for part in below.parts) for below in inside)
