"""Widgets of a notebook: what they hold, what they share, and what stands in their place where none runs."""

from __future__ import annotations

import base64
import io
import sys

import numpy as np
import pytest

import dfe_core as dfe
from dfe_core import notebook
from dfe_core.faces import save_face
from dfe_core.notebook import facts as facts_of
from dfe_core.notebook import still_pictures
from dfe_core.render.scene import unpack_scene
from tests.small_world import make_world

pytest.importorskip("anywidget", reason="anywidget is not installed: pip install 'dfe[notebook]'")

from dfe_core.notebook.widgets import link_selection


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, toy_face) -> dfe.Study:
    root = tmp_path_factory.mktemp("widgets") / "cache"
    save_face(toy_face, root)
    make_world(root, toy_face, recordings=4, frames=40)
    return dfe.Study("m", "d", root=root)


def _codeword_map(study: dfe.Study):
    return study.map_widget("codewords", method="pca")


def test_every_pack_that_the_facts_name_is_there_and_names_its_content(study: dfe.Study):
    made = study.player_widget()
    assert set(made.packs) == {made.facts["face"]["url"], made.facts["codebook"], made.facts["recording"]}
    look = study.codeword_widget(3)
    assert set(look.packs) < set(made.packs)  # a page that has both holds the face once
    _, arrays = unpack_scene(look.packs[look.facts["codebook"]])
    np.testing.assert_array_equal(arrays["psi"], study.codebook.psi)


def test_a_player_holds_the_recording_it_is_set_to(study: dfe.Study):
    names = study.dataset.recordings["recording"].astype(str).tolist()
    made = study.player_widget(names[0])
    made.recording = names[2]
    _, arrays = unpack_scene(made.packs[made.facts["recording"]])
    psi = study.dataset.frames(names[2]).psi
    np.testing.assert_allclose(arrays["psi"] * arrays["scale"], psi, atol=np.abs(psi).max() / 30000)
    assert made.facts["name"] == names[2]


def test_long_recordings_come_in_parts(study: dfe.Study, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(facts_of, "PART", 15)
    name = str(study.dataset.recordings["recording"].iloc[0])
    _, arrays = unpack_scene((made := study.player_widget(name, part=2)).packs[made.facts["recording"]])
    assert len(arrays["time"]) == 10
    assert arrays["time"][0] == pytest.approx(3.0)  # the 31st frame at 10 a second
    with pytest.raises(dfe.DataError, match="0 to 2"):
        study.player_widget(name, part=3)


def test_linked_widgets_share_codewords_until_the_link_ends(study: dfe.Study):
    look, gallery, chart = study.codeword_widget(1), study.gallery_widget(), _codeword_map(study)
    end = link_selection(look, gallery, chart)
    chart.chosen, gallery.codeword = [4, 9], 9
    assert (gallery.chosen, look.codeword, chart.codeword) == ([4, 9], 9, 9)
    assert chart.moments["codeword"].tolist() == [4, 9]
    end()
    gallery.codeword = 2
    assert look.codeword == 9


def test_a_frame_of_a_map_opens_in_the_player_and_selected_ones_are_marked(study: dfe.Study):
    chart, player = study.map_widget("frames", method="pca"), study.player_widget()
    link_selection(chart, player)
    chart.point = len(chart.points) - 1
    last = chart.points.iloc[-1]
    assert (player.recording, player.time_s) == (last["recording"], pytest.approx(last["time_s"]))
    chart.frames = [0, len(chart.points) - 2, len(chart.points) - 1]
    here = chart.moments[chart.moments["recording"] == player.recording]
    assert player.facts["marks"] == sorted(here["frame"])
    assert chart.codeword == last["codeword"]


def test_a_cell_has_a_picture_for_where_no_widget_runs(study: dfe.Study, monkeypatch: pytest.MonkeyPatch):
    from PIL import Image

    drawn = np.random.default_rng(0).integers(0, 256, (128, 128, 4), np.uint8)
    monkeypatch.setattr(still_pictures, "render_picture", lambda *_: drawn)  # drawing is tested with the renderer

    for made in (
        study.codeword_widget(2),
        study.gallery_widget([1, 2, 3]),
        study.player_widget(),
        _codeword_map(study),
    ):
        bundle = made._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        assert "application/vnd.jupyter.widget-view+json" in data
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB"))
        assert picture.std() > 5


def test_what_is_not_there_is_refused_in_words(study: dfe.Study, monkeypatch: pytest.MonkeyPatch):
    for made, words in (
        (lambda: study.codeword_widget(24), "0 to 23"),
        (lambda: study.gallery_widget([]), "one or more"),
        (lambda: study.player_widget("nobody"), "nobody"),
    ):
        with pytest.raises(dfe.DataError, match=words):
            made()
    monkeypatch.delitem(sys.modules, "dfe_core.notebook.widgets")
    monkeypatch.delattr(notebook, "widgets")
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(dfe.DataError, match="pip install 'dfe\\[notebook\\]'"):
        study.codeword_widget(1)
