"""A small seeded sample of the fuzzing of AU readers and the newest ones: `python -m tests.hostile.fuzz --pool new`."""

from __future__ import annotations

import random

import pytest

from dfe_core.errors import DataError
from tests.hostile.fuzz import attempted, mutated, seeds

SEED, INPUTS = 15, 250


@pytest.mark.parametrize("pool", ["aus", "new"])
def test_every_intact_file_is_read_and_every_damaged_one_read_or_refused(pool, tmp_path):
    held, outcomes = seeds(pool), []
    read = 0
    for number, (ending, content) in enumerate(held.good):
        path = tmp_path / f"good{number}{ending}"
        path.write_bytes(content)
        read += attempted(path, pool) == "read"
    assert read >= len(held.good) - 1  # lists of points without times are refused where no rate is given
    for number in range(INPUTS):
        ending, content = mutated(held, random.Random(SEED * 1_000_000_007 + number))
        path = tmp_path / f"input{ending}"
        path.write_bytes(content)
        try:
            outcomes.append(attempted(path, pool) if content else "refused")
        except DataError:
            outcomes.append("refused")
    assert {"read", "refused"} == set(outcomes)
