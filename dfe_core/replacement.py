"""Files and folders replaced atomically: whatever stops a writer, the old content or the new one is there, whole.

A folder changes places with its successor in one system call (``renameat2``, on macOS ``renamex_np``). Where the file
system cannot do that (NFS), it takes two renames, and `recover` rolls back a process that died between them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dfe_core.errors import DataError
from dfe_core.integrity import seal
from dfe_core.locks import claim
from dfe_core.remote import publish

WINDOWS = os.name == "nt"
PATIENCE_S = 600.0
"""How long a finished result waits for another writer of the same name before it is refused, seconds."""
_OLD = re.compile(r"\.(?P<name>.+)-old-[0-9a-z_]{8}")
_TEMPORARY = re.compile(r"\.(?P<name>.+)-[0-9a-z_]{8}")
_CANNOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV}


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it over `path` on success, remove it on failure.

    The content is on the disk before the name changes, so that a power cut leaves the old file or the new one. The
    file's mode follows the umask.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _new_file(path)
    mode = temporary.stat().st_mode
    try:
        yield temporary
        if temporary.stat().st_mode != mode:  # of a library that made the file anew (safetensors)
            temporary.chmod(mode)
        _sync(temporary)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`, on failure it is removed.

    Its files are sealed (`integrity`), and on the disk before the name changes. Modes follow the umask, and a parent
    with the setgid bit hands its group on. Datasets and tokens of a cache that belongs to a bucket are put into it
    first (`remote.publish`). Where `path` is a link to a folder elsewhere, that folder is replaced.
    Raises `DataError` when another writer holds `path` for over `PATIENCE_S`.
    """
    path = path.resolve() if path.is_symlink() else path
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = new_folder(path)
    try:
        with being_filled(temporary):
            yield temporary
            seal(temporary)
            _sync_tree(temporary)
            with claim(path, PATIENCE_S):
                publish(temporary, path)
                _install(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Delete a folder for good; where `path` is a link to one, that folder and the link."""
    if path.is_symlink():
        shutil.rmtree(path.resolve())
        path.unlink()
    else:
        shutil.rmtree(path)


def new_folder(path: Path) -> Path:
    """A new empty folder beside `path`, named ``.<name>-<8 hex digits>``."""
    while True:
        folder = _temporary_name(path)
        with suppress(FileExistsError):
            os.mkdir(folder)
            return folder


def exchange(first: Path, second: Path) -> bool:
    """Let two existing paths change places in one step; False where the system or the file system cannot.

    Raises `OSError` for any other failure.
    """
    if WINDOWS:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    here, there = os.fsencode(first), os.fsencode(second)
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(here, there, ctypes.c_uint(2))  # RENAME_SWAP
    elif hasattr(libc, "renameat2"):
        failed = libc.renameat2(-100, here, -100, there, ctypes.c_uint(2))  # AT_FDCWD, RENAME_EXCHANGE
    else:
        return False
    if not failed:
        return True
    if (code := ctypes.get_errno()) in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(second))


def recover_replacement(folder: Path) -> list[str]:
    """Roll back replacements in `folder` that were interrupted half way; returns the names that are there again.

    What another process is writing now is left to it.
    """
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return []
    back = []
    known = ((path, _OLD.fullmatch(path.name)) for path in sorted(folder.iterdir()))
    for retired, name in [(path, match["name"]) for path, match in known if match]:
        with suppress(DataError), claim(folder / name):
            if _rolled_back(retired, folder / name):
                back.append(name)
    return back


def owner_of(temporary: Path) -> str | None:
    """The name of the artefact for which a temporary file or folder was made; None for any other name."""
    match = (
        _OLD.fullmatch(temporary.name) or _TEMPORARY.fullmatch(temporary.stem) or _TEMPORARY.fullmatch(temporary.name)
    )
    return match["name"] if match else None


def is_in_use(temporary: Path) -> bool:
    """Whether the writer of a temporary folder is still at work."""
    try:
        import fcntl

        handle = os.open(temporary, os.O_RDONLY)
    except (ImportError, OSError):
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(handle)


def _install(temporary: Path, path: Path) -> None:
    """Give the finished folder its name; what had the name lies in `temporary` afterwards, to be removed."""
    if not os.path.lexists(path):
        os.rename(temporary, path)
    elif not exchange(temporary, path):
        _rename_twice(temporary, path)
    _sync_folder(path.parent)


def _rename_twice(temporary: Path, path: Path) -> None:
    retired = path.with_name(f".{path.name}-old-{secrets.token_hex(4)}")
    os.mkdir(retired)
    os.rename(path, retired / path.name)
    os.rename(temporary, path)
    _sync_folder(path.parent)
    os.rename(retired, temporary)  # from here on it is no longer what `recover` would put back


def _rolled_back(retired: Path, path: Path) -> bool:
    """Whether an interrupted `_rename_twice` was undone; a finished one only loses the name that marks it."""
    if os.path.lexists(path) or not (retired / path.name).exists():
        os.rename(retired, _temporary_name(path))
        return False
    os.rename(retired / path.name, path)
    _sync_folder(path.parent)
    shutil.rmtree(retired, ignore_errors=True)
    return True


@contextmanager
def being_filled(folder: Path) -> Iterator[None]:
    """Mark a temporary folder as being written, in a way that ends with the process."""
    try:
        import fcntl
    except ImportError:  # not on this system: then age alone tells
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _new_file(path: Path) -> Path:
    while True:
        file = path.with_name(f".{path.stem[:100]}-{secrets.token_hex(4)}{path.suffix}")
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            return file


def _temporary_name(path: Path) -> Path:
    return path.with_name(f".{path.name}-{secrets.token_hex(4)}")


def _sync_tree(folder: Path) -> None:
    for where, _, names in os.walk(folder, topdown=False):
        for name in sorted(names):
            _sync(Path(where, name))
        _sync_folder(Path(where))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR if WINDOWS else os.O_RDONLY)  # which syncs no handle that only reads
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # some file systems have no fsync of folders
        _sync(folder)
