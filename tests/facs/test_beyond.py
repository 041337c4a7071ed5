"""Movement beyond FACS: nothing in a world without it, what was planted in a world with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.beyond_steps import AMPLITUDE, ERRORS, OTHERS, STEPS, bounded_fit
from dfe_core.facs.coverage import analyse_coverage
from dfe_core.facs.coverage_result import Coverage
from dfe_core.facs.settings import CoverageSettings

SETTINGS = CoverageSettings(resamples=100)


@dataclass(frozen=True, kw_only=True)
class World:
    """A case, and its coverage."""

    case: Any
    coverage: Coverage

    @property
    def psi(self) -> np.ndarray:
        return Dataset.open(self.case.dataset, self.case.root).psi()


@pytest.fixture(scope="module")
def worlds(planted, found, planted_module, tmp_path_factory) -> dict[str, World]:
    """The same people and events with and without the actions that FACS has no code for, and the AUs of both."""
    root = tmp_path_factory.mktemp("without") / "cache"
    case = planted_module.build(root, planted.face, effect="no-beyond-facs")
    coverage = analyse_coverage(case.model, case.dataset, case.aus, root=root, settings=SETTINGS)
    return {"with": World(case=planted, coverage=found), "without": World(case=case, coverage=coverage)}


def test_in_a_world_without_movement_beyond_facs_the_interval_holds_0_and_nothing_is_new(worlds) -> None:
    _, lower, upper = worlds["without"].coverage.share("beyond FACS")
    assert lower == 0 <= upper < 0.05
    assert len(worlds["without"].coverage.new_codewords) <= 1


def test_in_a_world_with_it_the_interval_is_above_0_and_reaches_what_tokens_hold_of_the_truth(worlds, toy_face) -> None:
    factor = np.linalg.cholesky(toy_face.gram + 1e-12 * np.eye(toy_face.coefficients))
    moved, rest = (worlds[name].psi @ factor for name in ("with", "without"))
    truth = ((moved - rest) ** 2).sum() / ((moved - moved.mean(0)) ** 2).sum()
    estimate, lower, upper = worlds["with"].coverage.share("beyond FACS")
    assert 0 < lower < truth and lower <= estimate <= upper
    assert upper > truth / 2  # tokens with five levels and no personal range hold less than all of it


def test_every_step_leaves_less_than_the_one_before(worlds) -> None:
    for world in worlds.values():
        left = world.coverage.beyond.set_index("step")["remainder"]
        assert list(left.index) == [s for s in STEPS if s in left.index]
        assert {OTHERS, AMPLITUDE, ERRORS} <= set(left.index)
        assert left[ERRORS] < left[AMPLITUDE] < left[OTHERS]


def test_a_bounded_fit_is_that_of_bounded_least_squares() -> None:
    rng = np.random.default_rng(0)
    directions, values = rng.standard_normal((4, 9)), rng.standard_normal((6, 9)) * 3
    limit = rng.uniform(0.05, 1.5, (6, 4))
    found = bounded_fit(values, directions, limit)
    for row, bound, c in zip(values, limit, found, strict=True):
        np.testing.assert_allclose(c, lsq_linear(directions.T, row, (-bound, bound)).x, atol=1e-4)
    assert (bounded_fit(values, directions, np.zeros((6, 4))) == 0).all()


def test_aus_that_come_late_are_told(planted_module, toy_face, tmp_path) -> None:
    case = planted_module.build(tmp_path / "cache", toy_face, subjects=3, minutes=0.6)
    planted_module.write_aus(Dataset.open(case.dataset, case.root), case.root, "late", shift_s=0.5)
    late = analyse_coverage(case.model, case.dataset, "late", root=case.root, settings=SETTINGS)
    assert any("0.5 s after" in note for note in late.notes)


def test_aus_in_time_are_not_told_to_be_late(worlds) -> None:
    assert not any("s after" in note or "s before" in note for note in worlds["with"].coverage.notes)
