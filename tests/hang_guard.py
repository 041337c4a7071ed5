"""A guard against code that takes minutes when it is wrong and milliseconds when it is right; no figure of speed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ends_within(limit_s: float = 30.0) -> Iterator[None]:
    """Fail where the block took so much processor time, which a busy machine stretches less than the clock's."""
    begun = time.process_time()
    yield
    assert time.process_time() - begun < limit_s, f"took over {limit_s:.0f} s of processor time"
