"""How long work reports itself: plain values handed to whoever listens (a terminal bar, a page, nobody)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ENDS_WITH_STDIN = "DFE_ENDS_WITH_STDIN"
"""Variable of the environment: the command ends when its stdin is closed, as it is when whoever started it dies."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One report: `done` of `total` units of `task` (total 0: unknown), with a short detail and figures for people."""

    task: str
    done: int
    total: int
    detail: str = ""
    figures: dict[str, Any] = field(default_factory=dict)


Listener = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """The listener that says nothing."""


class TimeLeft:
    """Seconds left of a piece of work, given only where the estimate holds.

    An estimate of the whole time is believed from the first tenth of the work on, and only while it agrees within
    `WITHIN` with those made since half of what is done now: a pace that changes (another step, a search that ends
    early) gives no time rather than a wrong one.
    """

    FROM, WITHIN = 0.1, 0.3

    def __init__(self) -> None:
        self._estimates: list[tuple[float, float]] = []

    def of(self, share: float, elapsed_s: float, left_s: float | None = None) -> float | None:
        """The seconds left where they are believed, else None.

        share: of the whole that is done, 0 to 1, in rising order from call to call. left_s: an estimate where there is
        a better one than that the rest takes as long for each share as what is done.
        """
        if share <= 0:
            return None
        left = elapsed_s * (1 - share) / share if left_s is None else left_s
        self._estimates = [one for one in self._estimates if one[0] >= share / 2]
        self._estimates.append((share, elapsed_s + left))
        whole = [seconds for _, seconds in self._estimates]
        agree = max(whole) <= (1 + self.WITHIN) * min(whole)
        return left if share >= 1 or (share >= self.FROM and agree) else None
