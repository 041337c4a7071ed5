"""The command `dfe transition`."""

from __future__ import annotations

import json
from pathlib import Path

from dfe_core.motion.steps import moving_tracks
from dfe_core.motion.timeline import from_json


def test_the_command_writes_a_timeline_that_can_be_read(run_dfe, toy_root: Path, tmp_path: Path):
    out = tmp_path / "t.json"
    result = run_dfe(toy_root, "transition", "tiny", "--to", "a broad smile", "--out", str(out))
    assert "minimum jerk" in result.stdout
    made = from_json(json.dumps(json.loads(out.read_text())))
    assert made.text == "rest → a broad smile" and moving_tracks(made)
