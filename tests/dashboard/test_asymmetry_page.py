"""*Asymmetry*: a person's sides, sessions and pages; what is not measured is offered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from packaging.version import Version
from streamlit.testing.v1 import AppTest

from dashboard.views.asymmetry_figures import session_figure, side_bars
from dfe_core.asymmetry.person import person_facts
from dfe_core.asymmetry.report import asymmetry_report
from dfe_core.reports.asymmetry import person_document
from tests.asymmetry.two_sided_face import everywhere, people_with, performed, recovering_people, two_sided_face
from tests.dashboard.test_pages import opened, said


def _show(root: str) -> None:
    from pathlib import Path
    from types import SimpleNamespace

    from dashboard.pages import asymmetry
    from dfe_core.expressions.dataset import Dataset

    data = Dataset.open("d", Path(root))
    asymmetry.shown(SimpleNamespace(root=Path(root), dataset="d", open_dataset=lambda: data))


def shown(root: Path, **parameters: str) -> AppTest:
    if Version(st.__version__) < Version("1.66"):
        pytest.skip("Streamlit 1.65 cannot test pages that hold components of their own")
    test = AppTest.from_function(_show, default_timeout=180, kwargs={"root": str(root)})
    for key, value in parameters.items():
        test.query_params[key] = value
    return test.run()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DFE_CACHE", str(tmp_path))
    recovering_people(tmp_path)
    asymmetry_report("d", tmp_path)
    return tmp_path


def test_what_is_not_measured_is_offered_and_said_to_be_no_medical_device(filled: Path):
    test = opened("asymmetry")
    assert not test.exception and not test.error
    assert "not a medical device" in said(test)
    assert [b.label for b in test.button if b.label == "Measure both sides"]


def test_the_page_shows_a_person_the_sessions_and_what_counts(root: Path):
    test = shown(root, person="p1", asymmetry_session="1")
    assert not test.exception and not test.error
    words = said(test)
    assert "not a medical device" in words and "The left side moves 10 % as far as the right one" in words
    assert "That is more than repeats differ" in words
    assert len(test.get("download_button")) == 4 and len(test.get("plotly_chart")) == 2
    assert test.dataframe[0].value["Person"].tolist() == ["p1", "p2"] and "Counts" in test.dataframe[0].value


def test_without_repeats_nobody_is_ticked_and_the_page_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DFE_CACHE", str(tmp_path))
    face, shares = two_sided_face(), ((1, 0.3), (2, 0.9))
    takes = {(p, str(n)): [performed(face, everywhere(x), everywhere(1.0))] for p in ("p1", "p2") for n, x in shares}
    people_with(takes, tmp_path)
    asymmetry_report("d", tmp_path)
    test = shown(tmp_path, person="p1")
    assert not test.exception and "is not known without repeats" in said(test)
    assert "more than repeats differ" not in said(test) and "Too few sessions have repeats" in said(test)
    table = test.dataframe[0].value
    assert "Counts" not in table and "Apexes differ by, %" in table


def test_people_of_whom_nothing_is_measured_have_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DFE_CACHE", str(tmp_path))
    still = np.zeros((90, two_sided_face().coefficients), np.float32)
    people_with({(p, n): [still] for p in ("p1", "p2") for n in ("1", "2")}, tmp_path)
    report = asymmetry_report("d", tmp_path)
    test = shown(tmp_path, person="p1")
    assert not test.exception and not test.error and not test.dataframe
    assert "holds enough movements to be followed" in said(test) and "Of nobody enough movements" in said(test)
    document = person_document(report, person_facts(report, "p1"), ())
    assert not document.figures  # none is empty


def test_a_link_to_nobody_says_so_and_shows_somebody(root: Path):
    test = shown(root, person="nobody")
    assert not test.exception and "person “nobody” is not there" in said(test)


def test_bars_are_to_their_own_sides_in_mm_and_say_what_they_are():
    rows = pd.DataFrame({"movement": ["Smile"], "left_mm": [3.0], "right_mm": [18.0]})
    left, right = side_bars(rows).data
    assert (list(left.x), list(right.x)) == ([-3.0], [18.0]) and (left.text[0], right.text[0]) == ("3.0", "18.0")


def test_the_band_is_about_the_first_session_and_left_out_where_nothing_was_repeated():
    course = pd.DataFrame({"session": ["1", "2"], "value": [0.4, 0.6], "least": [0.05, 0.05]})
    each = pd.DataFrame({"session": ["1", "2"], "value": [0.4, 0.6]})
    band = session_figure(course, each, "%", 100, "within").data[0]
    assert max(band.y) == pytest.approx(45) and min(band.y) == pytest.approx(35)
    assert len(session_figure(course.assign(least=np.nan), each, "%", 100, "within").data) == 2
