"""A still picture of each widget, for where widgets are not run: GitHub, nbconvert, a printed notebook."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dfe_core.faces.model import FaceModel
from dfe_core.notebook.facts import RecordingPart, ViewFacts
from dfe_core.render.palette import SHARED_SCALE_MM, region_colour
from dfe_core.render.pictures import over, ready_thumbnails, render_picture, thumbnail_folder
from dfe_core.render.studio import Shot
from dfe_core.tokenizer.codebook import Codebook

_WHITE = (255, 255, 255)
_LARGE, _SMALL = 260, 128
CARDS = 12
"""Codewords of a gallery in its picture."""
_COLUMNS = 6
_COLOURS = 96
"""Of a picture: it is kept in the notebook's file."""


def codeword_still(codebook: Codebook, face: FaceModel, codeword: int) -> bytes:
    """Neutral, and the codeword at intensity 1, as PNG."""
    return _png(_beside([_face(face, 0 * codebook.psi[codeword]), _face(face, codebook.psi[codeword])]))


def gallery_still(codebook: Codebook, face: FaceModel, codewords: Sequence[int], root: Path | None = None) -> bytes:
    """The first codewords in rows, as PNG; from the pictures that the dashboard has made, where it has."""
    shown = list(codewords[:CARDS])
    made = ready_thumbnails(thumbnail_folder(codebook, face, root), shown)
    faces = [_thumbnail(made[k]) if k in made else _face(face, codebook.psi[k], _SMALL) for k in shown]
    wide = min(_COLUMNS, len(faces))
    faces += [np.full_like(faces[0], 255)] * (-len(faces) % wide)
    return _png(np.concatenate([_beside(faces[i : i + wide]) for i in range(0, len(faces), wide)]))


def player_still(codebook: Codebook, face: FaceModel, part: RecordingPart, time_s: float) -> bytes:
    """The face of an instant and what its tokens rebuild, as PNG."""
    row = int(np.abs(part.time_s - time_s).argmin())
    rebuilt = (codebook.psi[part.tokens[row]] * part.intensities[row][:, None]).sum(0)
    return _png(_beside([_face(face, part.psi[row]), _face(face, rebuilt)]))


def map_still(made: ViewFacts, places: np.ndarray, regions: Sequence[str]) -> bytes:
    """The points, as PNG. places: (n, 2 or 3). regions: (n,) of the points."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.4), dpi=100, layout="tight")
    axes = figure.subplots()
    axes.scatter(places[:, 0], places[:, 1], s=9 if len(places) < 2000 else 2, c=[region_colour(r) for r in regions])
    axes.set_axis_off()
    axes.set_title(made.facts["alt"], fontsize=9)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _face(face: FaceModel, psi: np.ndarray, size: int = _LARGE) -> np.ndarray:
    return over(render_picture(face, psi, SHARED_SCALE_MM, Shot(size)), _WHITE)


def _thumbnail(path: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(path) as picture:
        return over(np.asarray(picture.convert("RGBA").resize((_SMALL, _SMALL))), _WHITE)


def _png(picture: np.ndarray) -> bytes:
    """(H, W, 3) uint8 as a small PNG file."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).quantize(_COLOURS).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _beside(pictures: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(list(pictures), axis=1)
