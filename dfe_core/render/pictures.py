"""Pictures of a face: one, or one for each codeword, kept on disk by content."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dfe_core.artefact import ArtefactId, source_labels
from dfe_core.artefact_names import FACES, MANIFEST, MODELS, THUMBNAILS, keyed_name
from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel
from dfe_core.integrity import broken_files, is_whole, seal
from dfe_core.progress import Listener, Progress, silent
from dfe_core.render.palette import SHARED_SCALE_MM
from dfe_core.render.studio import Shot
from dfe_core.render.thread import with_studio
from dfe_core.store import artefact_path, atomic_file, content_key, write_json
from dfe_core.tokenizer.codebook import Codebook

LOOK = 3
"""Version of lights, camera and colours: a change makes every cached picture anew."""

SMALLEST_SCALE_MM = 0.5  # a codeword that moves less than this is not blown up to full heat
_CHUNK = 64
_VIEW = "front"


def peaks_mm(face: FaceModel, psi: np.ndarray) -> np.ndarray:
    """(K, E) coefficients to (K,) largest displacement of a skin vertex, mm."""
    psi = np.asarray(psi, np.float32).reshape(-1, face.coefficients)
    skin = face.materials == 0
    parts = [
        np.linalg.norm(face.displacement(psi[i : i + _CHUNK])[:, skin], axis=2).max(1, initial=0)
        for i in range(0, len(psi), _CHUNK)
    ]
    return np.concatenate(parts) * 1e3 if parts else np.zeros(0)


def heat_scales_mm(face: FaceModel, psi: np.ndarray, shared: bool = False) -> np.ndarray:
    """(K,) the displacement at the hot end of each picture's heat map, mm.

    Its own largest displacement, at least `SMALLEST_SCALE_MM`; or, shared, `SHARED_SCALE_MM`.
    """
    if shared:
        return np.full(len(psi), SHARED_SCALE_MM)
    return np.maximum(peaks_mm(face, psi), SMALLEST_SCALE_MM)


def render_picture(
    face: FaceModel,
    psi: np.ndarray,
    scale_mm: float | None = None,
    shot: Shot | None = None,
    identity: np.ndarray | None = None,
) -> np.ndarray:
    """One face as (H, W, 4) uint8 with alpha.

    Parameters
    ----------
    psi: (E,). scale_mm: displacement at the hot end of the heat map, default this expression's own largest; infinity
        paints none. shot: size and view. identity: (I,) parameters of the person.

    Raises `DataError` for a face without a mesh.
    """
    scale = float(heat_scales_mm(face, psi)[0]) if scale_mm is None else scale_mm
    return with_studio(face, shot or Shot(), lambda studio: studio.shoot(psi, scale, identity))


def render_face(face: FaceModel, psi: np.ndarray, *, shot: Shot | None = None) -> bytes:
    """One face as a PNG file with a transparent background, in the colours of all pictures; arguments as
    `render_picture`."""
    return png(render_picture(face, psi, SHARED_SCALE_MM, shot or Shot(640, framing="head")))


def thumbnail_folder(codebook: Codebook, face: FaceModel, root: Path | None = None, size: int = 256) -> Path:
    """Where the pictures of a codebook's codewords lie, made or not: addressed by all that they depend on."""
    key = content_key(
        {
            "look": LOOK,
            "psi": hashlib.sha256(np.ascontiguousarray(codebook.psi).tobytes()).hexdigest(),
            "face": _face_key(face),
            "size": size,
            "shared": SHARED_SCALE_MM,
            "view": _VIEW,
        }
    )
    return artefact_path("renders", keyed_name(THUMBNAILS, key), root)


def thumbnails_ready(folder: Path) -> bool:
    """Whether every picture of a folder has been made and is what was written."""
    return is_whole(folder)


def ready_thumbnails(folder: Path, wanted: Iterable[int]) -> dict[int, Path]:
    """{codeword: picture} of those that are there and are what was written."""
    try:
        broken = set(broken_files(folder))
    except DataError:
        return {}
    paths = {k: thumbnail_path(folder, k) for k in wanted}
    return {k: path for k, path in paths.items() if path.name not in broken and path.is_file()}


def thumbnail_path(folder: Path, codeword: int) -> Path:
    """The picture of one codeword; it may be there before the whole folder is ready."""
    return folder / f"{codeword:04d}.png"


def ensure_thumbnails(
    codebook: Codebook,
    face: FaceModel,
    root: Path | None = None,
    size: int = 256,
    *,
    progress: Listener = silent,
) -> Path:
    """Make the picture of every codeword that has none yet and return their folder.

    ``NNNN.png`` per codeword, transparent; ``manifest.json``, written last, with scale_mm per codeword. Interrupted,
    it goes on where it stopped; complete, it returns at once. Raises `DataError` when the face does not fit the
    codebook or has no mesh.
    """
    if face.coefficients != codebook.psi.shape[1]:
        raise DataError(face.id, f"{face.coefficients} coefficients", f"{codebook.psi.shape[1]}, as {codebook.model}")
    folder = thumbnail_folder(codebook, face, root, size)
    if thumbnails_ready(folder):
        return folder
    scales, shot = heat_scales_mm(face, codebook.psi, shared=True), Shot(size, _VIEW)
    ready = ready_thumbnails(folder, range(codebook.size))
    for k in range(codebook.size):
        progress(Progress(task="thumbnails", done=k, total=codebook.size, detail=f"codeword {k}"))
        path = thumbnail_path(folder, k)
        if k not in ready:
            with atomic_file(path) as temporary:
                temporary.write_bytes(png(render_picture(face, codebook.psi[k], float(scales[k]), shot)))
    progress(Progress(task="thumbnails", done=codebook.size, total=codebook.size))
    write_json(
        folder / MANIFEST,
        {
            **source_labels(ArtefactId(MODELS, codebook.model), ArtefactId(FACES, face.id)),
            "model": codebook.model,
            "face": face.id,
            "size": size,
            "view": _VIEW,
            "look": LOOK,
            "scale_mm": scales.round(4),
        },
    )
    seal(folder)
    return folder


def png(picture: np.ndarray) -> bytes:
    """(H, W, 3 or 4) uint8 to the bytes of a PNG file."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def over(picture: np.ndarray, background: tuple[int, int, int]) -> np.ndarray:
    """A picture with alpha (…, 4) on a plain background, (…, 3) uint8."""
    alpha = picture[..., 3:].astype(np.float32) / 255
    return (picture[..., :3] * alpha + np.array(background) * (1 - alpha)).round().astype(np.uint8)


def _face_key(face: FaceModel) -> str:
    digest = hashlib.sha256()
    for array in (face.template, face.triangles, face.basis, face.materials):
        digest.update(np.ascontiguousarray(array).tobytes())
    if face.picture is not None:
        digest.update(face.picture.key.encode())
    return digest.hexdigest()
