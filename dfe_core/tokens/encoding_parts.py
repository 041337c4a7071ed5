"""Encoding by recording: groups of recordings into parts, and what earlier tokens hold of them.

A part is a small token cache of a few recordings in a folder of its own, which has a manifest once it is whole. What
was encoded is found by the content key of each recording, in parts and in the token cache that is there already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock, get_ident

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from dfe_core.artefact_names import COUNTS_FILE, ENCODED_FILE, MANIFEST, TOKENS, TOKENS_FILE
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import open_face
from dfe_core.object_storage import Store
from dfe_core.parquet_join import RowGroups
from dfe_core.remote import cache_of, download, in_bucket, store_of, upload
from dfe_core.store import atomic_directory, content_key, file_sha256, read_json
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.quantizer import load_kernel
from dfe_core.tokenizer.storage import load_model
from dfe_core.tokens.cache import TokenWriter
from dfe_core.tokens.encoding_stream import ENCODING_VERSION, encode_stream

GROUP_FRAMES = 1 << 18
"""Recordings of a group have about so many frames together: what a killed run repeats at most."""
_OPENING = Lock()


@dataclass(frozen=True, kw_only=True)
class EncodeTask:
    """A group of recordings to be encoded, by this process or by another one that sees the same files.

    recordings, keys: names and content keys, in the dataset's order. frames: of all of them. model_key: of the model
    that is meant. folder: where the part is written. bucket: the address of the one that the cache belongs to, by which
    a machine that has no such folder finds everything, and into which the part is put; empty for none.
    """

    model: str
    dataset: str
    model_key: str
    fast: bool
    root: Path | None
    recordings: tuple[str, ...]
    keys: tuple[str, ...]
    frames: int
    folder: Path
    bucket: str = ""

    def here(self) -> EncodeTask:
        """The task as this machine has its folders."""
        if not self.bucket or (self.root and self.root.is_dir()):
            return self
        root = cache_of(self.bucket)
        return replace(self, root=root, folder=root / TOKENS / self.folder.name)

    @property
    def part(self) -> Path:
        """The folder of its part, named after what is in it."""
        return (
            self.folder / f"part-{content_key([self.model_key, search_name(self.fast), ENCODING_VERSION, self.keys])}"
        )


@dataclass(frozen=True, kw_only=True)
class EncodedPart:
    """A part that is whole: its folder, and the recordings and frames (of all kinds) that it stands for."""

    path: Path
    recordings: int
    frames: int


def is_as_written(path: Path, digest: str) -> bool:
    """Whether a file has this SHA-256; of one in a bucket, whether it was written with it."""
    there = in_bucket(path)
    return file_sha256(path) == digest if there is None else there["sha256"] == digest


def search_name(fast: bool) -> str:
    """The name of the search, as manifests have it."""
    return "fast" if fast else "full"


class HeldTokens:
    """Tokens in a folder, of a cache or a part, found by the content keys of their recordings.

    `HeldTokens.open` gives None for what is not of this model and search, or not whole.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        table = pd.read_parquet(folder / ENCODED_FILE)
        last, last_count = table["frames"].cumsum(), table["counts"].cumsum()
        first, first_count = last - table["frames"], last_count - table["counts"]
        spans = zip(first.tolist(), last.tolist(), first_count.tolist(), last_count.tolist(), strict=True)
        self._spans = dict(zip(table["key"], spans, strict=True))
        self._count_groups: dict[int, pa.Table] = {}

    @classmethod
    def open(cls, folder: Path, model_key: str, fast: bool) -> HeldTokens | None:
        """The tokens of a folder whose every file is what was written, by this model and search; else None."""
        try:
            manifest = read_json(folder / MANIFEST)
            found = (manifest["model_key"], manifest["search"], manifest["encoding"])
            if found != (model_key, search_name(fast), ENCODING_VERSION) or ENCODED_FILE not in manifest["files"]:
                return None
            whole = all(is_as_written(folder / name, digest) for name, digest in manifest["files"].items())
            return cls(folder) if whole else None
        except (DataError, KeyError, TypeError, OSError, pa.ArrowInvalid):
            return None

    @property
    def keys(self) -> frozenset[str]:
        """Content keys of the recordings that it holds."""
        return frozenset(self._spans)

    def groups(self, key: str) -> range:
        """The row groups of a recording in `file`."""
        first, last = self._spans[key][:2]
        return range(*np.searchsorted(self.file.ends, (first, last), "right").tolist()) if last > first else range(0)

    def counts(self, key: str) -> pa.Table:
        """The rows of counts.parquet of a recording."""
        first, last = self._spans[key][2:]
        ends = self._count_ends
        groups = range(int(np.searchsorted(ends, first, "right")), int(np.searchsorted(ends, last, "left")) + 1)
        if first == last:  # of the columns, no row
            return self._counts.schema_arrow.empty_table()
        start = int(ends[groups[0] - 1]) if groups[0] else 0
        return pa.concat_tables([self._count_group(group) for group in groups]).slice(first - start, last - first)

    def close(self) -> None:
        """Close its files, which Windows would not let be replaced; they are opened again when they are needed."""
        for name in ("file", "_counts"):
            if (opened := self.__dict__.pop(name, None)) is not None:
                opened.close()
        self._count_groups.clear()

    @cached_property
    def file(self) -> RowGroups:
        """The file of tokens."""
        return RowGroups(self.folder / TOKENS_FILE)

    @cached_property
    def _counts(self) -> pq.ParquetFile:
        return pq.ParquetFile(self.folder / COUNTS_FILE)

    @cached_property
    def _count_ends(self) -> np.ndarray:
        about = self._counts.metadata
        return np.cumsum([about.row_group(group).num_rows for group in range(about.num_row_groups)], dtype=np.int64)

    def _count_group(self, group: int) -> pa.Table:
        """A row group of counts.parquet; the last two are kept, for a recording may lie in both."""
        if group not in self._count_groups:
            while len(self._count_groups) > 1:
                self._count_groups.pop(next(iter(self._count_groups)))
            self._count_groups[group] = self._counts.read_row_group(group)
        return self._count_groups[group]


def encode_recordings(task: EncodeTask, told: Callable[[int], None] = lambda frames: None) -> EncodedPart:
    """Encode the recordings of a task into its part; nothing is done where that is whole already.

    Memory is one recording. What is killed half way leaves nothing that counts. told: is told of the frames of each
    recording. Raises `DataError` where model or recordings are not those of the task any more.
    """
    task = task.here()
    done = EncodedPart(path=task.part, recordings=len(task.recordings), frames=task.frames)
    if HeldTokens.open(task.part, task.model_key, task.fast) is None:
        _write_part(task, told)
    else:
        told(task.frames)
    if task.bucket and (store := store_of(task.folder.parents[1])) is not None:
        upload(store, task.part, parts_key(task.folder, task.part.name))
    return done


def _write_part(task: EncodeTask, told: Callable[[int], None]) -> None:
    with _OPENING:
        model, config, gram = _opened(task.model, task.root, task.model_key, task.folder)
    data = _opened_data(task.dataset, task.root, task.folder, get_ident())
    if tuple(data.recording_keys.get(name) for name in task.recordings) != task.keys:
        raise DataError(task.dataset, "other recordings than when encoding began", "`dfe encode` to be run again")
    if model.frame.device.type == "cpu":
        load_kernel(task.frames)
    with atomic_directory(task.part) as folder:
        writer = token_writer(folder, model, config["levels"])
        stream = encode_stream(model, data.iter_frames(list(task.recordings)), gram, task.fast)
        for found, key in zip(stream, task.keys, strict=True):
            writer.add(
                found.recording,
                frame=found.frame,
                time_s=found.time_s,
                tokens=found.tokens,
                levels=found.levels,
                error_mm=found.error_mm,
                key=key,
            )
            told(found.length)
        writer.close({"model_key": task.model_key, "search": search_name(task.fast), "encoding": ENCODING_VERSION})


def encode_task(task: EncodeTask, _: None) -> EncodedPart:
    """`encode_recordings`, as engines take it."""
    return encode_recordings(task)


def token_writer(folder: Path, model: Tokenizer, levels: Sequence[float]) -> TokenWriter:
    """The writer of a token cache of this model."""
    return TokenWriter(folder, stages=model.config.stages, codewords=len(model.quantizer.codewords), levels=levels)


@lru_cache(maxsize=1)
def _opened(model: str, root: Path | None, model_key: str, folder: Path) -> tuple[Tokenizer, dict, torch.Tensor]:
    """What tasks of one encoding share: model, its configuration, and the face's (E, E) products in mm².

    folder: of the encoding, which tells this one from the next.
    """
    tokenizer, config = load_model(model, root)
    if config["key"] != model_key:
        raise DataError(model, "another model of this name by now", "`dfe encode` to be run again")
    face = open_face(config["face"], root)
    gram = face.gram * 1e6 if face.has_mesh else np.full_like(face.gram, np.nan)
    return tokenizer, config, torch.as_tensor(gram, dtype=torch.float32, device=tokenizer.frame.device)


@lru_cache(maxsize=64)
def _opened_data(dataset: str, root: Path | None, folder: Path, thread: int) -> Dataset:
    """The dataset that tasks of one thread read: a Parquet file is not read by two at once."""
    return Dataset.open(dataset, root).whole()


def forget_opened() -> None:
    """Let go of the model and the dataset that tasks share."""
    _opened.cache_clear()
    _opened_data.cache_clear()


def parts_key(folder: Path, part: str = "") -> str:
    """Where the parts of an encoding, or one of them, are in a bucket."""
    return f"unmerged/{folder.name.lstrip('.')}" + (f"/{part}" if part else "")


def fetch_parts(folder: Path, store: Store) -> None:
    """Bring parts that other machines have put into the bucket, and that are not here, into a folder."""
    for name in store.names(parts_key(folder)):
        if not (folder / name).exists():
            with atomic_directory(folder / name) as part:
                download(store, parts_key(folder, name), part)


def held_parts(folder: Path, model_key: str, fast: bool) -> list[HeldTokens]:
    """The whole parts of an encoding that was not finished."""
    if not folder.is_dir():
        return []
    found = (HeldTokens.open(path, model_key, fast) for path in sorted(folder.glob("part-*")))
    return [held for held in found if held is not None]


def grouped(recordings: Mapping[str, int], most_frames: int) -> Iterator[tuple[str, ...]]:
    """Recordings, {name: frames}, one after the other in groups of up to `most_frames` frames, or of one recording."""
    group: list[str] = []
    frames = 0
    for name, count in recordings.items():
        if group and frames + count > most_frames:
            yield tuple(group)
            group, frames = [], 0
        group.append(name)
        frames += count
    if group:
        yield tuple(group)
