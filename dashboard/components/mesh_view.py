"""One codeword in 3D: the quick look in the browser, the full scene through stpyvista, and a plotly mesh in need."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.codebook import Codebook

from . import figures, frame, media, scene, views
from .cards import name_of
from .palette import HEAT, plotly_scale
from .words import mm

HEIGHT = 430


def quick_look(codebook: Codebook, face: FaceModel, row: pd.Series) -> None:
    """The face that morphs between neutral and the codeword."""
    number = int(row["codeword"])
    alt = f"3D face of codeword {number}: {name_of(row)}. It moves up to {mm(row['peak_mm'])}."
    views.morph(
        key="quick-look",
        data={
            "face": media.face_address(face),
            "codebook": media.codebook_address(codebook),
            "codeword": number,
            "title": f"Codeword {number}",
            "alt": alt,
            "height": HEIGHT,
            "model": codebook.model,
        },
    )


def full_scene(codebook: Codebook, face: FaceModel, row: pd.Series) -> None:
    """The same face as a PyVista scene; where that cannot be had in time, a plotly mesh takes its place."""
    number = int(row["codeword"])
    with frame.waiting("Exporting the scene"):
        exported = scene.exported(face, codebook.psi[number])
    if exported.html is not None and scene.show(exported.html, f"scene-{number}"):
        st.caption("PyVista scene: drag to turn, scroll to zoom, shift and drag to move.")
        return
    figures.show(
        mesh(face, face.displacement(codebook.psi[number])),
        f"mesh-{number}",
        f"3D face of codeword {number}: {name_of(row)}",
    )
    st.caption(f"Shown as a plotly mesh, because {exported.fault or 'the scene could not be shown'}.")


def mesh(face: FaceModel, displacement: np.ndarray) -> go.Figure:
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
            cmax=max(0.1, float(size.max(initial=0))),
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
    return figures.laid_out(figure, HEIGHT).update_layout(margin_b=4)
