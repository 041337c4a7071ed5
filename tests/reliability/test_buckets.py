"""Datasets and tokens in a bucket: the same bytes, read by ranges, whole or not there, whatever fails on the way."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dfe_core import object_storage, remote
from dfe_core.artefact import Artefact
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.label_editing import LabelChange, edit_labels
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.recording_table import iter_recording_tables, recording_spans
from dfe_core.faces.library import save_face
from dfe_core.integrity import faults, sealed_files
from dfe_core.store import artefact_path, atomic_directory, cache_root
from dfe_core.tokens import encoding, encoding_parts
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.encoding import encode_dataset
from dfe_core.tokens.encoding_parts import EncodedPart, EncodeTask
from dfe_core.workspace.catalogue import artefact_faults, remove_artefact
from dfe_core.workspace.withdrawal import withdraw
from tests.buckets import BUCKET, Server, content, s3_server
from tests.tiny_tokenizer import moving_face, tiny_tokenizer
from tests.tokens.test_encoding_by_recording import Given

FPS = 10.0


@pytest.fixture(scope="module")
def served() -> Iterator[Server]:
    with s3_server() as found:
        yield found


@pytest.fixture
def server(served: Server) -> Server:
    served.every, served.refuse = 0, False
    served.requests.clear()
    return served


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """A prefix of the bucket for each test."""
    return f"s3://{BUCKET}/{request.node.name[:40]}"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of buckets of other tests, and a bucket is asked every time."""
    for name in ("_stores", "_roots", "_known"):
        monkeypatch.setattr(remote, name, {})
    monkeypatch.setattr(remote, "FRESH_S", 0.0)
    monkeypatch.setattr(object_storage, "_FIRST_WAIT_S", 0.01)


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch, toy_face):
    made = tiny_tokenizer(toy_face)
    levels = list(made.config.levels)
    config = {"name": "m", "key": "k1", "face": toy_face.id, "coefficients": list(toy_face.names), "levels": levels}
    for module in (encoding, encoding_parts):
        monkeypatch.setattr(module, "load_model", lambda name, root=None: (made, config))


def machine(folder: Path, toy_face, url: str) -> Path:
    """The cache of a machine that knows the bucket."""
    remote._roots.clear()
    remote._stores.clear()
    remote._known.clear()
    remote.bind(folder, url)
    save_face(toy_face, folder)
    return folder


def write(root: Path, face, recordings: int, frames: int = 300, name: str = "d") -> Dataset:
    with open_writer(name, face.names, root) as writer:
        for i in range(recordings):
            writer.add(
                Recording(
                    name=f"r{i}", names=face.names, psi=moving_face(frames, face.coefficients, i),
                    valid=np.ones(frames, bool), time_s=np.arange(frames) / FPS, frame=np.arange(frames), fps=FPS,
                    space="arkit", extractor="test", extras={"yaw": np.full(frames, i, np.float32)},
                )
            )  # fmt: skip
        writer.close({"name": name, "face": face.id, "simulated": True})
    return Dataset.open(name, root)


@pytest.fixture
def local(tmp_path: Path, toy_face) -> Path:
    """The same study on a machine without a bucket."""
    root = tmp_path / "local"
    save_face(toy_face, root)
    write(root, toy_face, 5)
    encode_dataset("m", "d", root=root)
    return root


def test_a_study_in_a_bucket_is_the_one_of_a_disk_and_other_machines_read_it_by_ranges(
    server: Server, url: str, local: Path, tmp_path: Path, toy_face
):
    here = machine(tmp_path / "here", toy_face, url)
    write(here, toy_face, 5)
    report = encode_dataset("m", "d", root=here)
    for kind, name in (("datasets", "d"), ("tokens", "m--d")):
        whole, folder = local / kind / name, here / kind / name
        assert not remote.IN_PLACE & {p.name for p in folder.iterdir()}
        assert sealed_files(folder) == sealed_files(whole) and not faults(folder)
        stored = remote.store_of(here).manifest(f"{kind}/{name}")["files"]
        small = {k: v for k, v in content(whole).items() if k not in remote.IN_PLACE}
        assert {k: v for k, v in content(folder).items() if k != "remote.json"} == small
        assert set(stored) == set(content(whole))
    assert encode_dataset("m", "d", root=here).unchanged and report.encoded == 5

    there = machine(tmp_path / "there", toy_face, url)
    server.requests.clear()
    data, tokens = Dataset.open("d", there), TokenCache(artefact_path("tokens", "m--d", there))
    own = Dataset.open("d", local)
    np.testing.assert_array_equal(data.frames("r3").psi, own.frames("r3").psi)
    np.testing.assert_array_equal(data.extras("r4")["yaw"], own.extras("r4")["yaw"])
    mine, counted = TokenCache(local / "tokens" / "m--d"), "SELECT count(*) AS n FROM events"
    np.testing.assert_array_equal(tokens.recording("r2").tokens, mine.recording("r2").tokens)
    assert tokens.query(counted)["n"][0] == mine.query(counted)["n"][0]
    assert recording_spans(tokens.file) == recording_spans(mine.file)
    assert [name for name, _ in iter_recording_tables(tokens.file)] == list(own.recording_keys)


def test_of_a_recording_only_its_bytes_are_read(server: Server, url: str, tmp_path: Path, toy_face):
    here = machine(tmp_path / "here", toy_face, url)
    write(here, toy_face, 6, frames=2100)
    server.requests.clear()
    Dataset.open("d", machine(tmp_path / "there", toy_face, url)).frames("r3")
    size = remote.store_of(here).manifest("datasets/d")["files"]["frames.parquet"]["bytes"]
    assert server.read("/datasets/d/manifest.json") and 0 < server.read("frames.parquet") < 0.4 * size


def test_one_request_of_ten_fails_and_nothing_is_different(
    server: Server, url: str, local: Path, tmp_path: Path, toy_face
):
    server.every = 10
    here = machine(tmp_path / "here", toy_face, url)
    write(here, toy_face, 5)
    encode_dataset("m", "d", root=here)
    there = machine(tmp_path / "there", toy_face, url)
    assert sealed_files(there / "tokens" / "m--d") == sealed_files(local / "tokens" / "m--d")
    assert not faults(there / "datasets" / "d") and not faults(there / "tokens" / "m--d")
    assert len(server.requests) > 30


def test_a_writer_that_dies_half_way_leaves_nothing_to_be_seen(
    server: Server, url: str, tmp_path: Path, toy_face, monkeypatch
):
    here = machine(tmp_path / "here", toy_face, url)
    write(here, toy_face, 2)
    before = Dataset.open("d", here).key
    through, left = object_storage.Store.put, [3]

    def dying(self, path, key):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        through(self, path, key)

    with monkeypatch.context() as patch:
        patch.setattr(object_storage.Store, "put", dying)
        with pytest.raises(KeyboardInterrupt):
            write(here, toy_face, 3)
        left[0] = 2
        with pytest.raises(KeyboardInterrupt):
            write(here, toy_face, 3, name="new")
    there = machine(tmp_path / "there", toy_face, url)
    assert [p.name for p in (there / "datasets").iterdir()] == ["d"]
    assert Dataset.open("d", there).key == before and len(Dataset.open("d", there).frames("r1").psi) == 300


def test_a_machine_sees_what_another_wrote_and_does_not_write_over_it(
    server: Server, url: str, tmp_path: Path, toy_face
):
    here = machine(tmp_path / "here", toy_face, url)
    write(here, toy_face, 2)
    there = machine(tmp_path / "there", toy_face, url)
    (there / "datasets" / "d" / "videos.json").write_text("{}")
    write(there, toy_face, 4)
    remote._roots.clear()
    stale = Dataset(here / "datasets" / "d")
    assert len(stale.recordings) == 2
    with pytest.raises(DataError, match="another machine has written it"), atomic_directory(stale.path) as folder:
        (folder / "manifest.json").write_text("{}")
    assert len(Dataset.open("d", here).recordings) == 4 and Dataset.open("d", here).frames("r3").psi.shape[0] == 300
    store = remote.store_of(here)
    assert len({file["key"].split("/")[2] for file in store.manifest("datasets/d")["files"].values()}) == 1
    assert len(store.fs.ls(store.where("datasets/d"))) == 2  # the manifest and one version
    with pytest.raises(DataError, match="written it meanwhile"):
        store.write("datasets/d/manifest.json", b"{}", new=True)


def test_labels_change_without_the_frames_and_what_is_deleted_there_is_gone_here(
    server: Server, url: str, tmp_path: Path, toy_face
):
    here = machine(tmp_path / "here", toy_face, url)
    data = write(here, toy_face, 2)
    server.requests.clear()
    edit_labels(data, [LabelChange(recording="r1", label="mood", before=None, after="glad")], added=["mood"])
    assert not [1 for method, path, _ in server.requests if path.endswith("frames.parquet") and method == "PUT"]
    seen = Dataset.open("d", machine(tmp_path / "there", toy_face, url))
    assert seen.recordings["mood"].tolist()[1] == "glad" and len(seen.frames("r1").psi) == 300
    assert not faults(seen.path) and not artefact_faults(Artefact(seen.path))
    for refused in (lambda: remove_artefact(Artefact(seen.path)), lambda: withdraw("r1", seen.root)):
        with pytest.raises(DataError, match="s3://lab/test_labels"):
            refused()
    remote.store_of(seen.root).remove("datasets/d")
    with pytest.raises(DataError, match="no such dataset"):
        Dataset.open("d", seen.root)


def test_a_recording_more_encodes_one_in_a_bucket_too(server: Server, url: str, tmp_path: Path, toy_face, monkeypatch):
    here = machine(tmp_path / "here", toy_face, url)
    write(here, toy_face, 4)
    encode_dataset("m", "d", root=here)
    there = machine(tmp_path / "there", toy_face, url)
    write(there, toy_face, 5)
    names: list[str] = []
    through = encoding_parts.encode_stream

    def counted(model, recordings, gram, fast=False):
        for found in through(model, recordings, gram, fast):
            names.append(found.recording)
            yield found

    monkeypatch.setattr(encoding_parts, "encode_stream", counted)
    encode_dataset("m", "d", root=there)
    assert names == ["r4"]


def test_workers_of_other_machines_need_the_address_alone(
    server: Server, url: str, local: Path, tmp_path: Path, toy_face, monkeypatch
):
    monkeypatch.setattr(encoding, "GROUP_FRAMES", 600)
    here = machine(tmp_path / "here", toy_face, url)
    write(here, toy_face, 5)
    (here / "models" / "m").mkdir(parents=True)
    (here / "models" / "m" / "config.json").write_text("{}")
    elsewhere = tmp_path / "elsewhere"

    def on_another_machine(encode: Callable, tasks: list[EncodeTask]) -> Iterator[EncodedPart]:
        here.rename(tmp_path / "out of sight")
        remote.bind(elsewhere, url)
        remote._roots[url] = elsewhere
        assert (elsewhere / "faces" / f"{toy_face.id}.npz").is_file() and (elsewhere / "models" / "m").is_dir()
        found = [encode(task) for task in reversed(tasks)]
        shutil.move(tmp_path / "out of sight", here)
        yield from found

    encode_dataset("m", "d", root=here, engine=Given(on_another_machine))
    assert sealed_files(here / "tokens" / "m--d") == sealed_files(local / "tokens" / "m--d")
    assert not remote.store_of(here).fs.exists(f"{url.removeprefix('s3://')}/unmerged")
    sent = pickle.dumps(TokenCache(here / "tokens" / "m--d"))
    here.rename(tmp_path / "gone")
    received = pickle.loads(sent)  # what workers of `dfe export` and of the intervals get
    assert received.path == elsewhere / "tokens" / "m--d"
    np.testing.assert_array_equal(
        received.recording("r2").tokens, TokenCache(local / "tokens" / "m--d").recording("r2").tokens
    )


def test_errors_name_the_address(server: Server, url: str, tmp_path: Path, monkeypatch):
    with pytest.raises(DataError, match="s3://no-such-bucket.*no such bucket"):
        remote.bind(tmp_path / "a", "s3://no-such-bucket/x")
    server.refuse = True
    with pytest.raises(DataError, match="s3://lab/test_errors.*credentials are refused"):
        remote.bind(tmp_path / "a", url)
    server.refuse = False
    with pytest.raises(DataError, match="teleport://x.*no storage of this kind"):
        remote.bind(tmp_path / "a", "teleport://x/y")
    monkeypatch.setattr("fsspec.core.url_to_fs", lambda *_, **__: (_ for _ in ()).throw(ImportError("Install s3fs")))
    with pytest.raises(DataError, match=r"s3://lab/test_errors.*not installed.*pip install 'dfe\[cloud\]'"):
        remote.bind(tmp_path / "a", url)
    assert not (tmp_path / "a").exists()


def test_dfe_cache_names_a_bucket_or_a_shared_folder(server: Server, url: str, tmp_path: Path, toy_face, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DFE_CACHE", url)
    root = cache_root()
    assert root.is_relative_to(tmp_path / "home") and remote.store_of(root).url == url
    write(root, toy_face, 1)
    assert remote.store_of(root).names("datasets") == ["d"]
    monkeypatch.setenv("DFE_CACHE", f"file://{tmp_path}/shared")
    assert cache_root() == tmp_path / "shared" and remote.store_of(cache_root()) is None


def test_a_write_whose_answer_was_lost_is_not_taken_for_another_machines(monkeypatch):
    pytest.importorskip("fsspec")
    monkeypatch.setattr("dfe_core.object_storage.time.sleep", lambda seconds: None)
    store = object_storage.Store("memory://lab/lost-answer")
    through, calls = store.fs.pipe_file, []

    def lossy(path, value, **more):
        through(path, value, **more)
        calls.append(path)
        if len(calls) == 1:
            raise OSError("the connection broke")

    monkeypatch.setattr(store.fs, "pipe_file", lossy)
    store.write("manifest.json", b"mine", new=True)
    assert store.read("manifest.json") == b"mine"
    with pytest.raises(DataError, match="another machine"):
        store.write("manifest.json", b"theirs", new=True)
    assert store.read("manifest.json") == b"mine"


@pytest.mark.parametrize("address", ["s3://", "s3:", "gs:///"])
def test_an_address_without_a_bucket_is_refused_and_the_cache_stays_free(tmp_path: Path, address: str):
    pytest.importorskip("fsspec")
    with pytest.raises(DataError, match="no name of a bucket"):
        remote.bind(tmp_path, address)
    assert not list(tmp_path.iterdir())


def test_who_asks_what_is_there_does_not_wait_for_an_address_that_never_answers(monkeypatch):
    pytest.importorskip("fsspec")
    monkeypatch.setattr("dfe_core.object_storage.time.sleep", lambda seconds: None)
    store, asked = object_storage.Store("memory://lab/silent"), []

    def silent(path, **more):
        asked.append(path)
        raise OSError("no answer")

    for name in ("exists", "glob", "cat_file"):
        monkeypatch.setattr(store.fs, name, silent)
    for ask in (store.check, lambda: store.names("datasets")):
        asked.clear()
        with pytest.raises(DataError, match="not reached"):
            ask()
        assert len(asked) == 2
    asked.clear()
    with pytest.raises(DataError, match="not reached"):
        store.read("manifest.json")  # in the middle of work a storage may be busy for longer
    assert len(asked) == 7


def test_a_storage_that_cannot_be_reached_at_once_is_told_in_words():
    pytest.importorskip("fsspec")
    with pytest.raises(DataError, match="ftp://localhost:9/lab: not reached"):
        object_storage.Store("ftp://localhost:9/lab")
