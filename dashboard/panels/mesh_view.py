"""One codeword in 3D: the quick look in the browser, the full scene through stpyvista, and a plotly mesh in need."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.codebook import Codebook

from ..data import media
from ..theme.formatting import mm
from ..views import browser_views, figures, mesh_figure, scene
from ..views.cards import name_of
from . import page_frame

HEIGHT = 430


def quick_look(codebook: Codebook, face: FaceModel, row: pd.Series) -> None:
    """The face that morphs between neutral and the codeword."""
    number = int(row["codeword"])
    alt = f"3D face of codeword {number}: {name_of(row)}. It moves up to {mm(row['peak_mm'])}."
    browser_views.morph(
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
    with page_frame.waiting("Exporting the scene"):
        exported = scene.exported(face, codebook.psi[number])
    if exported.html is not None:
        scene.show(exported.html, f"scene-{number}")
        st.caption("PyVista scene: drag to turn, scroll to zoom, shift and drag to move.")
        return
    figures.show(
        mesh_figure.mesh(face, face.displacement(codebook.psi[number]), HEIGHT),
        f"mesh-{number}",
        f"3D face of codeword {number}: {name_of(row)}",
    )
    st.caption(f"Shown as a plotly mesh, because {exported.fault}.")
