"""Numbers as people read them."""

from __future__ import annotations

import pytest

from dashboard.theme import formatting


@pytest.mark.parametrize(
    ("say", "value", "expected"),
    [
        (formatting.mm, 0.456, "0.46 mm"),
        (formatting.mm, 12.34, "12.3 mm"),
        (formatting.mm, float("nan"), "–"),
        (formatting.percent, 0.5, "50 %"),
        (formatting.percent, 0.012, "1.2 %"),
        (formatting.percent, 0.0004, "0.04 %"),
        (formatting.percent, 0, "0 %"),
        (formatting.percent, float("nan"), "–"),
        (formatting.count, 1234, "1,234"),
        (formatting.count, 172_498, "172.5 k"),
        (formatting.count, 5e6, "5.0 M"),
        (formatting.clock, 119.97, "2:00.0"),
        (formatting.clock, 61.25, "1:01.2"),
        (formatting.span, 40, "40 s"),
        (formatting.span, 600, "10 min"),
        (formatting.span, 7500, "2 h 5 min"),
    ],
)
def test_figures_read_well(say, value, expected):
    assert say(value) == expected


def test_one_is_singular():
    assert formatting.plural(1, "subject") == "1 subject"
    assert formatting.plural(2, "subject") == "2 subjects"


def test_a_recording_of_forty_labels_shows_the_first_and_has_the_others_when_asked():
    import pandas as pd

    from dashboard.pages.recordings import LABELS, facts_lines

    labels = tuple(f"BEQ_{i}" for i in range(40))
    row = pd.Series(
        {"frames": 993, "valid_frames": 990, "fps": 10.3, **dict.fromkeys(labels, 2.0), "BEQ_7": float("nan")}
    )
    shown, rest = facts_lines(row, labels)
    assert shown.startswith("993 frames at 10.3 a second · 3 not valid · BEQ\\_0") and shown.endswith("35 more labels")
    assert len(rest.splitlines()) == 39 - LABELS and "BEQ\\_39" in rest
    assert facts_lines(row, labels[: LABELS + 1])[1] == ""
