"""The formats that can be read. Adding one is one small module with the four names below, and a line in `_MODULES`.

A reader module has
    FORMAT: str                                   its name on the command line, e.g. ``live-link-face``
    TITLE: str                                    for people, e.g. ``Live Link Face CSV``
    sniff(path: Path, head: bytes) -> str | None  why the file is believed to be of this format; None if it is not
    read(path: Path, options: ReadOptions) -> list[Recording]
and, where the file tells what made it but its format does not,
    extractor_of(path: Path, head: bytes) -> str  the tool, empty where it cannot be seen without reading on
`head` is the first 64 kB, empty for a folder. `sniff` never raises; `read` raises `DataError` alone. Modules are
imported when first asked.
"""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

from dfe_core.errors import DataError
from dfe_core.npz_file import npy_shape

_MODULES = (
    "live_link_face",
    "face_cap",
    "ifacialmocap",
    "quest_pro",
    "faceshift",
    "sranipal",
    "gltf",
    "mediapipe",
    "ict_weights",
    "arkit_table",
    "arkit_json",
    "bfm",
    "flame",
    "flame_frames",
    "dfe_dataset",
    "openface",
    "mediapipe_landmarks",
    "mesh_sequence",
    "landmarks",
)
"""In the order in which they are asked: the most specific first."""
HEAD_BYTES = 1 << 16


class UnknownFile(DataError):
    """A file that no reader knows. Its text quotes the beginning of the file, which is not for everybody's eyes."""


def readers() -> tuple[ModuleType, ...]:
    """The reader modules, in the order in which they are asked."""
    return tuple(import_module(f"dfe_core.expressions.readers.{name}") for name in _MODULES)


def find_reader(path: Path, format: str = "auto") -> tuple[ModuleType, str]:
    """The reader for a file or a folder of frames, and why.

    Raises `DataError` for an unknown format, and for a file that no reader knows.
    """
    known = {reader.FORMAT: reader for reader in readers()}
    if format != "auto":
        if format not in known:
            raise DataError(f"--format {format}", "no such format", ", ".join(("auto", *known)))
        return known[format], "as asked"
    head = b"" if path.is_dir() else read_head(path)
    for reader in known.values():
        if (why := reader.sniff(path, head)) is not None:
            return reader, why
    raise _unknown(path, head, f"one of {', '.join(known)} (docs/formats.md)")


def _unknown(path: Path, head: bytes, titles: str) -> UnknownFile:
    """The error of a file that no reader knows, with what it seems to be and what would help."""
    if path.is_dir():
        inside = sorted({p.suffix.lower() or "no ending" for p in path.iterdir()})[:6]
        return UnknownFile(
            path,
            f"a folder that is no recording itself (files of {', '.join(inside) or 'no kind'})",
            "recordings in it, or a folder with a file a frame",
        )
    if path.suffix.lower() in VIDEO_ENDINGS or head[4:8] == b"ftyp" or head.startswith((b"\x1aE\xdf\xa3", b"RIFF")):
        return UnknownFile(
            path,
            "a video, which no reader knows: it holds no coefficients",
            f"`dfe extract {path.name} …` first, which makes recordings of it",
        )
    if path.suffix.lower() in _PICTURES and b"\0" in head:
        return UnknownFile(
            path, "a picture, which no reader knows: it holds no coefficients", "a video, with `dfe extract` first"
        )
    shape = npy_shape(head) if head.startswith(b"\x93NUMPY") else None
    if shape:
        return UnknownFile(
            path,
            f"no reader knows this file (an array of {' x '.join(map(str, shape))} without names)",
            f"names, for which of {shape[-1]} columns is which cannot be told from their number: a "
            "table with a header, or an npz of names and weights",
        )
    return UnknownFile(path, f"no reader knows this file ({_look(head)})", titles)


VIDEO_ENDINGS = (".mov", ".mp4", ".m4v", ".avi", ".mkv", ".webm", ".wmv", ".mpg", ".mpeg")
_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".heic")


def _look(head: bytes) -> str:
    """What a file seems to be, for the message that nothing reads it."""
    if head.startswith((b"PK", b"PAR1", b"\x93NUMPY", b"MATLAB", b"\x80")) or b"\0" in head[:1024]:
        return "binary data"
    first = head.decode("utf-8-sig", "replace").lstrip().splitlines()[:1]
    text = "".join(c if c.isprintable() else " " for c in first[0][:80]) if first else ""
    if re.fullmatch(r"[-+\d.,;eE \t]+", text) and re.search(r"[,;\t ]", text.strip()):
        return f"numbers without names of columns, it begins {text!r}"
    return f"it begins {text!r}" if text.strip() else "blank text"


def read_head(path: Path) -> bytes:
    """The first `HEAD_BYTES` of a file. Raises `DataError` when it is missing, empty, no file or unreadable."""
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise DataError(path, "no plain file", "a file")  # to open a pipe would wait for ever
    try:
        with open(path, "rb") as handle:
            head = handle.read(HEAD_BYTES)
    except FileNotFoundError:
        raise DataError(path, "no such file") from None
    except IsADirectoryError:
        raise DataError(path, "a folder", "a file") from None
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
    if not head:
        raise DataError(path, "an empty file", "face-capture data")
    return head
