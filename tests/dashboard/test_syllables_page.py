"""*Syllables*: an example and a search where there are none, then all of them, and the one that the link names."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashboard.data import artefact_cache, syllable_sets
from dashboard.pages import groups, syllables
from dashboard.panels import syllable_search
from dashboard.views import syllable_figures
from dfe_core.store import read_json
from dfe_core.syllables.store import SyllableSet
from tests.dashboard.fake_cache import add_syllables
from tests.dashboard.test_pages import opened, said
from train.cli import build_parser


@pytest.fixture(scope="module")
def found_template(tmp_path_factory: pytest.TempPathFactory, filled_template: Path) -> Path:
    root = tmp_path_factory.mktemp("syllables") / "cache"
    shutil.copytree(filled_template, root)
    add_syllables(root)
    return root


@pytest.fixture
def found(found_template: Path, cache: Path) -> SyllableSet:
    """Syllables in $DFE_CACHE."""
    shutil.copytree(found_template, cache)
    return syllable_sets.sets_of(artefact_cache.Choice(root=cache, model="default", dataset="simulated"))[0]


def test_where_there_are_none_the_page_shows_an_example_and_a_search(filled: Path):
    test = opened("syllables")
    assert not test.exception and "No syllables yet" in said(test)
    assert [button.label for button in test.button if "Find" in button.label] == ["Find syllables"]


def test_the_command_of_a_search_is_one_that_the_parser_takes(cache: Path):
    choice = artefact_cache.Choice(root=cache, model="m", dataset="d")
    for duration in (None, 0.25):
        line = syllable_search.arguments(choice, 7, duration)
        args = build_parser(line).parse_args(line)
        assert (args.count, args.duration_s, args.model, args.dataset) == (7, duration, "m", "d")


def test_every_part_and_every_syllable_opens(found: SyllableSet):
    for part in syllables.PARTS:
        test = opened("syllables", syllables_part=part)
        assert not test.exception and not test.error
    for number in (0, 1):
        test = opened("syllables", syllable=str(number))
        assert not test.exception and not test.error and f"Syllable {number}:" in said(test)
    assert "There is no syllable" in said(opened("syllables", syllable="99"))


def test_a_link_names_the_set_and_one_that_is_gone_is_said(found: SyllableSet):
    test = opened("syllables", syllable_set="gone")
    assert "The link’s set of syllables" in said(test) and not test.exception


def test_lines_lead_from_each_syllable_to_what_follows_it_most(found: SyllableSet):
    counts = np.array([[0, 0, 0, 0], [0, 0, 30, 1], [0, 5, 0, 5], [0, 0, 0, 0]])
    drawing = syllable_figures.transition_graph(counts, [2, 1, 3])
    assert sorted((line["from"], line["to"]) for line in drawing["lines"]) == [(0, 1), (0, 2), (1, 0)]
    wide = {(line["from"], line["to"]): line["width"] for line in drawing["lines"]}
    assert wide[1, 0] > wide[0, 1] == wide[0, 2]  # 97 % against 50 %
    tree = syllable_figures.similarity_tree(found)
    assert len(tree["places"]) == found.count - 1 and len(tree["lines"]) == len(found.dendrogram)


def test_the_codewords_of_a_phase_are_linked_and_what_people_wrote_is_escaped():
    rows = pd.DataFrame([{"codeword": 3, "onset": 0.25, "apex": 0.8, "offset": 0.5, "rest": 0.1, "above_mm": 2.0}])
    html = syllable_figures.phase_table(rows, {3: "<b>smile"}, {}, {3: "codebook?codeword=3"})
    assert 'href="codebook?codeword=3"' in html and "&lt;b&gt;smile" in html and "width:80.0%" in html


def test_groups_and_probes_offer_them_and_old_comparisons_keep_their_place(found: SyllableSet):
    test = opened("groups")
    assert [one.label for one in test.toggle if "Syllables" in one.label] == ["Syllables as well"]
    features = next(box for box in opened("probes").multiselect if box.label == "Features").options
    assert any(name.startswith("syllables") for name in features)
    choice = artefact_cache.chosen()
    asked = groups.Asked(by="condition", syllables=syllable_sets.key_of(found))
    assert "--syllables" in groups.arguments(choice, asked, Path("out"))
    assert "syllables" not in groups.Asked(by="condition").settings()
    assert groups.report_folder(choice, asked) != groups.report_folder(choice, groups.Asked(by="condition"))


def test_the_timeline_of_a_recording_has_its_segments_without_rest(found: SyllableSet):
    choice = artefact_cache.chosen()
    own = found.segments[found.segments["syllable"] > 0]
    name = str(own["recording"].iloc[0])
    shown = syllable_sets.bands(choice, name)
    own = own[own["recording"] == name]
    assert [band["from"] for band in shown] == pytest.approx(own["start_s"].tolist(), abs=1e-3)
    assert len({band["colour"] for band in shown}) == own["syllable"].nunique()
    assert not opened("recordings", recording=name).exception


def test_segments_are_a_table_of_the_export_once_they_are_found(found: SyllableSet, tmp_path: Path):
    from train.cli import main

    out = tmp_path / "segments.csv"
    assert main(["export", "default", "simulated", "--what", "syllables", "--out", str(out)]) == 0
    assert len(pd.read_csv(out)) == len(found.segments)


def test_syllables_are_a_family_of_their_own(found: SyllableSet, tmp_path: Path):
    from train.cli import main

    out = str(tmp_path / "out")
    line = [
        "groups",
        "default",
        "simulated",
        "--by=condition",
        "--all",
        "--syllables",
        "--permutations=99",
        "--out",
        out,
    ]
    assert main(line) == 0
    families = {row["family"]: row["tests"] for row in read_json(tmp_path / "out" / "groups.json")["families"]}
    assert families["syllables"] > 0 and "codewords" in families
