"""How much a file from anywhere may unfold to."""

from __future__ import annotations

from pathlib import Path

from dfe_core.errors import DataError

MAX_ARRAY_BYTES = 2 << 30
"""Arrays whose header promises more than this are refused before they are read."""
MAX_FOLDED_BYTES = 128 << 20
MOST_FOLDED = 20
"""Data that unfold to more than `MAX_FOLDED_BYTES` and to more than `MOST_FOLDED` times what is stored are refused:
captured faces are noisy and shrink to a fifth at best."""


def check_unfolded(unfolded: int, stored: int, where: str | Path) -> None:
    """Raise `DataError` for so many bytes unfolded from so many stored: too many, or a bomb."""
    if unfolded > MAX_ARRAY_BYTES:
        raise DataError(where, f"data of {unfolded / 2**30:.1f} GB", f"at most {MAX_ARRAY_BYTES >> 30} GB")
    if unfolded > MAX_FOLDED_BYTES and unfolded > MOST_FOLDED * stored:
        raise DataError(
            where,
            f"{stored:,} bytes that unfold to {unfolded >> 20:,} MB",
            f"at most {MOST_FOLDED} times what is stored, as captured faces take",
        )
