"""*Groups*: what was compared is shown with its volcano plot and faces; what was not is offered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

from dashboard.data.artefact_cache import Choice
from dashboard.pages.groups import Asked, arguments, repeats
from dashboard.panels import group_moments
from dashboard.views.groups_figures import amount, face_rows, power_curve, transition_map, volcano
from dfe_core.reports.supplement_figures import volcano_figure
from tests.dashboard.test_pages import opened, said
from train.cli import build_parser


def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "family": ["codewords", "AUs", "codewords"],
            "thing": ["5", "AU12", "7"],
            "description": ["mouth <corner>", "lip corner puller", "brow"],
            "measure": "rate",
            "a": "calm",
            "b": "stress",
            "mean_a": 1.0,
            "mean_b": 2.0,
            "hedges_g": [1.2, -0.4, 0.1],
            "g_low": 0.5,
            "g_high": 2.0,
            "p": [0.001, 0.05, 0.6],
            "q_all": [0.003, 0.08, 0.6],
            "floor": [True, False, False],
        }
    )


def test_a_volcano_has_a_point_for_each_row_and_marks_those_found():
    first, second = volcano(rows()).data
    assert list(first.x) == [1.2, 0.1] and list(first.y) == list(-np.log10([0.001, 0.6]))
    assert list(first.marker.opacity) == [1.0, 0.45] and second.name == "AUs"


def test_the_line_of_a_volcano_parts_the_rows_that_are_found_from_the_others_and_its_axis_names_the_levels():
    figure = volcano(rows())
    (line,), (words,) = figure.layout.shapes, figure.layout.annotations
    assert line.y0 == -np.log10(0.001) and words.text == "q below 0.05 from here up (p 0.001)"
    assert "more in stress" in figure.layout.xaxis.title.text and "left, more in calm" in figure.layout.xaxis.title.text
    none = volcano(rows().assign(q_all=0.5))
    assert none.layout.shapes[0].y0 == -np.log10(0.05) and "not corrected" in none.layout.annotations[0].text


def test_the_exported_volcano_has_the_words_of_the_one_on_the_page():
    from matplotlib.figure import Figure as Canvas

    drawn = Canvas()
    volcano_figure("condition", 1, rows().assign(status="tested"), "").draw(drawn)
    (axes,) = drawn.axes
    assert [text.get_text() for text in axes.texts] == ["q below 0.05 from here up (p 0.001)"]
    assert "more in stress" in axes.get_xlabel()


def test_faces_stand_beside_their_rows_and_text_is_escaped():
    html = face_rows(rows().iloc[[0]], {5: "content/x.png"})
    assert 'src="content/x.png"' in html and "mouth &lt;corner&gt;" in html and "g 1.20 (0.50 to 2.00)" in html


def test_means_stand_in_the_unit_of_their_measure():
    assert [amount(0.355, "share"), amount(2.5, "rate"), amount(4.99, "duration"), amount(-0.2, "balance")] == [
        "35.5 %",
        "2.5 a minute",
        "4.99 s",
        "-0.2",
    ]


def test_the_command_is_one_that_the_parser_takes(tmp_path: Path):
    line = arguments(
        Choice(root=tmp_path, model="m", dataset="d"),
        Asked(by="-odd", aus="openface", covariates=("age", "sex"), mixed=True),
        tmp_path / "out",
    )
    read = build_parser(line).parse_args(line)
    assert (read.by, read.aus, read.covariates, read.families) == ("-odd", "openface", "age,sex", True) and read.mixed


def test_mixed_models_are_offered_where_subjects_repeat_a_level():
    rows = pd.DataFrame({"subject": ["p", "p", "q"], "by": ["x", "y", "x"]})
    assert not repeats(rows, "by") and repeats(pd.concat([rows, rows]), "by")


def test_transitions_stand_from_row_to_column_and_those_found_have_a_dot():
    one = (
        rows()
        .iloc[[0, 2]]
        .assign(family="transitions between regions", thing=["brow → mouth", "mouth → brow"], q=[0.01, 0.6])
    )
    (heat,) = transition_map(one).data
    assert list(heat.x) == ["brow", "mouth"] and heat.z[0][1] == 1.2 and heat.z[1][0] == 0.1 and np.isnan(heat.z[0][0])
    assert heat.text[0][1] == "●" and heat.text[1][0] == ""


def test_a_power_curve_is_the_median_within_its_range():
    table = pd.DataFrame({"people": [20, 40], "low": [0.3, 0.6], "median": [0.5, 0.7], "high": [0.6, 0.8]})
    high, low, median = power_curve(table).data
    assert list(median.y) == [0.5, 0.7] and list(high.y) == [0.6, 0.8] and low.fill == "tonexty"


def test_a_row_that_was_clicked_is_looked_at_where_it_has_moments(monkeypatch):
    state: dict[str, str] = {}
    monkeypatch.setattr(group_moments.st, "session_state", state)
    group_moments.pick(rows(), 1)
    assert not state, "action units have no moments here"
    group_moments.pick(rows(), 2)
    assert state == {group_moments.PICKED: "7 rate, calm – stress"}


def test_a_comparison_that_was_not_made_is_offered(filled: Path):
    test = opened("groups")
    assert not test.exception
    assert "has no label" in said(test) or [b for b in test.button if b.label == "Compare the groups"]


def _confounds_page(folder: str) -> None:
    from pathlib import Path

    from dashboard.pages.groups import confounds

    confounds(Path(folder), False)


def test_what_else_differs_between_the_groups_is_a_warning_with_its_table(tmp_path: Path):
    found = rows().iloc[[0, 1]].drop(columns="q_all")
    found = found.assign(measure=["head_movement", "blink_rate"], unit=["°/s", "/min"], q=[0.01, 0.4])
    found.to_parquet(tmp_path / "confounds.parquet")
    test = AppTest.from_function(_confounds_page, default_timeout=180, kwargs={"folder": str(tmp_path)}).run()
    assert not test.exception
    assert "the groups differ in head movement (calm 1°/s, stress 2°/s" in test.warning[0].value
    assert "adjusts for it" in test.warning[0].value
    assert list(test.dataframe[0].value["Measure"]) == ["head movement", "blink rate"]
