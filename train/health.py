"""Is this installation sound? Python, packages, torch, drawing, browser, and every artefact of the cache."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from dfe_core import trash
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import cache_root
from dfe_core.workspace.catalogue import artefact_faults, remedy
from dfe_core.workspace.certificates import unfinished_withdrawals
from dfe_core.workspace.graph import ArtefactGraph
from dfe_core.workspace.repair import leftovers

from .browsers import find_browser
from .tables import size

REPAIR = "dfe doctor --repair"
GOOD, WARNING, BAD = "ok", "warning", "fault"
_FREE_BYTES = 2_000_000_000
_DRAW = """
import pyvista
plotter = pyvista.Plotter(off_screen=True, window_size=(64, 64))
plotter.background_color = "white"
plotter.add_mesh(pyvista.Sphere(), color="red")
image = plotter.screenshot(return_img=True)
plotter.close()
raise SystemExit(0 if len(set(map(tuple, image.reshape(-1, 3).tolist()))) > 8 else 3)
"""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing looked at: its state, what was found, and what to do about it (empty when all is well)."""

    what: str
    state: str
    found: str
    remedy: str = ""


def checkup(root: Path | None = None, progress: Listener = silent) -> list[Check]:
    """Look at everything; takes some seconds, for a picture is drawn and every artefact is read in full."""
    root = root or cache_root()
    parts: tuple[tuple[str, Callable[[], list[Check]]], ...] = (
        ("python", lambda: [_python()]),
        ("packages", lambda: list(_packages())),
        ("torch", lambda: [_torch()]),
        ("drawing", lambda: [_drawing()]),
        ("browser", lambda: [_browser()]),
        ("disk", lambda: [_disk(root)]),
        ("cache", lambda: list(_cache(root))),
    )
    checks: list[Check] = []
    for index, (name, look) in enumerate(parts):
        progress(Progress(task="doctor", done=index, total=len(parts), detail=name))
        checks += look()
    progress(Progress(task="doctor", done=len(parts), total=len(parts)))
    return checks


def _python() -> Check:
    found = f"{platform.python_version()} ({sys.executable})"
    good = sys.version_info >= (3, 10)
    return Check(
        what="Python", state=GOOD if good else BAD, found=found, remedy="" if good else "install Python 3.10 or newer"
    )


def _packages() -> Iterator[Check]:
    """Each requirement of dfe that is missing or out of range; one line when all are there."""
    wanted = [r for r in _requirements() if r.marker is None or r.marker.evaluate({"extra": ""})]
    wrong = [check for requirement in wanted if (check := _package(requirement)) is not None]
    yield from wrong or [
        Check(what="packages", state=GOOD, found=f"all {len(wanted)} requirements are installed in the versions asked")
    ]


def _requirements() -> list[Requirement]:
    """From requirements.txt of the source checkout, else from the metadata of the installed package."""
    path = Path(__file__).resolve().parent.parent / "requirements.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else _installed_requirements()
    return [Requirement(line) for line in (raw.split("#")[0].strip() for raw in lines) if line]


def _installed_requirements() -> list[str]:
    try:
        return importlib.metadata.requires("dfe") or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _package(requirement: Requirement) -> Check | None:
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return Check(what=requirement.name, state=BAD, found="not installed", remedy=f"pip install '{requirement}'")
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return Check(
        what=requirement.name, state=WARNING, found=f"version {version}", remedy=f"pip install '{requirement}'"
    )


def _torch() -> Check:
    """Asked in another process: importing torch takes a second and its memory."""
    code = "import sys, torch; print(torch.__version__, torch.cuda.is_available(), torch.get_num_threads(), sep='|')"
    result = _ask(code)
    if result.returncode:
        return Check(
            what="torch", state=BAD, found=_last_line(result.stderr) or "cannot be imported", remedy="make install"
        )
    version, cuda, threads = result.stdout.strip().splitlines()[-1].split("|")
    device = "CUDA, with a GPU" if cuda == "True" else f"CPU, {threads} threads"
    idle = cuda != "True" and shutil.which("nvidia-smi") and "+cpu" in version
    return Check(
        what="torch",
        state=WARNING if idle else GOOD,
        found=f"{version} ({device})",
        remedy="this machine has NVIDIA's tools: make install DFE_TORCH=cuda" if idle else "",
    )


def _drawing() -> Check:
    """Draw a sphere off screen, in another process: without OpenGL libraries VTK may end the process."""
    result = _ask(_DRAW)
    if result.returncode == 0:
        return Check(what="drawing", state=GOOD, found="a sphere was drawn off screen (VTK)")
    return Check(
        what="drawing",
        state=BAD,
        found=_last_line(result.stderr) or f"VTK ended with code {result.returncode}",
        remedy="on Debian and Ubuntu: sudo apt-get install libegl1 libgl1 libgl1-mesa-dri",
    )


def _browser() -> Check:
    found = find_browser()
    return (
        Check(what="Chromium", state=GOOD, found=found)
        if found
        else Check(
            what="Chromium",
            state=WARNING,
            found="not found: only the browser tests need it",
            remedy="make test installs it where it may",
        )
    )


def _disk(root: Path) -> Check:
    place = next(p for p in (root, *root.resolve().parents) if p.exists())
    free = shutil.disk_usage(place).free
    writable = os.access(place, os.W_OK)
    state = BAD if not writable else WARNING if free < _FREE_BYTES else GOOD
    return Check(
        what="cache folder",
        state=state,
        found=f"{root}, {size(free)} free" + ("" if writable else ", not writable"),
        remedy="" if state == GOOD else "set DFE_CACHE to a folder with room",
    )


def _cache(root: Path) -> Iterator[Check]:
    """One line for every faulty artefact and for what interrupted writes left; one for all that is whole."""
    graph = ArtefactGraph.of(root)
    artefacts, whole = graph.artefacts, 0
    for artefact in artefacts:
        wrong = artefact_faults(artefact)
        whole += not wrong
        if wrong:
            state = WARNING if artefact.unfinished else BAD
            yield Check(what=artefact.label, state=state, found="; ".join(wrong), remedy=remedy(artefact))
    yield Check(what="artefacts", state=GOOD, found=f"{whole} of {len(artefacts)} whole, content as it was written")
    yield from _without_sources(graph)
    for subject in unfinished_withdrawals(root):
        yield Check(
            what="withdrawal",
            state=BAD,
            found=f"that of {subject} was interrupted: recordings of theirs may still be there",
            remedy=f"dfe withdraw {subject}",
        )
    if entries := [e for e in trash.discarded(root) if e.damaged]:
        yield Check(
            what="trash",
            state=WARNING,
            found=f"{len(entries)} damaged entries: " + ", ".join(e.id for e in entries),
            remedy="dfe rm --undo ID brings back what they hold, dfe rm --purge ID deletes it",
        )
    if entries := trash.expired(root):
        yield Check(
            what="trash",
            state=WARNING,
            found=f"{len(entries)} entries over {trash.KEPT_DAYS} days old",
            remedy="dfe rm --trash lists them, dfe rm --purge ID deletes one for good",
        )
    if left := leftovers(root):
        yield Check(
            what="leftovers",
            state=WARNING,
            found=f"{len(left)} of interrupted writes: "
            + ", ".join(str(path.relative_to(root)) for path in left[:3])
            + (" …" if len(left) > 3 else ""),
            remedy=REPAIR,
        )


def _without_sources(graph: ArtefactGraph) -> Iterator[Check]:
    """Artefacts that were made from others which are not there any more: they cannot be used."""
    for artefact in graph.artefacts:
        missing = ", ".join(source.label for source in graph.missing_sources(artefact))
        if missing and not artefact.fault:
            yield Check(
                what=artefact.label,
                state=WARNING,
                found=f"made from what is not there any more: {missing}",
                remedy=f"bring it back (dfe rm --trash), or dfe rm {artefact.label} --yes",
            )


def _ask(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True)


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
