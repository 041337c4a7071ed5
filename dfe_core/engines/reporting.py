"""How a function that an engine runs says how far it is within its group: heard where it runs in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_hears: ContextVar[Callable[[int, str], None] | None] = ContextVar("hears", default=None)


def report_part(done: int, detail: str = "") -> None:
    """Say that so much of the group is done, in the unit of `Engine.map`'s sizes. In another process nobody hears it.

    Parameters
    ----------
    done
        Of this group, so far.
    detail
        What was done last, as the name of a recording.
    """
    if (hears := _hears.get()) is not None:
        hears(done, detail)


@contextmanager
def hearing(listener: Callable[[int, str], None]) -> Iterator[None]:
    """In the block, `listener` is told what `report_part` is."""
    token = _hears.set(listener)
    try:
        yield
    finally:
        _hears.reset(token)
