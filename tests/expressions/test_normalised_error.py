"""Normalised errors of landmarks: by the eyes, by two named points, by the size of a face nobody knows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.import_job import ImportOptions
from dfe_core.expressions.importing import import_dataset
from dfe_core.expressions.normalised_error import NormaliserKind, normaliser_of, parse_points
from dfe_core.faces.layouts import layout_of


def test_the_layout_says_where_the_eyes_are_and_named_points_go_first():
    resting = np.random.default_rng(0).normal(size=(68, 3))
    eyes = normaliser_of(resting, layout_of(68))
    assert eyes.kind == NormaliserKind.EYES
    assert eyes.length_m == pytest.approx(np.linalg.norm(resting[36] - resting[45]))
    named = normaliser_of(resting, layout_of(68), (1, 2))
    assert named.kind == NormaliserKind.POINTS
    assert named.length_m == pytest.approx(np.linalg.norm(resting[1] - resting[2]))
    box = normaliser_of(np.array([[0, 0, 0], [0.4, 0, 1], [0.4, 0.1, 2]]), None)
    assert box.kind == NormaliserKind.BOX
    assert box.length_m == pytest.approx(0.2)


def test_what_names_no_two_points_is_refused():
    assert parse_points(None) is None
    assert parse_points("36, 45") == (36, 45)
    for wrong in ("36", "36,36", "a,b", "-1,2", "1,2,3"):
        with pytest.raises(DataError, match="two points"):
            parse_points(wrong)
    with pytest.raises(DataError, match="point 48 of 48"):
        normaliser_of(np.ones((48, 2)), None, (0, 48))
    with pytest.raises(DataError, match="one place"):
        normaliser_of(np.ones((48, 2)), None, (0, 1))


def test_a_cat_of_48_points_is_learned_end_to_end_and_its_error_is_a_share_of_its_own_eyes(tmp_path):
    """Two ways of moving, one percent of a coordinate as noise: what the basis misses, by points 4 and 8."""
    rng = np.random.default_rng(0)
    rest = rng.uniform(100, 400, (48, 2))
    rest[:, 0] = np.where(np.arange(48) % 2, rest[:, 0], 500 - np.roll(rest[:, 0], -1))
    rest[:, 1] = np.where(np.arange(48) % 2, rest[:, 1], np.roll(rest[:, 1], -1))
    fields = 12 * rng.normal(size=(2, 48, 2))
    for number in range(4):
        wave = np.sin(np.arange(150)[:, None] * rng.uniform(0.1, 0.3, 2)) + 1
        points = rest + np.tensordot(wave, fields, 1) + 0.3 * rng.normal(size=(150, 48, 2))
        table = pd.DataFrame(points.reshape(150, -1), columns=[f"{axis}_{i}" for i in range(48) for axis in "xy"])
        table.insert(0, "time", np.arange(150) / 30)
        table.to_csv(tmp_path / f"cat{number}_1.csv", index=False)
    files = sorted(tmp_path.glob("cat*.csv"))
    learned = {}
    for name, pair in (("by-size", None), ("by-eyes", "4,8")):
        options = ImportOptions(face="learn", subject_pattern=r"(?P<subject>cat\d)_", normaliser=pair)
        import_dataset(files, name, options, root=tmp_path / "cache")
        learned[name] = Dataset.open(name, tmp_path / "cache").manifest["learned"]
    size, eyes = learned["by-size"], learned["by-eyes"]
    assert size["points"] == 48
    assert (size["normaliser"]["kind"], eyes["normaliser"]["kind"]) == ("box", "points")
    assert eyes["normaliser"]["points"] == [4, 8]
    part = next(iter(size["missed_nme"]))
    ratio = eyes["normaliser"]["length_mm"] / size["normaliser"]["length_mm"]
    assert eyes["missed_nme"][part] * ratio == pytest.approx(size["missed_nme"][part], rel=1e-6)
    # a mean miss is no larger than the root mean square one
    assert 0 < eyes["missed_nme"][part] <= eyes["missed_mm"][part] / eyes["normaliser"]["length_mm"]
