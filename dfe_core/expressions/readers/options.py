"""What the user may tell a reader, and the limits every reader keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dfe_core.errors import DataError

MAX_FILE_BYTES = 4 << 30
"""Larger files are refused before they are opened."""
MAX_ARRAY_BYTES = 2 << 30
"""Arrays whose header promises more than this are refused before they are read."""
MAX_FOLDED_BYTES = 128 << 20
MOST_FOLDED = 20
"""Data that unfold to more than `MAX_FOLDED_BYTES` and to more than `MOST_FOLDED` times what is stored are refused:
captured faces are noisy and shrink to a fifth at best."""
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


def check_unfolded(unfolded: int, stored: int, where: str | Path) -> None:
    """Raise `DataError` for so many bytes unfolded from so many stored: too many, or a bomb."""
    if unfolded > MAX_ARRAY_BYTES:
        raise DataError(where, f"data of {unfolded / 2**30:.1f} GB", f"at most {MAX_ARRAY_BYTES >> 30} GB")
    if unfolded > MAX_FOLDED_BYTES and unfolded > MOST_FOLDED * stored:
        raise DataError(where, f"{stored:,} bytes that unfold to {unfolded >> 20:,} MB",
                        f"at most {MOST_FOLDED} times what is stored, as captured faces take")
