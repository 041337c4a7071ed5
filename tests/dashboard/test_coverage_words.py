"""What the Coverage page says beside a figure, and how its figures stand."""

from __future__ import annotations

import pandas as pd
import pytest

from dashboard.panels.beyond_facs import NEW_COLUMNS, shaped_like
from dashboard.panels.page_frame import figures_a_row
from dfe_core.facs.codeword_names import Verdict


@pytest.mark.parametrize(("count", "row"), [(0, 1), (3, 3), (5, 5), (6, 3), (7, 4), (8, 4)])
def test_no_headline_figure_stands_alone_in_the_last_row(count, row):
    assert figures_a_row(count) == row
    assert count % row != 1 or row == 1


@pytest.mark.parametrize(
    ("verdict", "like", "said"),
    [(Verdict.BEYOND_FACS, "", "beyond FACS"), (Verdict.BY_SHAPE, "AU28 0.73", "AU28 0.73")],
)
def test_a_new_codeword_says_what_its_name_takes_it_for(verdict, like, said):
    assert shaped_like(pd.Series({"action_units": "", "verdict": verdict, "like": like})) == said
    assert NEW_COLUMNS["like"] == "Shaped like"
