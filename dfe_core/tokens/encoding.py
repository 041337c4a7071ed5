"""Encoding: tokens of every valid frame of a dataset into the token cache, recording by recording.

What an earlier token cache of the same model, or a run that was stopped, holds of a recording is taken over where the
recording is unchanged; the rest is encoded in groups (`encoding_parts`), and all is put together in the order of the
dataset.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dfe_core.artefact_names import DATASETS, FACES, FRAMES_FILE, MANIFEST, MODELS, TOKENS, tokens_name
from dfe_core.audit import audited
from dfe_core.devices import gpus_of_workers
from dfe_core.engines import LOCAL, Engine
from dfe_core.errors import DataError
from dfe_core.events.segments import segment_source
from dfe_core.expressions.dataset import Dataset
from dfe_core.integrity import check
from dfe_core.progress import Listener, Progress, silent
from dfe_core.remote import put, store_of
from dfe_core.replacement import being_filled
from dfe_core.store import artefact_path, atomic_directory, cache_root, read_json
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.storage import load_model, require_same_coefficients
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.encoding_parts import (
    GROUP_FRAMES,
    EncodeTask,
    HeldTokens,
    encode_recordings,
    encode_task,
    fetch_parts,
    forget_opened,
    grouped,
    held_parts,
    is_as_written,
    parts_key,
    search_name,
    token_writer,
)
from dfe_core.tokens.encoding_stream import ENCODING_VERSION
from dfe_core.tokens.segment_tokens import whole_tokens, write_segment_tokens
from dfe_core.tokens.spanning_batches import in_threads, spans_recordings, threads_of_encoding

_OPEN = 4
"""Parts that are open while they are put together: in the order of the dataset they follow one another, with an earlier
token cache between them."""
_FIRST = 1
"""`ENCODING_VERSION` of caches that do not say theirs: those of segments, and of earlier versions of dfe."""


@dataclass(frozen=True, kw_only=True)
class EncodeReport:
    """What encoding did: `unchanged` when the cache already held these tokens; `encoded`, how many recordings were
    encoded, the tokens of the others being taken over."""

    path: Path
    recordings: int
    frames: int
    unchanged: bool
    encoded: int = 0


@audited("encode", TOKENS, lambda given: tokens_name(given["model"], given["dataset"]), wait_s=3600)
def encode_dataset(
    model: str,
    dataset: str,
    *,
    fast: bool = False,
    root: Path | None = None,
    progress: Listener = silent,
    engine: Engine = LOCAL,
) -> EncodeReport:
    """Write ``tokens/<model>--<dataset>/``; does nothing when it already holds the tokens of both as they are.

    Recordings whose tokens an earlier cache of this model or a stopped run holds are not encoded again; the result is
    the same, to the byte. Memory is one recording. fast: greedily and without the network (`Tokenizer.encode_fast`).
    engine: where groups of recordings are encoded; in this process one after the other, on a GPU in threads of it.
    Where the cache belongs to a bucket, workers need nothing but its address. Raises `DataError` for a model of other
    coefficients.
    """
    data = Dataset.open(dataset, root).whole()
    tokenizer, config = load_model(model, root)
    require_same_coefficients(config, data)
    path = (root or cache_root()) / "tokens" / tokens_name(model, dataset)
    if (found := _current(path, config["key"], data.key, search_name(fast))) is not None:
        return EncodeReport(path=path, recordings=found["recordings"], frames=found["frames"], unchanged=True)
    artefact_path("tokens", path.name, root)
    if source := segment_source(data):
        _encode_whole(model, source.dataset, fast, root, progress)
        if (whole := whole_tokens(model, data, root)) is not None:
            return _write_segments(path, tokenizer, config, data, whole, fast)
    return _Encoding(path, tokenizer, config, data, fast, root).run(progress, engine)


def _encode_whole(model: str, dataset: str, fast: bool, root: Path | None, progress: Listener) -> None:
    """The recordings that segments are of; where they are gone, segments are encoded by themselves."""
    with contextlib.suppress(DataError):
        encode_dataset(model, dataset, fast=fast, root=root, progress=progress)


def _current(path: Path, model_key: str, dataset_key: str, search: str) -> dict | None:
    """The manifest of a cache that is whole and of this model, dataset, search and `ENCODING_VERSION`, else None."""
    try:
        manifest = read_json(path / MANIFEST)
        found = (manifest["model_key"], manifest["dataset_key"], manifest["search"], manifest.get("encoding", _FIRST))
        same = found == (model_key, dataset_key, search, ENCODING_VERSION)
        return manifest if same and all(is_as_written(path / n, h) for n, h in manifest["files"].items()) else None
    except (DataError, KeyError, OSError):
        return None


def _write_segments(
    path: Path, model: Tokenizer, config: dict, data: Dataset, whole: TokenCache, fast: bool
) -> EncodeReport:
    with atomic_directory(path) as folder:
        writer = token_writer(folder, model, config["levels"])
        write_segment_tokens(writer, whole, data)
        manifest = writer.close(_manifest(config, data, fast))
    count = manifest["recordings"]
    return EncodeReport(path=path, recordings=count, frames=manifest["frames"], unchanged=False, encoded=count)


def _manifest(config: dict, data: Dataset, fast: bool) -> dict:
    return {
        "model": config["name"],
        "dataset": data.name,
        "model_key": config["key"],
        "dataset_key": data.key,
        "key": f"{config['key']}-{data.key}" + ("-fast" if fast else ""),
        "search": search_name(fast),
        "encoding": ENCODING_VERSION,
        "simulated": data.simulated,
        "recordings": len(data.recordings),
    }


class _Encoding:
    """One run: what is held already, what is left, and the token cache made of both."""

    def __init__(
        self, path: Path, tokenizer: Tokenizer, config: dict, data: Dataset, fast: bool, root: Path | None
    ) -> None:
        self.path, self.tokenizer, self.config, self.data, self.fast = path, tokenizer, config, data, fast
        self.root = root
        self.keys = data.recording_keys
        self.folder = path.with_name(f".{path.name}-unmerged")  # which counts as left over once nobody is at work
        self.store = store_of(path.parents[1])

    def run(self, progress: Listener, engine: Engine) -> EncodeReport:
        bucket = self.store if engine.name != LOCAL.name else None
        if bucket is not None:
            fetch_parts(self.folder, bucket)
        held = self._held([HeldTokens.open(self.path, self.config["key"], self.fast), *self._parts()])
        rows = self.data.recordings
        left = {
            name: int(count)
            for name, count in zip(rows["recording"], rows["frames"], strict=True)
            if self.keys[name] not in held
        }
        if left:
            self.folder.mkdir(parents=True, exist_ok=True)
            with being_filled(self.folder):
                self._encode(left, progress, engine)
                if bucket is not None:
                    fetch_parts(self.folder, bucket)
                held = self._held([*dict.fromkeys(held.values()), *self._parts()])
                manifest = self._merge(held)
        else:
            manifest = self._merge(held)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.store is not None:
            self.store.remove(parts_key(self.folder))
        return EncodeReport(
            path=self.path,
            recordings=manifest["recordings"],
            frames=manifest["frames"],
            unchanged=False,
            encoded=len(left),
        )

    def _parts(self) -> list[HeldTokens]:
        return held_parts(self.folder, self.config["key"], self.fast)

    @staticmethod
    def _held(sources: Sequence[HeldTokens | None]) -> dict[str, HeldTokens]:
        """Where the tokens of each content key are."""
        return {key: source for source in sources if source is not None for key in source.keys}

    def _encode(self, left: dict[str, int], progress: Listener, engine: Engine) -> None:
        total = self.data.frame_count
        done = total - sum(left.values())

        def told(frames: int) -> None:
            nonlocal done
            done += frames
            progress(Progress(task="encoding", done=done, total=total))

        elsewhere = self.store.url if self.store is not None and engine.name != LOCAL.name else ""
        if elsewhere:
            self._share()
        tasks = list(self._tasks(left, elsewhere))
        try:
            if engine.name != LOCAL.name:
                check(self.data.path / FRAMES_FILE)  # once, and not by every worker
                for part in engine.map(encode_task, tasks, None, gpus=gpus_of_workers):
                    told(part.frames)
            elif spans_recordings(self.tokenizer):
                for part in in_threads(encode_recordings, tasks, threads_of_encoding(self.tokenizer)):
                    told(part.frames)
            else:
                for task in tasks:
                    encode_recordings(task, told)
        finally:
            forget_opened()

    def _share(self) -> None:
        """Put what other machines need into the bucket, where it is not there."""
        root = self.path.parents[1]
        put(root / FACES / f"{self.config['face']}.npz")
        put(root / MODELS / self.config["name"])
        put(root / DATASETS / self.data.name)

    def _tasks(self, left: dict[str, int], bucket: str = "") -> Iterator[EncodeTask]:
        for names in grouped(left, GROUP_FRAMES):
            yield EncodeTask(
                model=self.config["name"],
                dataset=self.data.name,
                model_key=self.config["key"],
                fast=self.fast,
                root=self.root,
                recordings=names,
                keys=tuple(self.keys[name] for name in names),
                frames=sum(left[name] for name in names),
                folder=self.folder,
                bucket=bucket,
            )

    def _merge(self, held: dict[str, HeldTokens]) -> dict:
        """Put the tokens of all recordings together, in the dataset's order."""
        with atomic_directory(self.path) as folder:
            writer = token_writer(folder, self.tokenizer, self.config["levels"])
            opened: dict[HeldTokens, None] = {}
            for name, key in self.keys.items():
                if key not in held:
                    raise DataError(name, "its tokens were not written", "`dfe encode` to be run again")
                source = held[key]
                opened.pop(source, None)
                opened[source] = None  # the last one
                if len(opened) > _OPEN:
                    oldest = next(iter(opened))
                    del opened[oldest]
                    oldest.close()
                writer.copy(name, source.file, source.groups(key), source.counts(key), key)
            for source in opened:
                source.close()
            return writer.close(_manifest(self.config, self.data, self.fast))
