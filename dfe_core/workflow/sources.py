"""The files of a study before they are imported: what they hold, how many frames, and their hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dfe_core.artefact_names import MANIFEST
from dfe_core.errors import DataError
from dfe_core.expressions.import_job import LEARN
from dfe_core.expressions.inspection import Believed, inspect_sources
from dfe_core.expressions.sources import file_content, find_files
from dfe_core.facs.readers import au_file_endings, au_format
from dfe_core.store import read_json

_TEXT = (".csv", ".tsv", ".txt")
_BYTES_PER_FRAME = {".json": 1200.0, ".npz": 400.0, ".npy": 300.0, ".parquet": 250.0, ".glb": 300.0, ".gltf": 1000.0}
_READ_WHOLE, _SAMPLE = 4 << 20, 1 << 20
"""Bytes: text files up to the first are counted line by line, of longer ones a sample of the second gives the rest."""


@dataclass(frozen=True, kw_only=True)
class StudySources:
    """What the sources of a study hold.

    files: as `inspect_sources` finds them, those that no reader takes too (with their fault). face: for the import.
    frames: over all files; estimated for binary and long ones. aus_format: of the action units in the first file, empty
    where it has none. aus_files: of action units given beside the recordings.
    """

    files: tuple[Believed, ...]
    face: str
    frames: int
    aus_format: str
    aus_files: tuple[Path, ...] = ()

    @property
    def readable(self) -> tuple[Believed, ...]:
        """The files that a reader takes."""
        return tuple(file for file in self.files if not file.fault)

    @cached_property
    def hashes(self) -> dict[str, str]:
        """SHA-256 by name of the file (with the folder before it where names clash)."""
        return file_hashes([file.path for file in self.readable], meshes=self.face == LEARN)


def read_sources(sources: Sequence[Path], labels: Path | None, pattern: str | None, face: str = "") -> StudySources:
    """Look at the files of a study: their heads, and the lines of text files.

    Raises `DataError` where no reader knows any of them.
    """
    files = tuple(inspect_sources(sources, labels, pattern))
    readable = [file for file in files if not file.fault]
    if not readable:
        first = next((file.fault for file in files), "no files")
        raise DataError(sources[0], f"nothing to import ({first})", "recordings that docs/formats.md lists")
    return StudySources(
        files=files,
        face=face or (LEARN if all(file.learned for file in readable) else "anny"),
        frames=sum(count_frames(file.path) for file in readable),
        aus_format=au_format(readable[0].path) if readable[0].path.is_file() else "",
    )


def count_frames(path: Path) -> int:
    """About how many frames a file holds: its lines, for text; by its size for the rest."""
    if path.is_dir():
        if (path / MANIFEST).is_file():
            return int(read_json(path / MANIFEST).get("frames") or 0)
        return sum(1 for entry in path.iterdir() if entry.is_file())
    size = path.stat().st_size
    if path.suffix.lower() not in _TEXT:
        return round(size / _BYTES_PER_FRAME.get(path.suffix.lower(), 400.0))
    with path.open("rb") as handle:
        head = handle.read(size if size <= _READ_WHOLE else _SAMPLE)
    lines = max(head.count(b"\n"), 1)
    return max(round(lines * size / max(len(head), 1)) - 1, 0)


def file_hashes(paths: Sequence[Path], meshes: bool = False) -> dict[str, str]:
    """SHA-256 of files (of a folder of frames: of all its files) by name."""
    names = [path.name for path in paths]
    return {
        path.name if names.count(path.name) == 1 else f"{path.parent.name}/{path.name}": file_content(
            path, meshes=meshes
        )[1]
        for path in paths
    }


def au_files(folder: Path | None) -> tuple[Path, ...]:
    """The files of a folder (or the file) of action units."""
    return tuple(find_files([folder], endings=au_file_endings())[0]) if folder else ()
