"""Files of an import, read: the part that needs nothing of the other files, so that an engine may do it elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dfe_core.engines import Engine, consecutive_groups
from dfe_core.errors import DataError
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import RecordingReader, find_reader
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.sources import content_meanwhile, file_state, read_recordings

_GROUP_BYTES = 32 << 20
_GROUP_FILES = 64


@dataclass(frozen=True, kw_only=True)
class FileToRead:
    """A file, and the format of it and why, where it was looked at already."""

    path: Path
    format: str | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class ReadingRules:
    """How files are read.

    reader: in the place of the one that is found. format: of a reader, or ``auto``. points: of several readers those of
    moving points come first, and folders of mesh files are recordings. known: digests of files that need no reading.
    """

    options: ReadOptions
    format: str = "auto"
    reader: RecordingReader | None = None
    points: bool = False
    known: frozenset[str] = frozenset()

    def reader_of(self, file: FileToRead) -> tuple[RecordingReader, str]:
        """The reader of a file, and why. Raises `DataError` where none knows it."""
        if self.reader is not None:
            return self.reader, "as asked"
        if file.format is not None:
            return find_reader(file.path, file.format)[0], file.why
        return find_reader(file.path, self.format, points_first=self.points)


@dataclass(frozen=True, kw_only=True)
class FileRead:
    """What came of a file: its recordings, or the error.

    content: bytes and SHA-256, None where not even these could be read. format: of its reader. why: it is that one.
    """

    content: tuple[int, str] | None
    format: str = ""
    why: str = ""
    recordings: tuple[Recording, ...] = ()
    error: DataError | None = None


def iter_files(files: Sequence[FileToRead], rules: ReadingRules, engine: Engine) -> Iterator[FileRead]:
    """What came of each file, in their order; memory is that of a few groups of files, in this process of one file."""
    groups = [(file,) for file in files] if engine.name == "local" else list(_groups(files))
    for found in engine.map(read_group, groups, rules):
        yield from found


def _groups(files: Sequence[FileToRead]) -> Iterator[tuple[FileToRead, ...]]:
    least = _GROUP_BYTES // _GROUP_FILES
    sizes = [max(_bytes(file.path), least) for file in files]
    yield from (tuple(files[cut]) for cut in consecutive_groups(sizes, _GROUP_BYTES))


def _bytes(path: Path) -> int:
    """Of a file; a folder of frames counts as a whole group."""
    if path.is_dir():
        return _GROUP_BYTES
    state = file_state(path)
    return 0 if state is None else state[0]


def read_group(files: tuple[FileToRead, ...], rules: ReadingRules) -> list[FileRead]:
    """Read these files. One that cannot be read has its error in its place."""
    return [_read(file, rules) for file in files]


def _read(file: FileToRead, rules: ReadingRules) -> FileRead:
    path, content = file.path, None
    try:
        state = file_state(path)
        with content_meanwhile(path, rules.reader, meshes=rules.points) as hashed:
            content = hashed.result() if hashed.done() else None
            if content is not None and content[1] in rules.known:
                return FileRead(content=content)
            reader, why = rules.reader_of(file)
            recordings = read_recordings(path, reader, rules.options)
        content = hashed.result()
        if file_state(path) != state:
            raise DataError(path, "a file that changed while it was read", "one that is finished")
    except DataError as error:
        return FileRead(content=content, error=error)
    except (MemoryError, RecursionError) as error:
        return FileRead(content=content, error=DataError(path, f"too large to read ({type(error).__name__})", "less"))
    return FileRead(content=content, format=reader.FORMAT, why=why, recordings=tuple(recordings))
