"""Recordings with a video show its frames, and come by one on the data page."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from dashboard.data import film_stills, media
from dfe_core.expressions.dataset import Dataset
from dfe_core.render import clip_grid
from dfe_core.render.clip_grid import CELL, Cover
from dfe_core.video.links import link_by_name, links
from tests.dashboard.fake_cache import build
from tests.dashboard.test_pages import opened, said
from tests.video.test_stills import film


@pytest.fixture
def filmed(cache: Path, toy_face, tmp_path: Path) -> Path:
    """A dataset of real people, and a folder with the video of one of its recordings."""
    build(cache, toy_face, dataset="films", simulated=False)
    film(tmp_path / "videos" / "subject01-take1.mp4")
    return tmp_path / "videos"


def test_only_moments_with_a_video_have_a_picture(filmed: Path):
    dataset = Dataset.open("films")
    moments = [("subject01-take1", 0.2), ("subject01-take2", 0.2), ("subject01-take1", 500.0)]
    assert film_stills.addresses(dataset, moments) == [{}, {}, {}]
    link_by_name(dataset, [filmed])
    found = film_stills.addresses(dataset, moments)
    assert media.contents.get(found[0]["still"].split("/")[-1])[1] == "image/jpeg" and found[1:] == [{}, {}]
    assert found[0]["still_alt"] == "Video of subject01-take1 at 0:00.2"


def test_videos_are_linked_and_forgotten_on_the_data_page(filmed: Path, monkeypatch):
    monkeypatch.setenv("DFE_ROOTS", str(filmed.parent))
    test = opened("data", dataset="films")
    assert [e.label for e in test.expander if "Videos" in e.label] == ["Videos · 0 of 6 recordings"]
    test.text_input(key="videos-films").input(str(filmed / "nowhere"))
    test = test.button(key="link-films").click().run()
    assert "not on this machine" in said(test)
    test.text_input(key="videos-films").input(str(filmed))
    test = test.button(key="link-films").click().run()
    assert "1 recording linked" in said(test) and not test.exception
    assert list(links(Dataset.open("films"))) == ["subject01-take1"]
    test = test.button(key="unlink-films").click().run()
    assert "1 recording unlinked" in said(test) and links(Dataset.open("films")) == {}


def test_the_moments_of_a_codeword_say_that_frames_are_shown(filmed: Path):
    assert "frame of the video" not in said(opened("codebook", dataset="films", codeword="5"))
    dataset = Dataset.open("films")
    long = film(filmed.parent / "long.mp4", frames=310)  # as long as the recordings
    for name in dataset.recordings["recording"]:
        shutil.copy(long, filmed / f"{name}.mp4")
    link_by_name(dataset, [filmed])
    test = opened("codebook", dataset="films", codeword="5")
    assert not test.exception and "Below it the frame of the video" in said(test)


def test_clips_of_a_codeword_over_people_are_made_when_asked_for(filmed: Path, monkeypatch):
    monkeypatch.setattr("dfe_core.render.clip_grid.render_picture", lambda *_: np.full((CELL, CELL, 4), 9, np.uint8))
    monkeypatch.setattr(clip_grid, "FRAMES", 4)
    test = opened("codebook", dataset="films", codeword="5")
    assert "Up to 24 of the strongest moments" in said(test)
    assert test.button_group(key="clips-cover-5").options == ["Meshes instead"]
    link_by_name(Dataset.open("films"), [filmed])
    test = opened("codebook", dataset="films", codeword="5")
    test.button_group(key="clips-cover-5").set_value(Cover.BLURRED)
    test = test.button(key="clips-5").click().run()
    assert (
        not test.exception
        and "this is not anonymous" in said(test)
        and "mesh stands for the whole picture" in said(test)
    )
