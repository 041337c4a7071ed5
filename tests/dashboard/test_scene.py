"""The guard around the full scene: too slow, dead or failing exporters give a reason, never a wait or an exception."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest
from streamlit.errors import StreamlitAPIException

from dashboard.views import scene
from dashboard.views.scene import Exporter

POINTS, TRIANGLES = np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32)
RGB = np.full((3, 3), 200, np.uint8)
READY = (
    "import sys; from multiprocessing.connection import Connection; pipe = Connection(int(sys.argv[1])); "
    "pipe.send(None)\n"
)


@pytest.fixture
def exporter():
    made = []

    def make(script: str | None = None, limit_s: float = 5.0) -> Exporter:
        made.append(Exporter([sys.executable, "-c", script] if script else None, limit_s))
        return made[-1]

    yield make
    for each in made:
        each.close()


def export(exporter: Exporter):
    return exporter.export(POINTS, TRIANGLES, RGB, "#FFFFFF")


def test_a_scene_is_a_whole_page_of_html(exporter):
    made = export(exporter(limit_s=60))
    assert made.fault == ""
    assert "<html" in made.html.lower() and "vtk" in made.html.lower()


def test_an_export_that_takes_too_long_is_given_up_and_the_helper_ended(exporter):
    slow = exporter(READY + "import threading; pipe.recv(); threading.Event().wait(60)", limit_s=0.8)
    begun = time.perf_counter()
    assert "took over" in export(slow).fault
    assert time.perf_counter() - begun < 5
    assert slow._process is None


def test_a_helper_that_never_starts_does_not_hold_the_page(exporter):
    assert "starting" in export(exporter("import threading; threading.Event().wait(60)", limit_s=0.5)).fault


def test_a_helper_that_dies_gives_a_reason_and_the_next_call_starts_another(exporter):
    dying = exporter(READY + "pipe.recv(); sys.exit(1)", limit_s=5)
    first = export(dying)
    assert first.html is None and "ended" in first.fault
    assert export(dying).html is None


def test_an_export_that_raises_says_so_and_the_helper_lives(exporter):
    failing = exporter(READY + "while pipe.recv(): pipe.send('ValueError: no')")
    assert "ValueError: no" in export(failing).fault
    assert failing._process.poll() is None


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch):
    """What is shown, as (means, key or height, HTML), with and without stpyvista's viewer."""
    shown = []

    def component(name: str, **_):
        assert name == "stpyvista.simple"
        return lambda key, data: shown.append(("viewer", key, data["_html"]))

    scene._viewer.cache_clear()
    monkeypatch.setattr(scene.st.components.v2, "component", component)
    monkeypatch.setattr(scene.st, "iframe", lambda html, height: shown.append(("frame", height, html)))
    yield shown
    scene._viewer.cache_clear()


def test_a_finished_scene_is_shown_in_stpyvistas_viewer_with_its_script(viewer):
    scene.show("<html></html>", "key")
    ((means, key, html),) = viewer
    assert (means, key) == ("viewer", "key") and html.startswith("<html></html><script>")


def test_without_stpyvista_a_scene_is_shown_in_a_plain_frame(viewer, monkeypatch: pytest.MonkeyPatch):
    def missing(name: str, **_):
        raise StreamlitAPIException(f"Component '{name}' must be declared")

    monkeypatch.setattr(scene.st.components.v2, "component", missing)
    scene.show("<html></html>", "key")
    ((means, _, html),) = viewer
    assert means == "frame" and html.startswith("<html></html><script>")
