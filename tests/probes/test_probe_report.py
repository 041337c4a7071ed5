"""What is written beside a result, and what a recipe brings back."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.probes.explain import codeword_weights, pushing_moments
from dfe_core.probes.recipe import read_recipe, recipe_text, write_recipe
from dfe_core.probes.result import list_results
from dfe_core.probes.run import run_probe
from dfe_core.probes.settings import ProbeSettings
from dfe_core.reports.probe import write_report
from dfe_core.tokens.intervals import build_runs
from tests.conftest import make_toy_face
from tests.probe_world import make_probe_world

FEW = {"repeats": 1, "resamples": 100, "permutations": 39, "swaps": 199}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_probe_world(tmp_path_factory.mktemp("report"), make_toy_face(ARKIT_NAMES), "default", subjects=30)


@pytest.fixture(scope="module")
def result(world):
    settings = ProbeSettings(
        model="m",
        dataset="d",
        label="condition",
        features=("bow", "psi"),
        confounds=("subject", "session", "group"),
        regress_out=("session",),
        **FEW,
    )
    return run_probe(settings, world.root)


def test_a_report_holds_page_tables_json_methods_and_recipe_and_is_the_same_twice(result, tmp_path):
    files = write_report(result, tmp_path / "a")
    again = write_report(result, tmp_path / "b")
    assert [f.read_bytes() for f in files] == [f.read_bytes() for f in again]
    assert json.loads((tmp_path / "a" / "result.json").read_text()) == result.to_json()
    page = (tmp_path / "a" / "report.html").read_text()
    assert "Simulated data" in page and result.methods.split(".")[0] in page
    table = pd.read_csv(tmp_path / "a" / "tables" / "scores.csv")
    assert table["score"].tolist() == pytest.approx([r["score"] for r in result.to_json()["rows"]], rel=1e-6)


def test_a_recipe_runs_the_same_experiment_again(result, world, tmp_path):
    path = tmp_path / "recipe.toml"
    write_recipe(result.settings, path)
    assert read_recipe(path) == result.settings
    assert run_probe(read_recipe(path), world.root).to_json() == json.loads(json.dumps(result.to_json()))


def test_a_recipe_keeps_tables_by_name(tmp_path):
    settings = ProbeSettings(
        model="m", dataset="d", label="x", features=("mae", "bow+mae"), tables={"mae": 'a "b".csv'}
    )
    (tmp_path / "r.toml").write_text(recipe_text(settings))
    assert read_recipe(tmp_path / "r.toml") == settings


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model = ", "not readable as TOML"),
        ("colour = 3", "colour"),
        ('model = "m"\ndataset = "d"', "no label"),
        ('model = "m"\ndataset = "d"\nlabel = "x"\nfolds = 1', "folds: 1"),
    ],
)
def test_a_broken_recipe_is_refused_by_name(tmp_path, text, says):
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(DataError, match=says):
        read_recipe(tmp_path / "r.toml")


def test_confounds_are_judged_by_the_same_features(result):
    table = result.confounds.set_index(["column", "kind", "features"])
    who = table.loc[("subject", "predicted", "psi")]  # a tracker's resting face tells people apart
    assert who["chance"] == pytest.approx(1 / 30) and who["score"] > 3 * who["chance"]
    assert abs(table.loc[("session", "predicted", "bow"), "score"] - 0.5) < 0.25
    gone = table.loc[("session", "regressed out", "bow")]
    assert gone["fall"] == pytest.approx(gone["score"] - gone["without"])


def test_regressing_the_label_itself_out_leaves_chance(world):
    found = run_probe(
        ProbeSettings(model="m", dataset="d", label="condition", features=("bow",), regress_out=("condition",), **FEW),
        world.root,
    )
    assert found.confounds["without"].iloc[0] < 0.6 < found.to_json()["rows"][0]["score"]


def test_occlusion_takes_most_where_the_weights_are(result):
    fall = result.occlusion.set_index("region")["fall"]
    assert fall.max() > 0 and set(fall.index) <= {
        "brow",
        "eye",
        "nose",
        "cheek",
        "upper lip",
        "lower lip",
        "mouth corner",
        "jaw",
        "none",
        "other",
    }


def test_moments_that_push_are_runs_of_the_codewords_that_weigh_most(result, world):
    moments = pushing_moments(result.codewords, build_runs(world.tokens), world.dataset.recordings, limit=10)
    assert set(moments["codeword"]) <= set(result.codewords["codeword"].head(5))
    assert moments["push"].abs().is_monotonic_decreasing and len(moments) == 10


def test_weights_say_towards_which_class_and_how_steadily():
    from types import SimpleNamespace

    import numpy as np

    coefficients = [[[1.0, -2.0, 0.0]], [[3.0, 1.0, 0.0]]]
    fits = tuple(
        SimpleNamespace(model=SimpleNamespace(coef_=np.array(c)), transform=SimpleNamespace(origins_=np.arange(3)))
        for c in coefficients
    )
    feature = SimpleNamespace(raw=np.zeros((4, 3)), columns=pd.DataFrame({"codeword": [5, 2, 1]}))
    table = codeword_weights(SimpleNamespace(fits=fits), feature, SimpleNamespace(classes=("a", "b")))
    assert table["codeword"].tolist() == [5, 2] and set(table["towards"]) == {"b"}
    assert table["weight"].tolist() == [2.0, -0.5] and table["stability"].tolist() == [1.0, 0.5]
    assert table["best_rank"].tolist() == [1, 1] and table["worst_rank"].tolist() == [2, 2]


def test_results_are_kept_and_listed(result, world):
    assert result.settings in [kept.settings for kept in list_results(world.root)]


def test_blocks_of_time_are_a_demonstration_without_a_test_against_chance(world):
    take = [{"recording": name, "take": name} for name in world.dataset.recordings["recording"][:3]]
    path = world.root / "takes.csv"
    pd.DataFrame(take).to_csv(path, index=False)
    found = run_probe(
        ProbeSettings(
            model="m",
            dataset="d",
            label="take",
            features=("bow", "psi"),
            group="time",
            labels=str(path),
            drop_missing=True,
            folds=3,
            **FEW,
        ),
        world.root,
    ).to_json()
    assert found["unit"] == "segment" and found["groups"] == 15 and found["subjects"] == 2
    assert [row["p_vs_chance"] for row in found["rows"]] == [None, None]
    assert any("demonstration, not evidence" in text for text in found["warnings"])
    assert "no test against chance" in found["summary"] and "not tested against chance" in found["methods"]
