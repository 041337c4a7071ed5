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
