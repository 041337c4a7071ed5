"""Numbers as people type them into links and boxes. Knows no Streamlit."""

from __future__ import annotations

DIGITS = 12
"""No number of a codeword, a frame or a part has more."""


def whole(text: str | None) -> int | None:
    """A whole number from 0 up as somebody typed it into a link or a box; None for anything else, such as ``²``, which
    Python counts among the digits, or for more of them than any number here has."""
    return int(text) if text and len(text) <= DIGITS and text.isascii() and text.isdigit() else None
