"""Files that hold others, known by their first bytes: they are refused by name, with what to do."""

from __future__ import annotations

_UNPACK = "the file in it: unpack it first"
_KINDS = (
    (b"\x1f\x8b", "a file compressed with gzip", _UNPACK),
    (b"BZh", "a file compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ", "a file compressed with xz", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "its sheet saved as CSV UTF-8"),
    (b"PK", "a zip archive or an Excel workbook", "the files in it, or the sheet saved as CSV UTF-8"),
)


def packed(head: bytes) -> tuple[str, str] | None:
    """What a file is that begins so, and what is expected in its place; None where it is not packed."""
    return next(((what, expected) for start, what, expected in _KINDS if head.startswith(start)), None)
