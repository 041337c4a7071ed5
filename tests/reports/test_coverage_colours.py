"""Levels of a condition in the figures of movement by region: none hides another."""

from __future__ import annotations

import pandas as pd
import pytest

from dfe_core.reports.coverage_charts import chart_deformation
from dfe_core.reports.coverage_figures import level_colours


@pytest.mark.parametrize("count", [1, 2, 6, 7, 12])
def test_no_two_levels_have_one_colour(count):
    assert len(set(level_colours(range(count)))) == count


def test_levels_lie_beside_each_other_on_the_row_of_their_region():
    rows = [(region, level) for level in "abc" for region in ("brow", "jaw")]
    table = pd.DataFrame(rows, columns=["region", "level"]).assign(
        mean_mm=1.0, mean_low=0.5, mean_high=1.5, peak_mm=3.0, subjects=4, frames=900
    )
    figure = chart_deformation(table, "mm")
    places = [place for trace in figure.data for place in trace.y]
    assert len(set(places)) == 6 and {round(place) for place in places} == {0, 1}
    assert list(figure.layout.yaxis.ticktext) == ["brow", "jaw"]
