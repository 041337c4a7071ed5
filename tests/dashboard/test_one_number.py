"""One statistic has one value on every page of a study, and says what it is where it stands."""

from __future__ import annotations

import os
import re
import shutil
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from dashboard.theme.formatting import percent
from dashboard.views import cards
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.codeword_names import Verdict
from dfe_core.facs.coverage import analyse_coverage
from dfe_core.facs.derive import derive_aus
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.intervals import build_runs
from dfe_core.tokens.statistics import STATISTICS
from dfe_core.tokens.usage import usage
from tests.dashboard.fake_cache import add_model
from tests.dashboard.test_pages import opened, said

CODEWORD = 3
FACT = re.compile(r"<dt>([^<]*?)(?:&#8288;)?(<span.*?</span>)?</dt><dd>(.*?)<small>(.*?)</small></dd>", re.DOTALL)


@pytest.fixture(scope="module")
def study(filled_template: Path, tmp_path_factory: pytest.TempPathFactory, toy_face) -> Path:
    """A cache of its own with a second model."""
    root = tmp_path_factory.mktemp("one-number") / "cache"
    shutil.copytree(filled_template, root)
    add_model(root, toy_face, "second")
    return root


@pytest.fixture(scope="module")
def walked(study: Path):
    """Every page that shows figures of codewords, opened at 1 mm, and two of them at 4 mm."""
    before, os.environ["DFE_CACHE"] = os.environ.get("DFE_CACHE"), str(study)
    try:
        return {
            mm: {page: opened(page.partition(" ")[0], counted=mm, **PAGES[page]) for page in pages}
            for mm, pages in (("1 mm", PAGES), ("4 mm", ("overview", "codebook")))
        }
    finally:
        os.environ.pop("DFE_CACHE") if before is None else os.environ.update(DFE_CACHE=before)


PAGES = {
    "overview": {},
    "codebook": {"codeword": str(CODEWORD)},
    "recordings": {},
    "compare": {"other": "second"},
    "coverage": {"part_of": "Beyond FACS"},
    "data": {},
    "data labels": {"data_part": "Labels"},
    "find": {},
    "motion": {},
}
"""Every page with a figure or a name of the study that another has too, and what its link says; a word after a page is
a part of it. Map, Groups, Probes and Raters show figures of analyses of their own."""


def facts(test) -> dict[str, tuple[str, str, str]]:
    """Label to value, remark and meaning of every definition list of a page."""
    html = "\n".join(str(e.value) for e in test.get("html") if hasattr(e, "value")) + "\n".join(
        e.proto.body for e in test.get("html") if hasattr(e.proto, "body")
    )
    return {unescape(label): (value, note, meaning or "") for label, meaning, value, note in FACT.findall(html)}


def test_every_page_has_the_same_numbers(walked):
    pages = walked["1 mm"]
    assert not [name for name, test in pages.items() if test.exception or test.error]
    on_card = facts(pages["overview"])["Codewords"][1].removesuffix(" in use")
    metric = next(m for m in pages["overview"].metric if m.label == STATISTICS["in_use"].label)
    tables = [e.value for e in pages["compare"].dataframe if "Codewords in use" in e.value]
    assert on_card == metric.value == tables[0].set_index("Codebook").loc["default", "Codewords in use"]
    assert "main stage" not in str(facts(pages["codebook"])).lower()
    recording = next(e.value for e in pages["recordings"].dataframe if "Share of frames" in e.value)
    assert recording["Share of frames"].max() <= 1 and recording["Share of frames"].is_monotonic_decreasing


def test_pages_that_count_the_data_agree(walked):
    pages = walked["1 mm"]
    overview, data, labels = (facts(pages[name]) for name in ("overview", "data", "data labels"))
    for figure in ("Recordings", "Subjects", "Duration", "Frames"):
        assert overview[figure][0] == data[figure][0], figure
    assert labels["Recordings"][:2] == (data["Recordings"][0], f"of {data['Subjects'][0]} subjects")
    assert labels["Labels"][0] == str(
        len(next(s for s in pages["data labels"].selectbox if s.label == "Label").options)
    )


def test_a_codeword_has_one_name_on_every_page(walked):
    pages = walked["1 mm"]
    names = dict(option.split(" · ", 1) for option in pages["motion"].multiselect[0].options)
    heading = next(line for line in said(pages["codebook"]).splitlines() if f"Codeword {CODEWORD}:" in line)
    assert names[str(CODEWORD)] in heading
    begun = dict(b.label.split(" · ", 1) for b in pages["find"].button if (b.key or "").startswith("begin-"))
    assert len(begun) == 3 and begun.items() <= names.items()
    table = next(e.value for e in pages["recordings"].dataframe if "Share of frames" in e.value)
    shown = {link.rpartition("=")[2]: name for link, name in zip(table["Codeword"], table["Movement"], strict=True)}
    assert shown and shown.items() <= names.items()


def test_coverage_counts_frames_as_the_codebook_page_does(walked, study):
    derive_aus(Dataset.open("simulated", study), "derived", root=study)
    tokens = TokenCache.open("default", "simulated", study)
    found = usage(tokens, build_runs(tokens))
    coverage = analyse_coverage("default", "simulated", "derived", root=study)
    assert coverage.codewords["share"].to_numpy() == pytest.approx(found["share_of_frames"].to_numpy())
    shown = facts(walked["1 mm"]["codebook"])[STATISTICS["share_of_frames"].label]
    assert shown[:2] == (percent(found["share_of_frames"][CODEWORD]), "of frames, from 1 mm")


def test_a_higher_threshold_counts_less_on_every_page(walked):
    used = [int(facts(walked[mm]["overview"])["Codewords"][1].split()[0]) for mm in ("1 mm", "4 mm")]
    assert used[0] >= used[1]
    share = [
        float(facts(walked[mm]["codebook"])[STATISTICS["share_of_frames"].label][0].split()[0].replace("–", "0"))
        for mm in ("1 mm", "4 mm")
    ]
    assert share[0] >= share[1]


def test_every_figure_says_what_it_is(walked):
    shown = facts(walked["1 mm"]["codebook"])
    for name in ("peak_mm", "symmetry", "share_of_frames", "stages", "typical_mm", "largest_mm"):
        known = STATISTICS[name]
        assert known.help in unescape(shown[known.label][2]), name
    helps = {m.label: m.help for m in walked["1 mm"]["overview"].metric}
    known = {s.label: s.help for s in STATISTICS.values()}
    assert helps and all(known[label] == text for label, text in helps.items())


def test_rest_is_never_called_unused():
    rest = {"codeword": 0, "title": "Rest: nothing moves", "name": "", "description": "Rest", "like": ""}
    rest |= {"action_units": "", "presences": 0, "share_of_frames": 0.0, "verdict": Verdict.REST, "region": "none"}
    rest |= {"peak_mm": 0.0, "checked": False} | dict.fromkeys(("picked", "picked_low", "picked_high"), float("nan"))
    card = cards.card(pd.Series(rest), None)
    assert "frame" not in card["alt"] and "Never" not in card["alt"]
