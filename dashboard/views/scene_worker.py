"""The helper process of scene.py: reads one JSON line a mesh, writes its scene, answers with one JSON line."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TextIO

import numpy as np


def main() -> int:
    """Serve until the server closes our input."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not be taken for an answer
    try:
        import pyvista
        import trame.app  # noqa: F401  (imported here so that the first scene does not wait for it)
        import trame_vtk.modules.vtk  # noqa: F401
    except ImportError as error:
        _say(answers, fault=str(error))
        return 1
    pyvista.OFF_SCREEN = True
    _say(answers, ready=True)
    for line in sys.stdin:
        try:
            asked = json.loads(line)
            export(pyvista, Path(asked["folder"]), asked["background"])
            _say(answers, done=True)
        except Exception as error:  # noqa: BLE001 - whatever a library raises, the page falls back and the helper goes on
            _say(answers, fault=f"{type(error).__name__}: {error}")
    return 0


def export(pyvista: ModuleType, folder: Path, background: str) -> None:
    """Read ``mesh.npz`` of `folder` and write ``scene.html`` beside it."""
    with np.load(folder / "mesh.npz", allow_pickle=False) as stored:
        points, triangles, rgb = stored["points"], stored["triangles"], stored["rgb"]
    mesh = pyvista.PolyData(points.astype(np.float32) * 1e3, np.c_[np.full(len(triangles), 3), triangles].ravel())
    mesh["rgb"] = rgb
    mesh = mesh.compute_normals(cell_normals=False, split_vertices=False)
    plotter = pyvista.Plotter(off_screen=True, window_size=(600, 430))
    try:
        plotter.add_mesh(mesh, scalars="rgb", rgb=True, smooth_shading=True, specular=0.1)
        plotter.view_xy()
        plotter.camera.azimuth = 14
        plotter.camera.zoom(1.3)
        plotter.background_color = background
        (folder / "scene.html").write_text(plotter.export_html(None).getvalue(), encoding="utf-8")
    finally:
        plotter.close()


def _say(stream: TextIO, **answer: object) -> None:
    stream.write(json.dumps(answer) + "\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
