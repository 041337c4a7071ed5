"""Numbers as people read them."""

from __future__ import annotations

import pytest

from dashboard.components import words


@pytest.mark.parametrize(
    ("say", "value", "expected"),
    [
        (words.mm, 0.456, "0.46 mm"),
        (words.mm, 12.34, "12.3 mm"),
        (words.mm, float("nan"), "–"),
        (words.percent, 0.5, "50 %"),
        (words.percent, 0.012, "1.2 %"),
        (words.percent, 0.0004, "0.04 %"),
        (words.percent, 0, "0 %"),
        (words.percent, float("nan"), "–"),
        (words.count, 1234, "1,234"),
        (words.count, 172_498, "172.5 k"),
        (words.count, 5e6, "5.0 M"),
        (words.clock, 119.97, "2:00.0"),
        (words.clock, 61.25, "1:01.2"),
        (words.span, 40, "40 s"),
        (words.span, 600, "10 min"),
        (words.span, 7500, "2 h 5 min"),
    ],
)
def test_figures_read_well(say, value, expected):
    assert say(value) == expected


def test_one_is_singular():
    assert words.plural(1, "subject") == "1 subject"
    assert words.plural(2, "subject") == "2 subjects"
