"""The helper process of scene.py: reads one JSON line a mesh, writes its scene, answers with one JSON line."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

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
            export(pyvista, Path(json.loads(line)["folder"]))
            _say(answers, done=True)
        except Exception as error:  # whatever a library raises, the page falls back and the helper goes on
            _say(answers, fault=f"{type(error).__name__}: {error}")
    return 0


def export(pyvista, folder: Path) -> None:
    """Read ``mesh.npz`` of `folder` and write ``scene.html`` beside it."""
    from dashboard.components.palette import HEAT, SKIN
    with np.load(folder / "mesh.npz", allow_pickle=False) as stored:
        points, triangles, size = stored["points"], stored["triangles"], stored["size_mm"]
    mesh = pyvista.PolyData(points.astype(np.float32) * 1e3, np.c_[np.full(len(triangles), 3), triangles].ravel())
    mesh = mesh.compute_normals(cell_normals=False, split_vertices=False)
    mesh["displacement, mm"] = size
    plotter = pyvista.Plotter(off_screen=True, window_size=(600, 430))
    try:
        ramp = np.linspace(np.asarray(SKIN, float), HEAT[14].astype(float), 14)
        table = np.concatenate([ramp, HEAT[14:]]).round().astype(np.uint8)
        lut = pyvista.LookupTable()
        lut.values = np.c_[table, np.full(len(table), 255, np.uint8)]
        lut.scalar_range = (0, max(0.1, float(size.max(initial=0))))
        plotter.add_mesh(mesh, scalars="displacement, mm", cmap=lut, smooth_shading=True, specular=0.1,
                         show_scalar_bar=False)
        plotter.view_xy()
        plotter.camera.azimuth, plotter.camera.zoom = 14, 1.25
        plotter.background_color = "white"
        (folder / "scene.html").write_text(plotter.export_html(None).getvalue(), encoding="utf-8")
    finally:
        plotter.close()


def _say(stream, **answer: object) -> None:
    stream.write(json.dumps(answer) + "\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
