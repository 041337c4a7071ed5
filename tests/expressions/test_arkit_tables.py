"""Tables and JSON of ARKit coefficients in the shapes that tools write."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.faces.arkit import ARKIT_NAMES
from tests.captures import beat_json, in_arkit_order, live_link, performance, read_one, table, underscored, upper, write

PSI = performance(45)


@pytest.mark.parametrize("spelling", [str, upper, underscored, str.lower], ids=["camel", "pascal", "suffix", "lower"])
@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), ("\t", "."), (";", "."), (";", ","), ("\t", ",")])
def test_tables_of_any_spelling_order_and_separator(tmp_path: Path, spelling, separator: str, decimal: str):
    order = np.random.default_rng(1).permutation(52)
    text = table(
        PSI[:, order],
        spelling=spelling,
        separator=separator,
        decimal=decimal,
        names=tuple(ARKIT_NAMES[i] for i in order),
    )
    recording = read_one(write(tmp_path / "a.csv", text))
    np.testing.assert_allclose(in_arkit_order(recording), PSI, atol=1e-6)
    assert recording.fps == 30


@pytest.mark.parametrize(
    ("time", "scale"),
    [
        ("time_s", 1),
        ("Time", 1),
        ("timestamp", 1),
        ("timestamp", 1e3),
        ("timestamp", 1e6),
        ("t", 1e9),
        ("time_ms", 1e3),
        ("ms", 1e3),
    ],
)
def test_the_unit_of_time_is_found_and_told(tmp_path: Path, time: str, scale: float):
    recording = read_one(write(tmp_path / "a.csv", table(PSI, time=time, scale=scale)))
    assert recording.fps == 30
    np.testing.assert_allclose(recording.time_s, np.arange(45) / 30, atol=1e-6)
    assert any("taken as" in n for n in recording.notes) == (scale != 1)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marked_encodings_are_read(tmp_path: Path, encoding: str):
    recording = read_one(write(tmp_path / "a.csv", table(PSI).encode(encoding)))
    np.testing.assert_allclose(in_arkit_order(recording), PSI, atol=1e-6)


def test_latin_1_in_other_columns_does_no_harm(tmp_path: Path):
    lines = table(PSI).splitlines()
    lines = [lines[0] + ",Müdigkeit", *(line + ",müde" for line in lines[1:])]
    recording = read_one(write(tmp_path / "a.csv", "\r\n".join(lines).encode("latin-1")))
    np.testing.assert_allclose(in_arkit_order(recording), PSI, atol=1e-6)


def test_without_times_the_rate_must_be_given(tmp_path: Path):
    path = write(tmp_path / "a.csv", table(PSI, time=None))
    with pytest.raises(DataError, match="--fps"):
        read_one(path)
    assert read_one(path, fps=25).fps == 25


def test_frame_numbers_keep_their_gaps(tmp_path: Path):
    lines = table(PSI, time=None).splitlines()
    numbers = [n for n in range(46) if n != 20]
    text = "\n".join(["frame," + lines[0], *(f"{n},{line}" for n, line in zip(numbers, lines[1:], strict=True))])
    recording = read_one(write(tmp_path / "a.csv", text), fps=30)
    np.testing.assert_array_equal(recording.frame, numbers)


def test_a_missing_coefficient_is_zero_and_told(tmp_path: Path):
    recording = read_one(write(tmp_path / "a.csv", table(PSI[:, :51], names=ARKIT_NAMES[:51])))
    assert "tongueOut" not in recording.names
    assert any("tongueOut" in note for note in recording.notes)


def test_parquet_is_read_as_a_table(tmp_path: Path):
    frame = pd.DataFrame(PSI.astype(np.float32), columns=list(map(upper, ARKIT_NAMES)))
    frame.insert(0, "timestamp_ms", np.arange(45) * 40)
    frame.to_parquet(tmp_path / "a.parquet")
    recording = read_one(tmp_path / "a.parquet")
    assert recording.fps == 25
    np.testing.assert_allclose(in_arkit_order(recording), PSI, atol=1e-6)


def _frames(**beside) -> list[dict]:
    return [
        {**dict(zip(ARKIT_NAMES, row, strict=True)), **{k: f(i) for k, f in beside.items()}}
        for i, row in enumerate(PSI.tolist())
    ]


def _mediapipe() -> list[dict]:
    scores = [
        [
            {"index": 0, "score": 0.1, "categoryName": "_neutral", "displayName": ""},
            *(
                {"index": j + 1, "score": v, "categoryName": n, "displayName": ""}
                for j, (n, v) in enumerate(zip(ARKIT_NAMES, row, strict=True))
            ),
        ]
        for row in PSI.tolist()
    ]
    return [
        {"timestamp_ms": 40 * i, "faceBlendshapes": [{"categories": s, "headIndex": 0}]} for i, s in enumerate(scores)
    ]


JSONS = {
    "a list of mappings with times": _frames(time=lambda i: i / 25),
    "a list under frames, with a rate": {"fps": 25, "frames": _frames()},
    "coefficients one level down": [
        {"t": i / 25, "blendShapes": dict(zip(ARKIT_NAMES, row, strict=True))} for i, row in enumerate(PSI.tolist())
    ],
    "a mapping of lists": {
        **{n: PSI[:, i].tolist() for i, n in enumerate(ARKIT_NAMES)},
        "timestamp": [i / 25 for i in range(45)],
    },
    "a mapping of lists one level down": {
        "fps": 25,
        "blendshapes": {underscored(n): PSI[:, i].tolist() for i, n in enumerate(ARKIT_NAMES)},
    },
    "names and a table of weights": {"fps": 25, "names": list(ARKIT_NAMES), "weights": PSI.tolist()},
    "names and frames of weights (BEAT)": json.loads(beat_json(PSI, 25)),
    "scores by category name (MediaPipe)": _mediapipe(),
}


@pytest.mark.parametrize("shape", JSONS)
def test_json_in_every_shape_gives_the_same_psi(tmp_path: Path, shape: str):
    recording = read_one(write(tmp_path / "a.json", json.dumps(JSONS[shape])))
    np.testing.assert_allclose(in_arkit_order(recording), PSI, atol=1e-6)
    assert recording.fps == 25 and recording.space == "arkit"


def test_one_performance_through_every_format_is_one_psi(tmp_path: Path):
    parts = {
        "a.csv": live_link(PSI, counts=np.arange(45) * 2.0),
        "b.tsv": table(PSI, separator="\t"),
        "c.json": beat_json(PSI, 30),
    }
    recordings = [read_one(write(tmp_path / name, text)) for name, text in parts.items()]
    for recording in recordings[1:]:
        np.testing.assert_allclose(in_arkit_order(recording), in_arkit_order(recordings[0]), atol=1e-6)
        np.testing.assert_allclose(recording.time_s, recordings[0].time_s, atol=1e-6)
        assert recording.fps == recordings[0].fps == 30


@pytest.mark.parametrize("empty", [[], {}, None, [[]]])
def test_frames_of_json_without_a_face_are_invalid(tmp_path: Path, empty):
    frames = _mediapipe() if isinstance(empty, list) else json.loads(json.dumps(JSONS["coefficients one level down"]))
    key = "faceBlendshapes" if isinstance(empty, list) else "blendShapes"
    for i in (0, 7):
        frames[i][key] = empty
    recording = read_one(write(tmp_path / "a.json", json.dumps(frames)))
    np.testing.assert_array_equal(np.flatnonzero(~recording.valid), [0, 7])
    np.testing.assert_allclose(in_arkit_order(recording)[1:7], PSI[1:7], atol=1e-6)


def test_several_faces_in_a_table_are_a_recording_each(tmp_path: Path):
    psi = performance(40), performance(40, seed=1)
    head, *rows = table(psi[0]).splitlines()
    other = table(psi[1]).splitlines()[1:]
    lines = [
        f"face_id,{head}",
        *(line for pair in zip((f"7,{r}" for r in rows), (f"a,{r}" for r in other), strict=True) for line in pair),
        f"9,{rows[0]}",
    ]
    path = write(tmp_path / "a.csv", "\n".join(lines))
    found = find_reader(path)[0].read(path, ReadOptions())
    assert [r.name for r in found] == ["a-face7", "a-facea"]
    for recording, values in zip(found, psi, strict=True):
        np.testing.assert_allclose(in_arkit_order(recording), values, atol=1e-4)
        assert any("face 9 (1 frames)" in note for note in recording.notes)


@pytest.mark.parametrize(("columns", "lost"), [("success", [3, 7]), ("Confidence", [5]), ("confidence,valid", [3, 7])])
def test_frames_in_which_the_tool_found_no_face_are_invalid(tmp_path: Path, columns: str, lost: list[int]):
    head, *rows = table(performance(12)).splitlines()
    told = {
        "success": [str(int(i not in (3, 7))) for i in range(12)],
        "valid": [str(int(i not in (3, 7))) for i in range(12)],
        "confidence": ["0.2" if i == 5 else "0.9" for i in range(12)],
    }
    cells = [",".join(told[c.lower()][i] for c in columns.split(",")) for i in range(12)]
    recording = read_one(
        write(
            tmp_path / "a.csv",
            "\n".join([f"{columns},{head}", *(f"{cell},{row}" for cell, row in zip(cells, rows, strict=True))]),
        )
    )
    assert np.flatnonzero(~recording.valid).tolist() == lost
    assert any("are marked invalid" in note for note in recording.notes)
    assert ("confidence" in recording.extras) == ("onfidence" in columns)
