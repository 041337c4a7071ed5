"""Page Data takes the picture of a learned face out and puts it back, and offers none for other faces."""

from __future__ import annotations

import pytest

from dfe_core.expressions.import_job import ImportOptions
from dfe_core.expressions.importing import import_dataset
from dfe_core.faces import open_face
from dfe_core.faces.face_picture import open_picture_file
from dfe_core.faces.picture_store import attach_picture
from tests.dashboard.test_pages import opened, said
from tests.planted_cats import draw_cat, marked_points, write_cats


@pytest.fixture
def cat(filled, tmp_path):
    """The id of a face in the filled cache that was learned from simulated cats, drawn as a cat."""
    options = ImportOptions(face="learn", subject_pattern=r"(?P<subject>cat\d)_", simulated=True)
    face = import_dataset(write_cats(tmp_path), "cats", options, root=filled).face
    attach_picture(face, open_picture_file(draw_cat(tmp_path / "cat.png"), marked_points()), "cat.csv", filled)
    return face


def test_a_picture_is_taken_out_and_put_back(filled, cat):
    test = opened("data", dataset="cats")
    assert "Simulated data" in said(test)
    assert not test.exception and "A picture of your own · cat.png" in [one.label for one in test.expander]
    test.button(f"picture-out-{cat}").click().run()
    assert not test.exception and "its own surface again" in said(test) and open_face(cat, filled).picture is None
    test.button(f"picture-back-{cat}").click().run()
    assert not test.exception and "drawn as cat.png" in said(test)
    assert open_face(cat, filled).picture.size == (480, 440)


def test_a_face_with_a_surface_of_its_own_is_offered_none(filled):
    test = opened("data", dataset="simulated")
    assert not any(one.label.startswith("A picture of your own") for one in test.expander)
