"""One golden file each of the tools whose expression names are brought to ARKit's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.expressions.readers import faceshift, quest_pro, sranipal
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
    [(quest_pro, ["MouthLeft", "CheekSuckL"]), (faceshift, ["JawChew"]), (sranipal, ["Mouth_Lower_Overlay"])],
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
