"""The widgets of notebooks in a real Chromium, beside a stand-in for a kernel: no network, linked selection."""

from __future__ import annotations

import pytest

import dfe_core as dfe
from dfe_core.faces import save_face
from tests.small_world import make_world

pytest.importorskip("anywidget", reason="anywidget is not installed: pip install 'dfe[notebook]'")

from dfe_core.notebook.widgets import link_selection
from tests.browser.conftest import PATIENCE_MS
from tests.notebook_page import ADDRESS, NotebookPage


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, toy_face) -> dfe.Study:
    root = tmp_path_factory.mktemp("widgets") / "cache"
    save_face(toy_face, root)
    make_world(root, toy_face, recordings=4, frames=40)
    return dfe.Study("m", "d", root=root)


def test_linked_widgets_share_their_selection_without_a_network(browser, study: dfe.Study):
    recordings = study.dataset.recordings["recording"].astype(str).tolist()
    widgets = [
        study.codeword_widget(1),
        study.gallery_widget(range(1, 24)),
        study.player_widget(recordings[0]),
        study.map_widget("codewords", method="pca"),
        study.map_widget("frames", method="pca"),
    ]
    look, gallery, player, codewords, frames = widgets
    link_selection(*widgets)
    context = browser.new_context(color_scheme="dark", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    opened = NotebookPage(context, widgets)
    page = opened.page
    for kind in ("morph", "player", "scatter"):
        page.wait_for_selector(f".dfe-{kind}[data-state=drawn]")

    page.locator(".card[data-id='5']").click()
    page.wait_for_selector(".dfe-morph[data-codeword='5'][data-settled=true]")
    assert (look.codeword, gallery.codeword, codewords.codeword) == (5, 5, 5)
    page.locator(".card[data-id='5']").press("ArrowRight")
    page.locator(".card[data-id='6']").press("Enter")
    page.wait_for_selector(".dfe-morph[data-codeword='6']")
    page.locator(".card[data-id='7']").click(modifiers=["Control"])
    page.wait_for_selector(".card[data-id='7'][data-chosen]")
    page.wait_for_function("() => window.notebook.models[3].get('chosen').length === 1")
    assert player.chosen == codewords.chosen == [7]

    frames.point = 3  # as a click on the map says it
    opened.sync()
    here = frames.points.iloc[3]
    page.wait_for_selector(f".dfe-player .line[aria-valuenow='{here['time_s']:.1f}']")
    assert player.recording == here["recording"]
    page.locator(".dfe-player .line").press("ArrowRight")
    page.wait_for_function("(at) => window.notebook.models[2].get('time_s') > at", arg=float(here["time_s"]))

    frames.frames = [3, 4, 5]  # as a lasso says it
    opened.sync()
    assert set(gallery.chosen) == {int(k) for k in frames.moments["codeword"] if k}
    assert len(player.facts["marks"]) == int((frames.moments["recording"] == player.recording).sum()) > 0

    ground = page.evaluate("() => getComputedStyle(document.querySelector('.dfe-widget')).colorScheme")
    page.evaluate("() => { document.body.style.background = '#fff'; document.body.style.color = '#222'; }")
    page.wait_for_function("() => getComputedStyle(document.querySelector('.dfe-widget')).colorScheme === 'light'")
    assert ground in ("light", "dark")

    page.evaluate("() => window.notebook.again(0)")
    page.wait_for_selector(f".dfe-morph[data-state=drawn][data-codeword='{look.codeword}']")
    assert page.locator(".dfe-widget-codeword").count() == 1
    assert page.evaluate("() => window.__dfe.given.size") > 0
    page.evaluate("() => [0, 1, 2, 3, 4].forEach((at) => window.notebook.remove(at))")
    assert page.evaluate("() => [window.__dfe.given.size, document.querySelectorAll('.dfe-widget').length]") == [0, 0]
    assert page.url == f"{ADDRESS}/"  # nothing is written into the notebook's address
    assert {url.split("?")[0] for url in opened.requests} == {f"{ADDRESS}/", f"{ADDRESS}/widget.js"}
    assert opened.faults == []
    context.close()
