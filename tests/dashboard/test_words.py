"""Numbers as people read them."""

from __future__ import annotations

import pytest

from dashboard.components import words


@pytest.mark.parametrize(("call", "expected"), [
    (lambda: words.mm(0.456), "0.46 mm"), (lambda: words.mm(12.34), "12.3 mm"), (lambda: words.mm(float("nan")), "–"),
    (lambda: words.percent(0.5), "50 %"), (lambda: words.percent(0.012), "1.2 %"), (lambda: words.percent(0.0004), "0.04 %"),
    (lambda: words.percent(0), "0 %"), (lambda: words.percent(float("nan")), "–"),
    (lambda: words.count(1234), "1,234"), (lambda: words.count(172_498), "172.5 k"), (lambda: words.count(5e6), "5.0 M"),
    (lambda: words.clock(119.97), "2:00.0"), (lambda: words.clock(61.25), "1:01.2"), (lambda: words.span(40), "40 s"),
    (lambda: words.span(600), "10 min"), (lambda: words.span(7500), "2 h 5 min"),
    (lambda: words.plural(1, "subject"), "1 subject"), (lambda: words.plural(2, "subject"), "2 subjects")])
def test_figures_read_well(call, expected):
    assert call() == expected
