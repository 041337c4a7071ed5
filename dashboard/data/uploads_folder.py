"""Where dropped files are: a folder of this server inside the cache, gone with the server. Knows no Streamlit.

``.uploads/<server>/<session>/`` in the cache. The server holds a lock on its folder, which the system releases however
the server ends; the next one deletes what is no longer held. Files of people's faces never outlive their use.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import threading
import time
from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.replacement import WINDOWS, is_in_use
from dfe_core.store import cache_root

from .background_jobs import are_using, free_bytes

QUOTA = "DFE_UPLOAD_QUOTA_GB"
_FOLDER, _DEFAULT_GB = ".uploads", 20.0
_DAY_S = 86_400.0
LEAST_FREE_BYTES = 1e9
_lock = threading.Lock()
_own: dict[Path, tuple[Path, int]] = {}


def new_session(root: Path | None = None) -> Path:
    """An empty folder for the dropped files of one session."""
    folder = _server_folder(root or cache_root()) / secrets.token_hex(8)
    folder.mkdir(mode=0o700)
    return folder


def release(folder: Path) -> None:
    """Delete the folder of a session that has ended, as soon as no job reads from it."""

    def waits() -> None:  # looked for once a second: a job may be of a process that tells nobody when it ends
        while are_using(folder):
            time.sleep(1.0)
        shutil.rmtree(folder, ignore_errors=True)

    if are_using(folder):
        threading.Thread(target=waits, daemon=True).start()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def has_memory(size: int) -> bool:
    """Whether the server has memory for an upload of so many bytes, and enough for everything else."""
    return free_bytes() - size > LEAST_FREE_BYTES


def check_room(more: int, root: Path | None = None) -> None:
    """Raise `DataError` where so many bytes more would be over the quota of all sessions, `QUOTA` gigabytes."""
    limit = float(os.environ.get(QUOTA) or _DEFAULT_GB)
    held = sum(p.stat().st_size for p in ((root or cache_root()) / _FOLDER).rglob("*") if p.is_file())
    if held + more > limit * 1e9:
        raise DataError(
            "dropped files",
            f"{(held + more) / 1e9:.1f} GB with those of everybody",
            f"at most {limit:g} GB: name the folder of large files instead (${QUOTA} sets the limit)",
        )


def clear_abandoned(root: Path | None = None) -> int:
    """Delete what servers that have ended left, however they ended; returns of how many."""
    folder = (root or cache_root()) / _FOLDER
    if not folder.is_dir():
        return 0
    with _lock:
        mine = {path for path, _ in _own.values()}
    left = [path for path in folder.iterdir() if path not in mine and not is_in_use(path) and _old(path)]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)


def _old(path: Path) -> bool:
    """Whether a folder may be of a server that has ended: on Windows, where no lock tells, it is a day old."""
    return not WINDOWS or time.time() - path.stat().st_mtime > _DAY_S


def clear() -> None:
    """Delete everything that was dropped on this server."""
    with _lock:
        held = list(_own.values())
        _own.clear()
    for path, handle in held:
        shutil.rmtree(path, ignore_errors=True)
        if handle >= 0:
            os.close(handle)


def _server_folder(root: Path) -> Path:
    with _lock:
        if root not in _own:
            folder = root / _FOLDER / secrets.token_hex(8)
            folder.mkdir(parents=True, mode=0o700)
            _own[root] = folder, _held(folder)
        return _own[root][0]


def _held(folder: Path) -> int:
    """A handle with a lock on the folder: `is_in_use` sees it from other processes. −1 on Windows, where a folder
    cannot be opened and age alone tells."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return -1
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (ImportError, OSError):
        pass
    return handle


atexit.register(clear)
