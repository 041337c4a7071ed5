"""Encoding is keyed by recording: what did not change is not encoded again, and the result is the same to the byte."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.removal import remove_recording
from dfe_core.faces.library import save_face
from dfe_core.faces.model import FaceModel
from dfe_core.store import artefact_path, file_sha256, read_json, write_json
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokens import encoding, encoding_parts
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.encoding import encode_dataset
from dfe_core.tokens.encoding_parts import EncodedPart, EncodeTask
from tests.tiny_tokenizer import moving_face, tiny_tokenizer

FPS = 10.0


class Given:
    """An engine of which a test says what it does."""

    name, workers = "given", 1

    def __init__(self, run: Callable[[Callable, list[EncodeTask]], Iterator[EncodedPart]]) -> None:
        self.run = run

    def map(self, function: Callable, groups: list[EncodeTask], shared: None, **_: object) -> Iterator[EncodedPart]:
        return self.run(lambda task: function(task, shared), groups)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, toy_face: FaceModel, cache: Path) -> Tokenizer:
    """A tokenizer that `load_model` gives under any name."""
    save_face(toy_face, cache)
    made = tiny_tokenizer(toy_face)
    config = {
        "name": "m",
        "key": "k1",
        "face": toy_face.id,
        "coefficients": list(toy_face.names),
        "levels": list(made.config.levels),
    }
    for module in (encoding, encoding_parts):
        monkeypatch.setattr(module, "load_model", lambda name, root=None: (made, config))
    return made


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the recordings that are encoded."""
    names: list[str] = []
    through = encoding_parts.encode_stream

    def counted(model, recordings, gram, fast=False) -> Iterator:
        for found in through(model, recordings, gram, fast):
            names.append(found.recording)
            yield found

    monkeypatch.setattr(encoding_parts, "encode_stream", counted)
    return names


def write(root: Path, face: FaceModel, seeds: dict[str, int], name: str = "d") -> Dataset:
    """A dataset of recordings of other lengths, by their seeds; of seed 0 no frame is valid."""
    if (path := artefact_path("datasets", name, root)).exists():
        path.rename(root / f"gone-{random.random()}")
    with open_writer(name, face.names, root) as writer:
        for recording, seed in seeds.items():
            rows = 40 + 7 * seed
            valid = np.arange(rows) % 9 != 3 if seed else np.zeros(rows, bool)
            writer.add(
                Recording(
                    name=recording, names=face.names, psi=moving_face(rows, face.coefficients, seed), valid=valid,
                    time_s=np.arange(rows) / FPS, frame=np.arange(rows), fps=FPS, space="arkit", extractor="test",
                )
            )  # fmt: skip
        writer.close({"name": name, "face": face.id, "simulated": True})
    return Dataset.open(name, root)


def content(path: Path) -> dict[str, str]:
    return {p.name: file_sha256(p) for p in path.iterdir()}


def afresh(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The files of a token cache that is encoded all at once, from nothing."""
    path = artefact_path("tokens", "m--d", root)
    path.rename(root / f"gone-{random.random()}")
    return content(encode_dataset("m", "d", root=root).path)


TEN = {f"r{i}": i for i in range(10)}


def test_a_recording_more_is_the_only_one_that_is_encoded(model, encoded, cache: Path, toy_face, monkeypatch):
    write(cache, toy_face, TEN)
    encode_dataset("m", "d", root=cache)
    assert encoded == list(TEN)
    encoded.clear()
    write(cache, toy_face, {"before": 21, **TEN, "r3b": 20})
    report = encode_dataset("m", "d", root=cache)
    assert encoded == ["before", "r3b"] and report.encoded == 2 and report.recordings == 12
    grown = content(report.path)
    assert grown == afresh(cache, monkeypatch)
    assert len(encoded) == 2 + 12


def test_a_changed_a_removed_and_a_renamed_recording(model, encoded, cache: Path, toy_face, monkeypatch):
    data = write(cache, toy_face, TEN)
    encode_dataset("m", "d", root=cache)
    encoded.clear()
    remove_recording(data, "r4")
    changed = content(encode_dataset("m", "d", root=cache).path)
    assert encoded == [] and changed == afresh(cache, monkeypatch)
    encoded.clear()
    write(cache, toy_face, {"r9": 9, "r2": 30, "r1": 1, "other": 5})
    changed = content(encode_dataset("m", "d", root=cache).path)
    assert encoded == ["r2", "other"] and changed == afresh(cache, monkeypatch)
    assert TokenCache(artefact_path("tokens", "m--d", cache)).recording("r9").frame[-1] == 101


def test_other_tokens_are_not_taken_over(model, encoded, cache: Path, toy_face, monkeypatch):
    write(cache, toy_face, TEN)
    path = encode_dataset("m", "d", root=cache).path
    for change in ("fast", "version", "damage"):
        encoded.clear()
        if change == "version":
            monkeypatch.setattr(encoding_parts, "ENCODING_VERSION", 7)
            monkeypatch.setattr(encoding, "ENCODING_VERSION", 7)
        if change == "damage":
            (path / "counts.parquet").write_bytes(b"damaged")
        write(cache, toy_face, {**TEN, "more": len(change)})
        encode_dataset("m", "d", root=cache, fast=True)  # the first was full
        assert encoded == [*TEN, "more"], change


def test_a_whole_token_cache_of_another_version_is_encoded_anew(model, encoded, cache: Path, toy_face, monkeypatch):
    write(cache, toy_face, TEN)
    encode_dataset("m", "d", root=cache)
    assert encode_dataset("m", "d", root=cache).unchanged
    for module in (encoding, encoding_parts):
        monkeypatch.setattr(module, "ENCODING_VERSION", 7)
    assert encode_dataset("m", "d", root=cache).encoded == len(TEN) and encoded == 2 * [*TEN]
    assert encode_dataset("m", "d", root=cache).unchanged


def test_a_stopped_run_goes_on_with_what_it_had(model, encoded, cache: Path, toy_face, monkeypatch):
    monkeypatch.setattr(encoding, "GROUP_FRAMES", 150)
    write(cache, toy_face, TEN)

    def stopping(encode: Callable, tasks: list[EncodeTask]) -> Iterator[EncodedPart]:
        yield encode(tasks[3])
        yield encode(tasks[1])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_dataset("m", "d", root=cache, engine=Given(stopping))
    before = list(encoded)
    assert not artefact_path("tokens", "m--d", cache).exists() and 2 <= len(before) < 8
    unmerged = cache / "tokens" / ".m--d-unmerged"
    damaged = min(unmerged.glob("part-*/tokens.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    encoded.clear()
    resumed = content(encode_dataset("m", "d", root=cache).path)
    assert 0 < len(set(TEN) - set(encoded)) < len(before) and not unmerged.exists()
    assert resumed == afresh(cache, monkeypatch)


def test_any_order_of_tasks_gives_the_same_bytes(model, cache: Path, toy_face, monkeypatch):
    write(cache, toy_face, TEN)
    encode_dataset("m", "d", root=cache)
    whole = afresh(cache, monkeypatch)
    artefact_path("tokens", "m--d", cache).rename(cache / "away")
    monkeypatch.setattr(encoding, "GROUP_FRAMES", 100)
    seen: list[int] = []

    def backwards(encode: Callable, tasks: list[EncodeTask]) -> Iterator[EncodedPart]:
        yield from (encode(task) for task in reversed(tasks))
        assert all(encode(task).path == task.part for task in tasks)  # whole already

    report = encode_dataset("m", "d", root=cache, engine=Given(backwards), progress=lambda p: seen.append(p.done))
    assert content(report.path) == whole and seen[-1] == Dataset.open("d", cache).frame_count


def test_a_worker_refuses_recordings_that_changed_meanwhile(model, cache: Path, toy_face):
    write(cache, toy_face, TEN)

    def other(encode: Callable, tasks: list[EncodeTask]) -> Iterator[EncodedPart]:
        yield encode(replace(tasks[0], keys=("0" * 32, *tasks[0].keys[1:])))

    with pytest.raises(encoding.DataError, match="other recordings"):
        encode_dataset("m", "d", root=cache, engine=Given(other))


def test_keys_of_a_dataset_without_a_list_of_them_are_made_of_its_frames(model, cache: Path, toy_face):
    data = write(cache, toy_face, TEN)
    keys = data.recording_keys
    assert list(keys) == list(TEN) and len(set(keys.values())) == 10
    (data.path / "keys.parquet").unlink()
    assert Dataset.open("d", cache).recording_keys == keys
    other = write(cache, toy_face, {**TEN, "r5": 50})
    assert {name for name in keys if other.recording_keys[name] != keys[name]} == {"r5"}
    manifest = read_json(other.path / "manifest.json")  # keys that are of other frames count as none
    (other.path / "checksums.json").unlink()
    manifest["files"]["frames.parquet"] = "0" * 64
    write_json(other.path / "manifest.json", manifest)
    assert Dataset.open("d", cache).recording_keys == other.recording_keys
