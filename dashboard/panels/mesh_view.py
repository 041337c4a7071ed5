"""One codeword in 3D: the quick look in the browser, the full scene through stpyvista, and a plotly mesh in need."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dfe_core.faces.model import FaceModel
from dfe_core.render.scene_mesh import SceneMesh, lines_of_equal_mm, scene_mesh
from dfe_core.tokenizer.codebook import Codebook

from ..data import media
from ..links import query_parameters
from ..theme.formatting import mm, text
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
    stands there until the scene has been made; where that takes too long, the codeword alone as a plotly mesh takes its
    place, and the switches that it cannot follow are off."""
    number = int(row["codeword"])
    place, controls = st.empty(), st.container()
    with place.container():
        quick_look(codebook, face, row)
    with controls:
        switches, intensity, cut = _places()
        amount = _intensity(intensity)
        options = _options(face, switches, cut)
    psi = amount * codebook.psi[number]
    with controls, page_frame.waiting("Exporting the scene"):
        exported = scene.exported(face, psi, options)
    with place.container():
        if exported.html is not None:
            scene.show(exported.html, f"scene-{number}")
            page_frame.colour_scale("how far each vertex moves")
            st.caption(_reading(options, amount * float(row["peak_mm"])))
            return
        _switched_off(switches, cut)
        _single_face(scene_mesh(face, psi), f"3D face of codeword {number}: {name_of(row)}", number, exported.fault)


def _single_face(shown: SceneMesh, alt: str, number: int, fault: str) -> None:
    """The codeword alone, what is missing and why, and another try."""
    figures.show(mesh_figure.mesh(shown, HEIGHT), f"mesh-{number}", alt)
    page_frame.colour_scale("how far each vertex moves")
    st.caption(
        f"One face is shown, the codeword at this intensity: the full scene is not there, because {text(fault)}. Only "
        "the full scene has the neutral face beside it, lines of equal displacement and cuts."
    )
    st.button("Try the full scene again", icon=":material/refresh:", key="scene_again", type="tertiary")


def _places() -> tuple[Any, Any, Any]:
    """Where the switches, the slider of the intensity and the cut stand."""
    switches = st.empty()
    intensity, cut = st.columns([1.2, 2.2], gap="medium")
    return switches, intensity, cut.empty()


def _intensity(place: Any) -> float:
    """The intensity, 1 as learned; in the link."""
    per_cent = place.slider("Intensity", 0, 150, 100, 5, format="%d %%", key="scene_intensity", bind="query-params")
    return per_cent / 100


def _options(face: FaceModel, switches: Any, place: Any) -> scene.SceneOptions:
    """What the scene shows, all of it in the link."""
    with switches.container(horizontal=True, gap="medium"):
        beside = st.toggle("Neutral beside", True, key="scene_beside", bind="query-params")
        lines = st.toggle("Lines of equal displacement", True, key="scene_lines", bind="query-params")
    query_parameters.spell("scene_cut", list(CUTS))
    with place.container():
        cuts, depth = st.columns([1, 1.2], gap="medium")
    cut = cuts.selectbox("Cut", list(CUTS), key="scene_cut", bind="query-params", filter_mode=None)
    axis = CUTS[cut]
    if axis is None:
        return scene.SceneOptions(beside=beside, lines=lines)
    points = 1e3 * face.template[:, "xyz".index(axis)]
    low, high = int(points.min()) + 2, int(points.max()) - 2
    middle = {"x": 0, "y": -60, "z": (low + high) // 2}[axis]
    at = depth.slider("Cut at", low, high, middle, 1, format="%d mm", key=f"scene_at_{axis}", bind="query-params")
    return scene.SceneOptions(beside=beside, lines=lines, axis=axis, at_mm=float(at))


def _switched_off(switches: Any, place: Any) -> None:
    """In place of the controls that only the full scene follows, the same ones off and disabled."""
    with switches.container(horizontal=True, gap="medium"):
        st.toggle("Neutral beside", False, key="scene_beside_off", disabled=True)
        st.toggle("Lines of equal displacement", False, key="scene_lines_off", disabled=True)
    with place.container():
        cuts, _ = st.columns([1, 1.2], gap="medium")
    cuts.selectbox("Cut", ["No cut"], key="scene_cut_off", disabled=True)


def _reading(options: scene.SceneOptions, most_mm: float) -> str:
    """What lines and outlines mean."""
    levels = lines_of_equal_mm(most_mm)
    lines = f"A line for every {levels[0]:g} mm. " if options.lines and len(levels) else ""
    cut = "On the cut, blue is where the surface was, red where it is. " if options.axis else ""
    return f"{lines}{cut}Drag to turn both, scroll to zoom, shift and drag to move."
