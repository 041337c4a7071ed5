"""One off-screen window with its camera, kept open: only points, normals and colours change per picture.

A `Studio` belongs to the thread that made it (see `dfe_core.render.thread`).
"""

from __future__ import annotations

import os
import sys
from ctypes.util import find_library
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.drawn import DrawnFace
from dfe_core.faces.model import FaceModel
from dfe_core.render.palette import heat
from dfe_core.render.surface import material_shares, surface_of
from dfe_core.render.viewer import ELEVATION_DEG, FIELD_RAD, FRAMINGS, NECK_FADE, aimed, eyeballs

VIEWS = {"front": (0.0, ELEVATION_DEG), "left": (32.0, ELEVATION_DEG), "right": (-32.0, ELEVATION_DEG)}
"""Camera azimuth (towards the face's own left) and elevation, degrees."""

_OVERSAMPLE = 2


@dataclass(frozen=True)
class Shot:
    """What makes a picture beside the face: its edge in pixels, a view of `VIEWS`, a framing of `FRAMINGS`."""

    size: int = 256
    view: str = "front"
    framing: str = "face"


class Studio:
    """An off-screen plotter for one face and one kind of shot."""

    def __init__(self, face: FaceModel, shot: Shot) -> None:
        if not face.has_mesh:
            raise DataError(face.title, "has no mesh to draw", "a face with a mesh (for FLAME: your own model file)")
        for name, known in ((shot.view, VIEWS), (shot.framing, FRAMINGS)):
            if name not in known:
                raise DataError(name, "no such view or framing", " or ".join(known))
        face = face.drawn
        self._face, self._shot = face, shot
        self._surface = surface_of(face)
        self._shares = self._surface.refine @ material_shares(face)
        self._plotter, self._mesh = self._open()

    def shoot(self, psi: np.ndarray, scale_mm: float, identity: np.ndarray | None = None) -> np.ndarray:
        """(E,) coefficients to a (size, size, 4) uint8 picture with alpha; `scale_mm` is the hot end of the heat.

        identity: (I,) parameters of the person to draw, default the face's own neutral.
        """
        moved = self._face.displacement(np.asarray(psi, np.float32))
        return self.shoot_displacement(moved, scale_mm, identity)

    def shoot_displacement(self, moved: np.ndarray, scale_mm: float, identity: np.ndarray | None = None) -> np.ndarray:
        """As `shoot`, from a (V, 3) displacement in metres, V those of the face itself."""
        if isinstance(self._face, DrawnFace) and len(moved) != len(self._face.template):
            moved = np.einsum("wv,vd->wd", self._face.spread, moved)
        rest = self._face.neutral(identity)
        refine = self._surface.refine
        points = (refine @ (rest + moved)).astype(np.float32)
        share = refine @ np.linalg.norm(moved, axis=1) * 1e3 / max(scale_mm, 1e-9)
        tint = np.clip(4 * share, 0, 1)
        self._mesh.points = points
        self._mesh.point_data["Normals"] = self._surface.normals(points).astype(np.float32)
        self._mesh.point_data["rgb"] = (heat(share) * 255).round().astype(np.uint8)
        self._mesh.point_data["dfeMaterial"] = np.c_[self._shares, tint].astype(np.float32)
        self._plotter.render()
        picture = self._plotter.screenshot(return_img=True, transparent_background=True)
        return _finish(picture, self._shot, fading=not isinstance(self._face, DrawnFace))

    def close(self) -> None:
        """Free the window."""
        self._plotter.close()

    def _open(self):
        _prefer_egl()
        import pyvista

        edge = self._shot.size * _OVERSAMPLE
        plotter = pyvista.Plotter(off_screen=True, window_size=[edge, edge], lighting=None)
        cells = np.concatenate([np.full((len(self._surface.triangles), 1), 3), self._surface.triangles], 1)
        points = (self._surface.refine @ self._face.template).astype(np.float32)
        mesh = pyvista.PolyData(points, cells.ravel())
        mesh.point_data["rgb"] = np.zeros((len(points), 3), np.uint8)
        mesh.point_data["Normals"] = self._surface.normals(points).astype(np.float32)
        mesh.point_data["dfeRest"] = points
        mesh.point_data["dfeMaterial"] = np.zeros((len(points), 3), np.float32)
        mesh.GetPointData().SetActiveNormals("Normals")
        if isinstance(self._face, DrawnFace):  # VTK's pictures begin at the lower left
            mesh.active_texture_coordinates = self._face.uv * np.array([1.0, -1.0]) + np.array([0.0, 1.0])
        plotter.add_actor(_actor(mesh, self._face))
        plotter.add_light(
            pyvista.Light(light_type="headlight")
        )  # without one VTK passes no normals on; its light is ours
        self._aim(plotter)
        return plotter, mesh

    def _aim(self, plotter) -> None:
        """Look at the face from its view."""
        azimuth, elevation = np.radians(VIEWS[self._shot.view])
        if isinstance(self._face, DrawnFace):
            elevation = 0.0
        centre, half = aimed(self._face, self._shot.framing)
        away = np.array([np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
        camera = plotter.camera
        camera.focal_point = centre
        camera.position = np.array(centre) + away * half / np.tan(FIELD_RAD / 2)
        camera.up = (0, 1, 0)
        camera.view_angle = np.degrees(FIELD_RAD)
        plotter.renderer.ResetCameraClippingRange()


@lru_cache(maxsize=1)
def shading() -> str:
    """The GLSL that lights and colours every picture of a face."""
    return (Path(__file__).parent / "shading.glsl").read_text(encoding="utf-8")


def _actor(mesh, face: FaceModel):
    """A mesh with colours ``rgb``, places of the neutral face ``dfeRest`` and shares of eye, mouth and tint
    ``dfeMaterial``, lit by `shading`."""
    from vtkmodules.vtkCommonDataModel import vtkDataObject
    from vtkmodules.vtkRenderingCore import vtkActor
    from vtkmodules.vtkRenderingOpenGL2 import vtkOpenGLPolyDataMapper

    mapper, actor = vtkOpenGLPolyDataMapper(), vtkActor()
    mapper.SetInputData(mesh)
    mapper.SetScalarModeToUsePointFieldData()
    mapper.SelectColorArray("rgb")
    mapper.SetColorModeToDirectScalars()
    for name in ("dfeRest", "dfeMaterial"):
        mapper.MapDataArrayToVertexAttribute(name, name, vtkDataObject.FIELD_ASSOCIATION_POINTS, -1)
    actor.SetMapper(mapper)
    shader = actor.GetShaderProperty()
    for place, text in _VERTEX.items():
        shader.AddVertexShaderReplacement(f"//VTK::{place}", True, f"{text}\n//VTK::{place}\n", False)
    shader.AddFragmentShaderReplacement(
        "//VTK::Normal::Dec", True, f"{_FRAGMENT_INPUTS}{shading()}{_eyeball_of(face)}\n//VTK::Normal::Dec\n", False
    )
    if isinstance(face, DrawnFace):
        actor.SetTexture(_texture(face))
        shader.AddFragmentShaderReplacement("//VTK::Light::Impl", True, _PICTURE, False)
        shader.AddFragmentShaderReplacement("//VTK::TCoord::Impl", True, "", False)
    else:
        shader.AddFragmentShaderReplacement("//VTK::Light::Impl", True, _FRAGMENT, False)
    return actor


def _texture(face: DrawnFace):
    """The picture of a face on the GPU."""
    import pyvista

    texture = pyvista.Texture(face.shown.pixels)
    texture.InterpolateOn()
    texture.MipmapOn()
    return texture


_VERTEX = {
    "Normal::Dec": "in vec3 dfeRest; in vec3 dfeMaterial; out vec3 dfeAt; out vec3 dfeOf; out vec3 dfeNormal;",
    "Normal::Impl": "dfeAt = dfeRest; dfeOf = dfeMaterial; dfeNormal = normalMatrix * normalMC;",
}
_FRAGMENT_INPUTS = "in vec3 dfeAt; in vec3 dfeOf; in vec3 dfeNormal;\n"
_FRAGMENT = """
vec3 dfeBase = dfePaint(diffuseColor, dfeOf.z, dfeOf.x, dfeEyeAt(dfeAt), dfeOf.y);
gl_FragData[0] = vec4(dfeLit(dfeBase, normalize(dfeNormal), normalize(-vertexVC.xyz), dfeOf.x), opacity);
"""

_PICTURE = """
gl_FragData[0] = vec4(dfePicture(texture(actortexture, tcoordVCVSOutput).rgb, diffuseColor, dfeOf.z), opacity);
"""


def _eyeball_of(face: FaceModel) -> str:
    """GLSL of the colour of a face's eyeballs at a place of the neutral face."""
    balls, edges = eyeballs(face)
    if balls is None:
        return "vec3 dfeEyeAt(vec3 at) { return vec3(0.90, 0.89, 0.87); }"
    left, right = (f"vec3({x:.7f}, {y:.7f}, {z:.7f})" for x, y, z, _ in balls)
    return (
        f"vec3 dfeEyeAt(vec3 at) {{ vec3 centre = at.x > 0.0 ? {left} : {right}; "
        f"return dfeEyeball(normalize(at - centre), vec2({edges[0]:.5f}, {edges[1]:.5f})); }}"
    )


def _finish(picture: np.ndarray, shot: Shot, fading: bool = True) -> np.ndarray:
    """Average the oversampled picture down, weighted by alpha, and fade out the neck and a cut crown."""
    image = picture.astype(np.float32)
    image[..., :3] *= image[..., 3:] / 255
    image = image.reshape(shot.size, _OVERSAMPLE, shot.size, _OVERSAMPLE, 4).mean((1, 3))
    alpha = image[..., 3:]
    colour = np.divide(image[..., :3] * 255, alpha, out=np.zeros_like(image[..., :3]), where=alpha > 0)
    if not fading:
        return np.concatenate([colour, alpha], 2).round().clip(0, 255).astype(np.uint8)
    rows = np.linspace(0, 1, shot.size)[:, None, None]
    crown = np.clip(rows / max(FRAMINGS[shot.framing][2], 1e-9), 0, 1)
    alpha = alpha * (crown * np.clip((1 - rows) / NECK_FADE, 0, 1)) ** 1.2
    return np.concatenate([colour, alpha], 2).round().clip(0, 255).astype(np.uint8)


def _prefer_egl() -> None:
    """Without a display VTK looks for an X server first and complains; with EGL at hand it need not."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY") and find_library("EGL"):
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
