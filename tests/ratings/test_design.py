"""Items are balanced, drawn from the seed, and ordered anew for every rater."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.ratings.design import Foils, Item, RatingSettings, Stimulus, Task, make_items, options_of, order_of

NAMES = [f"name {k}" for k in range(13)]
SETTINGS = RatingSettings(model="m", tasks=tuple(Task), items=24, faces=4, names=5, checks=2)


def items(**changes) -> list[Item]:
    return make_items(replace(SETTINGS, **changes), range(1, 13), NAMES)


def test_every_codeword_is_asked_for_and_stands_as_a_wrong_option_equally_often():
    found = items()
    for task, count in ((Task.CHOICE, 5), (Task.ODD, 4), (Task.PAIR, 2)):
        own = [i for i in found if i.task is task and not i.check]
        assert set(Counter(i.codeword for i in own).values()) == {2} and len(own) == 24
        places = Counter(i.right for i in own)
        assert len(places) == count and max(places.values()) - min(places.values()) <= 1
    wrong = Counter(
        o for i in found if not i.check for p, o in enumerate(i.options) if i.task is not Task.ODD and p != i.right
    )
    assert max(wrong.values()) - min(wrong.values()) <= 3


def test_the_right_option_is_right():
    for item in items():
        assert len(item.stimuli) == {Task.CHOICE: 1, Task.WORDS: 1, Task.ODD: 4, Task.PAIR: 2}[item.task]
        if item.task is Task.CHOICE:
            assert item.options[item.right] == item.codeword and len(set(item.names)) == 5
            assert item.names == tuple(NAMES[o] for o in item.options) and item.stimuli[0].codeword == item.codeword
        if item.task is Task.PAIR and not item.check:
            assert item.text == NAMES[item.codeword] and item.stimuli[item.right].codeword == item.codeword
            assert item.stimuli[1 - item.right].codeword != item.codeword
        if item.task is Task.ODD:
            assert {o for p, o in enumerate(item.options) if p != item.right} == {item.codeword}
            assert item.options[item.right] == item.stimuli[item.right].codeword != item.codeword
            assert len(set(item.stimuli)) == 4
        assert Item.from_json(item.to_json()) == item


def test_a_seed_gives_the_same_items_and_another_one_others():
    assert items() == items() and items(seed=1) != items()


def test_two_of_one_name_are_never_options_of_one_item():
    names = [f"name {k // 2}" for k in range(13)]
    found = make_items(SETTINGS, range(1, 13), names)
    assert all(len({names[o] for o in i.options}) == len(i.options) for i in found if i.task is not Task.ODD)
    with pytest.raises(DataError, match="codewords of different names"):
        make_items(SETTINGS, range(1, 7), names)


def test_near_foils_are_the_most_alike():
    at = np.arange(13)
    likeness = -np.abs(at[:, None] - at).astype(float)
    found = make_items(replace(SETTINGS, foils=Foils.NEAR), range(1, 13), NAMES, likeness=likeness)
    pairs = [i for i in found if i.task is Task.PAIR and not i.check]
    assert pairs and all(abs(i.options[0] - i.options[1]) == 1 for i in pairs)


def test_a_moment_that_shows_the_codeword_is_no_wrong_answer():
    moments = {k: [Stimulus(codeword=k, recording="r", frame=10 * k + i) for i in range(4)] for k in range(1, 13)}

    def shows(stimulus: Stimulus, codeword: int) -> bool:
        return codeword == stimulus.codeword or (codeword, stimulus.frame % 10) in ((1, 0), (1, 1), (1, 2))

    found = make_items(SETTINGS, range(1, 13), NAMES, moments, shows)
    pairs = [i for i in found if i.task in (Task.PAIR, Task.ODD) and i.codeword == 1 and not i.check]
    assert pairs and all(not shows(i.stimuli[p], 1) for i in pairs for p in range(len(i.options)) if i.options[p] != 1)
    choices = [i for i in found if i.task is Task.CHOICE and i.stimuli[0].frame % 10 < 3 and i.codeword != 1]
    assert choices and all(1 not in i.options for i in choices)
    few = {k: rows[:1] for k, rows in moments.items()}
    assert Task.ODD not in {i.task for i in make_items(SETTINGS, range(1, 13), NAMES, few, shows)}


def test_raters_see_all_items_in_an_order_of_their_own_and_words_before_names():
    found = items()
    first, second = order_of(found, "a" * 16), order_of(found, "b" * 16)
    assert sorted(first) == sorted(second) == list(range(len(found))) and first != second
    assert first == order_of(found, "a" * 16)
    follows = {i.number: i.follows for i in found if i.follows >= 0}
    assert len(follows) == 24 and all(first[first.index(n) - 1] == before for n, before in follows.items())
    item = next(i for i in found if i.task is Task.ODD)
    orders = {tuple(options_of(item, f"rater{i}")) for i in range(20)}
    assert len(orders) > 5 and all(sorted(o) == [0, 1, 2, 3] for o in orders)


@pytest.mark.parametrize("wrong", [{"items": 0}, {"faces": 5}, {"names": 1}, {"checks": 21}, {"tasks": ()}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(DataError):
        replace(SETTINGS, **wrong)
