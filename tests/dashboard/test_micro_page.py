"""*Micro-expressions*: what was found is shown over time, as faces and by class; what was not is offered."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dashboard.pages.micro import coded_of, label_columns
from dashboard.views.micro_figures import interval_strip
from dfe_core.expressions.dataset import Dataset
from dfe_core.probes.micro_report import MicroReport, MicroReportSettings, micro_report
from tests.dashboard.test_pages import opened, said


@pytest.fixture
def report(filled: Path, tmp_path: Path) -> MicroReport:
    """Windows of two classes in every recording, wherever they are."""
    names = Dataset.open("simulated", filled).recordings["recording"].astype(str)
    rows = [
        (name, at, at + 0.4, emotion)
        for name in names
        for at, emotion in ((0.5, "happy"), (2.0, "surprise"), (3.0, "happy"))
    ]
    path = tmp_path / "windows.csv"
    pd.DataFrame(rows, columns=["recording", "onset_s", "offset_s", "emotion"]).to_csv(path, index=False)
    settings = MicroReportSettings(
        model="default", dataset="simulated", windows=str(path), features=("change",), resamples=100, permutations=19
    )
    return micro_report(settings)


def test_the_page_shows_a_report_and_keeps_the_way_to_another(report: MicroReport):
    test = opened("micro")
    assert not test.exception and not test.error
    words = said(test)
    assert "frames a second" in words
    assert "Against plain methods" in words
    assert "Which class they are of" in words
    own = report.manifest["spotting"]["scores"][0]
    html = "".join(e.proto.body for e in test.get("html"))
    assert f"{own['hits']} of {own['coded']} coded" in html
    assert [b.label for b in test.button if "Find micro-expressions" in b.label]
    assert len(test.get("download_button")) == 2


def test_a_link_to_another_report_or_recording_is_not_taken_for_what_is_shown(report: MicroReport):
    test = opened("micro", report="gone", recording="nobody")
    assert not test.exception
    assert "report “gone” is not there" in said(test) and "recording “nobody” is not there" in said(test)


def test_coded_intervals_that_no_spotted_one_matches_are_marked(report: MicroReport):
    for name in report.coded["recording"].unique():
        coded, lost = coded_of(report, name), report.missed[report.missed["recording"] == name]
        assert coded["missed"].sum() == len(lost)


def test_the_strip_says_which_intervals_agree():
    spotted = pd.DataFrame(
        {
            "recording": "r",
            "onset_s": [1.0, 5.0],
            "apex_s": [1.1, 5.1],
            "offset_s": [1.3, 5.3],
            "score": [2.0, 0.5],
            "region": ["brow", "jaw"],
            "hit": [True, False],
        }
    )
    coded = pd.DataFrame({"onset_s": [1.0, 8.0], "offset_s": [1.3, 8.4], "label": ["a", "b"], "missed": [False, True]})
    bars = {(bar.name, bar.y[0]): list(bar.base) for bar in interval_strip(spotted, coded, 10.0).data}
    assert bars == {
        ("Agree", "Spotted"): [1.0],
        ("Spotted alone", "Spotted"): [5.0],
        ("Agree", "Coded"): [1.0],
        ("Missed", "Coded"): [8.0],
    }
    alone = interval_strip(spotted.assign(hit=None), coded[:0], 10.0).data
    assert [(bar.name, len(bar.base)) for bar in alone] == [("Spotted", 2)]


def test_the_label_of_a_table_is_offered_from_its_head():
    assert label_columns(b'recording,onset_s,"class",offset_s,emotion\nr,1,a,2,b\n') == ["emotion", "class"]
    assert label_columns(b"") == []
