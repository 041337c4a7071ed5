"""Files dropped on the page, written to a folder of the session where `dfe import` can read them."""

from __future__ import annotations

import re
import shutil
import weakref
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Protocol

from dfe_core.portable_names import portable

from . import uploads_folder


class Dropped(Protocol):
    """A file as Streamlit's uploader gives it."""

    name: str
    file_id: str

    def getbuffer(self) -> memoryview: ...


def plain_name(name: str) -> str:
    """The file's own name without any folder, in characters and a length that every system takes; endings stay."""
    own = PurePosixPath(PureWindowsPath(name).name).name
    plain = PurePosixPath(re.sub(r"[^\w.()+ -]", "_", own).lstrip("."))
    ending = plain.suffix.encode()[:16].decode(errors="ignore")
    return portable(plain.stem.encode()[:120].decode(errors="ignore") + ending or "file")


class Staging:
    """The folder, and which dropped file is where. What is taken off the page leaves the folder.

    A folder of its own goes with the session; an import that is under way keeps it until it has ended.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or uploads_folder.new_session()
        if folder is None:
            weakref.finalize(self, uploads_folder.release, self.folder)
        self._held: dict[str, Path] = {}

    def hold(self, files: Sequence[Dropped]) -> list[Path]:
        """Let the folder hold exactly these files; their paths in the same order.

        Raises `DataError` where they are over the quota of the server.
        """
        wanted = {file.file_id: file for file in files}
        for gone in self._held.keys() - wanted.keys():
            path = self._held.pop(gone)
            path.unlink(missing_ok=True)
            if path.parent != self.folder:
                shutil.rmtree(path.parent, ignore_errors=True)
        new = [file for number, file in wanted.items() if number not in self._held]
        if new:
            uploads_folder.check_room(sum(memoryview(file.getbuffer()).nbytes for file in new))
        for number, file in wanted.items():
            if number not in self._held:
                self._held[number] = self._written(file)
        return [self._held[number] for number in wanted]

    def _written(self, file: Dropped) -> Path:
        path, again = self.folder / plain_name(file.name), 2
        while path.exists():
            path, again = self.folder / str(again) / plain_name(file.name), again + 1
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.getbuffer())
        return path
