"""Large JSON: what is read through a window is what `json.loads` gives, in twice the file's size of memory."""

from __future__ import annotations

import json
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.readers import arkit_json, json_file, json_stream, packed_list
from dfe_core.expressions.readers.json_file import load_frames, load_json
from dfe_core.expressions.readers.json_stream import stream_json
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.packed_list import PackedList
from dfe_core.faces.arkit import ARKIT_NAMES
from tests.expressions.test_arkit_tables import JSONS

MB = 1 << 20
BESIDE = 20 * MB
"""Of any size of file: two windows of text as they are joined (6 MB) and the Python objects of one (10 MB)."""
CASES: dict[str, Any] = {
    "numbers": [0.5, 1, -2e-3, 3] * 200,
    "numbers and null": [0.5, None, 1] * 200,
    "null alone": [None] * 300,
    "numbers and strings": [1, "a", 0.5] * 100,
    "true and false": [True, False, 1] * 100,
    "mappings of several shapes": [{"a": 1, "b": [1, 2]}, {"a": None}, {}, [], [[]], "x", {"b": {"c": [{}, 1.5]}}] * 40,
    "whole numbers that no float holds": [{"a": 10**400, "b": 1}] * 40,
    "strings with brackets": ['[1, 2]}{"', "é中😀\\\n", "]"] * 60,
    "mappings in mappings": {"a": {"b": {"c": [[i, i / 2] for i in range(300)], "d": "x"}}, "e": [1] * 300, "f": None},
    "a scalar": 3.25,
}
BROKEN = {
    "cut off in a number": b'{"a": [' + b"0.5, " * 200 + b"0.",
    "cut off in a string": b"[" + b'{"a": 1}, ' * 200 + b'{"a',
    "a comma too many": b"[" + b"0.5, " * 200 + b"]",
    "two commas": b"[" + b"0.5, " * 200 + b", 1]",
    "no comma": b"[" + b"0.5, " * 200 + b"1 2]",
    "no colon": b'{"a" [' + b"1, " * 200 + b"1]}",
    "another bracket": b"[" + b"1, " * 200 + b"1}",
    "data behind it": b"[" + b"1, " * 200 + b"1] 2",
    "no UTF-8": b'{"a": [' + b"1, " * 200 + b'"\xe9"]}',
    "nested without end": b"[" * 30_000,
    "a number of 5,000 digits": b"[" + b"1, " * 200 + b"9" * 5000 + b"]",
}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch):
    narrow(monkeypatch, 200)


def narrow(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    """Any file is large: windows of so many bytes, batches of seven frames."""
    monkeypatch.setattr(json_file, "STREAM_FROM_BYTES", 0)
    monkeypatch.setattr(json_stream, "WINDOW", window)
    monkeypatch.setattr(json_stream, "_AHEAD", window // 2)
    monkeypatch.setattr(json_stream, "_LONG", 2)
    monkeypatch.setattr(packed_list, "BATCH", 7)


def plain(value: Any) -> Any:
    """Packed lists as lists; NaN, which null in a list of numbers becomes, as None."""
    if isinstance(value, (array, PackedList, list)):
        return [None if isinstance(v, float) and np.isnan(v) else plain(v) for v in value]
    return {key: plain(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def error_of(read, path: Path) -> str:
    with pytest.raises(DataError) as error:
        read(path)
    return str(error.value)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("indent", [None, 3])
def test_a_window_gives_what_the_whole_text_gives(tmp_path: Path, tiny, case: str, indent: int | None):
    path = tmp_path / "a.json"
    path.write_text("\ufeff " + json.dumps(CASES[case], indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")
    assert plain(load_frames(path)) == CASES[case]


def test_long_lists_are_packed_and_the_last_of_equal_keys_counts(tmp_path: Path, tiny):
    path = tmp_path / "a.json"
    rows = [{"t": i, "w": [i / 4, 1]} for i in range(50)]
    path.write_text(f'{{"a": 1, "a": {json.dumps(list(range(99)))}, "b": {json.dumps(rows)}}}')
    content = stream_json(path)
    assert isinstance(content["a"], array) and list(content["a"]) == list(range(99))
    assert isinstance(content["b"], PackedList) and list(content["b"]) == rows
    assert content["b"][-1] == rows[-1] and content["b"][2:4] == rows[2:4] and len(content["b"]) == 50


@pytest.mark.parametrize("case", BROKEN)
def test_a_fault_is_told_as_of_a_small_file(tmp_path: Path, tiny, case: str):
    path = tmp_path / "a.json"
    path.write_bytes(BROKEN[case])
    assert error_of(load_frames, path) == error_of(load_json, path)


def test_more_lists_than_memory_holds_are_refused_before_any_is_made(tmp_path: Path, tiny, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("[" + "[]," * 500 + "[]]")
    monkeypatch.setattr(json_file, "MAX_CONTAINER_BYTES", 10_000)
    monkeypatch.setattr(json_file, "stream_json", lambda path: pytest.fail("read"))
    assert "in memory" in error_of(load_frames, path)


def recording_of(path: Path):
    (recording,) = arkit_json.read(path, ReadOptions(fps=25))
    return recording


def damaged() -> dict[str, Any]:
    """Frames with one fault each at frame 31, and numbers and faces that are missing."""
    frames = json.dumps(JSONS["coefficients one level down"])
    out: dict[str, Any] = {name: json.loads(frames) for name in ("name", "null", "word", "time", "kind", "bare")}
    out["name"][30]["blendShapes"].pop("jawOpen")
    out["null"][30] = None
    out["word"][30]["blendShapes"]["jawOpen"] = "wide"
    out["time"][30].pop("t")
    out["kind"][30]["blendShapes"] = [0.5] * 52
    out["bare"] = [{}, *JSONS["a list of mappings with times"]]
    table = json.loads(json.dumps(JSONS["names and a table of weights"]))
    return out | {"ragged": {**table, "weights": [*table["weights"][:28], *([[0.5] * 51] * 20)]}}


@pytest.mark.parametrize("case", damaged())
def test_a_faulty_frame_is_named_as_in_a_small_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(damaged()[case]))
    whole = error_of(recording_of, path)
    narrow(monkeypatch, 12_000)
    stream_json(path)
    assert error_of(recording_of, path) == whole and ("frame" in whole or "numbers" in whole)


@pytest.mark.parametrize("shape", JSONS)
def test_a_recording_is_the_same_through_a_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str):
    content = json.loads(json.dumps(JSONS[shape]))
    if shape == "coefficients one level down":
        content[0]["blendShapes"], content[9]["blendShapes"]["jawOpen"] = {}, None
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    whole = recording_of(path)
    narrow(monkeypatch, 12_000)
    assert not isinstance(stream_json(path), list)
    windowed = recording_of(path)
    assert windowed.notes == whole.notes and windowed.fps == whole.fps and windowed.names == whole.names
    for name in ("psi", "valid", "time_s", "frame"):
        assert getattr(windowed, name).tobytes() == getattr(whole, name).tobytes()


# ---- memory

MEASURE = """
import sys
from pathlib import Path
from dfe_core.expressions.readers import arkit_json
from dfe_core.expressions.readers.options import ReadOptions
from train.benchmark.memory import give_back, peak_during
small, large = map(Path, sys.argv[1:])
arkit_json.read(small, ReadOptions(fps=60))
give_back()
with peak_during() as peak:
    (recording,) = arkit_json.read(large, ReadOptions(fps=60))
print(len(recording.psi), peak.grown)
"""


def large_json(shape: str, frames: int) -> str:
    """Frames of four decimals without spaces, seven characters a number: the densest that tools write."""
    block = np.round(0.5 + 0.4 * np.sin(np.arange(300)[:, None] * (0.01 + np.arange(52) / 1000)), 4)
    copies = frames // len(block)

    def repeated(rows: list[Any]) -> str:
        return "[" + ",".join([json.dumps(rows, separators=(",", ":"))[1:-1]] * copies) + "]"

    if shape == "frames":
        return repeated([dict(zip(ARKIT_NAMES, row, strict=True)) for row in block.tolist()])
    if shape == "lists":
        return "{" + ",".join(f'"{n}":{repeated(block[:, i].tolist())}' for i, n in enumerate(ARKIT_NAMES)) + "}"
    weights = repeated([{"weights": row} for row in block.tolist()])
    return f'{{"names":{json.dumps(ARKIT_NAMES)},"frames":{weights}}}'


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of a block is measured on Linux")
@pytest.mark.parametrize(("shape", "frames"), [("frames", 10_200), ("lists", 36_000), ("names and weights", 34_500)])
def test_reading_takes_twice_the_size_of_the_file_at_most(tmp_path: Path, shape: str, frames: int):
    small, large = tmp_path / "small.json", tmp_path / "large.json"
    small.write_text(large_json(shape, 300))
    large.write_text(large_json(shape, frames))
    size = large.stat().st_size
    assert 11 * MB < size < 15 * MB
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(small), str(large)], capture_output=True, text=True, check=True
    )
    read, grown = map(int, done.stdout.split())
    assert read == frames and grown < 2 * size + BESIDE, f"{grown / MB:.0f} MB for {size / MB:.1f} MB"
