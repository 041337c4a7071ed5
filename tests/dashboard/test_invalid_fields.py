"""A field that cannot be used says why beside it, and no result of the run before stands below it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dashboard.data import job_manager
from dashboard.data.background_jobs import Jobs
from dashboard.data.places import ROOTS
from dashboard.panels import probe_form
from dfe_core.events.store import excluded_spans
from dfe_core.expressions.dataset import Dataset
from tests.captures import live_link, performance, write
from tests.dashboard.test_pages import opened, said

ASKED = {
    "label": ["mood"],
    "features": ["bow"],
    "models": ["linear"],
    "tables": {},
    "levels": [],
    "drop_missing": False,
}
ROWS = pd.DataFrame({"recording": ["a", "b", "c"], "mood": ["low", "high", None], "age": [1.0, 2.0, 3.0]})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(ROOTS, "/")
    write(tmp_path / "in" / "s1_take.csv", live_link(performance(40)))
    return tmp_path / "in"


@pytest.fixture(autouse=True)
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that are started, by key: none runs."""
    started: list[str] = []
    held = Jobs()
    monkeypatch.setattr(job_manager, "manager", lambda: held)
    monkeypatch.setattr(job_manager, "start", lambda key, *_: started.append(key))
    return started


def named(page: str, folder: Path, **parameters: str):
    """A page that takes files, with the folder named."""
    test = opened(page, **parameters)
    test.session_state["import-where"] = "A folder on this machine"
    test.run()
    return test.text_input(key="import-folder").input(str(folder)).run()


def press(test, label: str):
    return next(b for b in test.button if b.label == label).click().run()


def test_an_import_without_a_name_says_so_and_drops_what_the_one_before_brought(filled: Path, folder: Path, jobs):
    test = named("data", folder, data_part="Bring recordings in")
    test.session_state["importing"] = "simulated"
    assert "**simulated**" in said(test.run())
    press(test, "Import")
    assert "Give the dataset a name" in said(test) and "**simulated**" not in said(test) and jobs == []
    test.text_input(key="import-name").input("simulated")
    assert "There is a dataset “simulated” already" in said(press(test, "Import"))
    test.text_input(key="import-name").input("study1")
    press(test, "Import")
    assert jobs == ["import"]


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("import-pattern", "(s", "no regular expression"),
        ("import-pattern", "s\\d", "has no group"),
        ("import-time", "frame/0", "frame/0"),
    ],
)
def test_what_is_typed_about_files_is_judged_beside_it(filled: Path, folder: Path, field: str, value: str, why: str):
    test = named("data", folder, data_part="Bring recordings in")
    test.text_input(key=field).input(value).run()
    assert not test.exception
    shown = [m.value for m in test.markdown if ":red[" in m.value]
    assert len(shown) == 1 and why in shown[0]
    buttons = [b for b in test.button if b.label == "Import"]
    assert all(b.disabled for b in buttons)


def test_a_study_says_what_is_wrong_with_its_name_and_videos(filled: Path, folder: Path):
    test = named("study", folder)
    assert [b for b in test.button if b.label == "Start the study"]
    test.text_input(key="study-videos").input("/no/such/folder").run()
    assert [m for m in test.markdown if ":red[" in m.value and "no/such/folder" in m.value]
    assert not [b for b in test.button if b.label == "Start the study"]
    test.text_input(key="study-videos").input("").run()
    test.text_input(key="study-name").input("a/b").run()
    assert [m for m in test.markdown if ":red[" in m.value] and not [b for b in test.button if "Start" in b.label]


def test_a_probe_with_a_field_left_empty_shows_no_result_of_another(filled: Path, jobs):
    test = opened("probes")
    next(m for m in test.multiselect if m.label == "Label").set_value([])
    next(m for m in test.multiselect if m.label == "Models").set_value([])
    press(test, "Run")
    assert not test.exception and jobs == []
    assert [m.value for m in test.markdown if ":red[" in m.value] == [
        ":red[:material/error: Choose at least one label.]",
        ":red[:material/error: Choose at least one model.]",
    ]
    assert "No experiment yet" not in said(test) and not [s for s in test.selectbox if s.label == "Experiment"]


@pytest.mark.parametrize(
    ("changed", "field", "why"),
    [
        ({}, "drop_missing", "1 recording have no value of mood"),
        ({"drop_missing": True, "levels": ["low", "medium"]}, "levels", "“high” of mood is not in this order"),
        ({"label": ["age"], "features": []}, "features", "at least one row of features"),
    ],
)
def test_a_probe_is_judged_by_its_labels(changed: dict, field: str, why: str):
    found = probe_form.wrong({**ASKED, **changed}, ROWS)
    assert list(found) == [field] and why in found[field]
    assert probe_form.wrong({**ASKED, "drop_missing": True, "levels": ["low", "high"]}, ROWS) == {}


def test_a_rating_study_of_a_name_that_is_taken_is_not_begun(filled: Path, jobs, monkeypatch: pytest.MonkeyPatch):
    from dashboard.pages import raters

    monkeypatch.setattr(raters, "list_ratings", lambda root: ["mine"])
    test = opened("raters")
    test.text_input(key="ratings-name").set_value("mine")
    press(test, "Make the study")
    assert "There is a study “mine” already" in said(test) and jobs == []


def test_a_span_that_ends_before_it_begins_is_not_excluded(filled: Path):
    test = opened("recordings")
    end = next(n for n in test.number_input if n.label == "To, s")
    end.set_value(0.0)
    assert "“To” is not after “From”" in said(press(test, "Exclude"))
    assert not excluded_spans(Dataset.open("simulated", filled)).size
