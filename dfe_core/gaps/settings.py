"""What a gap model is asked for, and how well it does: plain records, without what it takes to fit one."""

from __future__ import annotations

from dataclasses import dataclass

from dfe_core.errors import DataError

METHODS = ("network", "linear", "ridge", "mean")
"""Ways of filling: the network, linear interpolation in time, ridge regression (on the frames at both ends of a gap, or
on what is seen of the frame) and the person's mean."""

FILLED, LOW, HIGH = "filled", "filled low ", "filled high "
"""Columns beside ψ: what was filled of a frame (`NOTHING` …), and the ends of each coefficient's 90 % interval, by its
name, not a number where it was seen."""
NOTHING, WHOLE, PART = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class GapSettings:
    """How a gap model is fitted.

    steps, batch: of training. width: of the network. each: gaps planted a run for calibration and verdict.
    calibration_share, test_share: of subjects. learning_rate: of Adam, with cosine decay. seed: of everything.
    """

    steps: int = 400
    batch: int = 8
    width: int = 32
    each: int = 4
    calibration_share: float = 0.25
    test_share: float = 0.25
    learning_rate: float = 3e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (("steps", 1, 100_000), ("batch", 1, 1024), ("width", 4, 512), ("each", 1, 1000)):
            if not least <= getattr(self, name) <= most:
                raise DataError(name, str(getattr(self, name)), f"{least} to {most}")


@dataclass(frozen=True, kw_only=True)
class FillScore:
    """How one way of filling does on one kind of gap, on people it was not fitted to.

    kind, method; error_mm: root mean square distance on the mesh (in coefficients without one), mean over people, with
    low_mm and high_mm of its 95 % interval over people; coverage: share of hidden values inside their 90 % interval,
    with coverage_low and coverage_high over people; people; chosen: whether gaps of the kind are filled this way.
    """

    kind: str
    method: str
    error_mm: float
    low_mm: float
    high_mm: float
    coverage: float
    coverage_low: float
    coverage_high: float
    people: int
    chosen: bool
