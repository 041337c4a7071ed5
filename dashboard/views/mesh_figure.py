"""A displaced face as a plotly mesh."""

from __future__ import annotations

import plotly.graph_objects as go

from dfe_core.render.scene_mesh import SceneMesh

from . import figures


def mesh(shown: SceneMesh, height: int) -> go.Figure:
    """A plotly mesh of a deformed face in the colours of all pictures: the heat map on the skin, eyes as they are."""
    points = shown.points
    figure = go.Figure(
        go.Mesh3d(
            x=points[:, 0],
            y=points[:, 1],
            z=points[:, 2],
            i=shown.triangles[:, 0],
            j=shown.triangles[:, 1],
            k=shown.triangles[:, 2],
            vertexcolor=[f"rgb({r},{g},{b})" for r, g, b in shown.rgb.tolist()],
            customdata=shown.moved_mm[:, None],
            lighting={"ambient": 0.45, "diffuse": 0.75, "specular": 0.08, "roughness": 0.8},
            lightposition={"x": -200, "y": 300, "z": 500},
            hovertemplate="%{customdata[0]:.1f} mm<extra></extra>",
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
