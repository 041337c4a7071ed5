"""Faces and movements as files for other programs, made when they are asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit as st

from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel
from dfe_core.motion.export import coefficients_csv, live_link_csv, write_coefficients
from dfe_core.portable_names import file_name
from dfe_core.render.animation import animate, there_and_back
from dfe_core.render.gltf import export_animation
from dfe_core.render.mesh_files import export_mesh
from dfe_core.render.pictures import render_face

from ..theme.formatting import text

KINDS = {
    ".png": "image/png",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".ply": "application/octet-stream",
    ".obj": "text/plain",
    ".glb": "model/gltf-binary",
    ".csv": "text/csv",
    ".npz": "application/octet-stream",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/octet-stream",
    ".zip": "application/zip",
    ".eaf": "application/xml",
    ".TextGrid": "text/plain",
    ".boris": "application/json",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".html": "text/html",
}
FPS = 25


def of_face(face: FaceModel, psi: np.ndarray, stem: str, key: str) -> None:
    """Download one expression: picture, movement, mesh, coefficients."""
    makers: dict[str, tuple[str, Callable[[Path], object]]] = {}
    if face.has_mesh:
        makers |= {
            "Picture": (".png", lambda path: path.write_bytes(render_face(face, psi))),
            "GIF": (".gif", lambda path: animate(face, there_and_back(psi), path, FPS)),
            "Film": (".mp4", lambda path: animate(face, there_and_back(psi), path, FPS)),
            "PLY": (".ply", lambda path: export_mesh(face, psi, path)),
            "OBJ": (".obj", lambda path: export_mesh(face, psi, path)),
            "glTF": (".glb", lambda path: export_mesh(face, psi, path)),
        }
    makers["CSV"] = (".csv", lambda path: path.write_text(coefficients_csv(np.zeros(1), psi[None], face.names)))
    makers["NPZ"] = (".npz", lambda path: write_coefficients(path, np.zeros(1), psi[None], face.names))
    buttons(makers, stem, key)


def of_movement(face: FaceModel, time_s: np.ndarray, psi: np.ndarray, stem: str, key: str) -> None:
    """Download a movement (T, E): film, animated mesh, coefficients, and what Live Link Face tools read."""
    fps = 1 / float(np.median(np.diff(time_s)))
    makers: dict[str, tuple[str, Callable[[Path], object]]] = {}
    if face.has_mesh:
        makers |= {
            "GIF": (".gif", lambda path: animate(face, psi, path, fps)),
            "Film": (".mp4", lambda path: animate(face, psi, path, fps)),
            "glTF": (".glb", lambda path: export_animation(face, psi, time_s, path)),
        }
    makers |= {
        "CSV": (".csv", lambda path: write_coefficients(path, time_s, psi, face.names)),
        "NPZ": (".npz", lambda path: write_coefficients(path, time_s, psi, face.names)),
        "Live Link": (".csv", lambda path: path.write_text(live_link_csv(psi, face.names, fps))),
    }
    buttons(makers, stem, key)


def made(suffix: str, maker: Callable[[Path], object], stem: str = "face") -> bytes:
    """What a maker writes, through a temporary file of this name."""
    with tempfile.TemporaryDirectory(prefix="dfe-export-") as folder:
        path = Path(folder) / f"{file_name(stem)}{suffix}"
        maker(path)
        return path.read_bytes()


def buttons(makers: dict[str, tuple[str, Callable[[Path], object]]], stem: str, key: str) -> None:
    """A button for each maker (label → ending, what writes the file); the file is made when it is pressed."""
    failures: dict[str, str] = st.session_state.setdefault(f"{key}-failures", {})
    with st.container(horizontal=True, gap="small"):
        for label, (suffix, maker) in makers.items():
            st.download_button(
                label,
                deferred(label, suffix, maker, failures, stem),
                f"{stem}{suffix}",
                KINDS[suffix],
                on_click="ignore",
                key=f"{key}-{label}",
            )
    for label, reason in failures.items():
        st.error(text(f"{label}: {reason}"), icon=":material/error:")


def deferred(
    label: str, suffix: str, maker: Callable[[Path], object], failures: dict[str, str], stem: str = "face"
) -> Callable[[], bytes]:
    """What Streamlit calls when the button is pressed: the file's content.

    An error is raised, so that the browser says that there is no file and saves none; its reason goes into `failures`,
    which the page shows when it is next drawn.
    """

    def make() -> bytes:
        failures.pop(label, None)
        try:
            return made(suffix, maker, stem)
        except DataError as error:
            failures[label] = str(error)
            raise

    return make
