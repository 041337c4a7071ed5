"""The helper process of scene.py: takes one mesh after the other from a pipe and writes its scene."""

from __future__ import annotations

import contextlib
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

import numpy as np


def main(pipe: Connection) -> None:
    """Say None when ready, and for each (folder, background) that comes None or what went wrong, until the pipe is
    closed."""
    import pyvista
    import trame.app  # noqa: F401  (imported here so that the first scene does not wait for it)
    import trame_vtk.modules.vtk  # noqa: F401

    pyvista.OFF_SCREEN = True
    pipe.send(None)
    with contextlib.suppress(EOFError):
        while True:
            folder, background = pipe.recv()
            try:
                export(pyvista, Path(folder), background)
                pipe.send(None)
            except Exception as error:  # noqa: BLE001 - whatever a library raises, the page falls back, the helper goes on
                pipe.send(f"{type(error).__name__}: {error}")


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


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])))
