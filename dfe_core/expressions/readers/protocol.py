"""What a reader is: the one shape of every format, of recordings and of action units alike.

A module with these names is a reader, and so is an object; docs/adding-a-format.md shows one. Formats inside this
package stand in plain tables (`readers.registry`, `facs.readers`), those of other packages are found through the entry
points ``dfe.readers`` and ``dfe.au_readers``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

Head = TypeVar("Head", contravariant=True)
Options = TypeVar("Options", contravariant=True)
Content = TypeVar("Content", covariant=True)


class Reader(Protocol[Options, Content]):
    """Reads the files of one format.

    FORMAT: its name on the command line (``live-link-face``). TITLE: for people (``Live Link Face CSV``).
    """

    FORMAT: str
    TITLE: str

    def read(self, path: Path, options: Options) -> Sequence[Content]:
        """What a file holds, one entry per recording and face. Raises `DataError`, and nothing else, for a bad file."""


class FormatReader(Reader[Options, Content], Protocol[Head, Options, Content]):
    """A reader that knows its own files, so that ``--format auto`` finds it.

    Readers of recordings may state more, each with a default for those that do not:

    ENDINGS: tuple of str, file name endings with their dot that folders are searched for (default: none).
    HOLDS_POINTS: bool, recordings are moving points (`PointTrack`), for a learned face (default: False).
    EXTRACTOR: str, the tool that the format alone tells (default: ``""``).
    KEEPS_NAMES: bool, recordings keep their names and are not called after the file (default: False).
    MAX_BYTES: int, the largest file that is opened (default: `options.MAX_FILE_BYTES`).
    ``extractor_of(path, head) -> str``: the tool, where the file tells it; ``""`` where that needs the whole file.
    ``folder_files(folder) -> list[Path]``: the files of a folder that is one recording; none for any other folder.
    """

    def sniff(self, path: Path, head: Head) -> str | None:
        """Why the file seems to be of this format, None if it is not; never raises.

        head: the first 64 kB of a recording (empty for a folder), or the header of a table of action units.
        """


def stated(reader: Any, name: str, default: Any) -> Any:
    """What a reader states under one of the names that have a default (`FormatReader`)."""
    return getattr(reader, name, default)
