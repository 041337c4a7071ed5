"""Artefacts on disk: where they live, how they are written atomically and how they are addressed by content."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from dfe_core.artefact_names import ANALYSES, KINDS, RENDERS, SEPARATOR, TOKENS
from dfe_core.errors import DataError
from dfe_core.file_digest import file_sha256
from dfe_core.integrity import signed, unsigned
from dfe_core.object_storage import is_url
from dfe_core.portable_names import name_fault
from dfe_core.remote import cache_of, renew
from dfe_core.replacement import atomic_directory, atomic_file, recover_replacement

__all__ = (
    "KINDS",
    "artefact_path",
    "atomic_directory",
    "atomic_file",
    "cache_root",
    "content_key",
    "file_sha256",
    "json_text",
    "read_json",
    "recover_all",
    "require_new_name",
    "write_json",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_JOINED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,219}")
"""Tokens and analyses are named after up to two artefacts, with ``--`` between."""


def cache_root() -> Path:
    """The artefact folder: ``$DFE_CACHE``, else ``cache/`` of the source checkout, else ``~/.cache/dfe``. Where
    ``$DFE_CACHE`` is the address of a bucket, the folder of this machine that belongs to it (`remote.cache_of`)."""
    if env := os.environ.get("DFE_CACHE"):
        if is_url(env):
            return cache_of(env)
        try:
            return Path(env.removeprefix("file://")).expanduser()
        except RuntimeError:  # ~nobody
            raise DataError("DFE_CACHE", f"{env}: no such home folder", "a folder") from None
    project = Path(__file__).resolve().parent.parent
    if (project / "pyproject.toml").is_file():
        return project / "cache"
    return Path.home() / ".cache" / "dfe"


def artefact_path(kind: str, name: str, root: Path | None = None) -> Path:
    """The path of one artefact; `name` never leaves its folder.

    Where a replacement of it was interrupted half way, it is rolled back first; where the cache belongs to a bucket,
    what is known of the artefact is brought up to date. Raises `DataError` when the name is not
    made of letters, digits, ``.``, ``_`` and ``-`` alone.
    """
    if kind not in KINDS:
        raise DataError(kind, "no such kind of artefact", " or ".join(KINDS))
    joined = kind in (TOKENS, ANALYSES, RENDERS)
    if not (_JOINED if joined else _NAME).fullmatch(name):
        raise DataError(
            repr(name),
            f"not usable as a name under {kind}/",
            "1 to 100 letters, digits, '.', '_' or '-', starting with a letter or digit",
        )
    path = (root or cache_root()) / kind / name
    renew(path)
    if not path.exists() and any(path.parent.glob(f".{name}-old-*")):
        recover_replacement(path.parent)
    return path


def require_new_name(kind: str, name: str, root: Path | None = None) -> Path:
    """The path of an artefact that is about to be made; called before the work starts.

    Raises `DataError` as `artefact_path` does, and for ``--`` in the name of a dataset, a model or action units: it
    stands between the names of what is made from two artefacts; nor for a name that not every system takes, or that
    differs from one that is there by capitals alone, for on Windows and macOS both are one folder. One of such a name
    that is there already, made by an older version of dfe, is written again.
    """
    path = artefact_path(kind, name, root)
    if path.exists():
        return path
    if SEPARATOR in name:
        raise DataError(repr(name), f"{SEPARATOR!r} in a new name under {kind}/", "a name with single dashes")
    if fault := name_fault(name):
        raise DataError(repr(name), fault, "another name, so that the folder can be opened on every system")
    if path.parent.is_dir() and (twin := _twin(path)):
        raise DataError(repr(name), f"{kind}/{twin} is there already", "a name that differs by more than capitals")
    return path


def _twin(path: Path) -> str:
    """What lies beside a path under a name that differs by capitals alone, empty for nothing."""
    names = os.listdir(path.parent)
    return next((name for name in names if name != path.name and name.lower() == path.name.lower()), "")


def recover_all(root: Path | None = None) -> list[str]:
    """Roll back every replacement of an artefact that was interrupted half way; ``kind/name`` of each."""
    root = root or cache_root()
    return [f"{kind}/{name}" for kind in KINDS for name in recover_replacement(root / kind)]


def content_key(value: Any, length: int = 16) -> str:
    """A short hex key of plain values: equal values, equal key, whatever the order of dict keys.

    Raises `TypeError` for anything that is not None, a bool, number, string, list, tuple or dict of those: the key of
    an object's ``repr`` would change from one process to the next.
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:length]


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


def write_signed_json(path: Path, value: dict[str, Any]) -> None:
    """Write `value` as `write_json` does, with a digest of itself."""
    write_json(path, signed(json.loads(json_text(value))))


def read_signed_json(path: Path) -> dict[str, Any]:
    """Read what `write_signed_json` wrote, or an earlier version of dfe without a digest.

    Raises `DataError` when it is missing, broken or not what was written.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise DataError(path, "no JSON object", "a JSON file written by dfe")
    return unsigned(value, path)


def _plain(value: Any) -> Any:
    """NumPy scalars and arrays, paths and sets, as JSON has them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (set, frozenset, tuple)):
        return sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
