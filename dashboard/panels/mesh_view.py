"""One codeword in 3D: the quick look in the browser, the full scene through stpyvista, and a plotly mesh in need."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dfe_core.faces.model import FaceModel
from dfe_core.render.scene_mesh import lines_of_equal_mm
from dfe_core.tokenizer.codebook import Codebook

from ..data import media
from ..links import query_parameters
from ..theme.formatting import mm
from ..views import browser_views, figures, mesh_figure, scene
from ..views.cards import name_of
from . import page_frame

HEIGHT = 430

CUTS = {"No cut": None, "From the side": "x", "From above": "y", "From the front": "z"}
"""What is cut across, by the axis of the face: to its left, up, and forward."""


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
    """Neutral and codeword side by side as a PyVista scene with lines of equal displacement and a cut. The quick look
    stands there until the scene has been made; where that takes too long, a plotly mesh takes its place."""
    number = int(row["codeword"])
    place, controls = st.empty(), st.container()
    with place.container():
        quick_look(codebook, face, row)
    with controls:
        amount, options = _options(face)
    psi = amount * codebook.psi[number]
    with controls, page_frame.waiting("Exporting the scene"):
        exported = scene.exported(face, psi, options)
    with place.container():
        if exported.html is not None:
            scene.show(exported.html, f"scene-{number}")
            page_frame.colour_scale("how far each vertex moves")
            st.caption(_reading(options, amount * float(row["peak_mm"])))
            return
        figures.show(
            mesh_figure.mesh(face, face.displacement(psi), HEIGHT),
            f"mesh-{number}",
            f"3D face of codeword {number}: {name_of(row)}",
        )
        st.caption(f"Shown as a plotly mesh, because {exported.fault}.")


def _options(face: FaceModel) -> tuple[float, scene.SceneOptions]:
    """The intensity and what the scene shows, all of it in the link."""
    with st.container(horizontal=True, gap="medium"):
        beside = st.toggle("Neutral beside", True, key="scene_beside", bind="query-params")
        lines = st.toggle("Lines of equal displacement", True, key="scene_lines", bind="query-params")
    intensity, cuts, depth = st.columns([1.2, 1, 1.2], gap="medium")
    query_parameters.spell("scene_cut", list(CUTS))
    cut = cuts.selectbox("Cut", list(CUTS), key="scene_cut", bind="query-params", filter_mode=None)
    amount = (
        intensity.slider("Intensity", 0, 150, 100, 5, format="%d %%", key="scene_intensity", bind="query-params") / 100
    )
    axis = CUTS[cut]
    if axis is None:
        return amount, scene.SceneOptions(beside=beside, lines=lines)
    points = 1e3 * face.template[:, "xyz".index(axis)]
    low, high = int(points.min()) + 2, int(points.max()) - 2
    middle = {"x": 0, "y": -60, "z": (low + high) // 2}[axis]
    at = depth.slider("Cut at", low, high, middle, 1, format="%d mm", key=f"scene_at_{axis}", bind="query-params")
    return amount, scene.SceneOptions(beside=beside, lines=lines, axis=axis, at_mm=float(at))


def _reading(options: scene.SceneOptions, most_mm: float) -> str:
    """What lines and outlines mean."""
    levels = lines_of_equal_mm(most_mm)
    lines = f"A line for every {levels[0]:g} mm. " if options.lines and len(levels) else ""
    cut = "On the cut, blue is where the surface was, red where it is. " if options.axis else ""
    return f"{lines}{cut}Drag to turn both, scroll to zoom, shift and drag to move."
