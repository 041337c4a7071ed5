"""What the user may tell a reader, and the limits every reader keeps."""

from __future__ import annotations

from dataclasses import dataclass

MAX_FILE_BYTES = 4 << 30
"""Larger files are refused before they are opened."""
FPS_RANGE = (1.0, 960.0)
"""Frame rates outside are taken for an error."""


@dataclass(frozen=True)
class ReadOptions:
    """Hints for a reader; a file's own statement goes before a hint.

    fps: frame rate, Hz, where the file has neither times nor a rate of its own.
    extractor: the tool that made the file, where its format is shared by several.
    face_index: which face of a file that holds several; without it such a file is refused, for whose recording it is
        cannot be told, unless the format names its faces.
    """

    fps: float | None = None
    extractor: str | None = None
    face_index: int | None = None
