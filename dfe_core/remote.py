"""Object storage: datasets, tokens, codebooks and faces in a bucket (``s3://``, ``gs://``, …), through fsspec.

A cache that belongs to a bucket has its address in ``store.json``. What is large of a dataset and of tokens
(`IN_PLACE`) stays in the bucket and is read there by ranges of bytes; the rest of each artefact, its manifest and
tables of recordings, is in the cache as ever, and ``remote.json`` beside it says where the large files are.

In the bucket the files of an artefact are under ``<kind>/<name>/<version>/``, a prefix that no other writer has, and
``<kind>/<name>/manifest.json``, written last in one request, names them with their sizes and SHA-256. What no manifest
names does not exist; a reader sees one version or the next, never parts of two.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfe_core.artefact_names import (
    DATASETS,
    EXTRAS_FILE,
    FACES,
    FRAMES_FILE,
    MANIFEST,
    MODELS,
    REMOTE_FILE,
    STORE_FILE,
    TOKENS,
    TOKENS_FILE,
    manifest_name,
)
from dfe_core.errors import DataError

if TYPE_CHECKING:
    import pyarrow.parquet as pq

SHARED = (FACES, MODELS, DATASETS, TOKENS)
"""Kinds of artefacts that a bucket holds, in the order in which one is made from the other."""
IN_PLACE = frozenset((FRAMES_FILE, EXTRAS_FILE, TOKENS_FILE))
"""Files that stay in the bucket."""
FRESH_S = 10.0
"""For so long what is known of an artefact in the bucket counts as known, seconds."""
_ATTEMPTS = 7
_FIRST_WAIT_S = 0.1
_EXTRA = "pip install 'dfe[cloud]'"
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "retries": {"mode": "standard", "max_attempts": 8}, "connect_timeout": 10, "read_timeout": 60
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

    Raises `DataError`, with the address, where the package for the protocol is not installed; what it does raises one
    where the bucket is missing, the credentials are refused or the storage cannot be reached after `_ATTEMPTS`.
    """

    def __init__(self, url: str) -> None:
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
        if _sha256(path) != sha256:
            raise DataError(f"{self.url}/{key}", "its content is not what was written", "the artefact made again")

    def open(self, key: str) -> Any:
        """An object opened for reading by ranges of bytes."""
        return self._patiently(key, lambda: self.fs.open(self.where(key), "rb", cache_type="none"))

    def names(self, folder: str) -> list[str]:
        """Names in a folder that have a manifest."""
        found: list[str] = self._patiently(folder, lambda: self.fs.glob(f"{self.where(folder)}/*/{MANIFEST}"))
        return sorted(str(path).split("/")[-2] for path in found)

    def check(self) -> None:
        """Raise `DataError` where the bucket is missing or cannot be read."""
        bucket, _, prefix = self.base.partition("/")
        if hasattr(self.fs, "call_s3"):
            self._patiently("", lambda: self.fs.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1))
        elif not self._patiently("", lambda: self.fs.exists(bucket)):
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

    def _patiently(self, key: str, work: Callable[[], Any], *, missing: bool = False) -> Any:
        """What the work gives; begun again after a while where the storage says that it is busy."""
        for attempt in range(_ATTEMPTS):
            try:
                return work()
            except Exception as error:
                if missing and isinstance(error, FileNotFoundError) and not _no_bucket(error):
                    return None
                if isinstance(error, (TypeError, NotImplementedError)):
                    raise
                if not _passing(error) or attempt == _ATTEMPTS - 1:
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


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _no_bucket(error: Exception) -> bool:
    return "bucket" in str(error).lower() and ("NoSuchBucket" in str(error) or "does not exist" in str(error))


def _passing(error: Exception) -> bool:
    """Whether the same may succeed a moment later."""
    if isinstance(error, (FileNotFoundError, PermissionError, FileExistsError, DataError, ValueError, TypeError)):
        return False
    return not ("Credential" in type(error).__name__ or "PreconditionFailed" in str(error))


_lock = threading.RLock()
_stores: dict[str, Store] = {}
_roots: dict[str, Path] = {}
_known: dict[str, float] = {}


def store_of(root: Path) -> Store | None:
    """The bucket that a cache belongs to; None for one that is a folder and nothing else."""
    path = root / STORE_FILE
    if not path.is_file():
        return None
    try:
        url = str(json.loads(path.read_text(encoding="utf-8"))["url"])
    except (ValueError, KeyError, TypeError):
        raise DataError(path, "damaged", "a JSON file with the url of a bucket") from None
    with _lock:
        _roots.setdefault(url, root)
        if url not in _stores:
            _stores[url] = Store(url)
        return _stores[url]


def cache_of(url: str) -> Path:
    """The folder of this machine that is the cache of a bucket: one that belongs to it already, else one made under
    ``~/.cache/dfe/buckets``; what the bucket holds is then known in it."""
    url = url.rstrip("/")
    with _lock:
        if url not in _roots:
            name = "".join(c if c.isalnum() or c in ".-" else "-" for c in url)[-60:]
            digest = hashlib.sha256(url.encode()).hexdigest()[:8]
            bind(Path.home() / ".cache" / "dfe" / "buckets" / f"{name}-{digest}", url)
        return _roots[url]


def bind(root: Path, url: str) -> None:
    """Let a cache belong to a bucket, and know what it holds.

    Raises `DataError` where it belongs to another one, or the bucket cannot be read.
    """
    url = url.rstrip("/")
    store = store_of(root)
    if store is not None and store.url != url:
        raise DataError(root, f"belongs to {store.url}", "another folder, DFE_CACHE")
    store = store or Store(url)
    store.check()
    held = {kind: store.names(kind) for kind in SHARED}
    root.mkdir(parents=True, exist_ok=True)
    (root / STORE_FILE).write_text(json.dumps({"url": url}) + "\n", encoding="utf-8")
    with _lock:
        _stores[url], _roots[url] = store, root
    for kind, names in held.items():
        for name in names:
            renew(root / kind / _local_name(kind, name))


def _local_name(kind: str, name: str) -> str:
    return f"{name}.npz" if kind == FACES else name


def _key(path: Path) -> str:
    return f"{path.parent.name}/{path.stem if path.parent.name == FACES else path.name}"


def renew(path: Path) -> None:
    """Bring what the cache has of an artefact up to what is in its bucket now, where it belongs to one.

    Not looked at again for `FRESH_S`. Codebooks and faces that are here stay as they are, and so does what was made
    here and is in no bucket.
    """
    kind = path.parent.name
    if kind not in SHARED or (store := store_of(path.parents[1])) is None or (path.exists() and not _version(path)):
        return
    with _lock:
        label = f"{store.url} {path}"
        if time.monotonic() - _known.get(label, -FRESH_S) < FRESH_S and path.exists():
            return
        there = store.manifest(_key(path))
        if there is not None and there["version"] != _version(path):
            _fetch(store, there, path)
        elif there is None and path.exists():  # deleted there
            shutil.rmtree(path, ignore_errors=True)
        _known[label] = time.monotonic()


def _version(path: Path) -> str:
    """The version in the bucket that the cache has of a dataset or of tokens, empty for what is in none."""
    return str(_stub(path / REMOTE_FILE).get("version", ""))


def _stub(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return {}


def _fetch(store: Store, there: dict[str, Any], path: Path) -> None:
    """Bring an artefact into the cache, all of it or, of datasets and tokens, the small files, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    temporary.mkdir()
    try:
        for name, file in there["files"].items():
            if name not in IN_PLACE:
                (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                store.get(file["key"], temporary / name, file["sha256"])
        if path.parent.name == FACES:
            (temporary / path.name).replace(path)
            return
        if path.parent.name != MODELS:
            _describe(store, temporary, there)
        if path.exists():
            for own in (p for p in path.iterdir() if p.is_file() and p.name not in there["files"]):
                if not (temporary / own.name).exists():
                    shutil.copy2(own, temporary / own.name)
            retired = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
            path.rename(retired)
            temporary.rename(path)
            shutil.rmtree(retired, ignore_errors=True)
        else:
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _describe(store: Store, folder: Path, about: dict[str, Any]) -> None:
    (folder / REMOTE_FILE).write_text(json.dumps({"url": store.url, **about}) + "\n", encoding="utf-8")


def publish(folder: Path, path: Path) -> None:
    """Put a folder that is finished into the bucket that the cache of `path` belongs to, if any, before it takes its
    name there; files that stay in the bucket are then no longer in it.

    Raises `DataError` where another machine has written the artefact since this one looked.
    """
    if path.parent.name not in (DATASETS, TOKENS) or (store := store_of(path.parents[1])) is None:
        return
    before = store.manifest(_key(path))
    seen = _version(path)
    if before is not None and before["version"] != seen:
        raise DataError(f"{store.url}/{_key(path)}", "another machine has written it meanwhile", "to be tried again")
    about = upload(store, folder, _key(path), new=before is None)
    for name in IN_PLACE:
        (folder / name).unlink(missing_ok=True)
    _describe(store, folder, about)
    if before is not None:
        kept = {file["key"].removeprefix(f"{_key(path)}/").partition("/")[0] for file in about["files"].values()}
        if before["version"] not in kept:
            store.remove(f"{_key(path)}/{before['version']}")


def put(path: Path) -> None:
    """Put an artefact of the cache into its bucket, where it is not there as it is here; datasets and tokens are then
    read there. Nothing for a cache that belongs to none."""
    if (store := store_of(path.parents[1])) is None or not path.exists():
        return
    if path.parent.name == FACES:
        if store.manifest(_key(path)) is None:
            _upload_files(store, {path.name: path}, _key(path), new=True)
        return
    manifest = path / manifest_name(path.parent.name)
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    there = store.manifest(_key(path))
    if there is not None and there["files"].get(manifest.name, {}).get("sha256") == digest:
        return
    if path.parent.name == MODELS:
        upload(store, path, _key(path), new=there is None)
        return
    about = upload(store, path, _key(path), new=there is None)
    _describe(store, path, about)
    for name in IN_PLACE:
        (path / name).unlink(missing_ok=True)


def upload(store: Store, folder: Path, key: str, *, new: bool = False) -> dict[str, Any]:
    """Put the files of a folder under a version of their own, and the manifest last; version and files of it.

    Files that are in the bucket already (`REMOTE_FILE`) are named again and not copied.
    """
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".") and path.name != REMOTE_FILE
    }
    held = {n: f for n, f in _stub(folder / REMOTE_FILE).get("files", {}).items() if n in IN_PLACE and n not in files}
    return _upload_files(store, files, key, new=new, held=held)


def _upload_files(
    store: Store, files: dict[str, Path], key: str, *, new: bool, held: dict[str, Any] | None = None
) -> dict[str, Any]:
    version = f"v{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
    found = dict(held or {})
    for name, path in files.items():
        found[name] = {"key": f"{key}/{version}/{name}", "bytes": path.stat().st_size, "sha256": _sha256(path)}
        store.put(path, found[name]["key"])
    about = {"version": version, "files": found}
    store.write(f"{key}/{MANIFEST}", (json.dumps(about, indent=1) + "\n").encode(), new=new)
    return about


def download(store: Store, key: str, folder: Path) -> bool:
    """Bring all files of what was uploaded into a new folder; False where nothing whole is there."""
    there = store.manifest(key)
    if there is None:
        return False
    for name, file in there["files"].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        store.get(file["key"], folder / name, file["sha256"])
    return True


def in_bucket(path: Path) -> dict[str, Any] | None:
    """Where a file of an artefact is in a bucket: url, key, bytes and sha256; None for a file of this machine."""
    if path.name not in IN_PLACE:
        return None
    held = _stub(path.parent / REMOTE_FILE)
    file = held.get("files", {}).get(path.name)
    return None if file is None or path.is_file() else {"url": held["url"], **file}


def files_in_bucket(folder: Path) -> dict[str, str]:
    """{file: SHA-256} of the files of an artefact that are in a bucket and not here."""
    files = _stub(folder / REMOTE_FILE).get("files", {})
    return {n: str(f["sha256"]) for n, f in files.items() if n in IN_PLACE and not (folder / n).is_file()}


def bucket_file(path: Path) -> tuple[Store, str] | None:
    """The bucket and the key of a file that is in one."""
    if (found := in_bucket(path)) is None:
        return None
    with _lock:
        store = _stores.setdefault(found["url"], Store(found["url"]))
    return store, found["key"]


def is_file(path: Path) -> bool:
    """Whether a file of an artefact is there, here or in the bucket."""
    return path.is_file() or in_bucket(path) is not None


def open_parquet(path: Path) -> pq.ParquetFile:
    """A Parquet file of an artefact: memory-mapped, or read in its bucket by ranges of bytes."""
    import pyarrow.parquet as pq

    if (found := bucket_file(path)) is None:
        return pq.ParquetFile(path, memory_map=True)
    store, key = found
    return pq.ParquetFile(store.open(key), pre_buffer=True)


def open_bytes(path: Path) -> Any:
    """A file of an artefact opened for reading, here or in its bucket."""
    found = bucket_file(path)
    return path.open("rb") if found is None else found[0].open(found[1])


def blocks(path: Path, size: int = 1 << 20) -> Iterator[bytes]:
    """The bytes of a file, here or in its bucket, block by block."""
    with open_bytes(path) as handle:
        while block := handle.read(size):
            yield block
