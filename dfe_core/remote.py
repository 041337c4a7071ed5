"""Datasets, tokens, codebooks and faces in a bucket of object storage.

A cache that belongs to a bucket has its address in ``store.json``. What is large of a dataset and of tokens
(`IN_PLACE`) stays in the bucket and is read there by ranges of bytes; the rest of each artefact, its manifest and
tables of recordings, is in the cache as ever, and ``remote.json`` beside it says where the large files are.

In the bucket the files of an artefact are under ``<kind>/<name>/<version>/``, a prefix that no other writer has, and
``<kind>/<name>/manifest.json``, written last in one request, names them with their sizes and SHA-256. What no manifest
names does not exist; a reader sees one version or the next, never parts of two.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
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
from dfe_core.file_digest import file_sha256
from dfe_core.object_storage import Store

if TYPE_CHECKING:
    import pyarrow.parquet as pq

SHARED = (FACES, MODELS, DATASETS, TOKENS)
"""Kinds of artefacts that a bucket holds, in the order in which one is made from the other."""
IN_PLACE = frozenset((FRAMES_FILE, EXTRAS_FILE, TOKENS_FILE))
"""Files that stay in the bucket."""
FRESH_S = 10.0
"""For so long what is known of an artefact in the bucket counts as known, seconds."""
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
        found[name] = {"key": f"{key}/{version}/{name}", "bytes": path.stat().st_size, "sha256": file_sha256(path)}
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

    return pq.ParquetFile(parquet_source(path), pre_buffer=in_bucket(path) is not None)


def parquet_source(path: Path) -> Any:
    """What pyarrow reads a Parquet file of an artefact from: mapped memory, or the file opened in its bucket."""
    import pyarrow as pa

    found = bucket_file(path)
    return pa.memory_map(str(path)) if found is None else found[0].open(found[1])


def stored_state(path: Path) -> tuple[str | int, ...]:
    """What is another one when a file of an artefact is replaced, here or in its bucket."""
    if (found := in_bucket(path)) is not None:
        return (str(found["key"]), str(found["sha256"]))
    stat = path.stat()
    return (stat.st_size, stat.st_mtime_ns, stat.st_ino)


def open_bytes(path: Path) -> Any:
    """A file of an artefact opened for reading, here or in its bucket."""
    found = bucket_file(path)
    return path.open("rb") if found is None else found[0].open(found[1])


def blocks(path: Path, size: int = 1 << 20) -> Iterator[bytes]:
    """The bytes of a file, here or in its bucket, block by block."""
    with open_bytes(path) as handle:
        while block := handle.read(size):
            yield block
