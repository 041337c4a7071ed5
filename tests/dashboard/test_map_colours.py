"""What points of a map are coloured by: the numbers behind the colours, and legends that say them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dashboard.data import artefact_cache
from dashboard.selection import frame_selection
from dashboard.views import map_colours, map_view
from dashboard.views.map_colours import RAMP, SIGNED, rgb
from dfe_core.embedding.maps import MapSettings, build_map, list_maps, open_map
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.store import AlignedAus
from dfe_core.render.palette import REST_COLOUR


@pytest.fixture(scope="module")
def choice(analysed_template):
    return artefact_cache.Choice(root=analysed_template, model="default", dataset="simulated")


@pytest.fixture(scope="module")
def frames(choice):
    return open_map(MapSettings(model="default", dataset="simulated", of="frames", by="psi", method="pca"), choice.root)


def test_a_frame_is_coloured_by_the_weights_of_its_tokens_times_their_intensities():
    tokens, intensities = np.array([[1, 2], [2, 2], [0, 0]]), np.array([[1, 0.5], [1, 1], [1, 1]])
    made = map_colours.weighted(tokens, intensities, pd.Series({1: 0.2, 2: -0.4}), "stress")
    by_hand = map_colours.signed(pd.Series([0.2 * 1 - 0.4 * 0.5, -0.8, 0.0]), "")
    np.testing.assert_array_equal(made.colours, by_hand.colours)
    assert tuple(made.colours[1]) == SIGNED[0] and tuple(made.colours[2]) == SIGNED[2]
    assert tuple(made.colours[0]) == SIGNED[2]
    assert "weight" in made.about and "intensity" in made.about and made.ramp["low"] == "−0.77"


def test_a_ramp_ends_at_its_percentiles_and_what_is_not_measured_is_grey_and_says_so():
    made = map_colours.numbers(pd.Series([*np.linspace(0, 1, 101), np.nan]), "mm")
    assert tuple(made.colours[0]) == RAMP[0] and tuple(made.colours[100]) == RAMP[-1]
    assert tuple(made.colours[101]) == rgb(REST_COLOUR)
    assert made.ramp["low"] == "0.02" and made.ramp["high"] == "0.98 mm"
    assert made.legend == [{"name": "Not measured", "colour": REST_COLOUR}]


def test_intensities_of_action_units_are_those_of_the_frames_on_the_map(choice, frames):
    aus = AlignedAus.open("simulated", "derived", choice.root)
    values = map_colours.unit_values(aus, frames.points)
    assert values.shape == (len(frames.points), len(aus.aus))
    for i in (0, 400, len(values) - 1):
        row = frames.points.iloc[i]
        held = aus.recording(row["recording"])
        np.testing.assert_array_equal(values[i], held.intensity[held.frame == row["frame"]][0])


def test_frames_without_action_units_are_not_measured(choice, frames):
    aus = AlignedAus.open("simulated", "derived", choice.root)
    points = frames.points.head(3).assign(frame=[10**7] * 3)
    assert np.isnan(map_colours.unit_values(aus, points)).all()
    points = frames.points.head(3).assign(recording="elsewhere")
    assert np.isnan(map_colours.unit_values(aus, points)).all()


def test_the_strongest_unit_of_a_frame_is_that_of_either_side_and_none_when_all_are_faint():
    aus = (("AU1", "both"), ("AU12", "left"), ("AU12", "right"))
    made = map_colours.strongest_unit(np.array([[2, 0, 3.0], [2.5, 1, 0], [0.5, 0.9, 0], [np.nan] * 3]), aus, "x")
    assert {row["name"] for row in made.legend} == {"AU12 · lip corner puller", "AU1 · inner brow raiser", "None"}
    named = {row["colour"]: row["name"] for row in made.legend}
    found = [named["#" + bytes(c).hex().upper()].split()[0] for c in made.colours]
    assert found == ["AU12", "AU1", "None", "None"]


@pytest.mark.parametrize("of", ["codewords", "frames"])
def test_every_colour_that_is_offered_colours_every_point_and_has_a_legend(choice, frames, of):
    from dashboard.data.dictionary import dictionary

    table, offered = dictionary(choice).table, map_view.colours(choice, of)
    asked = ["Region", "Symmetry", "Stage", "Use", "Action unit", "Probe: condition, towards stress"]
    asked += (
        ["Most in: condition", "Subjects"]
        if of == "codewords"
        else [
            "subject",
            "condition",
            "Error",
            "Strongest action unit (derived)",
            "AU12 left · lip corner puller (derived)",
        ]
    )
    assert set(asked) <= set(offered)
    made = open_map(MapSettings(model="default", method="pca"), choice.root)
    for by in asked:
        colouring = (
            map_view.frame_colours(choice, frames, table, by)
            if of == "frames"
            else map_view.codeword_colours(choice, table.iloc[made.points["codeword"]], by)
        )
        assert colouring.colours.shape == (len((frames if of == "frames" else made).points), 3), by
        assert colouring.legend or colouring.ramp, by


def test_each_class_of_a_probe_is_a_colour_of_its_own(choice, monkeypatch):
    class Kept:
        settings = type("S", (), {"label": "mood", "model": "default", "dataset": "simulated"})
        codewords = pd.DataFrame({"codeword": [4, 4, 5], "towards": ["sad", "glad", "sad"], "weight": [0.9, -0.5, 0.1]})

    monkeypatch.setattr(map_view, "list_results", lambda root: [Kept])
    found = map_view._probe_weights.__wrapped__((), "default", "simulated", str(choice.root))
    assert found["Probe: mood, towards sad"].to_dict() == {4: 0.9, 5: 0.1}
    assert found["Probe: mood, towards glad"].to_dict() == {4: -0.5}


def test_the_density_is_shaded_by_the_logarithm_and_empty_is_empty():
    steps = map_view.density_steps(np.array([[0, 1, 10**6], [10, 100, 1000]]))
    assert steps[0, 0] == 0 and steps[0, 2] == 255 and (np.diff(np.r_[steps[0, 1], steps[1]].astype(int)) > 0).all()


def test_a_density_in_space_goes_as_the_cells_that_are_not_empty():
    counts = np.zeros((2, 3, 4), np.int64)
    counts[1, 2, 0], counts[0, 0, 3] = 9, 99
    edges = {"x_edges": np.arange(5.0), "y_edges": 10 + np.arange(4.0), "z_edges": np.array([0.0, 2.0, 4.0])}
    header, arrays = map_view.density_parts({"counts": counts, **edges})
    assert header == {"most": 99, "cell": 2.0}
    assert arrays["cells"].tolist() == [[3.5, 10.5, 1.0], [0.5, 12.5, 3.0]]
    assert arrays["density"].tolist() == [255, 128]
    assert map_view.density_parts(None) == ({}, {})


def test_frames_go_to_the_browser_with_their_faces_notes_and_density(choice, frames):
    import json

    from dashboard.data.dictionary import dictionary

    dataset = Dataset.open("simulated", choice.root)
    packed = map_view.frame_points.__wrapped__(str(frames.path), dataset.key, frames, dataset, dictionary(choice).table)
    header = json.loads(packed[8 : 8 + int.from_bytes(packed[4:8], "little")])
    assert len(header["notes"]) == len(frames.points) and header["most"] == frames.density["counts"].max()
    assert header["extent"][0] < header["extent"][1] and header["arrays"]["density"]["shape"] == [192, 192]


def test_a_timeline_leads_to_no_map_that_the_maps_page_would_not_open(choice, frames, monkeypatch, toy_face):
    monkeypatch.setattr(frame_selection.query_parameters, "read", lambda name: None)
    other = build_map(
        MapSettings(model="default", dataset="simulated", of="frames", by="psi", method="pca", seed=5),
        root=choice.root,
        face=toy_face,
    )
    assert other.path != frames.path and list_maps("default", choice.root)[0].path == other.path
    assert frame_selection.shown_on(choice).path == frames.path
