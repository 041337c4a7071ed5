"""`dfe align-text`: made once, honest about what it found, asked in words; and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import make_toy_face
from tests.probe_world import make_probe_world


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    from dfe_core.faces.arkit import ARKIT_NAMES

    return make_probe_world(tmp_path_factory.mktemp("align"), make_toy_face(ARKIT_NAMES), subjects=6, minutes=0.4).root


@pytest.fixture(scope="module")
def made(run_dfe, world):
    return run_dfe(world, "align-text", "m", "d", "--progress", "json")


def test_figures_stand_beside_chance_people_and_limits(made):
    assert made.returncode == 0, made.stderr
    assert "(chance 0.5)" in made.stdout and "people" in made.stdout
    assert "Simulated data" in made.stdout and "no probabilities" in made.stdout
    assert '"aligning tokens with words"' in made.stderr


def test_what_was_aligned_is_opened_and_answers_in_words(made, run_dfe, world):
    again = run_dfe(
        world, "align-text", "m", "d", "--ask", "jaw dropped, mouth open", "--limit", "5", "--progress", "json"
    )
    assert again.stdout.startswith("nothing to do") and "aligning tokens with words" not in again.stderr
    told = json.loads(
        run_dfe(world, "align-text", "m", "d", "--ask", "jaw dropped, mouth open", "--limit", "5", "--json", "-").stdout
    )
    near = [moment["similarity"] for moment in told["moments"]]
    assert len(near) == 5 and near == sorted(near, reverse=True)
    assert all(m["start_s"] <= m["peak_s"] <= m["end_s"] for m in told["moments"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--ask", "  "), "description: empty"),
        (("--ask", "the weather"), "no word about a face"),
        (("--limit", "0"), "--limit: 0"),
        (("--label", "mood"), "no such label"),
        (("--prompt", "a=b"), "--label COLUMN"),
        (("--label", "condition", "--prompt", "stress"), "CLASS=TEXT"),
        (("--label", "condition"), "prompt of your own"),
        (("--text", "nowhere"), "nothing is downloaded"),
        (("--window", "0"), "0.04 to 60 seconds"),
        (("--aus", "nobody"), "nobody"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(made, run_dfe, world, options, says):
    result = run_dfe(world, "align-text", "m", "d", *options)
    assert result.returncode == 1 and result.stdout == "" and says in result.stderr
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
