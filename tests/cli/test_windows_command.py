"""`dfe probe --windows`: UF1 and UAR of micro-expressions, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import make_toy_face
from tests.probe_world import make_probe_world


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> tuple[Path, Path]:
    """Six people, each with eight windows of two made-up emotions, and the file of windows."""
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.faces.arkit import ARKIT_NAMES

    root = make_probe_world(
        tmp_path_factory.mktemp("windows"), make_toy_face(ARKIT_NAMES), subjects=6, minutes=0.5
    ).root
    names = Dataset.open("d", root).recordings["recording"].astype(str)
    rows = [(name, 1.0 + i, 1.4 + i, ("happy", "sad")[i % 2]) for name in names for i in range(4)]
    pd.DataFrame(rows, columns=["recording", "onset_s", "offset_s", "emotion"]).to_csv(root / "w.csv", index=False)
    return root, root / "w.csv"


def test_windows_give_uf1_and_uar_with_every_subject_left_out(run_dfe, world):
    root, windows = world
    out = root / "micro.json"
    result = run_dfe(
        root,
        "probe",
        "m",
        "d",
        "--label",
        "emotion",
        "--windows",
        str(windows),
        "--features",
        "change,bow",
        "--json",
        str(out),
    )
    assert result.returncode == 0, result.stderr
    told = json.loads(out.read_text())
    assert [(row["features"], row["metric"]) for row in told["rows"]] == [("change", "UF1"), ("bow", "UF1")]
    assert told["folds"] == told["subjects"] == 6
    head, change = (
        next(line.split() for line in result.stdout.splitlines() if line.startswith(name))
        for name in ("features", "change")
    )
    assert "UAR" in head and change[-2] == f"{told['rows'][0]['scores']['UAR']['score']:.4g}"
    assert "Few data" in result.stdout and "Leave-one-subject-out" in result.stdout
    assert "each by a model that had seen none of that subject's data" in result.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--windows", "nowhere.csv"), "nowhere.csv: no such file"),
        (("--windows", "{}", "--group", "session"), "--group: has no meaning for --windows"),
        (("--windows", "{}", "--out", "report"), "--out: has no meaning"),
        (("--windows", "{}", "--features", "smell"), "smell: no such feature"),
        (("--windows", "{}", "--label", "mood"), "no column mood"),
    ],
)
def test_what_windows_cannot_serve_is_one_line(run_dfe, world, options, says):
    root, windows = world
    label = () if "--label" in options else ("--label", "emotion")
    result = run_dfe(root, "probe", "m", "d", *label, *(o.format(windows) for o in options), "--progress", "none")
    assert result.returncode == 1 and result.stdout == "" and says in result.stderr
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
