"""The pages on a dataset of action units alone, in a cache without any codebook, and what the data page offers."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.data.places import ROOTS
from dashboard.panels import import_options
from dfe_core.expressions.importing import ImportOptions
from dfe_core.expressions.inspection import Believed, inspect_sources
from dfe_core.facs.alone import as_action_units, import_aus_alone
from tests.captures import performance, table, write
from tests.dashboard.test_intake import button, looked_at
from tests.dashboard.test_pages import opened, said
from tests.facs.test_alone import openface_aus


@pytest.fixture
def alone(cache: Path, tmp_path: Path) -> Path:
    for person in range(3):
        openface_aus(tmp_path / "of" / f"s{person}.csv", [(20 + 10 * person, 60)], person)
    (tmp_path / "people.csv").write_text("subject,group\ns0,a\ns1,b\ns2,a\n")
    options = ImportOptions(face="none", labels=tmp_path / "people.csv", subject_pattern=r"(s\d)")
    import_aus_alone([tmp_path / "of"], "lab", options)
    return tmp_path


def test_probes_offer_aus_and_no_codewords(alone):
    test = opened("probes")
    assert not test.exception and "Action units alone" in said(test)
    (features,) = [one for one in test.multiselect if one.label == "Features"]
    assert features.value == ["au"] and [name.partition(":")[0] for name in features.options] == [
        "au",
        "au-sided",
        "speech",
        "other",
    ]


def test_recordings_show_aus_over_time(alone):
    test = opened("recordings")
    assert not test.exception and "There is no face" in said(test)
    assert any(one.label == "Recording" and one.options[0].startswith("s0") for one in test.selectbox)


@pytest.mark.parametrize("page", ["data", "coverage", "motion", "map"])
def test_other_pages_say_that_there_is_no_face_and_what_to_do(alone, page):
    test = opened(page)
    assert not test.exception
    assert "holds action units alone" in said(test) and "dfe groups aus:openface lab" in said(test)


def test_aus_without_landmarks_come_in_without_a_face(cache, tmp_path, monkeypatch):
    monkeypatch.setenv(ROOTS, "/")
    names = ("AU01", "AU02", "AU04", "FaceScore")
    write(tmp_path / "in" / "a.csv", table(performance(30)[:, :4], names=names, time="frame", fps=1))
    (one,) = [as_action_units(found) for found in inspect_sources([tmp_path / "in"])]
    assert one.title == "py-feat, action units alone" and not one.fault
    options = import_options.Options(face=import_options.AUTO, fps=30.0, mix=False, time="frame/30")
    assert options.arguments(one) == ["--face", "none", "--fps", "30", "--time", "frame/30"]
    test = looked_at(tmp_path / "in")
    assert "no face to look at" in said(test) and not button(test, "Import").disabled
    test = test.text_input(key="import-time").input("frame/0").run()
    assert "column of times" in said(test).lower() and button(test, "Import").disabled


def test_a_column_of_times_goes_to_the_command_as_it_is_typed():
    one = Believed(path=Path("a.csv"), name="a", bytes=1, format="arkit-table")
    options = import_options.Options(face=import_options.AUTO, fps=None, mix=False, time="tick/60")
    assert options.arguments(one) == ["--face", "anny", "--time", "tick/60"]
