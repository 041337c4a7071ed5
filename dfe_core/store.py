"""Artefacts on disk: where they live, how they are written atomically and how they are addressed by content."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dfe_core.errors import DataError

KINDS = ("faces", "datasets", "models", "tokens", "analyses", "renders")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def cache_root() -> Path:
    """The artefact folder: ``$DFE_CACHE``, else ``cache/`` of the source checkout, else ``~/.cache/dfe``."""
    if env := os.environ.get("DFE_CACHE"):
        return Path(env).expanduser()
    project = Path(__file__).resolve().parent.parent
    if (project / "pyproject.toml").is_file():
        return project / "cache"
    return Path.home() / ".cache" / "dfe"


def artefact_path(kind: str, name: str, root: Path | None = None) -> Path:
    """The path of one artefact; `name` never leaves its folder.

    Raises `DataError` when the name is not made of letters, digits, ``.``, ``_`` and ``-`` alone.
    """
    if kind not in KINDS:
        raise DataError(kind, "no such kind of artefact", " or ".join(KINDS))
    if not _NAME.fullmatch(name):
        raise DataError(repr(name), f"not usable as a name under {kind}/",
                        "1 to 100 letters, digits, '.', '_' or '-', starting with a letter or digit")
    return (root or cache_root()) / kind / name


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, streamed."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest() if hasattr(hashlib, "file_digest") \
            else _streamed_sha256(handle)


def _streamed_sha256(handle) -> str:  # Python 3.10 has no hashlib.file_digest
    digest = hashlib.sha256()
    while block := handle.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def content_key(value: Any, length: int = 16) -> str:
    """A short hex key of a JSON-serialisable value: equal values, equal key, whatever the order of dict keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:length]


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it over `path` on success, remove it on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`, on failure it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            retired = Path(tempfile.mkdtemp(prefix=f".{path.name}-old-", dir=path.parent))
            os.replace(path, retired / path.name)
            os.replace(temporary, path)
            shutil.rmtree(retired, ignore_errors=True)
        else:
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as `json_text`, atomically, in UTF-8."""
    with atomic_file(path) as temporary:
        temporary.write_text(json_text(value) + "\n", encoding="utf-8")


def json_text(value: Any) -> str:
    """`value` as indented JSON. NaN and infinity are refused (`ValueError`): they are not JSON."""
    return json.dumps(value, indent=1, allow_nan=False, default=_plain)


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises `DataError` when it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(path, "no such file") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise DataError(path, f"not readable as JSON ({error})", "a JSON file written by dfe") from None


def _plain(value: Any) -> Any:
    """NumPy scalars and arrays, paths and sets, as JSON has them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (set, frozenset, tuple)):
        return sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
