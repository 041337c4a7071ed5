"""How a viewer in the browser looks at a face: camera, eyes and colours (web/src/shared/camera.js, stage.js)."""

from __future__ import annotations

from typing import Any

import numpy as np

from dfe_core.faces.drawn import DrawnFace
from dfe_core.faces.eyeball import EYE, IRIS, MOUTH, PUPIL, fit_sphere
from dfe_core.faces.model import REGIONS, FaceModel
from dfe_core.render.palette import SHARED_SCALE_MM, quantised_heat, signed_heat

FIELD_RAD = 0.36
"""Vertical field of view of every picture of a face: a portrait lens, which makes no nose bulge."""

FRAMINGS = {"face": (2.28, 0.5, 0.13), "head": (2.85, 0.62, 0.0)}
"""Height of the picture and its margin below the chin, in distances from eyes to chin, and the share of the height
over which the crown fades out. "face" fills the picture from forehead to chin, "head" shows the whole skull."""

NECK_FADE = 0.09
"""Share of the height over which the neck fades out."""

ELEVATION_DEG = 4.0
"""From where pictures that are not turned by hand look down on a face."""

PLAIN_EYE = (0.18, 0.45)
"""Angles of pupil and iris where the model does not mark them, radians."""


def look_of(face: FaceModel) -> dict[str, Any]:
    """How a face is looked at: focus of the camera and half the height it shows (m), eyeballs, colour tables."""
    face = face.drawn
    focus, reach = framing(face)
    eyes, edges = eyeballs(face)
    wide = float(np.abs(face.template[:, 0] - focus[0]).max(initial=0)) / reach
    back, front = float(face.template[:, 2].min()), float(face.template[:, 2].max())
    return {
        "focus": focus,
        "reach": reach,
        "wide": wide,
        "deep": (front - back) / 2 / reach,
        "middle": (front + back) / 2,
        "portrait": portrait_of(face),
        "eyes": eyes,
        "eyeEdges": edges,
        "shared": SHARED_SCALE_MM,
        "heat": quantised_heat().ravel().tolist(),
        "diverging": signed_heat().ravel().tolist(),
    }


def portrait_of(face: FaceModel) -> dict[str, Any]:
    """How small pictures look at a face: as thumbnails do. Pitch in radians; fades of crown and neck in shares of the
    height."""
    face = face.drawn
    focus, reach = aimed(face, "face")
    if isinstance(face, DrawnFace):  # seen straight, with all of it
        return {"focus": focus, "reach": reach, "pitch": 0.0, "crown": 0.0, "neck": 0.0}
    fades = {"crown": FRAMINGS["face"][2], "neck": NECK_FADE}
    return {"focus": focus, "reach": reach, "pitch": float(np.radians(ELEVATION_DEG)), **fades}


def aimed(face: FaceModel, framing: str) -> tuple[list[float], float]:
    """Where the camera of a framing of `FRAMINGS` looks (m) and half the height it shows (m), with room for an open jaw
    below; the whole of a picture."""
    if isinstance(face.drawn, DrawnFace):
        return _whole(face.drawn, square=True)
    skin = face.template[face.materials != MOUTH]
    chin = face.template[face.landmarks["chin"], 1] if face.landmarks else skin[:, 1].min()
    length = -float(chin)  # the origin lies between the eyes
    tall, margin, _ = FRAMINGS[framing]
    height = tall * length
    return [0.0, float(chin) - margin * length + height / 2, float(skin[:, 2].max()) - 1.1 * length], height / 2


def framing(face: FaceModel) -> tuple[list[float], float]:
    """Where the camera looks (m) and half the height it must show (m): the expressive part and the head around it; the
    whole of a picture."""
    if isinstance(face.drawn, DrawnFace):
        return _whole(face.drawn, square=False)
    expressive = face.template[face.regions != REGIONS.index("other")]
    points = expressive if len(expressive) else face.template
    low, high = points.min(0), points.max(0)
    height = high[1] - low[1]
    bottom = max(float(face.template[:, 1].min()), float(low[1] - 0.16 * height))
    top = min(float(face.template[:, 1].max()), float(high[1] + 0.55 * height))
    middle = (float(low[2] + high[2]) + float(face.template[:, 2].min() + face.template[:, 2].max())) / 4
    half = (top - bottom) / 2
    return [0.0, (bottom + top) / 2 + 0.06 * half, middle], 1.16 * half  # room above for a caption


def _whole(face: DrawnFace, square: bool) -> tuple[list[float], float]:
    """Middle of a picture and half the height that shows all of it, in a square or as wide as need be."""
    low, high = face.corners
    wide, tall = (high - low).tolist()
    half = max(wide, tall) / 2 if square else tall / 2
    return [*((low + high) / 2).tolist(), 0.0], (1.02 if square else 1.1) * half


def eyeballs(face: FaceModel) -> tuple[list[list[float]] | None, list[float]]:
    """[[x, y, z, radius]] of the left and right eyeball (None without eyes), and the angles at the edge of pupil and
    iris, seen from the ball's centre (radians)."""
    balls, edges = [], []
    for sign in (1, -1):
        here = np.isin(face.materials, (EYE, IRIS, PUPIL)) & (face.template[:, 0] * sign > 0)
        points = face.template[here].astype(np.float64)
        if len(points) < 12:
            return None, list(PLAIN_EYE)
        centre, radius = fit_sphere(points)
        balls.append([*map(float, centre), radius])
        edges.append(
            [_edge(points - centre, np.isin(face.materials[here], codes)) for codes in ((PUPIL,), (PUPIL, IRIS))]
        )
    found = PLAIN_EYE if np.isnan(edges).any() else np.mean(edges, axis=0)
    return balls, [float(v) for v in found]


def _edge(directions: np.ndarray, inside: np.ndarray) -> float:
    """The largest angle from +z among the points inside, NaN for none."""
    if not inside.any():
        return float("nan")
    rays = directions[inside] / np.linalg.norm(directions[inside], axis=1, keepdims=True)
    return float(np.arccos(np.clip(rays[:, 2], -1, 1)).max())
