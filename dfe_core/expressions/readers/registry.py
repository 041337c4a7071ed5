"""The formats that can be read, in the order in which they are asked (`protocol.FormatReader` is what each one is).

Those of this package stand in `_MODULES`, imported when first asked; those of other packages are found through the
entry points ``dfe.readers`` and are asked before them: whoever installs one has files of just that kind.
"""

from __future__ import annotations

import os
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

from dfe_core.errors import DataError
from dfe_core.expressions.readers.installed import installed_readers, sniffed
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.packed_files import packed
from dfe_core.expressions.readers.protocol import FormatReader, Reader, stated
from dfe_core.expressions.readers.vrm_presets import preset_version
from dfe_core.expressions.recording import Recording
from dfe_core.npz_file import npy_shape

RecordingReader: TypeAlias = Reader[ReadOptions, Recording]
RecordingFormat: TypeAlias = FormatReader[bytes, ReadOptions, Recording]

GROUP = "dfe.readers"
"""The entry points of other packages."""

_MODULES = tuple(
    """
    live_link_face face_cap ifacialmocap quest_pro faceshift sranipal unified gltf mediapipe ict_weights arkit_table
    arkit_json bfm flame flame_frames dfe_dataset openface mediapipe_landmarks mesh_sequence landmarks
    """.split()
)
"""In the order in which they are asked: the most specific first."""
_FOLDERS = ("dfe_dataset", "flame_frames", "bfm")
"""Those of which a folder may be one recording."""
_ENDINGS = (".csv", ".tsv", ".txt", ".json", ".parquet", ".npz", ".npy", ".mat", ".pt", ".pth", ".glb", ".gltf")
HEAD_BYTES = 1 << 16


class UnknownFile(DataError):
    """A file that no reader knows. Its text quotes the beginning of the file, which is not for everybody's eyes."""


@cache
def readers() -> tuple[RecordingFormat, ...]:
    """Every reader, in the order in which they are asked."""
    return (*_installed(), *_built_in())


@cache
def _built_in() -> tuple[RecordingFormat, ...]:
    return tuple(import_module(f"dfe_core.expressions.readers.{name}") for name in _MODULES)


@cache
def _installed() -> tuple[RecordingFormat, ...]:
    return installed_readers(GROUP, {reader.FORMAT for reader in _built_in()})


def forget_installed() -> None:
    """Look for the readers of other packages again, when next asked: after one was installed into this process."""
    for known in (readers, _installed, file_endings):
        known.cache_clear()


@cache
def file_endings() -> tuple[str, ...]:
    """Endings of the files that folders are searched for, and with which a table of labels may name recordings."""
    more = [ending.lower() for reader in _installed() for ending in stated(reader, "ENDINGS", ())]
    return tuple(dict.fromkeys((*_ENDINGS, *more)))


def files_of_folder(folder: Path) -> list[Path]:
    """The files of a folder that is one source (frames, or a dataset of ours); none for any other folder."""
    built_in = (import_module(f"dfe_core.expressions.readers.{name}") for name in _FOLDERS)
    for reader in (*built_in, *_installed()):
        if (of := stated(reader, "folder_files", None)) is not None and (files := of(folder)):
            return files
    return []


def find_reader(path: Path, format: str = "auto", points_first: bool = False) -> tuple[RecordingFormat, str]:
    """The reader for a file or a folder of frames, and why.

    points_first: of the readers that know a file, those of moving points come first (for a learned face).

    Raises `DataError` for an unknown format, and for a file that no reader knows.
    """
    known = {reader.FORMAT: reader for reader in readers()}
    if format != "auto":
        if format not in known:
            raise DataError(f"--format {format}", "no such format", ", ".join(("auto", *known)))
        return known[format], "as asked"
    head = b"" if path.is_dir() else read_head(path)
    order = sorted(known.values(), key=lambda reader: not holds_points(reader)) if points_first else known.values()
    for reader in order:
        if (why := sniffed(reader, path, head)) is not None:
            return reader, why
    raise _unknown(path, head, f"one of {', '.join(known)} (docs/formats.md)")


def holds_points(reader: RecordingReader) -> bool:
    """Whether a reader's recordings are moving points, for which a face is learned."""
    return bool(stated(reader, "HOLDS_POINTS", False))


def _unknown(path: Path, head: bytes, titles: str) -> UnknownFile:
    """The error of a file that no reader knows, with what it seems to be and what would help."""
    if path.is_dir():
        inside = sorted({p.suffix.lower() or "no ending" for p in path.iterdir()})[:6]
        return UnknownFile(
            path,
            f"a folder that is no recording itself (files of {', '.join(inside) or 'no kind'})",
            "recordings in it, or a folder with one file per frame",
        )
    if path.suffix.lower() in VIDEO_ENDINGS or head[4:8] == b"ftyp" or head.startswith((b"\x1aE\xdf\xa3", b"RIFF")):
        return UnknownFile(
            path,
            "a video, which no reader knows: it holds no coefficients",
            f"`dfe extract {path.name} …` first, which makes recordings of it",
        )
    if path.suffix.lower() in _PICTURES and b"\0" in head:
        return UnknownFile(
            path,
            "a picture, which no reader knows: it holds no coefficients",
            f"`dfe extract {path.name} …` first, which makes recordings of pictures",
        )
    if kind := packed(head):
        return UnknownFile(path, f"{kind[0]}, which no reader knows", kind[1])
    if version := preset_version(head):
        return UnknownFile(
            path,
            f"{version}'s preset expressions, which no reader knows: mouth shapes of vowels and whole emotions, whose "
            "movements each avatar defines for itself",
            "the 52 ARKit names, which the same trackers send as “perfect sync”",
        )
    shape = npy_shape(head) if head.startswith(b"\x93NUMPY") else None
    if shape:
        return UnknownFile(
            path,
            f"no reader knows this file (an array of {' x '.join(map(str, shape))} without names)",
            f"names, for which of {shape[-1]} columns is which cannot be inferred from their number: a "
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
