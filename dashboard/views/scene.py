"""The guard around stpyvista: scenes are exported in a helper process under a time limit, and shown when they arrive.

stpyvista's own export forks this server, with its threads, and waits for ever when the child fails. Here a separate
process exports (it works under spawn as well as fork), is ended when it takes too long, and starts again when next
needed; stpyvista then only shows the finished scene. This is the one module that uses stpyvista (GPLv3).
"""

from __future__ import annotations

import atexit
import functools
import os
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.errors import StreamlitAPIException

from dfe_core.faces.model import FaceModel
from dfe_core.render.scene_mesh import SceneMesh, lines_of_equal_mm, scene_mesh
from dfe_core.store import content_key, write_json

from .. import web

LIMIT_S = float(os.environ.get("DFE_SCENE_LIMIT_S", "10"))
"""How long a scene may take before a plotly mesh takes its place; $DFE_SCENE_LIMIT_S changes it."""

START_LIMIT_S = 30.0
"""How long the helper may take to start; pages warm it up before anyone asks for a scene."""

HEIGHT = 470
"""Of a scene on the page, CSS pixels."""

BACKGROUNDS = {"light": "#FFFFFF", "dark": "#13161C"}
_KEPT = 24
_ICONS = "https://kitware.github.io/vtk-js/icon/"
_FOLLOW = f"<script>{web.text('scene.js')}</script>"
_PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Exported:
    """A scene as HTML, or why there is none."""

    html: str | None = None
    fault: str = ""


@dataclass(frozen=True, kw_only=True)
class SceneOptions:
    """What a scene shows: the neutral face beside it, lines of equal displacement, and a cut across one axis of the
    face (x, y or z) at so many mm, behind which the face stays."""

    beside: bool = True
    lines: bool = True
    axis: str | None = None
    at_mm: float = 0.0

    def written(self, most_mm: float) -> dict[str, Any]:
        """As the helper reads it, for a movement that goes so far."""
        return {
            "beside": self.beside,
            "lines": lines_of_equal_mm(most_mm).tolist() if self.lines else [],
            "cut": {"axis": self.axis, "at_mm": self.at_mm} if self.axis else None,
        }


class Exporter:
    """One helper process that turns meshes into scenes, one at a time."""

    def __init__(self, command: list[str] | None = None, limit_s: float = LIMIT_S) -> None:
        self._command = command or [sys.executable, "-m", f"{__package__}.scene_worker"]
        self._limit_s, self._lock = limit_s, threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._ready = False
        atexit.register(self.close)

    def warm(self) -> None:
        """Start the helper if it is not running; returns at once."""
        if self._lock.acquire(blocking=False):
            try:
                self._start()
            finally:
                self._lock.release()

    def export(self, mesh: SceneMesh, options: SceneOptions, background: str) -> Exported:
        """The scene of a mesh, within the time limit or with the reason why not."""
        if not self._lock.acquire(timeout=self._limit_s):
            return Exported(fault="another scene is being exported")
        try:
            return self._export(mesh, options, background)
        except EOFError:
            return Exported(fault="the scene's exporter ended early")
        except (OSError, ValueError) as error:
            self.close()
            return Exported(fault=f"the scene's export could not run ({error})")
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the helper."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process, self._ready = None, False

    def _start(self) -> Connection:
        """The pipe to the helper, which is started where it is not running."""
        if self._pipe is not None and self._process is not None and self._process.poll() is None:
            return self._pipe
        path = os.pathsep.join(filter(None, [str(_PROJECT), os.environ.get("PYTHONPATH")]))
        self._pipe, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [*self._command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"},
            )
        self._ready = False
        return self._pipe

    def _export(self, mesh: SceneMesh, options: SceneOptions, background: str) -> Exported:
        helper = self._start()
        if not self._ready:
            if not helper.poll(min(START_LIMIT_S, self._limit_s)):
                return Exported(fault="the scene's exporter is still starting")
            self._ready = helper.recv() is None
        with tempfile.TemporaryDirectory(prefix="dfe-scene-") as folder:
            np.savez(Path(folder) / "mesh.npz", **vars(mesh))
            write_json(
                Path(folder) / "options.json", options.written(float(mesh.moved_mm.max())) | {"background": background}
            )
            helper.send(folder)
            if not helper.poll(self._limit_s):
                self.close()
                return Exported(fault=f"the scene took over {self._limit_s:.0f} s to export")
            if fault := helper.recv():
                return Exported(fault=f"the scene's export failed ({fault})")
            return Exported(_without_foreign_pictures((Path(folder) / "scene.html").read_text(encoding="utf-8")))


class Scenes:
    """Exported scenes, the last few kept."""

    def __init__(self, exporter: Exporter) -> None:
        self.exporter = exporter
        self._kept: OrderedDict[str, str] = OrderedDict()

    def get(self, face: FaceModel, psi: np.ndarray, options: SceneOptions, background: str) -> Exported:
        """The scene of an expression on a face; exported when it is not kept."""
        psi = np.asarray(psi, np.float32).round(6)
        key = content_key([face.look_key, psi.tolist(), background, vars(options)])
        if key in self._kept:
            self._kept.move_to_end(key)
            return Exported(self._kept[key])
        made = self.exporter.export(scene_mesh(face, psi), options, background)
        if made.html is not None:
            self._kept[key] = made.html
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made


@st.cache_resource(show_spinner=False)
def _scenes() -> Scenes:
    return Scenes(Exporter())


def warm() -> None:
    """Get the exporter ready before a scene is asked for."""
    _scenes().exporter.warm()


def exported(face: FaceModel, psi: np.ndarray, options: SceneOptions) -> Exported:
    """The scene of an expression (E,) on a face, on the background of the theme in use."""
    return _scenes().get(face, psi, options, BACKGROUNDS.get(st.context.theme.type or "light", "#FFFFFF"))


def _without_foreign_pictures(html: str) -> str:
    """The scene without the icons that vtk.js would ask another server for: no page of ours asks any."""
    return html.replace(_ICONS, "data:,")


def show(html: str, key: str) -> None:
    """Show a finished scene in stpyvista's viewer, its camera in the link; without stpyvista in a plain frame."""
    page = html + _FOLLOW
    try:
        data = {"_html": page, "backend": "trame", "height": HEIGHT, "width": 600, "use_container_width": True}
        _viewer()(key=key, data=data)
    except StreamlitAPIException:  # stpyvista is not installed, or its viewer has moved
        st.iframe(page, height=HEIGHT)


@functools.cache
def _viewer() -> Callable[..., Any]:
    """stpyvista's viewer, by the name and the files that its package gives Streamlit: nothing of it is imported.

    Its one function would export the scene itself, in a fork of this server (see above). Raises
    `StreamlitAPIException` where no such component is installed.
    """
    return st.components.v2.component(
        "stpyvista.simple",
        html='<div id="stpyvistadiv"><iframe id="stpyvistaframe" title="Full scene" frameborder="0"></iframe></div>',
        css="v2/style.css",
        js="v2/stpyvista.js",
    )
