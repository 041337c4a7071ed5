"""A bucket of object storage (``s3://``, ``gs://``, …) through fsspec: requests, repeated where it is busy."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dfe_core.artefact_names import MANIFEST
from dfe_core.errors import DataError
from dfe_core.file_digest import file_sha256

_ATTEMPTS = 7
_ASKED_ATTEMPTS = 2
"""Of asking what is there: somebody waits for it, and an address that is wrong answers never."""
_FIRST_WAIT_S = 0.1
_EXTRA = "pip install 'dfe[cloud]'"
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "retries": {"mode": "standard", "max_attempts": 3}, "connect_timeout": 5, "read_timeout": 60
        },
        "default_block_size": 1 << 20,
    }
}  # fmt: skip


def is_url(place: str | Path) -> bool:
    """Whether this is the address of a bucket, and not a folder; ``file://`` is one."""
    return "://" in str(place) and not str(place).startswith("file://")


class Store:
    """A bucket, or a prefix of one.

    Parameters
    ----------
    url: ``<protocol>://<bucket>/<prefix>``.

    Raises `DataError`, with the address, where it names no bucket, the package for the protocol is not installed, or
    the storage is not reached; what it does raises one where the bucket is missing, the credentials are refused or the
    storage cannot be reached after `_ATTEMPTS`.
    """

    def __init__(self, url: str) -> None:
        if not url.partition("://")[2].strip("/"):
            raise DataError(url, "no name of a bucket", "s3://BUCKET or s3://BUCKET/PREFIX")
        self.url = url.rstrip("/")
        protocol = self.url.partition("://")[0]
        options = {"use_listings_cache": False, "skip_instance_cache": False, **_OPTIONS.get(protocol, {})}
        try:
            import fsspec

            self.fs, base = fsspec.core.url_to_fs(self.url, **options)
        except ImportError as error:
            raise DataError(self.url, f"a package is not installed ({error})", _EXTRA) from None
        except ValueError as error:
            raise DataError(self.url, f"no storage of this kind ({error})", "s3://, gs://, az:// …") from None
        except OSError as error:  # of protocols that connect at once
            raise DataError(self.url, f"not reached ({error})", "the storage to be reachable") from None
        self.base = str(base).rstrip("/")

    def where(self, key: str) -> str:
        """The path of an object, as the file system has it."""
        return f"{self.base}/{key}"

    def read(self, key: str) -> bytes | None:
        """An object whole; None where it is not there."""
        return self._patiently(key, lambda: self.fs.cat_file(self.where(key)), missing=True)

    def write(self, key: str, value: bytes, *, new: bool = False) -> None:
        """Write an object in one request. new: raises `DataError` where it is there already, on storages that can tell
        (S3, Google)."""
        if new:
            with contextlib.suppress(TypeError, NotImplementedError):  # of storages that cannot tell
                try:
                    self._patiently(key, lambda: self.fs.pipe_file(self.where(key), value, mode="create"))
                except DataError:
                    if self.read(key) != value:  # else it was done before, and only the answer was lost
                        raise
                return
        self._patiently(key, lambda: self.fs.pipe_file(self.where(key), value))

    def put(self, path: Path, key: str) -> None:
        """Upload a file."""
        self._patiently(key, lambda: self.fs.put_file(str(path), self.where(key)))

    def get(self, key: str, path: Path, sha256: str) -> None:
        """Download a file. Raises `DataError` where its content is not what was written."""
        self._patiently(key, lambda: self.fs.get_file(self.where(key), str(path)))
        if file_sha256(path) != sha256:
            raise DataError(f"{self.url}/{key}", "its content is not what was written", "the artefact made again")

    def open(self, key: str) -> Any:
        """An object opened for reading by ranges of bytes."""
        return self._patiently(key, lambda: self.fs.open(self.where(key), "rb", cache_type="none"))

    def names(self, folder: str) -> list[str]:
        """Names in a folder that have a manifest."""
        found: list[str] = self._patiently(
            folder, lambda: self.fs.glob(f"{self.where(folder)}/*/{MANIFEST}"), attempts=_ASKED_ATTEMPTS
        )
        return sorted(str(path).split("/")[-2] for path in found)

    def check(self) -> None:
        """Raise `DataError` where the bucket is missing or cannot be read."""
        bucket, _, prefix = self.base.partition("/")
        if hasattr(self.fs, "call_s3"):
            asked = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": 1}
            self._patiently("", lambda: self.fs.call_s3("list_objects_v2", **asked), attempts=_ASKED_ATTEMPTS)
        elif not self._patiently("", lambda: self.fs.exists(bucket), attempts=_ASKED_ATTEMPTS):
            raise DataError(self.url, "no such bucket", "one that is there")

    def remove(self, key: str) -> None:
        """Delete what is under a prefix; nothing where nothing is."""
        self._patiently(key, lambda: self.fs.rm(self.where(key), recursive=True), missing=True)

    def manifest(self, key: str) -> dict[str, Any] | None:
        """What the manifest of an artefact says: version, and key, size and SHA-256 of each file. None without one."""
        held = self.read(f"{key}/{MANIFEST}")
        if held is None:
            return None
        try:
            found = json.loads(held)
            return {"version": found["version"], "files": dict(found["files"])}
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{self.url}/{key}/{MANIFEST}", "damaged", "the artefact made again") from None

    def _patiently(self, key: str, work: Callable[[], Any], *, missing: bool = False, attempts: int = _ATTEMPTS) -> Any:
        """What the work gives; begun again after a while where the storage says that it is busy."""
        for attempt in range(attempts):
            try:
                return work()
            except Exception as error:
                if missing and isinstance(error, FileNotFoundError) and not _no_bucket(error):
                    return None
                if isinstance(error, (TypeError, NotImplementedError)):
                    raise
                if not _passing(error) or attempt == attempts - 1:
                    raise self._told(key, error) from error
                time.sleep(_FIRST_WAIT_S * 2**attempt * random.uniform(0.5, 1.0))
        raise AssertionError

    def _told(self, key: str, error: Exception) -> DataError:
        where, kind = f"{self.url}/{key}", type(error).__name__
        if isinstance(error, DataError):
            return error
        if isinstance(error, FileExistsError) or "PreconditionFailed" in str(error):
            return DataError(where, "another machine has written it meanwhile", "to be tried again")
        if _no_bucket(error) or (isinstance(error, FileNotFoundError) and not key):
            return DataError(self.url, "no such bucket", "one that is there")
        if isinstance(error, FileNotFoundError):
            return DataError(where, "no such object", "an artefact that is whole")
        if isinstance(error, PermissionError) or "Credential" in kind:
            return DataError(self.url, f"credentials are refused, or there are none ({error})", "those of the storage")
        return DataError(where, f"not reached ({kind}: {error})", "the storage to be reachable")


def _no_bucket(error: Exception) -> bool:
    return "bucket" in str(error).lower() and ("NoSuchBucket" in str(error) or "does not exist" in str(error))


def _passing(error: Exception) -> bool:
    """Whether the same may succeed a moment later."""
    if isinstance(error, (FileNotFoundError, PermissionError, FileExistsError, DataError, ValueError, TypeError)):
        return False
    return not ("Credential" in type(error).__name__ or "PreconditionFailed" in str(error))
