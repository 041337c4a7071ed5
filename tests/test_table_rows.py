"""Rows of data frames as typed records and as JSON."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from dfe_core.table_rows import json_rows, typed_rows


@dataclass(frozen=True, kw_only=True)
class _Moment:
    peak_s: float
    recording: str
    codeword: int
    tags: object


def _table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "recording": pd.Categorical(["b", "a"]),
            "codeword": np.array([3, 1], np.uint16),
            "peak_s": np.array([0.5, np.nan], np.float32),
            "tags": [("x",), None],
            "not asked for": [1, 2],
        }
    )


def test_rows_are_records_of_plain_values_in_the_order_of_the_table():
    first, second = typed_rows(_table(), _Moment)
    assert first == _Moment(peak_s=0.5, recording="b", codeword=3, tags=("x",))
    assert (second.recording, second.codeword, second.tags) == ("a", 1, None)
    assert np.isnan(second.peak_s)
    assert {type(v) for v in (first.peak_s, first.codeword, first.recording)} == {float, int, str}


def test_an_empty_table_has_no_rows_whatever_its_columns():
    assert typed_rows(pd.DataFrame(), _Moment) == []
    assert typed_rows(_table().head(0), _Moment) == []


def test_what_a_field_cannot_hold_is_an_error():
    with pytest.raises(KeyError, match="codeword"):
        typed_rows(_table().drop(columns="codeword"), _Moment)
    with pytest.raises(ValueError, match="NaN"):
        typed_rows(_table().assign(codeword=[np.nan, 1.0]), _Moment)


def test_rows_for_json_have_none_where_nothing_is_known():
    rows = json_rows(pd.DataFrame({"q": [0.5, np.nan], "au": ["AU12", None], 7: [1, 2]}))
    assert rows == [{"q": 0.5, "au": "AU12", "7": 1}, {"q": None, "au": None, "7": 2}]
