"""Files that are large, or unfold to something large, and folders that reach out of themselves."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions import file_reading
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.inspection import inspect_sources
from dfe_core.expressions.labels import read_labels
from dfe_core.expressions.naming import compile_pattern
from dfe_core.faces import save_face
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.facs import alone
from dfe_core.motion.export import coefficients_csv
from tests.hang_guard import ends_within
from tests.hostile.broken_files import npy_header
from tests.hostile.good_files import arkit_csv
from train.benchmark.memory import peak_during

MOST_BYTES = 512 << 20
MB = 1 << 20
BLOCK = 16 * MB


@pytest.fixture
def root(tmp_path: Path, toy_face) -> Path:
    save_face(toy_face, tmp_path / "cache")
    return tmp_path / "cache"


def zeros_deflated(size: int) -> bytes:
    """A raw deflate stream of so many zeros: one block, over and over."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = squeeze.compress(bytes(BLOCK)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return part * (size // BLOCK) + squeeze.flush()


def npz_bomb(path: Path, name: str, zeros: int) -> None:
    """An npz whose one array really unfolds to so many zeros."""
    header = npy_header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({zeros // 200}, 50), }}".ljust(117))
    stored = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF) + header + zeros_deflated(zeros)
    check, block = zlib.crc32(header), bytes(BLOCK)
    for _ in range(zeros // BLOCK):
        check = zlib.crc32(block, check)
    size, entry = len(header) + zeros, f"{name}.npy".encode()
    fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, check, len(stored), size, len(entry), 0)
    central = struct.pack("<IH", 0x02014B50, 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, 0) + entry
    local = struct.pack("<I", 0x04034B50) + fields + entry + stored
    path.write_bytes(local + central + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(central), len(local), 0))


def one_line(path: Path) -> None:
    with open(path, "wb") as handle:
        handle.writelines(b"0.12345," * (MB // 8) for _ in range(100))


def one_line_after_a_header(path: Path) -> None:
    with open(path, "wb") as handle:
        handle.write(arkit_csv().content)
        handle.writelines(b"0.12345," * (MB // 8) for _ in range(100))


def sparse_file(path: Path) -> None:
    with open(path, "wb") as handle:
        handle.write(b"\x93NUMPY")
        handle.truncate(64 << 30)


def lists_in_a_list(path: Path) -> None:
    path.write_bytes(b"[" + b"[]," * (12 * MB) + b"[]]")


def mappings_in_a_list(path: Path) -> None:
    path.write_bytes(b'{"fps":30,"frames":[' + b"{}," * (12 * MB) + b"{}]}")


def parquet_of_one_value(path: Path) -> None:
    rows = pa.array(np.zeros(3_000_000, np.float32))
    clock = pa.array(np.arange(3_000_000) / 60.0)
    pq.write_table(pa.table({"time_s": clock, **dict.fromkeys(ARKIT_NAMES, rows)}), path, compression="zstd")


def npz_of_many(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(20_000):
            archive.writestr(f"{i}.npy", b"")
        archive.writestr("expcode.npy", npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (9, 50), }"))


def torch_bomb(path: Path) -> None:
    import torch

    out = io.BytesIO()
    torch.save({"expcode": torch.zeros(1_000_000, 50)}, out)
    with zipfile.ZipFile(out) as inner, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as outer:
        for member in inner.namelist():
            outer.writestr(member, inner.read(member))


BOMBS: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "100 MB in one line": ("a.csv", one_line, "no reader knows|longer than"),
    "100 MB in a line after a header": ("a.csv", one_line_after_a_header, "longer than|columns"),
    "64 GB with nothing in it": ("a.npy", sparse_file, "64.0 GB"),
    "an npz that unfolds to 512 MB": ("a.npz", lambda p: npz_bomb(p, "expcode", 512 * MB), "unfold"),
    "an npz of 20,000 arrays": ("a.npz", npz_of_many, "cut off|no reader|20,001"),
    "lists without end": ("a.json", lists_in_a_list, "no reader knows"),
    "mappings without end": ("lists.json", mappings_in_a_list, "no reader knows|in memory"),
    "a Parquet of one value": ("a.parquet", parquet_of_one_value, "unfold"),
    "a torch file of zeros": ("a.pt", torch_bomb, "unfold"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_in_time_and_memory(bomb: str, tmp_path: Path, root: Path):
    name, make, found = BOMBS[bomb]
    path = tmp_path / name
    make(path)
    face = "flame-50+jaw" if path.suffix in (".npz", ".npy", ".pt") else "toy-1"
    with ends_within(), peak_during() as peak, pytest.raises(DataError, match=found):
        import_dataset([path], "x", ImportOptions(face=face, fps=30), root=root)
    assert peak.grown < MOST_BYTES
    assert not list((root / "datasets").glob("*"))


@pytest.mark.parametrize("form", ["arkit-json", "mediapipe", "flame"])
def test_json_without_end_is_refused_by_readers_that_are_asked_for(tmp_path: Path, root: Path, form: str):
    lists_in_a_list(tmp_path / "a.json")
    with peak_during() as peak, pytest.raises(DataError, match="in memory"):
        import_dataset([tmp_path / "a.json"], "x", ImportOptions(face="toy-1", format=form), root=root)
    assert peak.grown < MOST_BYTES


# ---- folders


def test_links_out_of_a_folder_are_told_and_not_followed(tmp_path: Path, root: Path):
    inside, outside = tmp_path / "in", tmp_path / "out.csv"
    inside.mkdir()
    good = arkit_csv().content
    (inside / "own.csv").write_bytes(good)
    outside.write_bytes(good.replace(b"0.4,", b"0.5,", 1))
    (inside / "link.csv").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    (inside / "up.csv").symlink_to("../out.csv")
    report = import_dataset([inside], "x", ImportOptions(face="toy-1"), root=root)
    assert [name for name, _, _ in report.imported] == ["own"]
    left = sorted(path.name for path, error in report.skipped if error.found == "a link out of its folder")
    assert left == ["link.csv", "up.csv"]


def test_a_link_that_is_named_is_followed(tmp_path: Path, root: Path):
    (tmp_path / "a.csv").write_bytes(arkit_csv().content)
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    assert len(import_dataset([tmp_path / "link.csv"], "x", ImportOptions(face="toy-1"), root=root).imported) == 1


def test_what_is_no_plain_file_is_refused_without_waiting(tmp_path: Path, root: Path):
    os.mkfifo(tmp_path / "a.csv")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    for name, found in (("a.csv", "no plain file"), ("gone.csv", "no such file"), ("not-there.csv", "no such file")):
        with pytest.raises(DataError, match=found):
            import_dataset([tmp_path / name], "x", ImportOptions(face="toy-1"), root=root)
    with pytest.raises(DataError, match="no such file|no plain file|no reader"):
        import_dataset(["/dev/zero"], "x", ImportOptions(face="toy-1"), root=root)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, root: Path):
    (tmp_path / "a.csv").write_bytes(arkit_csv().content)
    (tmp_path / "a.csv").chmod(0)
    with pytest.raises(DataError, match="not readable"):
        import_dataset([tmp_path / "a.csv"], "x", ImportOptions(face="toy-1"), root=root)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.csv"
    path.write_bytes(arkit_csv().content)
    read = file_reading.read_recordings

    def grow_and_read(*args):
        found = read(*args)
        with open(path, "ab") as handle:
            handle.write(b"another line")
        return found

    monkeypatch.setattr(file_reading, "read_recordings", grow_and_read)
    with pytest.raises(DataError, match="changed while it was read"):
        import_dataset([path], "x", ImportOptions(face="toy-1"), root=root)
    assert not list((root / "datasets").glob("*"))


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "/etc/x", "C:\\x", "a\0b", "", "x" * 300, ".hidden", "con\nx"])
def test_a_dataset_never_leaves_its_folder_by_its_name(tmp_path: Path, root: Path, name: str):
    (tmp_path / "a.csv").write_bytes(arkit_csv().content)
    with pytest.raises(DataError, match="not usable as a name"):
        import_dataset([tmp_path / "a.csv"], name, ImportOptions(face="toy-1"), root=root)


@pytest.mark.parametrize(
    "name",
    [
        "a\nb.csv",
        "-rf.csv",
        "a;b'c\"d.csv",
        "ünï 中.csv",
        "%s%n.csv",
        "<script>.csv",
        "a..b.csv",
        "CON.csv",
        "x" * 240 + ".csv",
    ],
)
def test_any_file_name_makes_a_recording(tmp_path: Path, root: Path, name: str):
    (tmp_path / name).write_bytes(arkit_csv().content)
    import_dataset([tmp_path / name], "x", ImportOptions(face="toy-1"), root=root)
    dataset = Dataset.open("x", root)
    assert len(dataset.frames(dataset.recordings["recording"][0]).psi) == 60


def test_good_files_of_a_broken_batch_are_imported(tmp_path: Path, root: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(5):
        (folder / f"good{i}.csv").write_bytes(arkit_csv().content.replace(b"0.4,", f"0.4{i},".encode(), 1))
        (folder / f"bad{i}.csv").write_bytes(arkit_csv().content[: 100 * i])
        (folder / f"bad{i}.json").write_text(json.dumps({"a": i}))
    report = import_dataset([folder], "x", ImportOptions(face="toy-1"), root=root)
    assert len(report.imported) == 5 and len(report.skipped) == 10
    assert all(path.name in str(error) for path, error in report.skipped)
    assert len(Dataset.open("x", root).manifest["dropped"]) == 10


def test_a_thousand_files_import_in_flat_memory(tmp_path: Path, root: Path):
    folder, content = tmp_path / "in", arkit_csv().content
    folder.mkdir()
    for i in range(1000):
        (folder / f"{i:04d}.csv").write_bytes(content.replace(b"0.4,", f"0.4{i:04d},".encode(), 1))
    import_dataset([folder / "0000.csv"], "warm", ImportOptions(face="toy-1"), root=root)
    with peak_during() as peak:
        report = import_dataset([folder], "x", ImportOptions(face="toy-1"), root=root)
    assert len(report.imported) == 1000
    assert peak.grown < 100 * MB


@pytest.mark.parametrize("word", [b"a", b"_", b"aB_"])
def test_a_long_word_does_not_hold_everybody_up(tmp_path: Path, word: bytes):
    path = tmp_path / "long.csv"
    path.write_bytes(word * (MB // len(word)))
    with ends_within():  # where a pattern looks back at every letter: a minute, with the interpreter's lock held
        (one,) = inspect_sources([path])
    assert one.fault


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without named pipes")
def test_a_pipe_and_a_link_out_of_a_folder_are_opened_by_nobody(tmp_path: Path, monkeypatch):
    folder = tmp_path / "study"
    folder.mkdir()
    os.mkfifo(folder / "pipe.csv")
    (tmp_path / "secret.csv").write_text("frame,AU01_r,AU02_r\n1,0,0\n")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    monkeypatch.setattr(alone, "read_au_header", lambda path: pytest.fail(f"{path.name} was opened"))
    assert all(one.fault and alone.as_action_units(one).fault for one in inspect_sources([folder]))


def test_a_table_of_labels_with_more_columns_than_anybody_has_is_refused(tmp_path: Path):
    columns = [f"c{i}" for i in range(20_000)]
    (tmp_path / "labels.csv").write_text(f"recording,{','.join(columns)}\ns1{',1' * len(columns)}\n")
    with pytest.raises(DataError, match="20,000 columns"):
        read_labels(tmp_path / "labels.csv")


def test_a_pattern_that_no_compiler_takes_is_refused_as_such():
    with pytest.raises(DataError, match="no regular expression"):
        compile_pattern("(" * 5000)


def test_coefficients_of_a_file_are_no_formulas_in_a_table():
    text = coefficients_csv(np.zeros(1), np.zeros((1, 2)), ("=1+1", "jawOpen"))
    assert text.splitlines()[0] == "time_s,'=1+1,jawOpen"
