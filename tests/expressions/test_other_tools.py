"""One golden file each of the tools whose expression names are brought to ARKit's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.readers import faceshift, quest_pro, sranipal, unified
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.faces.arkit import ARKIT_NAMES
from tests.captures import performance, table, write


def made(path: Path, names: list[str], **options):
    values = np.linspace(0, 0.9, 80)[:, None] * np.linspace(0.5, 1, len(names))
    write(path, table(values, names=tuple(names), **options))
    return values, find_reader(path)


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        (quest_pro, ["MouthLeft", "CheekSuckL"]),
        (faceshift, ["JawChew"]),
        (sranipal, ["Mouth_Lower_Overlay"]),
        (unified, ["JawClench"]),
    ],
)
def test_a_tools_names_become_arkits_by_the_stated_map(tmp_path: Path, module, extra: list[str]):
    own = [n for names in module.NAMES.values() for n in names]
    names = list(dict.fromkeys([*own, *extra]))
    values, (reader, _) = made(tmp_path / "a.csv", names)
    assert reader is module and set(module.NAMES) <= set(ARKIT_NAMES)
    (found,) = reader.read(tmp_path / "a.csv", ReadOptions())
    assert set(found.names) == set(module.NAMES) and found.extractor == module.FORMAT
    for ours, theirs in module.NAMES.items():
        wanted = np.mean([values[:, names.index(n)] for n in theirs], 0)
        assert np.allclose(found.psi[:, found.names.index(ours)], wanted, atol=1e-4), ours


def test_unified_expressions_are_known_behind_their_address_and_need_a_rate_without_times(tmp_path: Path):
    names = [n for theirs in unified.NAMES.values() for n in theirs if not n.startswith("EyeClosed")]
    values = np.linspace(0, 0.9, 80)[:, None] * np.linspace(0.5, 1, len(names))
    spelling = "/avatar/parameters/FT/v2/{}".format
    path = write(tmp_path / "vrc.csv", table(values, names=tuple(names), spelling=spelling, time=None))
    reader, _ = find_reader(path)
    with pytest.raises(DataError, match="--fps"):
        reader.read(path, ReadOptions())
    (found,) = reader.read(path, ReadOptions(fps=20))
    assert reader is unified and found.fps == 20 and "eyeBlinkLeft" not in found.names
    corner = [names.index(f"MouthCorner{how}Left") for how in ("Pull", "Slant")]
    assert np.allclose(found.psi[:, found.names.index("mouthSmileLeft")], values[:, corner].mean(1), atol=1e-4)


def test_audio2face_tables_have_a_prefix_and_seconds_for_a_timecode(tmp_path: Path):
    psi = performance(60)
    path = write(tmp_path / "a2f.csv", table(psi, fps=60, time="timeCode", spelling=lambda n: f"blendShapes.{n}"))
    (found,) = find_reader(path)[0].read(path, ReadOptions())
    assert found.fps == 60 and found.psi[9, found.names.index("jawOpen")] == pytest.approx(
        psi[9, ARKIT_NAMES.index("jawOpen")], abs=1e-4
    )


@pytest.mark.parametrize(
    "names",
    [
        [f"Landmark[{i}].{a}" for i in range(66) for a in "XY"],
        [
            f"{part}_{side}_{a}"
            for part in ("brow", "eye", "nose", "mouth", "jaw")
            for side in ("left", "right")
            for a in "xy"
        ],
    ],
)
def test_points_of_openseeface_and_points_with_names_are_landmarks(tmp_path: Path, names: list[str]):
    values = np.random.default_rng(0).normal(size=(40, len(names)))
    text = table(values, names=tuple(names), time="Time", separator=";").replace(";0.5", ";NA", 1)
    (found,) = find_reader(write(tmp_path / "a.csv", text))[0].read(tmp_path / "a.csv", ReadOptions())
    assert found.valid.sum() == 39 and found.fps == 30 and found.psi.shape == (40, len(names)) and found.dimensions == 2


VRM_0 = "Neutral A I U E O Blink Blink_L Blink_R Joy Angry Sorrow Fun LookUp LookDown".split()
VRM_1 = "neutral aa ih ou ee oh blink blinkLeft blinkRight happy angry sad relaxed surprised".split()


@pytest.mark.parametrize("names", [VRM_0, VRM_1], ids=["VRM 0", "VRM 1"])
@pytest.mark.parametrize("form", ["table", "json", "log"])
def test_vrms_presets_are_refused_by_name(tmp_path, names, form):
    rows = [dict.fromkeys(names, 0.1) for _ in range(60)]
    text = {
        "table": ",".join(names) + "\n" + "\n".join(",".join(map(str, row.values())) for row in rows),
        "json": json.dumps([{"time": i / 30, "expressions": row} for i, row in enumerate(rows)]),
        "log": "\n".join(f"{i / 30:.3f} /VMC/Ext/Blend/Val {n} 0.1" for i, row in enumerate(rows) for n in row),
    }[form]
    path = tmp_path / f"take.{'json' if form == 'json' else 'txt'}"
    path.write_text(text)
    with pytest.raises(DataError, match=r"VRM [01]'s preset expressions.*perfect sync"):
        find_reader(path)


def test_arkits_names_beside_vrms_presets_are_read(tmp_path):
    path = tmp_path / "take.csv"
    header = ["time", *VRM_1, *ARKIT_NAMES]
    path.write_text(
        "\n".join([",".join(header), *(",".join([str(i / 30)] + ["0.1"] * (len(header) - 1)) for i in range(9))])
    )
    reader, _ = find_reader(path)
    (recording,) = reader.read(path, ReadOptions())
    assert recording.space == "arkit" and len(recording.names) >= 51
