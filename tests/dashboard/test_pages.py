"""Every page opens: with everything there, with nothing there, and with what is there broken."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import streamlit as st
from packaging.version import Version
from streamlit.errors import StreamlitAPIException
from streamlit.testing.v1 import AppTest

from dashboard.data import job_manager
from dashboard.data.background_jobs import Jobs
from dashboard.links import routes
from dashboard.panels import note_editor
from dashboard.views import scene
from dfe_core.tokens.annotation_files import import_csv
from dfe_core.tokens.annotations import Notebook

PAGES = [name for names in routes.GROUPS.values() for name in names]


def opened(name: str, **parameters: str) -> AppTest:
    """One page with the sidebar, as the app shows it."""
    if Version(st.__version__) < Version("1.66"):  # the newest that Python 3.10 has; tests/browser opens the pages
        pytest.skip("Streamlit 1.65 cannot test pages that hold components of their own")
    test = AppTest.from_function(_show, default_timeout=180, kwargs={"name": name})
    for key, value in parameters.items():
        test.query_params[key] = value
    return test.run()


def _show(name: str) -> None:
    import importlib

    import streamlit as st

    from dashboard.links import routes
    from dashboard.panels import page_frame
    from dashboard.shell import sidebar

    st.navigation(routes.groups())
    sidebar.show()
    with page_frame.guarded():
        importlib.import_module(f"dashboard.pages.{name}").page()


def said(test: AppTest) -> str:
    parts = [
        e.value
        for kind in ("markdown", "caption", "subheader", "info", "warning", "error", "html")
        for e in test.get(kind)
        if hasattr(e, "value")
    ]
    return "\n".join(map(str, parts))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_on_a_filled_cache(filled: Path, name: str):
    test = opened(name)
    assert not test.exception and not test.error
    assert not [b for b in test.button if "Build" in b.label]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_on_an_empty_cache_says_what_is_missing_and_offers_to_make_it(cache: Path, name: str):
    test = opened(name)
    assert not test.exception
    assert [b.label for b in test.button if "Build the default codebook" in b.label]
    assert '<figure class="dfe-example" aria-hidden="true">' in "".join(e.proto.body for e in test.get("html"))


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    "broken",
    [
        "models/default/config.json",
        "models/default/codewords.parquet",
        "datasets/simulated/manifest.json",
        "faces/toy-1.npz",
    ],
)
def test_a_broken_file_is_a_sentence_and_no_trace(filled: Path, name: str, broken: str):
    (filled / broken).write_bytes(b"\x00 not what it should be")
    test = opened(name)
    assert not test.exception
    for error in test.error:
        assert "Traceback" not in error.value


def test_a_dataset_that_is_not_encoded_is_offered_for_encoding(filled: Path):
    (filled / "tokens" / "default--simulated" / "manifest.json").unlink()
    test = opened("recordings")
    assert not test.exception
    assert [b for b in test.button if "Encode it now" in b.label]


def test_a_cancelled_job_is_news_to_who_saw_it_run_alone(filled: Path, monkeypatch: pytest.MonkeyPatch):
    (filled / "tokens" / "default--simulated" / "manifest.json").unlink()
    jobs = Jobs()
    monkeypatch.setattr(job_manager, "manager", lambda: jobs)
    job = jobs.start("encode-default--simulated", "Encoding", command=(sys.executable, "-c", "input()"))
    here = opened("recordings")
    job.stop()
    job.process.wait()
    assert "was cancelled" in said(here.run()) and "was cancelled" not in said(opened("recordings"))


def test_a_link_to_a_codeword_opens_it_and_one_to_none_says_so(filled: Path):
    assert "Codeword 7:" in said(opened("codebook", codeword="7"))
    missing = opened("codebook", codeword="4711")
    assert "no codeword “4711”" in said(missing) and not missing.exception


def test_a_link_to_a_recording_that_is_gone_says_so(filled: Path):
    test = opened("recordings", recording="nobody")
    assert not test.exception and "no recording “nobody”" in said(test)


def test_a_link_names_model_and_dataset(filled: Path, toy_face):
    from tests.dashboard.fake_cache import build

    build(filled, toy_face, codewords=20, model="second", dataset="clinic", simulated=False, seed=3)
    test = opened("overview", model="second", dataset="clinic")
    assert not test.exception
    assert [b.value for b in test.selectbox] == ["second", "clinic", "1 mm"]
    assert "Codebook “second”" in said(test)
    assert "Simulated" not in said(test) and "people" not in said(test).split("Data “clinic”")[1].split("Health")[0]


def test_a_model_without_metrics_says_how_to_measure_it(filled: Path):
    (filled / "models" / "default" / "metrics.json").unlink()
    test = opened("overview")
    assert not test.exception and "dfe evaluate default simulated" in said(test)
    assert [m.label for m in test.metric] == ["Explained variance", "Error", "In use", "Tokens a frame"]


def test_a_link_names_a_dataset_that_is_not_encoded_yet(filled: Path):
    shutil.copytree(filled / "datasets" / "simulated", filled / "datasets" / "another")
    test = opened("overview", dataset="another")
    assert test.sidebar.selectbox(key="dataset").value == "another"
    assert [c.value for c in test.sidebar.caption if "Not encoded by" in c.value]


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("recordings", {"part": "abc", "stages": "\u00b2"}),
        ("codebook", {"q": "9" * 5000, "chosen": "9" * 5000}),
        ("map", {"point": "\u00b2", "of": "Frames"}),
    ],
)
def test_a_link_with_numbers_that_are_none_opens_the_page(filled: Path, name: str, link: dict[str, str]):
    """What Python counts among the digits, and more digits than it turns into a number."""
    test = opened(name, **link)
    assert not test.exception and not test.error


@pytest.mark.parametrize(
    ("page", "asked", "widget", "value"),
    [
        ("map", {"of": "FRAMES", "method": "pca"}, "method", "pca"),
        ("codebook", {"region": "CHEEK"}, "region", ["cheek"]),
        ("codebook", {"sort": "nonsense"}, "sort", "Most used"),
        ("data", {"data_part": "bring recordings in"}, "data_part", "Bring recordings in"),
    ],
)
def test_a_link_may_write_its_values_in_capitals_or_not(filled, page, asked, widget, value):
    test = opened(page, **asked)
    assert not test.exception
    found = next(
        w for kind in (test.selectbox, test.multiselect, test.segmented_control) for w in kind if w.key == widget
    )
    assert found.value == value


def test_a_map_that_is_not_made_is_shown_by_pca_until_it_is(filled: Path):
    test = opened("map", of="Codewords", method="UMAP")
    assert not test.exception and not test.error
    assert "The map by UMAP has not been made yet" in said(test) and "· PCA ·" in said(test)
    assert [b.label for b in test.button if b.label == "Make the map"]
    test = opened("map", of="Codewords", method="PCA", dimensions="3")
    assert "not been made" not in said(test) and not [b for b in test.button if b.label == "Make the map"]


def test_a_page_that_is_open_takes_the_link_of_before_again(filled):
    test = opened("codebook", side="LEFT")
    test.query_params["side"] = "LEFT"  # the browser's way back
    test.run()
    assert not test.exception and not test.error


def test_where_no_part_is_chosen_the_first_opens(filled: Path):
    test = opened("motion", motion_part="From words")
    test.session_state["motion_part"] = None  # what Streamlit makes of a link to "nothing", opened in the same window
    test.run()
    assert not test.exception and not test.error


HOSTILE = "![x](/auth/logout)"


def test_what_somebody_wrote_is_no_markdown_anywhere_on_the_page(filled: Path):
    Notebook.open("default", filled).edit(1, "ana", name=HOSTILE, note=HOSTILE, add_tags=[HOSTILE])
    jobs = Jobs(command=(sys.executable, "-c", "input()"), limit=1)
    job = jobs.start("hostile", f"Comparing {HOSTILE}", "groups")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(job_manager, "manager", lambda: jobs)
            test = opened("codebook", codeword="1")
        assert job.running
    finally:
        jobs.stop_all()
    assert not test.exception and not test.error
    rendered = [text for node in test._tree for text in _markdown(node)]
    assert any("auth/logout" in text for text in rendered) and not [text for text in rendered if HOSTILE in text]


def _markdown(node) -> list[str]:
    """What the browser renders as Markdown of an element, or of a container's label."""
    proto = getattr(node, "proto", None)
    body = [proto.body] if getattr(node, "type", "") == "markdown" else []
    options = [option.content for option in getattr(proto, "options", ()) if hasattr(option, "content")]
    labels = [getattr(proto, "label", ""), getattr(getattr(proto, "expandable", None), "label", "")]
    return [text for text in (*body, *options, *labels) if isinstance(text, str)]


def test_notes_that_bring_nothing_new_are_read_once(filled: Path, monkeypatch):
    read = []
    monkeypatch.setattr(note_editor, "import_csv", lambda *given: read.append(given) or import_csv(*given))
    test = AppTest.from_function(_notes, default_timeout=180).run()
    for times in (1, 2):
        test.file_uploader[0].set_value(("notes.csv", b"codeword,name\n1,\n", "text/csv")).run()
        assert not test.exception and len(read) == times


def _notes() -> None:
    from dashboard.data import artefact_cache, notes
    from dashboard.panels import note_editor

    choice = artefact_cache.chosen()
    note_editor.exchange(choice, 1, notes.read(choice))


def test_the_way_to_a_page_is_open_where_the_sidebar_holds_the_choices_of_the_link(monkeypatch):
    asked = []

    def switch(page, query_params):  # as Streamlit does while the widgets of these parameters are on the page
        asked.append(query_params)
        if "dataset" in query_params:
            raise StreamlitAPIException("bound to a widget")

    monkeypatch.setattr(routes.st, "switch_page", switch)
    monkeypatch.setattr(routes.query_parameters, "link", lambda **given: {"dataset": "live", "model": "m", **given})
    routes.go("codebook", codeword="3")
    assert asked[1:] == [{"codeword": "3"}]


def test_an_overview_of_data_that_are_not_encoded_begins_with_encoding_and_has_no_empty_section(filled: Path):
    (filled / "tokens" / "default--simulated" / "manifest.json").unlink()
    test = opened("overview")
    titles = [heading.value for heading in test.subheader]
    assert "has not been encoded" in titles[0] and "Used most" not in titles
    assert [b for b in test.button if "Encode it now" in b.label]


def test_a_face_to_begin_with_opens_the_part_that_moves_most_without_a_warning(
    filled: Path, caplog: pytest.LogCaptureFixture
):
    test = opened("find")
    begin = next(b for b in test.button if b.key and b.key.startswith("begin-"))
    after = begin.click().run()
    assert not after.exception
    assert any(slider.value for slider in after.slider if (slider.key or "").startswith("set-"))
    assert "default value but also had its value set" not in caplog.text


def test_a_scene_that_cannot_be_had_is_one_face_and_what_it_cannot_follow_is_off(
    filled: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(scene, "exported", lambda *_: scene.Exported(fault="the scene took over 10 s to export"))
    test = opened("codebook", codeword="7", view="Full scene", scene_lines="true")
    assert not test.exception
    switches = {one.label: one for one in test.toggle}
    for label in ("Neutral beside", "Lines of equal displacement"):
        assert switches[label].disabled and not switches[label].value
    assert "One face is shown" in said(test) and "plotly" not in said(test)
