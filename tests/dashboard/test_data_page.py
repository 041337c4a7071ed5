"""The Data page: labels edited in a table and taken back, and everything in the cache in words, opened and removed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from dashboard.data.cache_listing import listed
from dashboard.panels import label_table
from dfe_core import trash
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.label_editing import label_template, propose_labels
from dfe_core.store import write_json
from tests.dashboard.test_pages import opened, said


def button(test, label: str):
    return next(b for b in test.button if b.label == label)


def labels(root: Path) -> pd.DataFrame:
    return Dataset.open("simulated", root).recordings


def test_a_label_is_added_filled_in_and_taken_back(filled: Path, monkeypatch: pytest.MonkeyPatch):
    test = opened("data", data_part="Labels")
    assert not test.exception and button(test, "Save").disabled
    next(t for t in test.text_input if t.label == "New label").set_value("mood")
    button(test, "Add").click().run()
    assert "label “mood” added" in said(test).lower() and labels(filled)["mood"].isna().all()
    table = label_table.st.data_editor
    monkeypatch.setattr(
        label_table.st, "data_editor", lambda data, **_: data.assign(mood=["glad", *[None] * (len(data) - 1)])
    )
    test.run()
    assert "1 changed cell not saved yet" in said(test) and button(test, "Add").disabled
    button(test, "Save").click()
    monkeypatch.setattr(label_table.st, "data_editor", table)
    test.run()
    assert labels(filled)["mood"].iloc[0] == "glad" and "1 cell written" in said(test)
    button(test, "Undo").click().run()
    assert labels(filled)["mood"].isna().all()
    button(test, "Undo").click().run()
    assert "mood" not in labels(filled).columns and trash.discarded(filled) == []


def test_a_name_that_no_label_can_have_is_refused_beside_its_field(filled: Path):
    test = opened("data", data_part="Labels")
    before = list(labels(filled))
    for name, why in (
        ("frames", "use this name themselves"),
        ("condition", "There is a label of this name"),
        ("", "Give"),
    ):
        next(t for t in test.text_input if t.label == "New label").set_value(name)
        button(test, "Add").click().run()
        assert why in said(test) and list(labels(filled)) == before


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_the_template_filled_in_elsewhere_proposes_what_was_filled_in(filled: Path, tmp_path: Path, ending: str):
    dataset = Dataset.open("simulated", filled)
    table = label_template(dataset).assign(mood=["=cmd", *[None] * (len(dataset.recordings) - 1)])
    write = {".csv": label_table._as_csv, ".xlsx": label_table._as_workbook}[ending]
    write(table, tmp_path / f"labels{ending}")
    found = propose_labels(dataset, tmp_path / f"labels{ending}")
    assert [(c.label, c.before, c.after) for c in found.changes] == [("mood", None, "=cmd")]
    assert found.added == ("mood",) and found.notes == ()


def test_everything_in_the_cache_has_words_and_a_page(filled: Path):
    study = {"model": "default", "dataset": "simulated"}
    for name, manifest in {
        "aus--simulated--open-face": {"dataset": "simulated"},
        "probe-0123": {"settings": {**study, "label": "condition"}},
        "probe-material-0123": {"model": "default"},
        "map-0123": {"made_from": ["models/default"], "settings": {"of": "codewords", "by": "deformation"}},
        "groups-0123": {"inputs": {k: {"name": v} for k, v in study.items()}, "settings": {"by": "condition"}},
        "what-0123": {},
    }.items():
        write_json(filled / "analyses" / name / "manifest.json", manifest)
    found = {one.artefact.label.partition("/")[2]: one for one in listed(filled)}
    assert {name: (one.words, one.page, one.at_need) for name, one in found.items() if "0123" in name} == {
        "probe-0123": ("Probe “condition” of default · simulated", "probes", True),
        "probe-material-0123": ("Features of probes of default", "", True),
        "map-0123": ("Map “codewords by deformation” of default", "map", True),
        "groups-0123": ("Comparison of groups “condition” of default · simulated", "groups", True),
        "what-0123": ("Analysis", "", True),
    }
    aus, tokens = found["aus--simulated--open-face"], found["default--simulated"]
    assert (aus.words, aus.page, aus.at_need) == ("Action units “open-face” of simulated", "coverage", False)
    assert (tokens.words, tokens.page) == ("Tokens of default · simulated", "recordings")


def test_a_row_of_the_cache_is_removed_and_taken_back(filled: Path, monkeypatch: pytest.MonkeyPatch):
    from dashboard.panels import cache_table

    kept = [one for one in listed(filled) if not one.at_need]

    def pick(label: str) -> None:
        row = next(i for i, one in enumerate(kept) if one.artefact.label == label)
        chosen = SimpleNamespace(selection=SimpleNamespace(rows=[row]))
        monkeypatch.setattr(cache_table.page_frame, "table", lambda *_, **__: chosen)

    pick("datasets/simulated")
    test = opened("data", data_part="Everything in the cache")
    button(test, "Remove").click().run()
    assert "Made from it" in said(test) and not [b for b in test.button if b.label == "Remove it"]
    pick("tokens/default--simulated")
    test.run()
    button(test, "Remove").click().run()
    button(test, "Remove it").click().run()
    assert not (filled / "tokens" / "default--simulated").exists()
    button(test, "Undo").click().run()
    assert (filled / "tokens" / "default--simulated" / "manifest.json").is_file()
