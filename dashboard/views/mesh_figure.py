"""A displaced face as a plotly mesh."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dfe_core.faces.model import FaceModel
from dfe_core.render.palette import SHARED_SCALE_MM

from ..theme.palette import HEAT, plotly_scale
from . import figures


def mesh(face: FaceModel, displacement: np.ndarray, height: int) -> go.Figure:
    """A plotly mesh of a deformed face, coloured by the size of its displacement in mm."""
    points, size = face.template + displacement, 1e3 * np.linalg.norm(displacement, axis=1)
    figure = go.Figure(
        go.Mesh3d(
            x=1e3 * points[:, 0],
            y=1e3 * points[:, 1],
            z=1e3 * points[:, 2],
            i=face.triangles[:, 0],
            j=face.triangles[:, 1],
            k=face.triangles[:, 2],
            intensity=size,
            colorscale=plotly_scale(HEAT[::3]),
            cmin=0,
            cmax=SHARED_SCALE_MM,
            colorbar={"title": "mm", "thickness": 10, "len": 0.5},
            lighting={"ambient": 0.45, "diffuse": 0.75, "specular": 0.08, "roughness": 0.8},
            lightposition={"x": -200, "y": 300, "z": 500},
            hovertemplate="%{intensity:.1f} mm<extra></extra>",
        )
    )
    hidden = {"visible": False}
    figure.update_scenes(
        xaxis=hidden,
        yaxis=hidden,
        zaxis=hidden,
        aspectmode="data",
        camera={"eye": {"x": 0.45, "y": 0.1, "z": 1.35}, "up": {"x": 0, "y": 1, "z": 0}},
    )
    return figures.laid_out(figure, height).update_layout(margin_b=4)
