"""The command `dfe transition`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dfe_core.expressions.dataset import Dataset
from dfe_core.motion.steps import moving_tracks
from dfe_core.motion.timeline import from_json


def test_the_command_writes_a_timeline_that_can_be_read(run_dfe, toy_root: Path, tmp_path: Path):
    out = tmp_path / "t.json"
    result = run_dfe(toy_root, "transition", "tiny", "--to", "a broad smile", "--out", str(out))
    assert "minimum jerk" in result.stdout
    made = from_json(json.dumps(json.loads(out.read_text())))
    assert made.text == "rest → a broad smile" and moving_tracks(made)


@pytest.mark.parametrize(
    ("moment", "timing", "said"),
    [
        ("nobody@1", True, "no recording 'nobody' in toy"),
        ("{}@999", True, "999 s for a time"),
        ("{}@-5", True, "-5 s for a time"),
        ("{}@nan", True, "nan s for a time"),
        ("{}@soon", True, "'soon' for a time"),
        ("{}@1", False, "--timing DATASET"),
        ("gone.WEBP", False, "gone.WEBP: no such file"),
    ],
)
def test_a_moment_that_is_not_there_is_refused(run_dfe, toy_root: Path, tmp_path: Path, moment, timing, said):
    name = Dataset.open("toy", toy_root).recordings["recording"][0]
    options = ["--timing", "toy"] if timing else []
    out = tmp_path / "t.json"
    result = run_dfe(toy_root, "transition", "tiny", "--to", moment.format(name), *options, "--out", str(out))
    assert result.returncode == 1 and said in result.stderr and not out.exists()
