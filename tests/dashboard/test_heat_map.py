"""The heat map of codewords against AUs: what is drawn of the cells, and where."""

from __future__ import annotations

import pandas as pd

from dashboard.views.coverage_figures import heat_map

CELLS = pd.DataFrame(
    {
        "codeword": [7, 3, 3],
        "label": ["AU12 left", "AU12 left", "AU4"],
        "phi": [0.5, -0.3, 0.05],
        "lift": [3.0, 0.5, 1.0],
        "auroc": [0.9, 0.3, 0.5],
        "frames": [90, 40, 2],
        "row": [0, 0, 1],
        "column": [0, 1, 1],
    }
)


def test_every_cell_is_a_square_at_its_codeword_and_action_unit():
    figure = heat_map(CELLS, None)
    [cells] = figure.data
    assert [*zip(cells.x, cells.y, strict=True)] == [("7", "AU12 left"), ("3", "AU12 left"), ("3", "AU4")]
    assert cells.customdata.tolist() == [[3.0, 0.9, 90.0], [0.5, 0.3, 40.0], [1.0, 0.5, 2.0]]
    assert list(figure.layout.xaxis.categoryarray) == ["7", "3"]
    assert list(figure.layout.yaxis.categoryarray) == ["AU4", "AU12 left"]
    assert figure.layout.xaxis.range == (-0.6, 1.6)


def test_the_open_cell_is_framed_where_its_codeword_is_shown():
    ring = heat_map(CELLS, (3, "AU4")).data[-1]
    assert (ring.x[0], ring.y[0], ring.marker.symbol) == ("3", "AU4", "square-open")
    assert len(heat_map(CELLS, (9, "AU4")).data) == 1
