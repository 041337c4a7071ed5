"""Two tools on the same recordings, with a planted gain, delay and side."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.facs.store import AlignedAus, AlignedFrames
from dfe_core.facs.store import open_au_writer as open_aus
from dfe_core.facs.tool_comparison import _at_lags, compare_tools
from train.cli import main

FRAMES = 900
LEVEL = np.abs(np.cumsum(np.random.default_rng(1).normal(0, 0.1, FRAMES + 10)))
SIDED = (("AU4", "both"), ("AU12", "left"), ("AU12", "right"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Dataset:
    """Two recordings at 30 frames a second and one at 60."""
    with open_writer("clips", ("a",), tmp_path_factory.mktemp("clips")) as writer:
        for i, fps in enumerate((30.0, 30.0, 60.0)):
            frame = np.arange(FRAMES)
            writer.add(
                Recording(
                    name=f"c{i}",
                    names=("a",),
                    psi=np.zeros((FRAMES, 1), np.float32),
                    time_s=frame / fps,
                    frame=frame,
                    valid=np.ones(FRAMES, bool),
                    fps=fps,
                    space="t",
                    extractor="mediapipe",
                    subject=f"p{i}",
                    session="1",
                )
            )
        writer.close({"name": "clips", "face": "none", "simulated": False, "sources": [], "dropped": [], "notes": []})
        root = writer.folder.parent.parent
    return Dataset.open("clips", root)


@pytest.fixture(scope="module")
def tools(clips) -> tuple[AlignedAus, AlignedAus, AlignedAus]:
    """One tool with a weak right side; one that is even, flatter and six frames late; one without sides."""
    now = LEVEL[10:]
    one = _tool(clips, "one", SIDED, [now, now, 0.5 * now])
    two = _tool(clips, "two", SIDED, [0.6 * LEVEL[4:-6] + 0.3, now, now])
    return one, two, _tool(clips, "whole", (("AU12", "both"),), [1.5 * now])


def test_gain_delay_and_offset_are_those_planted(clips, tools) -> None:
    found = compare_tools(clips, *tools[:2])
    row = found.table.set_index(["au", "side"]).loc[("AU4", "both")]
    assert row["gain"] == pytest.approx(0.6, abs=0.05) and row["delay_s"] == pytest.approx(0.2, abs=1e-9)
    assert row["correlation"] > 0.999 and row["offset"] == pytest.approx((0.6 * LEVEL[4:-6] + 0.3 - LEVEL[10:]).mean())
    assert (found.fps, found.recordings, found.other_rate) == (30.0, 2, 1)  # a lag is in frames of one rate


def test_the_side_that_a_tool_favours_is_told(clips, tools) -> None:
    sided = compare_tools(clips, *tools[:2]).table.set_index(["au", "side"]).loc[("AU12", "left")]
    assert sided["bias_first"] == pytest.approx(1 / 3, abs=1e-3) and sided["bias_second"] == pytest.approx(0, abs=1e-6)


def test_sides_are_held_as_a_whole_against_a_tool_without_sides(clips, tools) -> None:
    table = compare_tools(clips, tools[0], tools[2]).table
    assert table[["au", "side"]].to_numpy().tolist() == [["AU12", "both"]]
    assert table["gain"].item() == pytest.approx(2.0, abs=1e-3) and np.isnan(table["bias_second"].item())


def test_a_tool_that_never_moves_has_no_delay(clips, tools) -> None:
    still = _tool(clips, "still", (("AU4", "both"),), [np.ones(FRAMES)])
    row = compare_tools(clips, tools[0], still).table.iloc[0]
    assert row["gain"] == 0 and np.isnan(row["correlation"]) and np.isnan(row["delay_s"])


def test_nothing_in_common_is_an_error(clips, tools) -> None:
    other = _tool(clips, "other", (("AU45", "both"),), [LEVEL[10:]])
    with pytest.raises(DataError, match="no AU that both measured"):
        compare_tools(clips, tools[0], other)


def test_the_command_prints_the_table_and_writes_it(clips, tools, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("DFE_CACHE", str(clips.path.parent.parent))
    assert main(["aus", "compare", "one", "two", "--dataset", "clips", "--json", str(tmp_path / "c.json")]) == 0
    said = capsys.readouterr().out
    assert "AU12 left" in said and "1 of another frame rate" in said
    rows = {(row["au"], row["side"]): row for row in json.loads((tmp_path / "c.json").read_text())["action_units"]}
    assert rows["AU4", "both"]["delay_s"] == pytest.approx(0.2) and rows["AU4", "both"]["bias_first"] is None


def _tool(dataset: Dataset, name: str, aus: tuple, columns: list[np.ndarray]) -> AlignedAus:
    root: Path = dataset.path.parent.parent
    with open_aus(dataset.name, name, aus, root) as writer:
        for recording in dataset.recordings["recording"]:
            values = np.stack(columns, 1).astype(np.float32)
            writer.add(recording, AlignedFrames(np.arange(FRAMES), np.full_like(values, np.nan), values))
        writer.close(
            {
                "name": name,
                "dataset": dataset.name,
                "dataset_key": dataset.key,
                "tool": name,
                "version": "1",
                "estimate": False,
                "emits": ["AU4", "AU12"],
                "notes": [],
            }
        )
    return AlignedAus.open(dataset.name, name, root)


def test_sums_at_lags_are_those_of_the_overlap() -> None:
    a, b = np.random.default_rng(3).normal(size=(2, 40))
    lags = np.arange(-45, 46)
    for lag, found in zip(lags, _at_lags(a, b, lags).T, strict=True):
        one, two = (a[: max(40 - lag, 0)], b[lag:]) if lag >= 0 else (a[-lag:], b[: max(40 + lag, 0)])
        assert found == pytest.approx([one @ two, one @ one, two @ two], abs=1e-9)
