"""The HTML bar charts: lengths are in proportion, intervals lie where they should, text says the figures."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from dashboard.views import bars


@pytest.fixture
def drawn(monkeypatch) -> Callable[[Callable[[], None]], str]:
    """The HTML that a chart puts on a page."""
    said: list[str] = []
    monkeypatch.setattr(st, "html", said.append)

    def draw(chart: Callable[[], None]) -> str:
        chart()
        return said.pop()

    return draw


@pytest.mark.parametrize(
    ("printed", "shown"),
    [(["0.9", "0.4", "0.2", "0.2", "0.2"], 3), (["0.9", "0.4", "0.2", "0.2"], 4), (["0.9"], 1), (["0.2"] * 4, 1)],
)
def test_a_series_is_shown_up_to_where_its_printed_figures_stay(printed: list[str], shown: int):
    assert bars.until_it_stays(printed) == shown


def lengths(html: str) -> list[float]:
    return [float(v) for v in re.findall(r'<i[^>]*style="(?:width|height):([\d.]+)%', html)]


def test_bars_are_as_long_as_their_values_and_the_longest_end_fills_the_track(drawn):
    html = drawn(
        lambda: bars.rows(
            [
                bars.Bar(label="a", value=0.2, text="20 %", low=0.1, high=0.4),
                bars.Bar(label="b", value=0.1, text="10 %"),
            ],
            "Share",
        )
    )
    assert lengths(html) == [50.0, 25.0]
    assert re.findall(r"<u style=\"left:([\d.]+)%;right:([\d.]+)%", html) == [("25.00", "0.00")]
    assert 'aria-label="Share. a: 20 %; b: 10 %"' in html


def test_a_bar_without_a_value_has_no_length_and_one_without_an_interval_no_whisker(drawn):
    html = drawn(
        lambda: bars.rows(
            [
                bars.Bar(label="a", value=np.nan, text="–", low=np.nan, high=np.nan),
                bars.Bar(label="b", value=0.0, text="0 %"),
            ],
            "Share",
        )
    )
    assert lengths(html) == [0.0, 0.0] and "<u" not in html


def test_the_text_of_a_long_list_ends(drawn):
    many = [bars.Bar(label=f"s{i}", value=i, text=str(i)) for i in range(40)]
    html = drawn(lambda: bars.rows(many, "Share"))
    said = re.search(r'aria-label="([^"]*)"', html)[1]
    assert said.endswith("s23: 23; and 16 more") and html.count("<i ") == 40


def test_labels_are_escaped_wherever_they_stand(drawn):
    html = drawn(
        lambda: bars.rows([bars.Bar(label='<img src=x onerror="alert(1)">', value=1, text="<b>1</b>")], 'A "label"')
    )
    assert "<img" not in html and "<b>1" not in html
    assert 'aria-label="A &quot;label&quot;' in html


def test_the_sides_of_a_face_stand_as_the_face_is_seen(drawn):
    reach = {("brow", "right"): 2.0, ("brow", "left"): 1.0, ("jaw", "left"): np.nan}
    html = drawn(lambda: bars.sides(reach, "Movement", least=0.05))
    assert html.index("Face’s right") < html.index("Face’s left")
    right, left = (
        re.search(rf'<div class="{side}"><i title="Brow: ([\d.]+) mm" style="width:([\d.]+)%', html).groups()
        for side in "rl"
    )
    assert (right[0], left[0]) == ("2.00", "1.00")
    assert float(right[1]) == pytest.approx(2 * float(left[1]))
    assert "brow: right 2.00, left 1.00" in html


def test_the_noise_of_a_still_region_does_not_fill_its_track_and_every_bar_has_its_number(drawn):
    html = drawn(lambda: bars.sides({("eye", "left"): 0.04, ("eye", "right"): 0.04}, "Movement", least=5.0))
    width = float(re.search(r'Eye: 0.04 mm" style="width:([\d.]+)%', html)[1])
    assert width < 1 and html.count("<small>") == 2 * html.count("<span>") - 2
    assert "Inner mouth" not in html
    html = drawn(lambda: bars.sides({("inner mouth", "left"): 23.0, ("inner mouth", "right"): 23.0}, "Movement", 5.0))
    assert "Inner mouth" in html and "<small>23.0</small>" in html


def test_a_histogram_says_its_ends_and_where_most_frames_are(drawn):
    table = pd.DataFrame({"low": [0.0, 1.0, 2.0], "high": [1.0, 2.0, 3.0], "frames": [5, 20, 10]})
    html = drawn(lambda: bars.histogram(table, "Intensity"))
    assert lengths(html) == [25.0, 100.0, 50.0]
    assert "from 0.00 to 3.00. Most: 20 frames at 1.50" in html


def test_stages_that_are_hardly_used_share_a_bar():
    from dashboard.panels.codeword_usage import stage_bars

    found = stage_bars(np.array([900, 95, 3, 2, 0, 0]))
    assert [bar.label for bar in found] == ["1", "2", "3+"]
    assert sum(bar.value for bar in found) == pytest.approx(1) and "Stages 3 to 6: 5 uses" in found[-1].note
    assert [bar.label for bar in stage_bars(np.zeros(3, int))] == ["1+"]
