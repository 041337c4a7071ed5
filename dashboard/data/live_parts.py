"""What the page *Live* gives the browser: the tokenizer of a codebook, and the landmarker that the lab has
installed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from dfe_core.artefact_names import CODEWORDS_FILE, CONFIG, WEIGHTS_FILE
from dfe_core.faces import open_face
from dfe_core.live import browser_landmarker
from dfe_core.live.pack import pack_tokenizer
from dfe_core.store import artefact_path, cache_root

from . import media
from .artefact_cache import Choice, stamp

FOLDER = f"{media.FOLDER}/landmarker-{browser_landmarker.VERSION}"
"""Of the addresses of the landmarker's files."""
_KINDS = {".wasm": "application/wasm", ".js": "text/javascript", ".cjs": "text/javascript"}


def tokenizer_address(choice: Choice) -> str:
    """Where the browser finds the tokenizer of the chosen codebook.

    Raises `DataError` for a codebook whose weights are not there, or whose face does not answer to ARKit's
    coefficients.
    """
    folder = artefact_path("models", choice.model, choice.root)
    marks = stamp(folder / CONFIG, folder / CODEWORDS_FILE, folder / WEIGHTS_FILE)
    return media.address_of(_tokenizer(str(choice.root), choice.model, marks))


def landmarker_file(name: str) -> tuple[Path, str] | None:
    """Path and media type of a file of the landmarker, None for any other name and where it is not installed."""
    path = browser_landmarker.landmarker_folder(cache_root()) / name
    return (path, _KINDS[path.suffix]) if name in browser_landmarker.FILES and path.is_file() else None


@lru_cache(maxsize=4)
def _tokenizer(root: str, model: str, _: tuple[int, ...]) -> media.Content:
    from dfe_core.tokenizer.storage import load_model  # with torch: no other page needs it

    made, config = load_model(model, Path(root), device="cpu")
    return media.Content(pack_tokenizer(made, open_face(config["face"], Path(root))), "application/octet-stream")
