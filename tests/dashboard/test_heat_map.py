"""The heat map of codewords against AUs: what is drawn of the cells, and where."""

from __future__ import annotations

import pandas as pd

from dashboard.data.coverage_analyses import Axes
from dashboard.panels.coverage_matrix import no_association
from dashboard.views.coverage_figures import column_names, heat_map, in_order, row_names

CELLS = pd.DataFrame(
    {
        "codeword": [7, 3, 3],
        "label": ["AU12 left", "AU12 left", "AU4"],
        "au": ["AU12", "AU12", "AU4"],
        "side": ["left", "left", "both"],
        "phi": [0.5, -0.3, 0.05],
        "lift": [3.0, 0.5, 1.0],
        "auroc": [0.9, 0.3, 0.5],
        "frames": [90, 40, 2],
        "row": [0, 0, 1],
        "column": [0, 1, 1],
    }
)


def test_every_cell_can_be_clicked_at_its_codeword_and_action_unit():
    figure = heat_map(CELLS, None)
    cells = figure.data[-1]
    assert [*zip(cells.x, cells.y, strict=True)] == [("7", "AU12 left"), ("3", "AU12 left"), ("3", "AU4")]
    assert cells.customdata.tolist() == [[3.0, 0.9, 90.0, 0.5], [0.5, 0.3, 40.0, -0.3], [1.0, 0.5, 2.0, 0.05]]
    assert list(figure.layout.xaxis.categoryarray) == ["7", "3"]
    assert list(figure.layout.yaxis.categoryarray) == ["AU4", "AU12 left"]
    assert figure.layout.xaxis.range == (-0.5, 1.5)


def test_cells_fill_the_width_however_many_codewords_there_are():
    picture, marks = heat_map(CELLS, None).data
    assert picture.type == "heatmap" and marks.marker.opacity == 0
    assert (list(picture.x), list(picture.y)) == (["7", "3"], ["AU12 left", "AU4"])
    assert [list(row) for row in picture.z] == [[0.5, -0.3], [None, 0.05]]


ALL = Axes(labels=("AU1", "AU12 left", "AU4"), codewords=(7, 5, 3, 9), left_out="")


def test_what_goes_with_nothing_is_counted_and_can_be_shown_as_blank_rows_and_columns():
    assert ALL.empty(CELLS) == (1, 2)
    assert no_association(1, 2, False) == "1 AU and 2 codewords with no association are not shown."
    assert no_association(0, 1, True) == "1 codeword with no association is blank."
    picture, marks = heat_map(CELLS, None, ALL).data
    assert (list(picture.x), list(picture.y)) == (["7", "5", "3", "9"], ["AU1", "AU12 left", "AU4"])
    assert [list(row) for row in picture.z] == [[None] * 4, [0.5, None, -0.3, None], [None, None, 0.05, None]]
    assert list(marks.x) == ["7", "3", "3"]


def test_every_codeword_is_named_however_narrow_the_page():
    assert list(heat_map(CELLS, None, ALL).layout.xaxis.tickvals) == ["7", "5", "3", "9"]
    many = [str(k) for k in range(60)]
    names = column_names(many)
    assert [name.strip("\u2007") for name in names] == many and column_names(many[:9]) == many[:9]
    assert [name.startswith("\u2007") for name in names[:4]] == [False, True, False, True]
    assert not heat_map(CELLS, None).data[0].colorbar.title.text


def test_an_action_unit_is_named_once_however_many_sides_it_has():
    assert row_names(["AU4", "AU12", "AU12", "X1"], ["AU4", "AU12 left", "AU12 right", "X1"]) == [
        "brow lowerer  <b>AU4</b>",
        "lip corner puller  <b>AU12 left</b>",
        "<b>AU12 right</b>",
        "<b>X1</b>",
    ]


def test_the_open_cell_is_framed_where_its_codeword_is_shown():
    [frame] = heat_map(CELLS, (3, "AU4")).layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (0.25, 1.75, -0.75, 0.75)
    assert not heat_map(CELLS, (9, "AU4")).layout.shapes


def test_action_units_go_down_the_face_or_by_how_well_they_are_said():
    table = pd.DataFrame(
        {
            "au": ["AU61", "AU12", "AU12", "AU4", "AU6"],
            "side": ["both", "right", "left", "both", "both"],
            "sparse_auroc": [0.6, 0.7, 0.8, 0.9, 0.5],
        }
    )
    assert in_order(table, "facs")["au"].tolist() == ["AU4", "AU6", "AU12", "AU12", "AU61"]
    assert in_order(table, "facs")["side"].tolist()[2:4] == ["left", "right"]
    assert in_order(table, "auroc")["au"].tolist() == ["AU4", "AU12", "AU12", "AU61", "AU6"]
