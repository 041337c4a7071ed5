"""Files dropped on the page, written to a folder of the session where `dfe import` can read them."""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Protocol


class Dropped(Protocol):
    """A file as Streamlit's uploader gives it."""

    name: str
    file_id: str

    def getbuffer(self) -> memoryview: ...


def plain_name(name: str) -> str:
    """The file's own name without any folder, in characters that every system takes."""
    own = PurePosixPath(PureWindowsPath(name).name).name
    return re.sub(r"[^\w.()+ -]", "_", own).lstrip(".")[:120] or "file"


class Staging:
    """The folder, and which dropped file lies where. What is taken off the page leaves the folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or _own_folder()
        self._held: dict[str, Path] = {}

    def hold(self, files: list[Dropped]) -> list[Path]:
        """Let the folder hold exactly these files; their paths in the same order."""
        wanted = {file.file_id: file for file in files}
        for gone in self._held.keys() - wanted.keys():
            path = self._held.pop(gone)
            path.unlink(missing_ok=True)
            if path.parent != self.folder:
                shutil.rmtree(path.parent, ignore_errors=True)
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


def _own_folder() -> Path:
    """A folder that goes with the server: an import that is under way may outlive the session that began it."""
    folder = Path(tempfile.mkdtemp(prefix="dfe-dropped-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
