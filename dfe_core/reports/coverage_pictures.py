"""The faces of a coverage report, drawn off-screen; a report without them is whole but for its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.facs.coverage_result import Coverage
from dfe_core.progress import Listener, silent
from dfe_core.render.pictures import ensure_thumbnails, over, png, thumbnail_path
from dfe_core.render.studio import Shot
from dfe_core.render.thread import with_studio
from dfe_core.reports.coverage_beyond import Pictures
from dfe_core.tokenizer.codebook import Codebook

_WHITE = (255, 255, 255)
_STILL = 1e-4  # the face of a map keeps its rest: displacement and scale shrink together, colours stay


def coverage_pictures(
    coverage: Coverage, *, root: Path | None = None, size: int = 256, progress: Listener = silent
) -> Pictures:
    """Faces of the new and redundant codewords, and the displacement map of every condition. Empty without a mesh."""
    codebook = Codebook.open(coverage.model, root)
    face = open_face(coverage.face_id, root)
    if not face.has_mesh:
        return Pictures()
    try:
        folder = ensure_thumbnails(codebook, face, root, size=size, progress=progress)
    except (DataError, ImportError):  # no mesh to draw, or a machine without a renderer: the report goes on without
        return Pictures()
    wanted = {int(k) for k in [*coverage.new_codewords["codeword"], *coverage.redundancy["first"]]}
    scale = float(np.quantile(coverage.vertex_mm[:, face.materials == 0], 0.995))
    maps = {
        level: map_picture(face, mm, scale, size)
        for level, mm in zip(coverage.vertex_levels, coverage.vertex_mm, strict=True)
    }
    return Pictures({k: on_white(thumbnail_path(folder, k)) for k in sorted(wanted)}, maps, scale)


def map_picture(face: FaceModel, mm: np.ndarray, scale_mm: float, size: int = 256) -> bytes:
    """(V,) mm as colours on the neutral face: a PNG. `scale_mm` is the hot end."""
    moved = np.zeros_like(face.template)
    moved[:, 2] = mm * 1e-3 * _STILL
    picture = with_studio(face, Shot(size), lambda studio: studio.shoot_displacement(moved, scale_mm * _STILL))
    return png(over(picture, _WHITE))


def on_white(path: Path) -> bytes:
    """A transparent PNG file on white, as PNG bytes."""
    from PIL import Image

    with Image.open(path) as image:
        return png(over(np.asarray(image.convert("RGBA")), _WHITE))
