"""The files of an import: found in folders, told by their content, read by their reader."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers import live_link_face
from dfe_core.expressions.readers.mesh_sequence import MESH_ENDINGS
from dfe_core.expressions.readers.options import MAX_FILE_BYTES, ReadOptions
from dfe_core.expressions.readers.protocol import stated
from dfe_core.expressions.readers.registry import VIDEO_ENDINGS, RecordingReader, file_endings, files_of_folder
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.validation import check_recording
from dfe_core.store import content_key, file_sha256

READER_VERSION = 4
"""Counted up when a reader gives other frames for the same file."""
_TAKE = frozenset("take.json frame_log.csv video_metadata.json audio_metadata.json".split())
_LEAST_OF_TAKE = 2
_LARGE = 1 << 24  # bytes of a file whose digest is made on a thread


def find_files(
    sources: Sequence[str | Path],
    labels: Path | None = None,
    *,
    endings: tuple[str, ...] | None = None,
    meshes: bool = False,
) -> tuple[list[Path], list[tuple[Path, DataError]]]:
    """Files to read, each once, and sources that are none.

    Folders are walked in the order of their names, without hidden files, files with other endings, what tools write
    beside recordings (`_beside`) and the table of labels; links out of the folder are told. A file named outright is
    always tried.

    endings: of the files to look for; None for recordings. Of recordings, a folder that holds a folder a frame is one,
        and of a take of Live Link Face in several forms the calibrated one is read.
    meshes: take folders of mesh files, each one recording, before all other files; of a folder with any, nothing else.
    """
    folders, others = mesh_folders(sources) if meshes else ([], list(sources))
    files: dict[str, Path] = {os.path.realpath(folder): folder for folder in folders}
    unread: list[tuple[Path, DataError]] = []
    table = os.path.realpath(labels) if labels else None
    for source in map(Path, others):
        inside, left_out = _folder_files(source, endings) if os.path.isdir(source) else ([source], [])
        unread += left_out
        for path in inside:
            if os.path.realpath(path) != table:
                files.setdefault(os.path.realpath(path), path)
    return list(files.values()), unread


def _folder_files(folder: Path, endings: tuple[str, ...] | None) -> tuple[list[Path], list[tuple[Path, DataError]]]:
    """The files of a folder, and what of it, or that nothing of it, is one."""
    found, left_out = _inside(folder, list(_walk(folder, endings or file_endings(), endings is None)))
    if endings is None:
        other_forms = live_link_face.other_forms(found)
        found = [path for path in found if path not in other_forms]
        left_out += other_forms.items()
    if not found and not left_out:
        left_out.append((folder, _empty(folder, endings)))
    return found, left_out


def _empty(folder: Path, endings: tuple[str, ...] | None) -> DataError:
    """The error of a folder without a file to read; one of videos is told the way to them."""
    if endings is not None:
        return DataError(folder, "no files to read in this folder", ", ".join(endings))
    inside = {p.suffix.lower() for p in folder.rglob("*")}
    if inside & set(VIDEO_ENDINGS):
        return DataError(folder, "videos and no recordings in this folder", "`dfe extract` first, which makes them")
    return DataError(folder, "no recordings in this folder", ", ".join(file_endings()))


def _inside(folder: Path, paths: list[Path]) -> tuple[list[Path], list[tuple[Path, DataError]]]:
    """The paths that lie in a folder, and those that are links to elsewhere: it may come from anyone."""
    top = os.path.join(os.path.realpath(folder), "")
    within = [os.path.join(os.path.realpath(path), "").startswith(top) for path in paths]
    return [path for path, own in zip(paths, within, strict=True) if own], [
        (path, DataError(path, "a link out of its folder", "a file in it, or the target named outright"))
        for path, own in zip(paths, within, strict=True)
        if not own
    ]


def _walk(folder: Path, endings: tuple[str, ...], whole_folders: bool) -> Iterator[Path]:
    """Files with these endings, and, where `whole_folders`, folders that are one recording."""
    for where, folders, names in os.walk(folder):
        if whole_folders and files_of_folder(Path(where)):
            folders.clear()
            yield Path(where)
            continue
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__")))
        beside = _beside(names)
        yield from (Path(where, n) for n in sorted(names) if n not in beside and n.lower().endswith(endings))


def _beside(names: Sequence[str]) -> set[str]:
    """Files that lie beside recordings and are none: hidden ones, locks of a spreadsheet, OpenFace's details of a run,
    and what Live Link Face writes about a take, where several of these lie together."""
    lower = {name.lower() for name in names}
    about = _TAKE if len(_TAKE & lower) >= _LEAST_OF_TAKE else frozenset()
    return {n for n in names if n.startswith((".", "~$")) or n.endswith("_of_details.txt") or n.lower() in about}


def mesh_folders(sources: Sequence[str | Path]) -> tuple[list[Path], list[str | Path]]:
    """Folders of mesh files, each one recording, and the sources that are left (folders without any mesh file)."""
    meshes: list[Path] = []
    rest: list[str | Path] = []
    for source in sources:
        found = (
            [
                Path(where)
                for where, folders, names in sorted(os.walk(source))
                if any(n.lower().endswith(MESH_ENDINGS) for n in names)
            ]
            if Path(source).is_dir()
            else []
        )
        meshes += found
        if not found:
            rest.append(source)
    return meshes, rest


def read_recordings(path: Path, reader: RecordingReader, options: ReadOptions) -> list[Recording]:
    """A file's recordings. Whatever a damaged file does to a library below a reader, the rest of the batch goes on."""
    try:
        with np.errstate(all="ignore"):  # numbers that no float holds become infinite, and their frames invalid
            recordings = list(reader.read(path, options))
    except DataError:
        raise
    except Exception as error:
        raise DataError(
            path, f"not readable as {reader.TITLE} ({type(error).__name__}: {error})"[:300], "a whole file"
        ) from error
    if not recordings:
        raise DataError(path, "no recording in it", "face-capture data")
    for recording in recordings:
        check_recording(recording, path, reader.TITLE)
    return recordings


def file_state(path: Path) -> tuple[int, int] | None:
    """Bytes and time of the last change of a file, None for what is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


@contextlib.contextmanager
def content_meanwhile(
    path: Path, reader: RecordingReader | None = None, *, meshes: bool = False
) -> Iterator[Future[tuple[int, str]]]:
    """`file_content` of a file: at once, or, where the file is large, on a thread while the block runs.

    Raises `DataError` as `file_content` does: of a large file that is over the limit, before the block runs.
    """
    with ThreadPoolExecutor(1) as pool:  # starts no thread until it has work
        if os.path.isfile(path) and _check_size(path, reader) >= _LARGE:
            yield pool.submit(file_content, path, reader)
        else:
            found: Future[tuple[int, str]] = Future()
            found.set_result(file_content(path, reader, meshes=meshes))
            yield found


def _check_size(path: Path, reader: RecordingReader | None) -> int:
    """Bytes of a file. Raises `DataError` for more than may be read."""
    size, limit = path.stat().st_size, stated(reader, "MAX_BYTES", MAX_FILE_BYTES)
    if size > limit:
        raise DataError(path, f"{size / 2**30:.1f} GB", f"at most {limit >> 30} GB")
    return size


def file_content(path: Path, reader: RecordingReader | None = None, *, meshes: bool = False) -> tuple[int, str]:
    """Bytes and SHA-256 of a file, or of the files of a folder of frames (its mesh files, with `meshes`). A reader with
    MAX_BYTES sets the limit.

    Raises `DataError` for what is neither and for what is over the limit.
    """
    if not os.path.exists(path):
        raise DataError(path, "no such file", "a file or folder of recordings")
    if os.path.isdir(path):
        inside = (
            [file for file in sorted(path.iterdir()) if file.suffix.lower() in MESH_ENDINGS]
            if meshes
            else stated(reader, "folder_files", files_of_folder)(path)
        )
        parts = [file_content(file) for file in inside]
        return sum(size for size, _ in parts), content_key([digest for _, digest in parts], 64)
    if not os.path.isfile(path):
        raise DataError(path, "no plain file", "a file or folder of recordings")
    size = _check_size(path, reader)
    try:
        return size, file_sha256(path)
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
