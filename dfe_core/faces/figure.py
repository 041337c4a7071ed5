"""A face as an interactive figure for a notebook (Plotly)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_FRONT = {"eye": {"x": 0.0, "y": 0.0, "z": 1.7}, "up": {"x": 0.0, "y": 1.0, "z": 0.0}}
_HIDDEN = {"visible": False}


def mesh_figure(face: FaceModel, displacement: np.ndarray, title: str = "") -> Figure:
    """The deformed face from the front, coloured by how far each vertex has moved.

    Parameters
    ----------
    displacement: (V, 3) from neutral, m.

    Returns
    -------
    A Plotly figure with one ``Mesh3d`` in mm; a notebook draws it as the value of a cell.

    Raises `DataError` for a face without a mesh.
    """
    if not face.has_mesh:
        raise DataError(face.id, "a coefficient space without a mesh", "a face that can be drawn")
    import plotly.graph_objects as go

    vertices = 1e3 * (face.template + displacement)
    moved = 1e3 * np.linalg.norm(displacement, axis=1)
    corners = dict(zip("ijk", face.triangles.T, strict=True))
    mesh = go.Mesh3d(
        x=vertices[:, 0],
        y=vertices[:, 1],
        z=vertices[:, 2],
        **corners,
        intensity=moved,
        cmin=0,
        cmax=max(float(moved.max(initial=0)), 1e-6),
        colorscale="Cividis",
        flatshading=False,
        colorbar={"title": "moved, mm", "thickness": 12},
        hovertemplate="%{intensity:.2f} mm<extra></extra>",
    )
    scene = {"xaxis": _HIDDEN, "yaxis": _HIDDEN, "zaxis": _HIDDEN, "aspectmode": "data", "camera": _FRONT}
    return go.Figure(mesh, layout={"title": title, "scene": scene, "height": 480, "margin": {"l": 0, "r": 0, "b": 0}})
