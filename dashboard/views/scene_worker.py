"""The helper process of scene.py: takes one mesh after the other from a pipe and writes its scene."""

from __future__ import annotations

import contextlib
import json
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

BEFORE_COLOUR, AFTER_COLOUR = "#2F6FD0", "#C2321F"
"""Of the outlines on a cut: where the surface was, and where it is."""

INSIDE = 0.4
"""Share of skin below which a vertex belongs to eyes or mouth."""

LINE_ABOVE_MM = 0.35
"""How far lines lie above the skin, so that they are seen whole."""


def main(pipe: Connection) -> None:
    """Say None when ready, and for each folder that comes None or what went wrong, until the pipe is closed."""
    import pyvista
    import trame.app  # noqa: F401  (imported here so that the first scene does not wait for it)
    import trame_vtk.modules.vtk  # noqa: F401

    pyvista.OFF_SCREEN = True
    pipe.send(None)
    with contextlib.suppress(EOFError):
        while True:
            folder = pipe.recv()
            try:
                export(pyvista, Path(folder))
                pipe.send(None)
            except Exception as error:  # noqa: BLE001 - whatever a library raises, the page falls back, the helper goes on
                pipe.send(f"{type(error).__name__}: {error}")


def export(pyvista: ModuleType, folder: Path) -> None:
    """Read ``mesh.npz`` and ``options.json`` of `folder` and write ``scene.html`` beside them."""
    with np.load(folder / "mesh.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    options = json.loads((folder / "options.json").read_text(encoding="utf-8"))
    plotter = scene(pyvista, arrays, options)
    try:
        (folder / "scene.html").write_text(_html(plotter), encoding="utf-8")
    finally:
        plotter.close()


def _html(plotter: Any) -> str:
    """The scene as vtk.js's page: trame-pyvista's, or PyVista's own before it."""
    exporter = plotter.trame if hasattr(plotter, "trame") else plotter
    return exporter.export_html(None).getvalue()


def scene(pyvista: ModuleType, arrays: dict[str, np.ndarray], options: dict[str, Any]) -> Any:
    """The plotter of a mesh: one face, or neutral and expression side by side with one camera for both.

    options: background; beside; lines (mm, at which to draw lines of equal displacement); cut: none, or ``axis`` and
    ``at_mm`` of the plane behind which the face stays.
    """
    both = [("rest", "rest_rgb"), ("points", "rgb")]
    shown = both if options["beside"] else both[1:]
    plotter = pyvista.Plotter(off_screen=True, window_size=(900, 450), shape=(1, len(shown)), border=False)
    meshes = {name: _mesh(pyvista, arrays, name, colours) for name, colours in both}
    for column, (name, _) in enumerate(shown):
        plotter.subplot(0, column)
        _add_face(plotter, meshes[name], options)
        if name == "points":
            _add_lines(plotter, meshes[name], options)
            _add_outlines(plotter, meshes, options)
        plotter.background_color = options["background"]
    _aim(plotter, arrays["rest"], len(shown))
    return plotter


def _mesh(pyvista: ModuleType, arrays: dict[str, np.ndarray], name: str, colours: str) -> Any:
    triangles = arrays["triangles"]
    mesh = pyvista.PolyData(arrays[name], np.c_[np.full(len(triangles), 3), triangles].ravel())
    mesh["rgb"], mesh["mm"], mesh["skin"] = arrays[colours], arrays["moved_mm"], arrays["skin"]
    return mesh.compute_normals(cell_normals=False, split_vertices=False, consistent_normals=False)


def _plane(options: dict[str, Any]) -> dict[str, Any]:
    """Normal and origin of the cut."""
    axis = "xyz".index(options["cut"]["axis"])
    return {"normal": np.eye(3)[axis], "origin": np.eye(3)[axis] * options["cut"]["at_mm"]}


def _add_face(plotter: Any, mesh: Any, options: dict[str, Any]) -> None:
    """Skin, then eyes and mouth as an actor of its own, which the page pushes back (web/src/views/scene.js)."""
    kept = mesh.clip(**_plane(options), invert=True).triangulate() if options["cut"] else mesh
    if not kept.n_cells:
        return
    inside = kept["skin"][kept.regular_faces].min(1) < INSIDE
    for part in (~inside, inside):
        if part.any():
            cells = kept.extract_cells(part).extract_surface(algorithm="dataset_surface")
            plotter.add_mesh(cells, scalars="rgb", rgb=True, smooth_shading=True, specular=0.1, copy_mesh=False)


def _add_lines(plotter: Any, mesh: Any, options: dict[str, Any]) -> None:
    """Lines of equal displacement on the skin."""
    skin = mesh.extract_points(mesh["skin"] > 0.6, adjacent_cells=False).extract_surface(algorithm="dataset_surface")
    if not options["lines"] or not skin.n_points:
        return
    lines = skin.contour(options["lines"], scalars="mm")
    if lines.n_points:
        lines.points = lines.points + LINE_ABOVE_MM * lines["Normals"]
        kept = lines.clip(**_plane(options), invert=True) if options["cut"] else lines
        if kept.n_points:
            _add_curve(plotter, kept, "#1B2130", 1.5)


def _add_outlines(plotter: Any, meshes: dict[str, Any], options: dict[str, Any]) -> None:
    """The cut's own lines: where the surface was, and where it is."""
    if not options["cut"]:
        return
    for name, colour, width, above in (("rest", BEFORE_COLOUR, 2.0, 0.2), ("points", AFTER_COLOUR, 2.5, 0.4)):
        outline = meshes[name].slice(**_plane(options))
        if outline.n_points:
            outline.points = outline.points + above * _plane(options)["normal"]
            _add_curve(plotter, outline, colour, width)


def _add_curve(plotter: Any, curve: Any, colour: str, width: float) -> None:
    curve.clear_data()
    plotter.add_mesh(curve, color=colour, line_width=width, lighting=False, copy_mesh=False)


def _aim(plotter: Any, rest: np.ndarray, columns: int) -> None:
    """From the front, a little from the side; one camera for all."""
    plotter.subplot(0, 0)
    plotter.view_xy()
    plotter.camera.azimuth = 14
    plotter.camera.zoom(1.65)
    if columns > 1:
        plotter.link_views()


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])))
