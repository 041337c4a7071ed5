"""The job that renders the pictures of a codebook: ``python -m dashboard.data.thumbnail_worker MODEL ROOT``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from dfe_core.faces import open_face
from dfe_core.progress import Progress
from dfe_core.render.pictures import ensure_thumbnails
from dfe_core.tokenizer.codebook import Codebook


def main(model: str, root: str) -> int:
    """Render what is missing, with progress as JSON lines on stderr."""
    codebook = Codebook.open(model, Path(root))
    ensure_thumbnails(codebook, open_face(codebook.face_id, Path(root)), Path(root), progress=_tell)
    return 0


def _tell(progress: Progress) -> None:
    sys.stderr.write(json.dumps(asdict(progress)) + "\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
