"""Which change between sessions counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfe_core.asymmetry.change import RepeatsOf, measurement_error, session_course, session_error


def table(values: dict[tuple[str, str], list[float]]) -> pd.DataFrame:
    rows = [(subject, session, value) for (subject, session), many in values.items() for value in many]
    return pd.DataFrame(rows, columns=["subject", "session", "value"])


def test_the_error_of_measurement_is_the_spread_within_sessions():
    rng = np.random.default_rng(0)
    held = {(f"s{i}", str(j)): list(rng.normal(50 + 10 * i + 5 * j, 2.0, 2)) for i in range(100) for j in range(4)}
    found = session_error(table(held), "value")
    assert found.df == 400 and found.sem == pytest.approx(2.0, rel=0.1)
    assert found.mdc95 == pytest.approx(1.96 * np.sqrt(2) * found.sem)
    assert found.smallest_change(2, 2) == pytest.approx(found.mdc95 / np.sqrt(2))


def test_about_one_in_twenty_people_who_do_not_change_is_said_to():
    rng = np.random.default_rng(1)
    held = {(f"s{i}", str(j)): list(rng.normal(50, 2.0, 2)) for i in range(500) for j in (1, 2)}
    rows = table(held)
    course = session_course(rows, session_error(rows, "value"))
    assert course[course["session"] == "2"]["counts"].mean() == pytest.approx(0.05, abs=0.025)


def test_a_change_counts_from_the_first_session_on_and_sessions_are_in_order_of_number():
    held = {("a", "10"): [80.0, 81.0], ("a", "2"): [50.0, 51.0], ("a", "1"): [49.0, 50.0], ("b", "1"): [70.0, 71.0]}
    rows = table(held)
    course = session_course(rows, session_error(rows, "value"))
    assert course[course["subject"] == "a"]["session"].tolist() == ["1", "2", "10"]
    assert course["change"].tolist() == [0.0, 1.0, 31.0, 0.0]
    assert course["counts"].tolist() == [False, False, True, False]


def test_without_repeats_the_error_is_from_apexes_and_says_so():
    rows = table({("a", "1"): [50.0], ("b", "1"): [60.0]}).assign(value_se=[3.0, 4.0])
    found = measurement_error(rows, "value")
    assert found.source == RepeatsOf.APEXES and found.sem == pytest.approx(np.sqrt(12.5))
    moved = session_course(table({("a", "1"): [50.0], ("a", "2"): [90.0]}), found)
    assert moved["beyond"].tolist() == [False, True] and not moved["counts"].any()
    nothing = measurement_error(rows.drop(columns="value_se"), "value")
    assert nothing.source == RepeatsOf.NOTHING and np.isnan(nothing.mdc95)
    assert not session_course(rows, nothing)["counts"].any()


def test_recordings_without_a_session_are_no_repeats():
    rows = table({(f"s{i}", ""): [50.0, 60.0] for i in range(5)})
    assert session_error(rows, "value").source == RepeatsOf.NOTHING
    named = table({(f"s{i}", "1"): [50.0, 60.0] for i in range(5)})
    assert session_error(named, "value").sem == pytest.approx(np.sqrt(50.0))
