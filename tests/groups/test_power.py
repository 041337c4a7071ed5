"""Predicted power: the level where nothing differs, the formula of normal rates, more people and more minutes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from dfe_core.errors import DataError
from dfe_core.groups.power import PowerSettings, Rates, codeword_rates, predict_power, summary_of_power
from tests.groups.test_comparison import between, make_study


def normal_rates(people: int = 60, codewords: int = 12, between: float = 2.0, minutes: float = 500.0) -> Rates:
    """Rates that are normal between people and counted over so long a time that counting adds nothing."""
    rate = np.random.default_rng(0).normal(20, between, (people, codewords))
    return Rates(
        people=tuple(map(str, range(people))),
        codewords=np.arange(1, codewords + 1),
        rate=rate,
        minutes=np.full(people, minutes),
        dispersion=np.ones(codewords),
        between=rate.std(0, ddof=1),
    )


def mean_power(rates: Rates, **settings) -> float:
    return float(predict_power(rates, PowerSettings(**{"draws": 60, "people": (40,), **settings}))["power"].mean())


def test_without_a_difference_power_is_the_level_of_the_test():
    assert mean_power(normal_rates(), effect=0.0) == pytest.approx(0.05, abs=0.025)


@pytest.mark.parametrize(("people", "effect"), [(20, 1.2), (40, 0.8)])
def test_of_normal_rates_it_is_the_power_of_the_t_test(people: int, effect: float):
    df, shift = people - 2, effect * np.sqrt(people) / 2
    known = stats.nct.sf(stats.t.ppf(0.975, df), df, shift)
    assert mean_power(normal_rates(), effect=effect, people=(people,)) == pytest.approx(known, abs=0.06)


def test_more_people_and_more_minutes_give_more_power():
    short = normal_rates(between=1.0, minutes=1.0)  # counted in one minute, 20 ± 4.5: most of the spread
    table = summary_of_power(
        predict_power(short, PowerSettings(effect=1.0, people=(20, 80), minutes=(1.0, 60.0), draws=40))
    ).set_index(["minutes", "people"])["median"]
    assert table[1.0, 80] > table[1.0, 20] + 0.1 or table[60.0, 80] > table[60.0, 20] + 0.1
    assert table[60.0, 20] > table[1.0, 20] + 0.3


def test_rates_are_those_of_the_recordings(tmp_path: Path, toy_face):
    labels, rate = between(effect=1.0)
    _, dataset, index = make_study(tmp_path, toy_face, labels, rate)
    found = codeword_rates(dataset, index)
    runs = index.runs(int(found.codewords[0]))
    mine = runs["recording"].astype(str).str.startswith("s3-").sum()
    assert found.rate[found.people.index("s3"), 0] == pytest.approx(mine / found.minutes[found.people.index("s3")])
    assert found.people == tuple(sorted(set(labels["subject"]))) and (found.dispersion >= 1).all()


def test_few_people_and_odd_choices_are_refused(tmp_path: Path, toy_face):
    labels, rate = between()
    few = labels["subject"].isin(["s0", "s1", "s2"]).to_numpy()
    _, dataset, index = make_study(tmp_path, toy_face, labels[few].reset_index(drop=True), rate[few])
    with pytest.raises(DataError, match="3 people; expected 6 or more"):
        codeword_rates(dataset, index)
    with pytest.raises(DataError, match="6 to 5000"):
        PowerSettings(people=(4,))


def test_the_command_prints_what_it_writes(tmp_path: Path, toy_face, monkeypatch, capsys):
    from train.cli import main

    make_study(tmp_path, toy_face, *between())
    monkeypatch.setenv("DFE_CACHE", str(tmp_path))
    line = ["power", "m", "d", "--people", "12,24", "--draws", "10"]
    assert main([*line, "--json", "-"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["people"] for row in rows} == {12, 24} and all(0 <= row["power"] <= 1 for row in rows)
    assert main([*line, "--codeword", "5"]) == 0
    assert "people drawn from" in capsys.readouterr().out
    assert main([*line, "--people", "many"]) == 1
    assert "numbers, such as 20,40,80" in capsys.readouterr().err
