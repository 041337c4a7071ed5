"""System packages that pip cannot bring: the OpenGL libraries that VTK draws with, and a real Chromium for the tests.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from train.browsers import find_browser

GL_LIBRARIES = ("libEGL.so.1", "libGL.so.1")


class Manager(NamedTuple):
    """How one package manager refreshes its lists and installs, and what it calls what we need."""

    refresh: tuple
    install: tuple
    gl: tuple
    browser: tuple


MANAGERS = {
    "apt-get": Manager(
        ("update", "-qq"),
        ("install", "-y", "-qq", "--no-install-recommends"),
        ("libegl1", "libgl1", "libgl1-mesa-dri"),
        ("chromium", "fonts-dejavu-core"),
    ),
    "dnf": Manager((), ("install", "-y"), ("mesa-libEGL", "mesa-libGL", "mesa-dri-drivers"), ("chromium",)),
    "pacman": Manager((), ("-S", "--noconfirm", "--needed"), ("mesa", "libglvnd"), ("chromium",)),
}


def missing_gl() -> list[str]:
    """The OpenGL libraries that VTK opens at run time and that are not there; none are needed outside Linux."""
    return [name for name in GL_LIBRARIES if not _loads(name)] if sys.platform.startswith("linux") else []


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def ensure_gl() -> str | None:
    """Install the OpenGL libraries where they are missing.

    Returns what the user must know, or None when all is well.
    """
    if not missing_gl():
        return None
    hint = _install("gl")
    return f"no {' and no '.join(missing_gl())}: pictures cannot be drawn. {hint}" if missing_gl() else None


def ensure_browser() -> str | None:
    """Install Chromium where there is no browser. Returns what the user must know, or None when there is one."""
    if find_browser():
        return None
    hint = _install("browser")
    return f"no Chromium: the browser tests have nothing to drive. {hint}" if not find_browser() else None


def _install(what: str) -> str:
    """Try to install the packages of one kind (``gl`` or ``browser``); returns how to do it by hand."""
    if sys.platform == "darwin":
        return "Install it: brew install --cask chromium"
    name = next((name for name in MANAGERS if shutil.which(name)), None)
    if name is None:
        return "Install it with the system's package manager, or set DFE_CHROMIUM to a browser's path."
    manager, prefix = MANAGERS[name], _privilege()
    packages = list(getattr(manager, what))
    if prefix is not None:
        print(f"dfe: installing {' '.join(packages)} with {name}", file=sys.stderr, flush=True)
        if manager.refresh:
            _run([*prefix, name, *manager.refresh])
        _run([*prefix, name, *manager.install, *packages])
    return f"Install by hand: sudo {name} {' '.join([*manager.install, *packages])}" + (
        " (or set DFE_CHROMIUM to the path of a Chromium or Chrome)" if what == "browser" else ""
    )


def _privilege() -> list[str] | None:
    """The words to put before a command that needs root; None when we may not run one without a password."""
    quiet_apt = ["env", "DEBIAN_FRONTEND=noninteractive"]
    if os.geteuid() == 0:
        return quiet_apt
    may = (
        shutil.which("sudo")
        and subprocess.run(
            ["sudo", "-n", "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ).returncode
        == 0
    )
    return ["sudo", "-n", *quiet_apt] if may else None


def _run(command: list[str]) -> None:
    """Run to its end; its output is shown only when it fails."""
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if result.returncode:
        print(result.stdout[-2000:], file=sys.stderr, flush=True)
