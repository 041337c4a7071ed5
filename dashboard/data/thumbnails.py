"""Pictures of codewords: rendered once by dfe_core.render in a job of its own, shown from the cache."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from dfe_core.faces.model import FaceModel
from dfe_core.render.pictures import ready_thumbnails, thumbnail_folder
from dfe_core.tokenizer.codebook import Codebook

from . import job_manager, media


def addresses(root: Path, codebook: Codebook, face: FaceModel, of: Iterable[int] | None = None) -> dict[int, str]:
    """URL of each codeword's picture, or of those in `of`. Those not rendered yet are left out (views then draw the
    faces themselves), and a job that renders them is started."""
    if not face.has_mesh:
        return {}
    folder = _folder(root, codebook, face)
    wanted = sorted(set(range(codebook.size) if of is None else of))
    paths = ready_thumbnails(folder, wanted)
    if len(paths) < len(wanted) and job_manager.manager().get(key := f"pictures-{codebook.key}") is None:
        job_manager.manager().start(
            key,
            f"Pictures of “{codebook.model}”",
            codebook.model,
            str(root),
            command=(sys.executable, "-m", f"{__package__}.thumbnail_worker"),
        )
    return {k: media.picture_address(path) for k, path in paths.items()}


@lru_cache(maxsize=8)
def _folder(root: Path, codebook: Codebook, face: FaceModel) -> Path:
    return thumbnail_folder(codebook, face, root)
